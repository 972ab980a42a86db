"""Scripts: which lines are spoken, and where the parties interrupt, nod and hesitate."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from pydantic import ValidationError

from tests.synth.duplex.conftest import QUIET
from tests.synth.lines import engine_lines
from turnmill.manifests.records import Interruption, Licence, TextDialogue, TextTurn
from turnmill.synth.intents import INTENTS
from turnmill.synth.phrases import PHRASES
from turnmill.synth.script import Interaction, Script, write_script
from turnmill.synth.script.pauses import pause_points
from turnmill.synth.tokens import joined, prefix, tokens
from turnmill.synth.tts.declared import with_beside
from turnmill.synth.tts.engines.espeak import ESPEAK
from turnmill.synth.tts.engines.hibari import HIBARI
from turnmill.synth.voices import VoiceBank

LICENCE = Licence("CC-BY-4.0", True, True)
LONG = (
    "There are three ways to do that, and I would start with the first one. It is the easiest by far, because you need "
    "no tools for it."
)
ENGLISH = PHRASES["en"]
USERS = {voice.name for voice in ESPEAK.users_of("train", "en")}


def dialogue(*texts: str, name: str = "d", language: str = "en") -> TextDialogue:
    turns = tuple(TextTurn("assistant" if n % 2 else "user", text) for n, text in enumerate(texts))
    return TextDialogue(name, turns, language, "tests", LICENCE, "talk")


def scripts(count: int, interaction: Interaction, *texts: str, language: str = "en") -> list[Script]:
    found = (dialogue(*texts, name=f"d{n}", language=language) for n in range(count))
    return [write_script(item, interaction, ESPEAK, "train", 1) for item in found]


ALL = Interaction(
    barge_in=0.7,
    backchannels_per_minute=16,
    assistant_backchannels_per_minute=16,
    balance=5,
    hesitation=1,
    silence_timeout=0.5,
)
TALK = (
    "Tell me how I can do that at home.",
    LONG,
    "And what about the second one, then?",
    LONG.replace("three", "two"),
)


def test_a_style_holds_for_all_that_its_speaker_says_until_that_speakers_next_turn() -> None:
    for n in range(20):
        before = dialogue(*TALK, name=f"d{n}")
        turns = tuple(replace(turn, style="slow") if turn.role == "assistant" else turn for turn in before.turns[:2])
        script = write_script(replace(before, turns=(*turns, *before.turns[2:])), ALL, ESPEAK, "train", 1)
        last = next((turn.index for turn in script.turns if turn.text_written == TALK[3]), 99)
        for turn in script.turns:
            slow = turn.speaker == "assistant" and turn.index < last
            assert turn.style == ("slow" if slow else None), turn
        for line, told in zip(script.lines, engine_lines(script), strict=True):
            assert line.style == told.style
            assert line.style is None or line.speaker == "assistant"
        assert any(line.style for line in script.lines)


def quiet(**changes: object) -> Interaction:
    return QUIET.model_copy(update=changes)


def test_a_quiet_script_is_the_dialogue_line_by_line() -> None:
    [script] = scripts(1, QUIET, "I have 2 cats.", LONG)
    assert [(line.role, line.text, line.voice) for line in script.lines] == [
        ("turn", "I have two cats.", script.user_voice),
        ("turn", LONG, script.assistant_voice),
    ]
    assert script.turns[0].text_written == "I have 2 cats."
    assert script.turns[0].text == "I have two cats."
    assert [line.id for line in script.lines] == ["d0#0", "d0#1"]
    assert script.barge_ins == script.backchannels == script.intrusions == ()
    assert [(line.id, line.language) for line in engine_lines(script)] == [("d0#0", "en"), ("d0#1", "en")]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_scripts_survive_json_and_depend_on_seed_and_dialogue_alone(language: str) -> None:
    talk = (
        TALK
        if language == "en"
        else ("附近有什么好吃的？", "有一家面馆，味道很好，价格也不贵，你可以去试试。", "远吗？", "不远，走路十分钟。")
    )
    found = scripts(30, ALL, *talk, language=language)
    for script in found:
        assert Script.from_json(script.to_json()) == script
        assert Script.from_json(script.to_json()).to_json() == script.to_json()
    assert found == scripts(30, ALL, *talk, language=language)
    assert found[0] != write_script(dialogue(*talk, name="d0", language=language), ALL, ESPEAK, "train", 2)
    assert len({script.user_voice for script in found}) > 1
    assert {script.assistant_voice for script in found} == {v.name for v in ESPEAK.assistants_of(language)}


def test_every_line_has_one_owner_and_every_event_its_turn() -> None:
    kinds = Counter[str]()
    for script in scripts(60, ALL, *TALK):
        owners = [line for turn in script.turns for line in turn.lines] + [item.line for item in script.backchannels]
        spoken = [item for item in script.intrusions if item.kind not in ("noise_burst", "cough")]
        assert sorted(owners + [item.line for item in spoken]) == sorted(line.id for line in script.lines)
        texts = {line.id: line.text for line in script.lines}
        assert all(turn.text == joined([texts[line] for line in turn.lines]) for turn in script.turns)
        assert [turn.index for turn in script.turns] == list(range(len(script.turns)))
        for before, turn in pairwise(script.turns):
            assert (before.speaker == turn.speaker) == turn.after_silence
        for item in script.intrusions:
            assert script.turns[item.target_turn].speaker == "assistant"
        for nod in script.backchannels:
            assert script.turns[nod.target_turn].speaker != nod.speaker
        for barge_in in script.barge_ins:
            assert barge_in.turn == barge_in.target_turn + 1
        for line in script.lines:
            if line.role == "third_party":
                assert line.voice in USERS - {script.user_voice}
        kinds.update(item.kind for item in script.intrusions)
    assert set(kinds) == {"failed_barge_in", "noise_burst", "cough", "side_talk", "third_party"}


def test_a_backchannel_has_one_seed_per_voice_and_text_so_that_it_is_spoken_once() -> None:
    nods = [line for script in scripts(60, ALL, *TALK) for line in script.lines if line.role == "backchannel"]
    seeds: dict[tuple[str, str], set[int]] = {}
    for line in nods:
        seeds.setdefault((line.voice, line.text), set()).add(line.seed)
    assert len(nods) > len(seeds)
    assert all(len(found) == 1 for found in seeds.values())


def test_hesitations_cut_a_turn_mid_clause_with_or_without_a_filler() -> None:
    found = scripts(200, quiet(hesitation=1.0), *TALK)
    fillers = Counter(len(script.turns[0].lines) for script in found)
    assert set(fillers) == {2, 3}
    assert 0.35 < fillers[3] / 200 < 0.65
    for script in found:
        texts = {line.id: line.text for line in script.lines}
        parts = [texts[line] for line in script.turns[0].lines]
        assert len(parts) == 2 or parts[1] in ENGLISH.stock("filler")
        assert parts[0] + " " + parts[-1] == TALK[0]
        assert parts[0][-1].isalpha()
        assert all(len(turn.lines) == 1 for turn in script.turns if turn.speaker == "assistant")


def test_pauses_follow_words_that_lead_on_and_part_no_chinese_word() -> None:
    assert pause_points("Put the milk and the eggs on my list, please.", ENGLISH) == [4]
    assert pause_points("Set seven alarms for tomorrow morning.", ENGLISH) == [3]
    for text in (
        "My checking account please.",
        "Make a grocery list.",
        "On the tenth of March.",
        "I have one hundred and twenty dollars.",
        "I am looking for a hotel.",
    ):
        assert pause_points(text, ENGLISH) == []
    assert pause_points("Yes, please.", ENGLISH) == []
    chinese = PHRASES["zh"]
    assert pause_points("我明天不去，因为北京下大雪。", chinese) == [7]
    assert pause_points("我了解北京和平里。", chinese) == []


def test_events_are_as_frequent_as_asked() -> None:
    found = scripts(
        800, Interaction(barge_in=0.25, backchannels_per_minute=3, hesitation=0.2, silence_timeout=0.1), *TALK
    )
    turns = [turn for script in found for turn in script.turns]
    # An answer that says its turn again is not interrupted; a cancel ends the dialogue.
    asked = sum(turn.speaker == "assistant" and turn.text_written is not None for turn in turns)
    barge_ins = [item for script in found for item in script.barge_ins]
    assert len(barge_ins) / asked == pytest.approx(0.25, abs=0.03)
    said = sum(
        turn.speaker == "user" and bool(turn.text_written) and bool(pause_points(turn.text_written, ENGLISH))
        for turn in turns
    )
    assert sum(len(turn.lines) > 1 for turn in turns) / said == pytest.approx(0.2, abs=0.03)
    nods = sum(item.speaker == "user" for script in found for item in script.backchannels)
    minutes = asked * len(tokens(LONG)) / ENGLISH.words_per_s / 60
    assert nods == pytest.approx(3 * minutes, rel=0.1)
    assert {item.intent for item in barge_ins} == {"clarify", "repeat", "cancel"}  # it has no company


def test_the_balance_of_events_that_want_no_yield_to_those_that_do_is_a_parameter() -> None:
    for balance in (0.0, 1.0, 2.0):
        found = scripts(800, quiet(barge_in=0.3, balance=balance), *TALK)
        yields = sum(len(script.barge_ins) for script in found)
        asked = sum(turn.text_written is not None and turn.speaker == "assistant" for s in found for turn in s.turns)
        assert sum(len(script.intrusions) for script in found) == pytest.approx(balance * 0.3 * asked, rel=0.15)
        assert yields == pytest.approx(0.3 * asked, rel=0.15)


def test_what_a_language_model_wrote_is_used() -> None:
    wrote = TextTurn(
        "assistant",
        LONG,
        interruption=Interruption("correct", "No, at work.", "At work, ask first."),
        backchannels=(7,),
    )
    item = TextDialogue("d", (TextTurn("user", TALK[0]), wrote), "en", "tests", LICENCE)
    script = write_script(item, quiet(barge_in=1.0, backchannels_per_minute=16.0), ESPEAK, "train", 1)
    assert [turn.text for turn in script.turns[2:]] == ["No, at work.", "At work, ask first."]
    assert [barge_in.intent for barge_in in script.barge_ins] == ["correct"]
    assert [nod.after for nod in script.backchannels] == [(7,)]


def german_bank() -> VoiceBank:
    """A language for which there are no phrases."""
    return VoiceBank(
        tuple(v.__class__(v.name, "de", None, None, v.licence) for v in ESPEAK.assistants),
        {
            split: tuple(v.__class__(f"{v.name}-{n}", "de", None, None, v.licence) for n, v in enumerate(users))
            for split, users in ESPEAK.users.items()
        },
    )


def test_a_language_without_phrases_has_its_turns_and_sounds_alone() -> None:
    item = dialogue(
        "Wie komme ich zum Bahnhof?", "Gehen Sie geradeaus und dann an der Ampel nach links.", language="de"
    )
    script = write_script(item, ALL, german_bank(), "train", 4)
    assert {line.role for line in script.lines} == {"turn"}
    assert {item.kind for item in script.intrusions} <= {"noise_burst", "cough"}


@pytest.mark.parametrize(
    "bad",
    [
        {"barge_in": 1.5},
        {"hesitation": -0.1},
        {"unknown": 1},
        {"intents": dict.fromkeys(INTENTS, 0)},
        {"intents": {"topic": -1}},
        {"context": "answer"},
        {"intrusions": dict.fromkeys(("failed_barge_in", "noise_burst", "cough", "side_talk", "third_party"), 0)},
    ],
)
def test_impossible_parameters_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Interaction.model_validate(bad)


def test_a_script_needs_voices_of_its_language() -> None:
    with pytest.raises(ValueError, match="'fr'"):
        write_script(dialogue(*TALK, language="fr"), QUIET, ESPEAK, "train", 1)


def test_who_is_overheard_is_a_bystander_of_the_split_where_there_are_some() -> None:
    bank = with_beside(HIBARI, ["espeak"])
    busy = quiet(barge_in=1.0, balance=4.0)
    found = [write_script(dialogue(*TALK, name=f"d{n}"), busy, bank, "valid", 1) for n in range(30)]
    heard = {line.voice for script in found for line in script.lines if line.role == "third_party"}
    assert heard
    assert heard <= {voice.name for voice in ESPEAK.users_of("valid", "en")}
    assert {script.user_voice for script in found} <= {voice.name for voice in HIBARI.users["valid"]}


def test_a_silence_after_an_answer_ends_with_an_offer_and_after_a_question_with_are_you_there() -> None:
    interaction = quiet(silence_timeout=1)
    asked = "Would you like to know more about it?"
    for texts, kind in (
        (TALK, "reprompt"),
        ((TALK[0], asked, "Yes.", LONG), "waiting"),
    ):
        for script in scripts(20, interaction, *texts):
            [said] = [turn.text for turn in script.turns if turn.after_silence]
            assert said in ENGLISH.stock(kind)
    for script in scripts(20, interaction, *TALK[:2], "I see."):
        assert not any(turn.after_silence for turn in script.turns)  # nobody has anything to say


def test_who_gives_up_a_start_begins_at_the_end_of_a_clause() -> None:
    for script in scripts(40, ALL.model_copy(update={"barge_in": 0.9}), *TALK):
        for item in script.intrusions:
            text = script.turns[item.target_turn].text
            assert (item.after is not None) == (item.kind == "failed_barge_in")
            assert all(prefix(text, count)[-1] in ".," for count in item.after or ())


def test_a_shortened_turn_says_so_wherever_it_is_said() -> None:
    before = dialogue(*TALK)
    turns = tuple(replace(turn, shortened=n == 1) for n, turn in enumerate(before.turns))
    for seed in range(10):
        script = write_script(replace(before, turns=turns), ALL, ESPEAK, "train", seed)
        assert {turn.text_written for turn in script.turns if turn.shortened} == {TALK[1]}
