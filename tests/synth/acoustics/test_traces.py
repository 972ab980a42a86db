"""What only one effect leaves in the audio: every honest label passes, and each lie about it is found."""

from typing import Any

import numpy as np
import pytest

from tests.synth.acoustics.conftest import Float32, Talk, Talks, to_16_bit
from turnmill.synth.acoustics import (
    Acoustics,
    AcousticsParams,
    Background,
    Pools,
    draw_acoustics,
    labels,
    losses_are_labelled,
    lost_is_silent,
    peaks_are_clipped,
    sounds_coded,
)
from turnmill.synth.acoustics.codecs import CODECS
from turnmill.synth.acoustics.plan import PacketLoss

TELEPHONE = ("g711_mulaw", "g711_alaw", "amr_nb", "narrowband")


Made = tuple[Float32, Talk, dict[str, Any]]


def made(talk: Talk, acoustics: Acoustics, pools: Pools | None = None) -> Made:
    """The user's channel as it is read back, of what talk it is, and its label."""
    delivered = talk.delivered(acoustics, pools)
    return to_16_bit(delivered.user), talk, labels(acoustics, delivered.fitted)


def doubts(delivered: Float32, talk: Talk, label: dict[str, Any], **lies: Any) -> list[str]:
    """The checks that find something, where a label tells lies."""
    label = label | lies
    clean = to_16_bit(talk.user)
    return [
        name
        for name, passed in (
            ("lost_is_silent", lost_is_silent(delivered, label)),
            ("losses_are_labelled", losses_are_labelled(delivered, clean, label)),
            ("peaks_are_clipped", peaks_are_clipped(delivered, label)),
            ("sounds_coded", sounds_coded(delivered, clean, label)),
        )
        if not passed
    ]


def test_no_honest_label_of_any_draw_is_doubted(talks: Talks, real: Pools) -> None:
    names = ("noise", "room", "echo", "gain", "clipping", "codec", "packet_loss")
    params = AcousticsParams.model_validate(
        {name: {"probability": 0.5} for name in names}
        | {"noise": {"probability": 0.5, "snr_db": {"low": -10, "high": 25}}}
        | {"gain": {"probability": 0.5, "steps": 0.5, "gain_db": {"low": -40, "high": 15}}}
    )
    for seed in range(60):
        talk = talks(seed % 6, 8)
        acoustics = draw_acoustics(params, real, seed, "d", talk.n_samples)
        assert doubts(*made(talk, acoustics, real)) == [], (seed, acoustics)


def test_losses_that_the_label_empties_denies_or_invents_are_found(talks: Talks) -> None:
    talk = talks(1, 10)
    start = talk.words[3][0] // 480 * 480
    lost = tuple((at, at + 960) for at in range(start, start + 9600, 4800))
    found = made(talk, Acoustics(packet_loss=PacketLoss(round(1920 / talk.n_samples, 4), lost)))
    loss = found[2]["packet_loss"]
    assert doubts(*found) == []
    emptied = {"rate": loss["rate"], "lost": []}
    assert doubts(*found, packet_loss=emptied) == ["lost_is_silent", "losses_are_labelled"]
    assert doubts(*found, packet_loss=None) == ["losses_are_labelled"]
    assert doubts(*made(talk, Acoustics()), packet_loss=loss) == ["lost_is_silent"]


def test_a_silence_of_the_user_is_no_lost_packet(talks: Talks) -> None:
    talk = talks(2, 10)
    quiet = Acoustics(gain_steps=((0, -60.0),))  # digital silence by rounding, most of the time
    assert doubts(*made(talk, quiet)) == []
    assert not made(talk, quiet)[0].all()


@pytest.mark.parametrize("over_db", [0.0, 3.0, 12.0])
def test_a_level_at_which_nothing_is_clipped_is_found(talks: Talks, over_db: float) -> None:
    found = made(talks(3, 10), Acoustics(clip_over_db=over_db, gain_steps=((0, -10.0),)))
    level = found[2]["clip_dbfs"]
    assert doubts(*found) == []
    for off in (-3.0, -0.1, 0.1, 3.0):
        assert doubts(*found, clip_dbfs=level + off) == ["peaks_are_clipped"], off
    assert "peaks_are_clipped" not in doubts(*found, clip_dbfs=-60.0, codec="opus")  # it was before the codec


def test_a_codec_that_was_never_used_or_is_kept_back_is_found(talks: Talks, real: Pools) -> None:
    talk = talks(1, 10)
    bike = Background("pyroomacoustics_exercise_bike.wav", "noise", 1, 15.0, ((0, talk.n_samples),))
    plain = made(talk, Acoustics("speechbrain_rir1.wav", noise=bike), real)
    for name in TELEPHONE:
        assert doubts(*plain, codec=name) == ["sounds_coded"], name
        coded = made(talk, Acoustics(codec=name))
        assert doubts(*coded) == [], name
        assert doubts(*coded, codec=None) == ["sounds_coded"], name
    assert doubts(*made(talk, Acoustics(codec="g722")), codec="amr_nb") == ["sounds_coded"]


def test_lost_packets_click_and_still_sound_coded(talks: Talks) -> None:
    talk = talks(1, 10)
    lost = tuple((at, at + 480) for at in range(4800, talk.n_samples - 480, 9600))
    loss = PacketLoss(round(480 * len(lost) / talk.n_samples, 4), lost)
    for name in CODECS:
        assert doubts(*made(talk, Acoustics(codec=name, packet_loss=loss))) == [], name


def test_audio_shorter_than_a_frame_is_no_reason_to_fail() -> None:
    short = np.full(100, 0.1, np.float32)
    label = {"codec": "amr_nb", "clip_dbfs": None, "packet_loss": None, "gain_db": 0.0, "gain_steps": None}
    assert sounds_coded(short, short, label)
    assert sounds_coded(short, short, {**label, "codec": None})
    assert losses_are_labelled(short, short, label)
