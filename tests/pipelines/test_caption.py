"""caption: measures of real speech as bins and a sentence, from the labels that there are."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pipelines.conftest import lake_of, speech
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.schema import to_table
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load
from turnmill.pipelines.stage import Row, Shard, Workspace
from turnmill.pipelines.stages.caption import Caption, CaptionParams
from turnmill.pipelines.stages.recognised import TABLES
from turnmill.synth.speech import Speech

TEXT = "The morning train leaves at seven, and nobody knew the way home."
SHARD = Shard("shard", "shard")


@pytest.fixture(scope="module")
def spoken() -> Speech:
    return speech(TEXT)


def write(place: Workspace, table: str, **changes: Any) -> None:
    """The table again, its rows with these columns."""
    rows = [row | changes for row in place.rows(table, "shard")]
    place.store.write_part(place.part(table, "shard"), to_table(table, rows), {})


def captioned(place: Workspace, **params: Any) -> list[Row]:
    stage = Caption(CaptionParams(**params), "en")
    stage.setup()
    made = stage.process(SHARD, place, Guard(stage.name))
    assert not made.rejects
    to_table("speech_captions", made.tables["speech_captions"])
    return list(made.tables["speech_captions"])  # type: ignore[arg-type]


def test_a_clip_is_measured_and_told(tmp_path: Path, spoken: Speech) -> None:
    place = lake_of(tmp_path, [spoken], ("speech_captions",))
    write(place, "clips", text=TEXT, native='{"gender": "F"}', emotion="joy")
    (row,) = captioned(place)
    spans = place.rows("quality", "shard")[0]["segments"]
    assert row["speaking_rate"] == pytest.approx(12 / sum(s["end"] - s["start"] for s in spans), rel=0.01)
    assert (row["speaking_rate_unit"], row["gender"], row["manner_emotion"]) == ("word", "female", "joy")
    assert 170 < row["pitch_hz"] < 240
    assert row["pitch_bin"] in ("slightly low-pitched", "moderately pitched", "slightly high-pitched")
    assert row["caption"].startswith("A woman speaks ")
    assert "She sounds happy." in row["caption"]
    assert captioned(place) == [row]


def test_without_a_text_the_recognised_counts_and_the_heard_emotion_is_told(tmp_path: Path, spoken: Speech) -> None:
    place = lake_of(tmp_path, [spoken], ("speech_captions", *TABLES, "emotions"))
    for table, said in (
        ("transcripts", {"asr_text": TEXT, "asr_language": "en"}),
        ("consensus", {"consensus_text": TEXT}),
        ("emotions", {"heard_emotion": "anger"}),
    ):
        rows = [dict.fromkeys(to_table(table, []).column_names) | {"uid": "u0"} | said]
        place.store.write_part(place.part(table, "shard"), to_table(table, rows), {})
    (row,) = captioned(place)
    assert row["speaking_rate_unit"] == "word"
    assert row["caption"].startswith("A person speaks ")
    assert "The speaker sounds angry." in row["caption"]
    alone = replace(
        place,
        fingerprints={t: p for t, p in place.fingerprints.items() if t in ("clips", "quality", "speech_captions")},
    )
    (row,) = captioned(alone)
    assert (row["speaking_rate"], row["speaking_rate_bin"], row["manner_emotion"]) == (None, None, None)


def test_characters_are_counted_where_no_spaces_part_words(tmp_path: Path, spoken: Speech) -> None:
    place = lake_of(tmp_path, [spoken], ("speech_captions",))
    write(place, "clips", text="早上的火车七点开。", language="zh")
    (row,) = captioned(place)
    assert row["speaking_rate_unit"] == "character"
    assert row["speaking_rate_bin"] == "very slowly"  # eight of them in three seconds
    write(place, "clips", text="รถไฟเช้าออกเวลาเจ็ดโมง", language="th")  # whose characters are no syllables
    (row,) = captioned(place)
    assert (row["speaking_rate"], row["speaking_rate_unit"], row["speaking_rate_bin"]) == (None, None, None)


def test_edges_are_those_of_the_recipe(tmp_path: Path, spoken: Speech) -> None:
    place = lake_of(tmp_path, [spoken], ("speech_captions",))
    (row,) = captioned(place, energy_dbfs=(-4, -3, -2, -1), pitch_hz={"unknown": (10, 20, 30, 40, 50, 60)})
    assert (row["energy_bin"], row["pitch_bin"]) == ("very softly", "very high-pitched")


def test_where_nobody_or_two_are_heard_there_is_a_row_and_no_caption(tmp_path: Path, spoken: Speech) -> None:
    silence = Speech(np.zeros(24_000, np.float32), 24_000, None)
    place = lake_of(tmp_path, [spoken, silence], ("speech_captions",))
    write(place, "quality", channel_segments=[[], []])
    rows = captioned(place)
    assert [row["uid"] for row in rows] == ["u0", "u1"]
    assert all(value is None for row in rows for name, value in row.items() if name != "uid")


def test_a_model_that_fails_on_all_that_is_said_ends_the_run(tmp_path: Path, spoken: Speech) -> None:
    class Broken:
        def detect(self, *_: object) -> None:
            raise RuntimeError("no such input")

    silence = Speech(np.zeros(24_000, np.float32), 24_000, None)
    place = lake_of(tmp_path, [spoken, silence, spoken], ("speech_captions",))
    stage = Caption(CaptionParams(), "en")
    stage.setup()
    assert stage.loaded is not None
    stage.loaded._model = Broken()  # type: ignore[assignment]
    with pytest.raises(TurnmillError, match=r"SwiftF0 fails on every clip: u0: SwiftF0: .*no such input"):
        stage.process(SHARD, place, Guard(stage.name))


def test_edges_that_do_not_rise_are_refused(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("name: r\ncorpus: demo\nquality: {}\ncaption: {snr_db: [10, 10, 30, 40]}\n")
    with pytest.raises(UsageError, match=r"caption\.snr_db: .*do not rise"):
        load(recipe, ())
