"""Drawing acoustics: as often and as much as asked, each effect on its own, and through JSON unchanged."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.synth.acoustics.conftest import only
from turnmill.manifests.errors import UsageError
from turnmill.synth.acoustics import (
    WHITE,
    Acoustics,
    AcousticsParams,
    EchoParams,
    Fitted,
    GainParams,
    NoiseParams,
    PacketLossParams,
    Pools,
    RoomParams,
    Shoebox,
    check_categories,
    draw_acoustics,
    labels,
)
from turnmill.synth.channels import RATE
from turnmill.synth.distributions import Uniform

MINUTE = 60 * RATE
SOUND = np.ones(RATE, np.float32)
POOLS = Pools({"rain": {"a.wav": SOUND, "b.wav": SOUND}, "dogs": {"c.wav": SOUND}}, {"hall.wav": SOUND[:10]})


def many(params: AcousticsParams, count: int, n_samples: int = MINUTE, pools: Pools = POOLS) -> list[Acoustics]:
    return [draw_acoustics(params, pools, 1, f"d{n}", n_samples) for n in range(count)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"noise": {"probability": 1.1}},
        {"room": {"probability": -0.1}},
        {"echo": {"gain": {"low": 0.1, "high": 3.0}}},
        {"echo": {"delay_s": {"low": -0.1, "high": 0.1}}},
        {"codec": {"kinds": []}},
        {"codec": {"kinds": ["tin can"]}},
        {"packet_loss": {"rate": {"low": 0.1, "high": 0.6}}},
        {"packet_loss": {"burst_packets": {"low": 0.5, "high": 2.0}}},
        {"room": {"height_m": {"low": 0.5, "high": 2.0}}},
        {"noise": {"categories": {"rain": -1.0}}},
        {"noise": {"categories": {"rain": math.inf}}},
        {"noise": {"burst_s": {"low": 0.4, "high": 2.0}}},
        {"noise": {"snr_db": {"low": math.nan, "high": 2.0}}},
        {"reverb": {}},
    ],
)
def test_parameters_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AcousticsParams.model_validate(wrong)


def test_each_effect_is_drawn_as_often_as_asked() -> None:
    params = AcousticsParams()
    drawn = many(params, 2000)
    shares = {
        "noise": (np.mean([a.noise is not None for a in drawn]), 0.4),
        "room": (np.mean([a.room is not None for a in drawn]), 0.3),
        "echo": (np.mean([a.echo is not None for a in drawn]), 0.3),
        "gain": (np.mean([a.gain_steps != () for a in drawn]), 0.3),
        "clipping": (np.mean([a.clip_over_db is not None for a in drawn]), 0.03),
        "codec": (np.mean([a.codec is not None for a in drawn]), 0.1),
        "packet loss": (np.mean([a.packet_loss is not None for a in drawn]), 0.05),
    }
    for name, (found, asked) in shares.items():
        assert abs(found - asked) < 4 * (asked * (1 - asked) / 2000) ** 0.5, name
    assert {a.codec for a in drawn} == {None, *params.codec.kinds}
    assert all(15 <= a.noise.snr_db <= 25 for a in drawn if a.noise)
    assert all(0.02 <= a.echo.gain <= 0.2 and 0.1 <= a.echo.delay / RATE <= 0.5 for a in drawn if a.echo)
    rooms = [a.room for a in drawn if a.room is not None]
    assert 0.4 < np.mean([room == "hall.wav" for room in rooms]) < 0.6


def test_an_effect_does_not_move_when_another_one_is_switched_off() -> None:
    everything, noise_alone = many(AcousticsParams(), 100), many(only(noise=NoiseParams()), 100)
    assert [a.noise for a in everything] == [a.noise for a in noise_alone]
    assert everything == many(AcousticsParams(), 100)


def test_categories_are_drawn_by_weight_and_names_within_them() -> None:
    def categories(**weights: float) -> list[str]:
        params = only(noise=NoiseParams(probability=1, categories=weights))
        return [a.noise.category for a in many(params, 400) if a.noise]

    assert 0.4 < np.mean([name == "dogs" for name in categories()]) < 0.6
    assert 0.7 < np.mean([name == "dogs" for name in categories(dogs=4, rain=1)]) < 0.9
    assert set(categories(rain=1)) == {"rain"}
    (white,) = {(a.noise.name, a.noise.category) for a in many(only(noise=NoiseParams(probability=1)), 9, pools=Pools())
                if a.noise}  # fmt: skip
    assert white == (WHITE, WHITE)


def test_categories_are_checked_against_the_whole_pool() -> None:
    def check(pools: Pools = POOLS, **weights: float) -> None:
        check_categories(NoiseParams(categories=weights), pools)

    check(rain=1, dogs=0)
    check()
    with pytest.raises(UsageError, match=r"categories: no noise files are 'cats'; there are \['dogs', 'rain'\]"):
        check(cats=1, rain=1)
    with pytest.raises(UsageError, match=r"no noise files are 'rain'; none are given in simulate\.noises"):
        check(Pools(), rain=1)
    with pytest.raises(UsageError, match="every weight is 0"):
        check(rain=0)


def test_a_split_that_lacks_a_wanted_category_has_the_others_or_white_noise() -> None:
    def drawn(**weights: float) -> set[str]:
        params = only(noise=NoiseParams(probability=1, categories=weights))
        part = Pools({"dogs": {"c.wav": SOUND}})
        return {a.noise.category for a in many(params, 20, pools=part) if a.noise}

    assert drawn(rain=9, dogs=1) == {"dogs"}
    assert drawn(rain=1) == drawn(rain=1, dogs=0) == {WHITE}


def test_noise_comes_in_bursts_with_silences_of_up_to_thirty_seconds_in_the_share_asked() -> None:
    noises = [a.noise for a in many(only(noise=NoiseParams(probability=1)), 1000, 10 * MINUTE) if a.noise]
    steady = [noise for noise in noises if noise.bursts == ((0, 10 * MINUTE),)]
    assert 0.45 < len(steady) / 1000 < 0.55
    silences = [b[0] - a[1] for noise in noises for a, b in zip(noise.bursts, noise.bursts[1:], strict=False)]
    # Two silences in a row are one.
    assert np.median(silences) / RATE > 15
    on = [sum(end - start for start, end in noise.bursts) / (10 * MINUTE) for noise in noises if noise not in steady]
    assert 0.2 < np.mean(on) < 0.4  # 6 s of noise to 15 s of silence
    for noise in noises:
        edges = [edge for span in noise.bursts for edge in span]
        assert edges == sorted(set(edges))
        assert edges[0] >= 0
        assert edges[-1] <= 10 * MINUTE


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), n_samples=st.integers(1, 30 * RATE))
def test_any_dialogue_however_short_gets_legal_acoustics(seed: int, n_samples: int) -> None:
    params = AcousticsParams(
        noise=NoiseParams(probability=1, bursts=1), room=RoomParams(probability=1, measured=0),
        gain=GainParams(probability=1, steps=1), packet_loss=PacketLossParams(probability=1),
    )  # fmt: skip
    drawn = draw_acoustics(params, POOLS, seed, "d", n_samples)
    assert drawn.noise is not None
    assert drawn.packet_loss is not None
    assert isinstance(drawn.room, Shoebox)
    for start, end in (*drawn.noise.bursts, *drawn.packet_loss.lost):
        assert 0 <= start < end <= n_samples
    assert all(0 <= at < n_samples for at, _ in drawn.gain_steps)
    for point in (drawn.room.source, drawn.room.microphone):
        assert all(0.19 < x < side - 0.19 for x, side in zip(point, drawn.room.dimensions, strict=True))
    assert Acoustics.from_dict(json.loads(json.dumps(asdict(drawn)))) == drawn


def test_losses_have_the_mean_rate_and_the_mean_length_of_a_gilbert_model() -> None:
    params = PacketLossParams(
        probability=1, rate=Uniform(low=0.05, high=0.05), burst_packets=Uniform(low=3.0, high=3.0)
    )
    losses = [a.packet_loss for a in many(only(packet_loss=params), 20, 10 * MINUTE) if a.packet_loss]
    assert np.mean([loss.rate for loss in losses]) == pytest.approx(0.05, rel=0.05)
    lengths = [(end - start) / 480 for loss in losses for start, end in loss.lost]
    assert np.mean(lengths) == pytest.approx(3.0, rel=0.05)
    assert set(np.mod(lengths, 1)) == {0.0}


def test_labels_are_in_seconds_and_null_where_nothing_was_applied() -> None:
    nothing = labels(Acoustics(), Fitted(-1.5, None, None))
    assert nothing.pop("gain_db") == -1.5
    assert set(nothing.values()) == {None}
    params = only(
        noise=NoiseParams(probability=1, bursts=1), room=RoomParams(probability=1, measured=0),
        echo=EchoParams(probability=1), gain=GainParams(probability=1, steps=1),
        packet_loss=PacketLossParams(probability=1),
    )  # fmt: skip
    drawn = draw_acoustics(params, POOLS, 1, "d", MINUTE)
    label = json.loads(json.dumps(labels(drawn, Fitted(-2.0, -3.0, 0.25))))
    assert drawn.noise
    assert drawn.echo
    assert drawn.packet_loss
    assert label["noise_bursts"] == [{"start": start / RATE, "end": end / RATE} for start, end in drawn.noise.bursts]
    assert label["echo_delay"] == drawn.echo.delay / RATE
    assert label["gain_db"] == pytest.approx(drawn.gain_steps[0][1] - 2.0)
    assert label["gain_steps"] == [
        {"start": at / RATE, "gain_db": pytest.approx(db - 2.0)} for at, db in drawn.gain_steps[1:]
    ]
    assert label["packet_loss"]["rate"] == drawn.packet_loss.rate
    assert set(label["room"]) == {"dimensions", "source", "microphone", "absorption", "max_order"}
    assert (label["rt60"], label["clip_dbfs"]) == (0.25, -3.0)
