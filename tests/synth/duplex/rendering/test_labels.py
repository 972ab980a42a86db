"""Labels: the sample's JSON as designed, and rows that fit their tables."""

import json

from tests.synth.duplex.conftest import Spoken, anything
from turnmill.dashboards.listening import KINDS
from turnmill.manifests.samples import DIALOGUE, problem, to_json
from turnmill.manifests.schema import EVENT_KINDS, SCHEMAS, to_table
from turnmill.synth.duplex.checking.events import EVENT_CHECKS
from turnmill.synth.duplex.checking.sample import ACOUSTICS
from turnmill.synth.duplex.rendering.labels import (
    dialogue_row,
    event_rows,
    sample_json,
    turn_rows,
    unplaced_rows,
    word_rows,
)

_WORD = ("word", "start", "end")
STORAGE = {"shard", "offset", "size", "clean_offset", "clean_size"}


def test_rows_fit_the_tables_and_agree_with_the_sample(spoken: list[Spoken]) -> None:
    for item in spoken:
        timeline = item.plan(1, anything(1, item.script.id))
        sample = sample_json(item.script, timeline, item.written(timeline).rendered.fitted, "origin")
        row = dialogue_row(item.script, timeline, sample, "train", "origin", 0)
        assert row.keys() == set(SCHEMAS["dialogues"].names) - STORAGE
        assert json.loads(row["sample"]) == json.loads(to_json(sample, DIALOGUE)) == json.loads(json.dumps(sample))
        turns = to_table("turns", turn_rows(timeline)).to_pylist()
        events = to_table("events", event_rows(timeline)).to_pylist()
        words = to_table("words", word_rows(timeline)).to_pylist()
        assert [turn["start"] for turn in turns] == [turn["start"] for turn in sample["turns"]]
        assert [event["index"] for event in events] == list(range(len(sample["events"])))
        unplaced = to_table("unplaced", unplaced_rows(timeline)).to_pylist()
        assert len(unplaced) == row["n_unplaced"]
        for row, event in zip(events, sample["events"], strict=True):
            assert {**row, "words": event["words"]} == {"dialogue": item.script.id, "index": row["index"], **event}
        for channel in words:
            heard = [word for word in channel["words"] if word["heard"]]
            assert all(word["start"] < word["end"] for word in heard)
            assert all(word["start"] is None and word["end"] is None for word in channel["words"] if not word["heard"])
            assert [word["start"] for word in heard] == sorted(word["start"] for word in heard)
            for holders, of_turns in (("turns", True), ("events", False)):
                told = [{key: w[key] for key in _WORD} for w in heard if (w["turn"] is not None) is of_turns]
                mine = [held for held in sample[holders] if held["channel"] == channel["channel"]]
                assert told == [word for held in mine for word in held["words"]]
        nods = [event for event in sample["events"] if event["kind"].endswith("_backchannel")]
        assert all(nod["words"] and nod["words"][0]["start"] >= nod["start"] for nod in nods)
        for nod, listed in zip(nods, sample["backchannels"], strict=True):
            assert listed == {"speaker": nod["kind"].split("_")[0]} | {
                key: nod[key] for key in listed if key != "speaker"
            }


def test_every_kind_of_event_is_explained_and_checked() -> None:
    assert EVENT_KINDS.keys() == EVENT_CHECKS.keys() == KINDS.keys()


def test_the_sample_has_the_designs_keys(spoken: list[Spoken]) -> None:
    sample = spoken[0].written(spoken[0].plan()).sample
    assert problem(sample, DIALOGUE) is None
    assert list(sample) == [
        "id", "language", "licence", "seed", "scenario", "sample_rate", "duration", "trust", "channels", "turns",
        "backchannels", "events", "acoustics", "source",
    ]  # fmt: skip
    assert tuple(sample["acoustics"]) == ACOUSTICS
    assert sample["channels"] == ["assistant", "user"]
    assert len(sample["source"]["written"]) == len(sample["turns"])
