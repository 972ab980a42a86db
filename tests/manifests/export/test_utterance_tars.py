"""What CLAP, MaskGCT and MooER read: a reader by each contract finds the clips, and refuses tars that are wrong in one
way."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.manifests.conftest import sample_of
from tests.manifests.export.clips import (
    COUNTED,
    LONG,
    SOUNDS,
    TRAIN,
    Members,
    change_members,
    changed_sound,
    clips_output,
    drops,
    long_clip,
    members,
    pitch_and_level,
    short_clip,
)
from tests.manifests.export.conftest import Output, exported
from turnmill.manifests.samples import CLIP

LEVEL = 0.3 / np.sqrt(2)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Output:
    """Tests only read it."""
    return clips_output(tmp_path_factory.mktemp("clips"), long_clip(), short_clip())


def samples(path: Path, at_last_dot: bool = False) -> Iterator[tuple[str, dict[str, bytes]]]:
    """(key, members by ending) of a tar: adjacent ones whose names are the same up to a dot."""
    found: list[tuple[str, dict[str, bytes]]] = []
    for name, data in members(path):
        key, _, ending = name.rpartition(".") if at_last_dot else name.partition(".")
        if not found or found[-1][0] != key:
            found.append((key, {}))
        found[-1][1][ending] = data
    yield from found


def sounds_as(data: bytes, key: str, rate: int, seconds: float) -> None:
    """A file is mono, at a rate, so long, and the tone of its clip."""
    channels, pitch, level = pitch_and_level(data)
    file = soundfile.info(io.BytesIO(data))
    assert (channels, file.samplerate, file.frames) == (1, rate, round(seconds * rate))
    assert pitch == pytest.approx({"c1": 440, "c3": 880}[key], abs=1.5)
    assert level == pytest.approx(LEVEL, rel=0.02)


def reads_as_clap(folder: Path, _: Output) -> None:
    """Tars that `sizes.json` counts; pieces of 10 s at most, whose `text` is a list of captions."""
    sizes = json.loads((folder / "train/sizes.json").read_text("utf-8"))
    found = {}
    for name, count in sizes.items():
        read = list(samples(folder / "train" / name))
        assert len(read) == count
        for key, one in read:
            told = json.loads(one["json"])
            data = told["original_data"]
            seconds = data["end"] - data["start"]
            assert seconds <= 10
            sounds_as(one["flac"], key.partition("-")[0], 48_000, seconds)
            found[key] = (data["start"], data["end"], told["text"], told["tag"])
    first, last = "one two three four five six", "seven eight nine ten eleven twelve"
    assert found == {
        "c1-0": (0.0, 6.0, [f'The person is saying "{first}", with joy'], ["joy"]),
        "c1-1": (6.0, LONG, [f'The person is saying "{last}", with joy'], ["joy"]),
        "c3-0": (0.0, 1.25, ['The person is saying "good | bye"'], []),
    }


def reads_as_emilia(folder: Path, _: Output) -> None:
    """Tars in a folder for each language, MP3 and JSON by key, with what the published set tells."""
    found = {}
    for path in (folder / "train/EN").glob("EN-B*.tar"):
        for key, one in samples(path):
            told = json.loads(one["json"])
            assert key == told["id"] == Path(told["wav"]).stem
            sounds_as(one["mp3"], key.removeprefix("EN_"), 24_000, told["duration"])
            found[key] = (told["text"], told["speaker"], told["language"], told.get("dnsmos"))
            assert None not in told.values()
    assert found == {"EN_c1": (COUNTED, "tiny_zoe", "en", 3.2), "EN_c3": ("good | bye", "c3", "en", None)}


def reads_as_wenet(folder: Path, _: Output) -> None:
    """A list of tars, whose members are cut at the last dot: text and WAV at 16 kHz."""
    found = {}
    for line in (folder / "train/data.list").read_text("utf-8").splitlines():
        assert Path(line).is_absolute()
        for key, one in samples(Path(line), at_last_dot=True):
            sounds_as(one["wav"], key, 16_000, {"c1": LONG, "c3": 1.25}[key])
            found[key] = one["txt"].decode()
    assert found == {"c1": COUNTED, "c3": "good | bye"}


READERS = {"clap": reads_as_clap, "emilia": reads_as_emilia, "wenet": reads_as_wenet}
AUDIO = {"clap": ".flac", "emilia": ".mp3", "wenet": ".wav"}


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("name", READERS)
def test_the_reader_finds_the_samples(name: str, rate: int, tmp_path: Path) -> None:
    clips = clips_output(tmp_path / "out", long_clip(), short_clip(), rate)
    READERS[name](exported(clips, name, tmp_path / "to", split="train"), clips)


Change = Callable[[Path], None]


def in_tar(change: Callable[[Members], Members]) -> Change:
    return lambda folder: change_members(next(folder.rglob("*.tar")), change)


def audio(what: str, ending: str) -> Change:
    return in_tar(
        lambda found: [
            (name, changed_sound(data, SOUNDS[what]) if name.endswith(ending) else data) for name, data in found
        ]
    )


def replaced(old: str, new: str) -> Change:
    return in_tar(
        lambda found: [
            (name, data.replace(old.encode(), new.encode()) if name.endswith((".json", ".txt")) else data)
            for name, data in found
        ]
    )


def dotted(found: Members) -> Members:
    return [(name.replace("c1", "c.1").replace("c3", "c.3"), data) for name, data in found]


BROKEN: dict[str, Change] = {
    **{f"{name}: {what}": audio(what, ending) for name, ending in AUDIO.items() for what in SOUNDS},
    **{f"{name}: lost": in_tar(lambda found: found[2:]) for name in READERS},
    **{f"{name}: not adjacent": in_tar(lambda found: [*found[1:], found[0]]) for name in READERS},
    **{f"{name}: another text": replaced("two", "2") for name in READERS},
    **{f"{name}: keys with dots": in_tar(dotted) for name in READERS},
    "clap: a text that is no list": replaced('"text":[', '"caption":['),
    "clap: the whole text of a piece": replaced("seven eight", "one two three four five six seven eight"),
    "clap: wrong sizes": lambda folder: (folder / "train/sizes.json").write_text('{"0.tar":2}', "utf-8") and None,
    "emilia: null": replaced('"language":"en"}', '"language":"en","dnsmos":null}'),
    "wenet: relative paths": lambda folder: (folder / "train/data.list").write_text("shards_0.tar\n", "utf-8") and None,
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_the_reader_refuses_what_is_wrong(broken: str, clips: Output, tmp_path: Path) -> None:
    name = broken.partition(":")[0]
    folder = exported(clips, name, tmp_path / "to", split="train")
    BROKEN[broken](folder)
    with pytest.raises((AssertionError, KeyError)):
        READERS[name](folder, clips)


def clap_of(tmp_path: Path, long: dict[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What became of each item, and the captions by key; no piece has more samples than CLAP takes."""
    output = clips_output(tmp_path / "out", long, short_clip())
    became = drops(output, "clap", tmp_path / "to")
    found = dict(samples(tmp_path / "to/clap/train/0.tar"))
    frames = {key: soundfile.info(io.BytesIO(one["flac"])).frames for key, one in found.items()}
    assert max(frames.values()) <= 480_000
    return became, {key: json.loads(one["json"])["text"] for key, one in found.items()}


def test_a_long_clip_whose_words_have_no_times_is_dropped(tmp_path: Path) -> None:
    became, captions = clap_of(tmp_path, long_clip(consensus=None, duration=30.0))
    why = ("too_long", "it is cut at 10 s, and no recogniser told when each word is said")
    assert became == {"t/c1#0": why, "t/c1#1": why, "t/c1#2": why, "t/c3": (None, None)}
    assert captions.keys() == {"c3-0"}


def test_translations_lie_beside_the_list_for_mooer_by_key(tmp_path: Path) -> None:
    """Read as its `parse_txt2dict` does; a clip without one, or with a mark of the model, is not among them."""

    def translated(said: str | None) -> dict[str, Any]:
        return {"translation": sample_of(CLIP.field("translation").type, translation=said)}

    output = clips_output(tmp_path / "out", long_clip(**translated("eins zwei")), short_clip(**translated(None)))
    folder = exported(output, "wenet", tmp_path / "to", split="train")
    lines = (folder / "train/translations").read_text("utf-8").splitlines()
    assert dict(line.split(maxsplit=1) for line in lines) == {"c1": "eins zwei"}
    marked = clips_output(tmp_path / "marked", long_clip(**translated("eins<|im_end|>zwei")), short_clip())
    assert not (exported(marked, "wenet", tmp_path / "none", split="train") / "train/translations").exists()


def test_how_a_clip_is_spoken_is_one_of_its_captions(tmp_path: Path) -> None:
    manner = sample_of(CLIP.field("manner").type, caption="A man speaks slowly.")
    _, captions = clap_of(tmp_path, long_clip(text=None, asr=None, duration=5.0, manner=manner))
    assert captions["c1-0"] == ["A man speaks slowly."]


def test_a_long_sound_is_cut_and_each_piece_has_its_captions(tmp_path: Path) -> None:
    became, captions = clap_of(
        tmp_path, long_clip(text=None, consensus=None, captions=["rain on a roof"], duration=20.01)
    )
    assert became == dict.fromkeys(["t/c1#0", "t/c1#1", "t/c1#2", "t/c3"], (None, None))
    assert all(captions[f"c1-{piece}"] == ["rain on a roof"] for piece in range(3))


def test_tags_make_a_caption_where_there_is_no_other(tmp_path: Path) -> None:
    told = {"text": None, "consensus": None, "emotion": None, "duration": 5.0}
    _, captions = clap_of(tmp_path, long_clip(tags=["dog", "rain"], **told))
    assert captions["c1-0"] == ["The sounds of dog, rain"]


def test_a_piece_in_which_nothing_is_said_is_dropped(tmp_path: Path) -> None:
    long = long_clip(duration=25.0)
    became, captions = clap_of(tmp_path, long)
    assert became["t/c1#2"] == ("no_text", None)
    assert captions.keys() == {"c1-0", "c1-1", "c3-0"}


def test_chinese_words_of_a_piece_are_not_parted(tmp_path: Path) -> None:
    _, captions = clap_of(tmp_path, long_clip(language="zh", emotion=None))
    assert captions["c1-0"] == ['The person is saying "onetwothreefourfivesix"']


def test_a_word_that_lasts_longer_than_a_piece_is_cut(tmp_path: Path) -> None:
    word = long_clip()["consensus"]["consensus_words"][0] | {"word": "om", "start": 0.5, "end": 24.5}
    heard = long_clip()["consensus"] | {"consensus_words": [word]}
    became, captions = clap_of(tmp_path, long_clip(consensus=heard, duration=25.0))
    assert became == {f"t/c1#{piece}": (None if piece == 1 else "no_text", None) for piece in range(3)} | {
        "t/c3": (None, None)
    }
    assert captions["c1-1"] == ['The person is saying "om", with joy']


def test_each_language_has_a_folder_in_emilia(tmp_path: Path) -> None:
    output = clips_output(tmp_path / "out", long_clip(language="zh-CN"), short_clip())
    folder = exported(output, "emilia", tmp_path / "to", split="train")
    keys = {path.parent.name: [key for key, _ in samples(path)] for path in folder.rglob("*.tar")}
    assert keys == {"ZH": ["ZH_c1"], "EN": ["EN_c3"]}


def test_what_has_no_language_has_no_place_in_emilia(tmp_path: Path) -> None:
    output = clips_output(tmp_path / "out", long_clip(), short_clip(language=None))
    assert drops(output, "emilia", tmp_path / "to") == {"t/c1": (None, None), "t/c3": ("language", None)}


@pytest.mark.parametrize(("name", "codec"), [("wenet", "wav"), ("emilia", "mp3"), ("clap", "flac")])
def test_what_is_not_decoded_leaves_nothing_in_a_tar(name: str, codec: str, tmp_path: Path) -> None:
    output = clips_output(tmp_path / "out", long_clip(), short_clip(language="en"))
    shard = Path(output.store.path(TRAIN))
    data = shard.read_bytes()
    place = data.index(b"fLaC", data.index(b"c3.flac"))
    shard.write_bytes(data[:place] + b"none" + data[place + 4 :])
    assert drops(output, name, tmp_path / "to")["t/c3"][0] == "unreadable"
    (tar,) = (tmp_path / "to" / name).rglob("*.tar")
    assert "c3" not in " ".join(member for member, _ in members(tar))
    assert codec in " ".join(member for member, _ in members(tar))
