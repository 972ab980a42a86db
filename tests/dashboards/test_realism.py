"""The realism report of a dataset whose every figure is known, and of one whose parameters were not kept."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import duckdb
import matplotlib
import matplotlib.image
import numpy as np
import pytest

from tests.manifests.conftest import INDEX, also, filled, put, reject
from turnmill.dashboards.diversity import entropy_bits, text_diversity
from turnmill.dashboards.plots import COLOUR
from turnmill.dashboards.realism import realism_json, realism_report
from turnmill.dashboards.realism_plots import realism_plots, realism_section
from turnmill.dashboards.requested import Requested
from turnmill.manifests.card import CardFacts, card
from turnmill.manifests.index import Index
from turnmill.manifests.published import configs
from turnmill.manifests.query import connect
from turnmill.manifests.records import Intent
from turnmill.manifests.store import Store
from turnmill.synth.acoustics import AcousticsParams
from turnmill.synth.duplex.timing import timing
from turnmill.synth.intents import IntentMix
from turnmill.synth.script import Interaction

SHARES = IntentMix().shares()
ASKED = Requested(
    "assistant", timing("assistant"), AcousticsParams(), Interaction(), {"en/1": "female", "en/2": "male"}
)


def event(
    dialogue: str, index: int, kind: str, channel: int, start: float, end: float, **values: Any
) -> dict[str, Any]:
    where = {"dialogue": dialogue, "index": index, "channel": channel, "start": start, "end": end}
    return filled("events", kind=kind, **where, **values)


def turn(dialogue: str, index: int, start: float, end: float, fto: float | None, **values: Any) -> dict[str, Any]:
    channel = 1 - index % 2
    said = {"text_planned": f"the words of turn {index}", "interrupted": False, "voice": f"en/{channel + 1}"}
    return filled(
        "turns", dialogue=dialogue, index=index, speaker=("assistant", "user")[channel], channel=channel, start=start,
        end=end, fto=fto, **(said | values)
    )  # fmt: skip


def word(start: float | None, end: float | None, index: int | None) -> dict[str, Any]:
    return {"word": "word", "start": start, "end": end, "turn": index, "heard": end is not None}


def talk(name: str) -> tuple[list[dict[str, Any]], ...]:
    """60 s from first to last speech: the user asks, pauses and nods; the assistant is interrupted in a word."""
    turns = [
        turn(name, 0, 1.0, 5.0, None),
        turn(name, 1, 5.5, 30.5, 0.5, interrupted=True),
        turn(name, 2, 30.0, 40.0, -0.5),
        turn(name, 3, 39.9, 61.0, -0.1),
    ]
    user = [word(1.0, 2.0, 0), word(3.0, 5.0, 0), word(10.0, 10.5, None), word(30.0, 40.0, 2)]
    assistant = [word(5.5, 20.0, 1), word(20.1, 30.35, 1), word(None, None, 1), word(39.9, 61.0, 3)]
    words = [
        {"dialogue": name, "channel": 0, "words": assistant},
        {"dialogue": name, "channel": 1, "words": user},
    ]
    barge = {"intent": "clarify", "stop": 30.5, "fade": 0.05, "onset": "word", "cut_word": "word"}
    events = [
        event(name, 0, "hesitation", 1, 2.0, 3.0, turn=0, text="uh", filler="uh"),
        event(name, 1, "turn_shift", 0, 5.0, 5.5, turn=1, target_turn=0),
        event(name, 2, "user_backchannel", 1, 10.0, 10.5, target_turn=1, text="word", level_db=-5.0),
        event(name, 3, "cough", 1, 15.0, 15.3, target_turn=1, level_db=-5.0, sound="x"),
        event(name, 4, "cough", 1, 62.0, 62.3, level_db=-5.0, sound="x"),
        event(name, 5, "barge_in", 1, 30.0, 40.0, turn=2, target_turn=1, latency=0.5, **barge),
        event(name, 6, "cooperative_overlap", 0, 39.9, 40.0, turn=3, target_turn=2),
    ]
    return turns, events, words


def made(root: Path, ids: tuple[str, ...], selected: int, events: Any = None) -> Store:
    store = Store(str(root))
    found = [talk(name) for name in ids]
    also(store, "simulate", "turns", "s", [row for rows, _, _ in found for row in rows])
    also(store, "simulate", "events", "s", events or [row for _, rows, _ in found for row in rows])
    also(store, "simulate", "words", "s", [row for _, _, rows in found for row in rows])
    bursts = [{"start": 0, "end": 1}, {"start": 3, "end": 4}]
    room = {"rir": None, "room": {"max_order": 1}}
    acoustics = {"snr_db": 20.0, "gain_db": -1.0, "noise_bursts": bursts, "codec": "opus", **room}
    dialogues = [
        filled("dialogues", id=name, script=name, assistant_voice="en/1", user_voice=f"en/{2 + n % 2}", duration=65.0,
               sample=json.dumps({"acoustics": acoustics if n % 2 else {"snr_db": None}}))
        for n, name in enumerate(ids)
    ]  # fmt: skip
    put(store, "simulate", "s", dialogues, len(ids))
    put(store, "verify", "s", [], 1, [reject("verify", "label_violation", uid="dx")])
    samples = [filled("dialogue_samples", uid=name, split="train", duration=65.0) for name in ids[:selected]]
    put(store, "shard_dialogues", "dialogues-train-000000", samples, selected)
    INDEX.save(store)
    return store


def with_unplaced(index: Index) -> Index:
    stages = [
        replace(stage, tables=(*stage.tables[:-1], "unplaced", "dialogues")) if stage.name == "simulate" else stage
        for stage in index.stages
    ]
    return replace(index, stages=tuple(stages))


def connected(store: Store) -> duckdb.DuckDBPyConnection:
    return connect(store, Index.load(store))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return realism_report(connected(made(tmp_path_factory.mktemp("d"), ("a", "b", "c"), 2)), ASKED)


def test_every_second_of_the_talk_is_in_its_place(report: dict[str, Any]) -> None:
    activity = report["activity"]
    assert report["dialogues"] == 2  # what is in no training shard does not count
    assert activity["minutes"] == 2.0
    seconds = {key: activity[key]["seconds_per_minute"] for key in ("ipu", "pause", "gap", "overlap")}
    assert seconds == {"ipu": 59.6, "pause": 1.0, "gap": 0.5, "overlap": 1.1}
    assert activity["ipu"]["count_per_minute"] == 6.0  # of the assistant two: 100 ms end no IPU, nor does a cut word
    assert activity["overlap_within"]["seconds_per_minute"] == 0.5
    assert activity["overlap_between"]["count"] == 4


def test_offsets_are_told_by_direction_and_barge_ins_are_not_held_against_the_preset(report: dict[str, Any]) -> None:
    transfer = report["floor_transfer"]
    assert (transfer["all"]["count"], transfer["all"]["p_overlap"]) == (6, round(2 / 3, 6))
    assert transfer["assistant_to_user"]["count"] == 2
    assert transfer["assistant_to_user"]["planned"]["count"] == 0
    assert transfer["assistant_to_user"]["reference"]["w1_ms"] is None
    ours = transfer["user_to_assistant"]
    assert ours["planned"]["count"] == 4
    assert (ours["quantiles_s"]["p10"], ours["quantiles_s"]["p90"], ours["mode_s"]) == (-0.1, 0.5, -0.075)
    assert ours["reference"]["w1_ms"] > ours["reference"]["w1_by_chance_ms"] > 0


def test_rates_are_per_minute_of_the_others_speech(report: dict[str, Any]) -> None:
    rates = report["rates"]
    assert rates["user_backchannels_per_minute_of_partner_speech"] == round(2 / (2 * 46.1 / 60), 6)
    assert rates["assistant_backchannels_per_minute_of_partner_speech"] == 0
    assert rates["interruptions_per_minute"] == 1.0
    assert rates["fillers_per_100_words"] == round(100 / 6, 6)
    assert rates["speakers"]["user"]["words"] == 6  # a nod is no word of a turn
    assert rates["speakers"]["user"]["floor_share"] == round(14 / 60.1, 6)
    assert rates["speakers"]["assistant"]["turn_quantiles_s"]["p10"] == 21.1


def test_what_asks_for_no_yield_counts_where_the_assistant_speaks(report: dict[str, Any]) -> None:
    events = report["events"]
    assert events["counts"]["cough"] == 4
    assert (events["yield"], events["non_yield"], events["non_yield_per_yield"]) == (2, 4, 2.0)
    assert events["non_yield_kinds"] == {"cough": 2, "user_backchannel": 2}
    assert events["barge_in_intents"] == {"clarify": 2}


def test_acoustics_voices_texts_and_rejects(report: dict[str, Any]) -> None:
    assert {key: report["acoustics"][key]["count"] for key in ("snr_db", "noise_bursts", "gain_db")} == {
        "snr_db": 1,
        "noise_bursts": 1,
        "gain_db": 1,
    }
    assert report["acoustics"]["noise_bursts"]["quantiles"]["p50"] == 2
    assert report["acoustics"]["codec"] == {"opus": 1}
    assert report["voices"]["user"] == {
        "voices": 2,
        "entropy_bits": 1.0,
        "dialogues_by_gender": {"male": 1, "unknown": 1},
    }
    assert report["texts"]["near_duplicate_share"] == 1.0  # both say the same
    assert report["texts"]["dialogues"] == 2
    assert report["rejects"] == {"verify": {"label_violation": 1}}


def test_the_report_is_finite_json_and_the_same_for_the_same_tables(tmp_path: Path) -> None:
    texts = [realism_json(realism_report(connected(made(tmp_path / name, ("a", "b"), 2)), ASKED)) for name in "xy"]
    assert texts[0] == texts[1]
    assert json.loads(texts[0])["preset"] == "assistant"
    assert "NaN" not in texts[0]


def test_a_dataset_without_dialogues_has_an_empty_report(tmp_path: Path) -> None:
    store = made(tmp_path, ("a",), 0)
    assert realism_report(connected(store), ASKED) == {}
    assert realism_plots({}) == []
    assert realism_section({}) == ""


@pytest.mark.parametrize("kept", [True, False])
def test_a_parameter_that_was_not_kept_is_beyond_chance(tmp_path: Path, kept: bool) -> None:
    rng, preset = np.random.default_rng(0), ASKED.timing
    events = []
    for n in range(400):
        reaction, fade = preset.reaction.draw(rng), preset.fade.draw(rng)
        reaction = reaction if kept else reaction + 0.03
        level = preset.backchannel_level_db.draw(rng) * (1 if kept else 0.9)
        pause = preset.pause.draw(rng) if kept else 0.87
        intent = rng.choice(list(SHARES), p=[*SHARES.values()] if kept else [*reversed(SHARES.values())])
        onset = "clause" if rng.random() < (0.5 if kept else 0.6) else "word"
        params = {"intent": str(intent), "stop": 0, "fade": fade, "onset": onset}
        events.append(event("a", n, "barge_in", 1, 1.0, 2.0, turn=2, latency=reaction + fade, **params))
        events.append(event("a", 1000 + n, "user_backchannel", 1, 1.0, 2.0, level_db=round(level, 2)))
        events.append(event("a", 2000 + n, "hesitation", 1, 1.0, 1.0 + pause))
    found = {
        item["parameter"]: item
        for item in realism_report(connected(made(tmp_path, ("a",), 1, events)), ASKED)["requested"]
    }
    for name in ("reaction", "pause", "backchannel_level_db", "p_clause", "intents"):
        assert found[name]["count"] == 400
        assert (found[name]["value"] <= found[name]["chance"]) == kept, name
    assert found["fade"]["value"] <= found["fade"]["chance"]
    assert "silence_timeout" not in found  # nothing came of it


def eventful(root: Path, kept: bool) -> dict[str, dict[str, Any]]:
    """What was asked and what came of it, by name: 400 dialogues of six turns, the fifth of which no source wrote."""
    rng, asked = np.random.default_rng(1), ASKED.interaction
    scale = 1.0 if kept else 0.8
    turns, events, unplaced, dialogues, ids = [], [], [], [], [f"d{n:03}" for n in range(400)]

    def add(kind: str, dialogue: str, rate: float, **values: Any) -> None:
        """`rate`: the mean number, or below 1 the probability."""
        for _ in range(rng.poisson(rate) if values.pop("many", False) else int(rng.random() < rate)):
            if rng.random() < scale:
                events.append(event(dialogue, len(events), kind, 1, 1.0, 2.0, **values))
            else:
                unplaced.append(filled("unplaced", dialogue=dialogue, index=len(unplaced), kind=kind, turn=1, why="x"))

    for name in ids:
        written: list[str | None] = [f"turn {n}" for n in range(6)]
        written[4] = None
        indices = [0, 1, 2, 3, 5, 6]
        interrupted = bool(rng.random() < asked.barge_in * scale)
        for index in indices:
            cut = index == 3 and interrupted
            turns.append(turn(name, index, 10.0 * index, 10.0 * index + 6, None, interrupted=cut))
        dialogues.append(filled("dialogues", id=name, duration=65.0, sample=json.dumps({
            "acoustics": {"snr_db": None}, "turns": [{"index": index} for index in indices],
            "source": {"written": written},
        })))  # fmt: skip
        for _ in range(2):  # two of the assistant's turns are the source's, three of the user's
            add("barge_in", name, asked.barge_in, intent="topic", onset="word", fade=0.0, latency=0.3)
            add("user_backchannel", name, asked.backchannels_per_minute * 0.1, many=True, level_db=-5)
        for _ in range(3):
            add("hesitation", name, asked.hesitation)
            add("assistant_backchannel", name, asked.assistant_backchannels_per_minute * 0.1, many=True,
                level_db=-5)  # fmt: skip
        add("silence_timeout", name, 2 * asked.silence_timeout)  # the last turn of all is the user's
        add("cough", name, 2 * asked.balance * asked.barge_in * 0.5 * scale, many=True, level_db=-5)
        add("side_talk", name, 2 * asked.balance * asked.barge_in * 0.5 * scale, many=True, level_db=-5)
    store = Store(str(root))
    for table, rows in (("turns", turns), ("events", events), ("words", []), ("unplaced", unplaced)):
        also(store, "simulate", table, "s", rows)
    put(store, "simulate", "s", dialogues, len(ids))
    samples = [filled("dialogue_samples", uid=name, split="train", duration=65.0) for name in ids]
    put(store, "shard_dialogues", "dialogues-train-000000", samples, len(ids))
    with_unplaced(INDEX).save(store)
    return {item["parameter"]: item for item in realism_report(connected(store), ASKED)["requested"]}


RATES = ("barge_in", "user_backchannels_per_minute", "assistant_backchannels_per_minute", "hesitation")


@pytest.mark.parametrize("kept", [True, False])
def test_rates_that_the_planner_does_not_keep_are_beyond_chance_and_say_what_was_left_out(
    tmp_path: Path, kept: bool
) -> None:
    found = eventful(tmp_path, kept)
    for name in RATES:
        assert (found[name]["value"] <= found[name]["chance"]) == kept, found[name]
        assert (found[name]["left_out"] > 0) != kept
    assert found["barge_in"]["count"] == 800
    assert found["hesitation"]["requested"] == {"yes": 0.2, "no": 0.8}
    assert found["user_backchannels_per_minute"]["requested"] == 1.5
    assert found["silence_timeout"]["measure"] == "w"
    assert found["balance"]["requested"] == 0.8
    assert found["balance"]["value"] == pytest.approx(abs(found["balance"]["realised"] / 0.8 - 1), abs=1e-4)


def test_a_rate_of_which_nothing_came_is_shown(tmp_path: Path) -> None:
    store = made(tmp_path, ("a",), 1, [event("a", 0, "barge_in", 1, 1.0, 2.0, latency=0.3)])
    balance = next(
        item for item in realism_report(connected(store), ASKED)["requested"] if item["parameter"] == "balance"
    )
    assert (balance["count"], balance["realised"], balance["value"]) == (0, 0.0, 1.0)


def test_interruptions_are_told_by_kind_and_why_they_are_not_those_asked_for(tmp_path: Path) -> None:
    store = made(tmp_path, ("a", "b", "c", "d"), 3)
    kinds = {"a": ("clarify", "topic"), "b": ("clarify", "topic"), "c": ("clarify",), "d": ("cancel",)}
    scripts = [
        filled("scripts", id=name, script=json.dumps({
            "barge_ins": [{"intent": kind, "turn": 2 + 2 * n, "said": 3} for n, kind in enumerate(found)]
        }))
        for name, found in kinds.items()
    ]  # fmt: skip
    put(store, "script", "s", scripts, len(scripts))
    dropped = [filled("unplaced", dialogue=name, index=0, kind="barge_in", turn=4, why="no room") for name in "ab"]
    dropped.append(filled("unplaced", dialogue="a", index=1, kind="cough", turn=4, why="it coughs"))
    also(store, "simulate", "unplaced", "s", dropped)
    with_unplaced(INDEX).save(store)
    found = {row["intent"]: row for row in realism_report(connected(store), ASKED)["interruptions"]}
    assert list(found) == list(get_args(Intent))
    clarify, topic, cancel = (found[kind] for kind in ("clarify", "topic", "cancel"))
    assert (clarify["scripted"], clarify["placed"], clarify["placed_share"], clarify["unplaced"]) == (3, 3, 1.0, {})
    assert (topic["scripted"], topic["placed"], topic["unplaced"]) == (2, 0, {"no room": 2})
    assert "2 without room: no room" in topic["why"]
    assert cancel["scripted"] == 0  # that dialogue is in no training shard
    fewer = "the texts offered fewer turns for it than for other kinds: it needs an answer of 8 s or more"
    assert cancel["why"] == fewer
    asked = ASKED.interaction.intents.model_dump()
    assert clarify["asked"] == round(asked["clarify"] / sum(asked.values()), 6)
    section = realism_section(realism_report(connected(store), ASKED))
    assert "| topic |" in section
    assert "| 2 (40.0 %) | 0 (0.0 %) |" in section


def test_the_rate_of_interruptions_is_told_and_why_it_is_not_the_one_asked_for(tmp_path: Path) -> None:
    said = (
        "It is far from here, so take the bus. There is one every hour.",
        "For how many people should it be, and on which day?",
        "It is not far at all.",
        "Take the bus that goes from the station to the old park at nine",
    )
    store = Store(str(tmp_path))
    turns = [turn("a", 2 * n + 1, 10.0 * n, 10.0 * n + 6, None, text_planned=text) for n, text in enumerate(said)]
    turns.append(turn("a", 9, 50.0, 56.0, None, interrupted=True))
    sample = json.dumps(
        {"turns": [{"index": 2 * n + 1} for n in range(5)], "source": {"written": ["x"] * 5}, "acoustics": {}}
    )
    for table, rows in (("turns", turns), ("words", []), ("events", [event("a", 0, "cough", 1, 1.0, 2.0)])):
        also(store, "simulate", table, "s", rows)
    put(store, "simulate", "s", [filled("dialogues", id="a", language="en", duration=65.0, sample=sample)], 1)
    put(store, "shard_dialogues", "t", [filled("dialogue_samples", uid="a", split="train", duration=65.0)], 1)
    INDEX.save(store)
    report = realism_report(connected(store), ASKED)
    found = report["interruption_rate"]
    assert (found["asked"], found["turns"], found["placed"], found["placed_share"]) == (0.2, 5, 0, 0.0)
    assert set(found["others"].values()) == {1}
    assert len(found["others"]) == 4  # the interrupted one is none of them
    assert "25% ask the user something" in found["why"]
    assert found["room"] == 0.4  # the first, and the one that is interrupted
    assert found["why"].startswith("40% of the turns have room; of those that are not interrupted, ")
    assert "25% are over too soon (fewer words, or characters, than 8 in en)" in found["why"]


def test_every_picture_is_drawn_and_its_bytes_depend_on_the_report_alone(report: dict[str, Any]) -> None:
    made_now = realism_plots(report)
    assert [file.name for file, _ in made_now] == [
        "plots/floor-transfer.png",
        "plots/conversation.png",
        "plots/event-balance.png",
    ]
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9}):
        assert realism_plots(json.loads(realism_json(report))) == made_now
    for file, png in made_now:
        pixels = matplotlib.image.imread(io.BytesIO(png))[..., :3]
        ours = [int(COLOUR["dialogue"][i : i + 2], 16) / 255 for i in (1, 3, 5)]
        assert (abs(pixels - ours).max(axis=-1) < 0.01).mean() > 0.005, f"{file.name} has no bars"


def test_the_card_shows_our_figures_beside_published_ones(report: dict[str, Any]) -> None:
    text = realism_section(report)
    assert "| Overlaps: seconds (count) per minute | 1.1 (3.0) | Fisher 3.3 |" in text
    assert "| interruptions per minute | 1.00 | Duplex Cue 0.27 |" in text
    assert "| to yield to : not to | 1 : 2.0 |  |" in text
    assert "Levinson & Torreira 2015" in text
    assert "None" not in text


def test_the_section_stands_under_its_heading_in_the_card(dataset: Store, report: dict[str, Any]) -> None:
    index = Index.load(dataset)
    facts = CardFacts("Tiny", turn_taking=realism_section(report))
    connection = connect(dataset, index)
    text = card(index, connection, configs(dataset, index, connection), facts)
    assert text.index("## Turn-taking") < text.index("### Beside human talk") < text.index("## Licences")


def test_diversity_of_texts() -> None:
    long = "the quick brown fox jumps over the lazy dog while the cat sleeps on the warm mat near the door"
    other = "please tell me when the next train to the city leaves and how much a ticket costs for two people"
    found = text_diversity({"a": [long], "b": [other], "c": [long + " today"]})
    assert found["near_duplicate_share"] == pytest.approx(2 / 3)
    assert text_diversity({"a": ["No, no, no!"]})["type_token_ratio"] == pytest.approx(1 / 3)
    assert text_diversity({"a": ["one two", "two one"]})["distinct_2"] == 1.0
    assert text_diversity({})["near_duplicate_share"] is None
    assert entropy_bits([5, 5, 5, 5]) == 2.0
    assert entropy_bits([7]) == 0.0
