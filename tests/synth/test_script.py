"""Scripts: which lines are spoken, and where the parties interrupt, nod and hesitate."""

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from manifests.records import Licence, TextDialogue, TextTurn
from synth.script import CANCELS, FILLERS, IntentMix, Interaction, Script, intent_of, pause_points, write_script

LICENCE = Licence("CC-BY-4.0", True, True)
LONG = "There are three ways to do that, and I would start with the first one, because it is the easiest by far."
VOICES = ["bella", "carl", "daisy"]


def dialogue(*texts: str, name: str = "d") -> TextDialogue:
    turns = tuple(TextTurn("assistant" if n % 2 else "user", text) for n, text in enumerate(texts))
    return TextDialogue(name, turns, "en", "tests", LICENCE, "talk")


def scripts(count: int, interaction: Interaction, *texts: str) -> list[Script]:
    return [write_script(dialogue(*texts, name=f"d{n}"), interaction, "anna", VOICES, 1) for n in range(count)]


QUIET = Interaction(barge_in=0, backchannels_per_minute=0, hesitation=0)
TALK = (
    "Tell me how I can do that at home.",
    LONG,
    "And what about the second one, then?",
    LONG.replace("three", "two"),
)


def test_a_quiet_script_is_the_dialogue_line_by_line() -> None:
    [script] = scripts(1, QUIET, "I have 2 cats.", LONG)
    assert [(line.role, line.text, line.voice) for line in script.lines] == [
        ("turn", "I have two cats.", script.user_voice),
        ("turn", LONG, "anna"),
    ]
    assert script.turns[0].text_written == "I have 2 cats."
    assert script.turns[0].text == "I have two cats."
    assert [line.id for line in script.lines] == ["d0#0", "d0#1"]
    assert script.barge_ins == script.backchannels == ()
    assert [(line.id, line.language) for line in script.engine_lines()] == [("d0#0", "en"), ("d0#1", "en")]


def test_scripts_survive_json_and_depend_on_seed_and_dialogue_alone() -> None:
    for script in scripts(30, Interaction(barge_in=1, backchannels_per_minute=16, hesitation=1), *TALK):
        assert Script.from_json(script.to_json()) == script
        assert Script.from_json(script.to_json()).to_json() == script.to_json()
    again = scripts(30, Interaction(), *TALK)
    assert again == scripts(30, Interaction(), *TALK)
    assert again[0] != write_script(dialogue(*TALK, name="d0"), Interaction(), "anna", VOICES, 2)
    assert {script.user_voice for script in again} == set(VOICES)


def test_every_line_has_one_owner_and_its_own_seed() -> None:
    for script in scripts(30, Interaction(barge_in=1, backchannels_per_minute=16, hesitation=1), *TALK):
        owners = [line for turn in script.turns for line in turn.lines] + [item.line for item in script.backchannels]
        assert sorted(owners) == sorted(line.id for line in script.lines)
        assert len({line.seed for line in script.lines}) == len(script.lines)
        texts = {line.id: line.text for line in script.lines}
        assert all(turn.text == " ".join(texts[line] for line in turn.lines) for turn in script.turns)


def test_hesitations_cut_a_turn_mid_clause_with_or_without_a_filler() -> None:
    found = scripts(200, Interaction(barge_in=0, backchannels_per_minute=0, hesitation=1.0, filler=0.5), *TALK)
    fillers = Counter(len(script.turns[0].lines) for script in found)
    assert set(fillers) == {2, 3}
    assert 0.35 < fillers[3] / 200 < 0.65
    for script in found:
        texts = {line.id: line.text for line in script.lines}
        parts = [texts[line] for line in script.turns[0].lines]
        assert len(parts) == 2 or parts[1] in FILLERS
        assert parts[0] + " " + parts[-1] == TALK[0]
        assert parts[0][-1].isalpha()
        assert all(len(turn.lines) == 1 for turn in script.turns if turn.speaker == "assistant")


def test_pauses_follow_words_that_lead_on() -> None:
    assert pause_points("Put the milk and the eggs on my list, please.") == [2, 4, 5]
    assert pause_points("Set seven alarms tomorrow morning.") == [2, 3]
    assert pause_points("Yes, please.") == []


def test_events_are_as_frequent_as_asked() -> None:
    found = scripts(600, Interaction(barge_in=0.25, backchannels_per_minute=6, hesitation=0.2), *TALK)
    answered = sum(not item.added for script in found for item in script.barge_ins)
    assert answered / 600 == pytest.approx(0.25, abs=0.05)  # one of the two assistant turns has a user's after it
    cancels = sum(item.added for script in found for item in script.barge_ins)
    assert cancels / 600 == pytest.approx(0.25 * 0.2 * 2, abs=0.04)
    hesitations = sum(len(turn.lines) > 1 for script in found for turn in script.turns)
    assert hesitations / 1200 == pytest.approx(0.2, abs=0.04)
    minutes = 2 * len(LONG.split()) / 2.7 / 60
    assert sum(len(script.backchannels) for script in found) / 600 == pytest.approx(6 * minutes, rel=0.1)


def test_a_cancel_is_added_after_the_last_turn_only_and_belongs_to_no_source() -> None:
    for script in scripts(100, Interaction(barge_in=1.0), *TALK):
        added = [item for item in script.barge_ins if item.added]
        if added:
            [item] = added
            assert (item.turn, item.target_turn, item.intent) == (4, 3, "cancel")
            assert script.turns[4].text in CANCELS
            assert script.turns[4].speaker == "user"
        assert all(item.intent != "cancel" for item in script.barge_ins if not item.added)
    assert all(
        not item.added for script in scripts(50, Interaction(barge_in=1.0), *TALK[:3]) for item in script.barge_ins
    )


def test_an_interruption_means_what_it_says() -> None:
    rng = np.random.default_rng(0)
    assert intent_of("No, I said Austin.", IntentMix(), rng) == "correct"
    assert intent_of("Sorry, I meant five.", IntentMix(), rng) == "correct"
    assert intent_of("What do you mean by that?", IntentMix(), rng) == "clarify"
    drawn = Counter(intent_of("Tell me about the moon.", IntentMix(), rng) for _ in range(800))
    assert set(drawn) == {"topic", "correct", "clarify"}
    assert drawn["topic"] / 800 == pytest.approx(0.3 / 0.8, abs=0.06)


@pytest.mark.parametrize(
    "bad",
    [{"barge_in": 1.5}, {"hesitation": -0.1}, {"unknown": 1}, {"intents": {"topic": 0, "correct": 0, "clarify": 0}}],
)
def test_impossible_parameters_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Interaction.model_validate(bad)


def test_a_script_needs_a_user_voice() -> None:
    with pytest.raises(ValueError, match="user voice"):
        write_script(dialogue(*TALK), QUIET, "anna", [], 1)
