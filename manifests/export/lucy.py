"""Conversations with the states of their interruptions: LUCY.

Contract: vita/util/data_util.py (TA2TADataset), data_util_helper.py, conversation.py, constants.py. A state says what
the user's audio is to the assistant that is speaking; LUCY takes what has none as a further inquiry. The codec's tokens
are the trainer's to make: the assistant's audio is beside the user's.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from turnmill.manifests.audio import Audio
from turnmill.manifests.export.profile import Add, Drop, Index, Place, Profile, Row, Written, json_line
from turnmill.manifests.export.rounds import Round, Turn, held, rounds, said
from turnmill.manifests.export.sample import ASSISTANT, USER, WHISPER_RATE, Sample, heard

ASSISTANT_RATE: Final = 24_000  # Hz, of SNAC
_TOKENS: Final = 50  # a second of the user's audio, with Whisper's encoder
_WINDOW: Final = 1_500  # tokens of a sample as run_scripts/s3.sh has it

DENIAL, INQUIRY, CHANGE, AFFIRM, NOISE = range(151_657, 151_662)
"""`<|airq_denial|>` and so on in LUCY's vocabulary."""

_STATES: Final[Mapping[str | None, int]] = {
    "correct": DENIAL,
    "denial": DENIAL,
    "follow_up": INQUIRY,
    "clarify": INQUIRY,
    "repeat": INQUIRY,
    "topic": CHANGE,
}
"""Of what a user who takes the floor is after (`records.Intent`)."""
_NO_STATE: Final = frozenset({"affirm", "cancel"})
"""LUCY has none for thanks and for an order to stop: its `<|airq_affirm|>` is of one who lets the assistant go on."""
_NOISES: Final = frozenset({"noise_burst", "cough", "side_talk", "third_party"})
_UNSAID: Final = "..."  # in place of an answer that there is not: LUCY wants a text, and does not learn it

Message = dict[str, Any]


@contextmanager
def lucy(place: Place) -> Iterator[Add]:
    """`wav/KEY-NNN.wav`: the user at 16 kHz, of the clean stem where it was kept, and the assistant at 24 kHz.

    Items are the conversation, and each short word and each noise of the user's while an answer is spoken. Such a one
    ends a copy of the conversation up to there, for LUCY has them at the end alone.
    """

    def add(sample: Sample) -> Iterator[Row]:
        dialogue, talk = sample.told["id"], _Talk(sample, place)
        barge_ins = {each["turn"]: each for each in sample.told["events"] if each["kind"] == "barge_in"}

        def interrupting(one: Round) -> Mapping[str, Any]:
            return next((barge_ins[turn["index"]] for turn in one.question if turn["index"] in barge_ins), {})

        def why_not(one: Round) -> Drop | None:
            drop = one.unfit
            return Drop.NO_STATE if drop is None and interrupting(one).get("intent") in _NO_STATE else drop

        together, why = held(rounds(sample), why_not)
        emotional = any(turn["emotion"] for one in together for turn in one.answer)
        messages: list[Message] = []
        until: dict[int, int] = {}  # messages up to the end of each turn that is an answer
        for one in together:
            event = interrupting(one)
            state = _STATES.get(event.get("intent")) if event.get("target_turn") in until else None
            messages += [talk.asked(one.question), *talk.answered(one.answer, emotional, state)]
            until |= {turn["index"]: len(messages) for turn in one.answer}
        if together:
            yield Row(dialogue, sample.duration, _entry("emotion" if emotional else "", messages))
        else:
            yield Row(dialogue, sample.duration, drop=why)
        for number, (span, state) in enumerate(_not_meant(sample)):
            item, seconds = f"{dialogue}#{number}", span["end"] - span["start"]
            if span["target_turn"] in until:
                history = messages[: until[span["target_turn"]]]
                yield Row(item, seconds, _entry("negative", [*history, *talk.negative(span, state)]))
            else:
                yield Row(item, seconds, drop=Drop.NO_HISTORY)

    yield add


def _entry(kind: str, messages: Sequence[Message]) -> dict[str, Any]:
    return {"kind": kind, "conversations": messages}


def _not_meant(sample: Sample) -> Iterator[tuple[Mapping[str, Any], int]]:
    """What is heard of the user while the assistant speaks and goes on, in order, and its state."""
    told = sample.told
    spans = [(each, AFFIRM) for each in told["backchannels"] if each["channel"] == USER]
    spans += [(each, NOISE) for each in told["events"] if each["kind"] in _NOISES and each["target_turn"] is not None]
    yield from sorted(spans, key=lambda each: each[0]["start"])


@dataclass
class _Talk:
    """Writes the audio of messages, and says them."""

    sample: Sample
    place: Place
    files: int = field(default=0, init=False)

    def asked(self, question: Sequence[Turn]) -> Message:
        wav = self._wav(self.sample.user_sound, question[0]["start"], question[-1]["end"], WHISPER_RATE)
        return {"role": "user", **({"content": said(question)} if said(question) else {}), "wavpath": wav}

    def answered(self, answer: Sequence[Turn], emotional: bool, state: int | None) -> list[Message]:
        """Messages of the assistant, the last one's text all that is said after what a call of a tool came back with.
        Those after the first have no state of their own."""
        messages: list[Message] = []
        parts: list[Turn] = []

        def speak(call: str = "") -> None:
            words = said(parts)
            tag = f"<|{_emotion(parts or answer)}|>" if emotional else ""
            one_line = " ".join(f"{tag}{words} {call}".split())  # as LUCY's pattern of a call wants it
            message: Message = {"role": "assistant", "content": one_line}
            if words:
                spoken = (self.sample.sound, ASSISTANT)
                message["wavpath"] = self._wav(spoken, parts[0]["start"], parts[-1]["end"], ASSISTANT_RATE)
            messages.append(message)
            parts.clear()

        for turn in answer:
            before, after = _around_call(turn)
            if after is None:
                parts.append(turn)
                continue
            parts += [before] if before else []
            speak(_function(turn["tool"]["call"]))
            messages.append({"role": "observation", "content": turn["tool"]["observation"]})
            parts.append(after)
        speak()
        if state is not None:
            messages[0]["state"] = state
        return messages

    def negative(self, span: Mapping[str, Any], state: int) -> list[Message]:
        """Audio that is not to be answered. A noise is on the channel that was simulated, not on the clean stem."""
        of = self.sample.user_sound if state == AFFIRM else (self.sample.sound, USER)
        asked: Message = {"role": "user"} | ({"content": span["text"]} if state == AFFIRM and span["text"] else {})
        asked["wavpath"] = self._wav(of, span["start"], span["end"], WHISPER_RATE)
        return [asked, {"role": "assistant", "content": _UNSAID, "state": state}]

    def _wav(self, of: tuple[Audio, int], start: float, end: float, rate: int) -> str:
        path = f"wav/{self.sample.key}-{self.files:03d}.wav"
        self.place.write(path, heard(of, start, end, rate, self.sample.key))
        self.files += 1
        return path


def _emotion(parts: Sequence[Turn]) -> str:
    return next((turn["emotion"] for turn in parts if turn["emotion"]), "neutral").capitalize()


def _around_call(turn: Turn) -> tuple[Turn | None, Turn | None]:
    """What a turn says before its call of a tool and after; (None, None) where it calls none, or says nothing of what
    came back."""
    tool, words, text = turn["tool"], turn["words"], turn["text_heard"]
    if tool is None or len(words) <= tool["after"]:
        return None, None
    place = 0
    for word in words[: tool["after"]]:
        found = text.find(word["word"], place)
        place = place if found < 0 else found + len(word["word"])
    after = {**turn, "text_heard": text[place:], "start": words[tool["after"]]["start"]}
    if not place:
        return None, after
    return {**turn, "text_heard": text[:place], "end": words[tool["after"] - 1]["end"]}, after


def _function(call: str) -> str:
    """A call as LUCY has it: `<function=NAME>ARGUMENTS</function>`."""
    try:
        told = json.loads(call)
        name, arguments = told["name"], told["arguments"]
    except (ValueError, KeyError, TypeError):  # `Search("news")`, as some sources have it
        name = re.match(r"\w*", call)[0]  # type: ignore[index]  # it matches anything
        arguments = call.removeprefix(name)
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f"<function={name}>{text}</function>"


def lucy_index(index: Index) -> None:
    """`SPLIT.jsonl` of the conversations, `SPLIT.emotion.jsonl` of those whose answers begin with an emotion, and
    `SPLIT.negative.jsonl` of those that end with what is not to be answered: LUCY has a task for each file. It reads
    paths from where it runs, so they are absolute."""
    for split, entries in index.splits.items():
        with ExitStack() as stack:
            files: dict[str, BinaryIO] = {}
            for entry in entries():
                kind = entry.pop("kind")
                if kind not in files:
                    name = ".".join(part for part in (split, kind, "jsonl") if part)
                    files[kind] = stack.enter_context(index.store.writer(name))
                for message in entry["conversations"]:
                    if "wavpath" in message:
                        message["wavpath"] = index.store.path(message["wavpath"])
                files[kind].write(json_line(entry).encode())


def lucy_knob(written: Written) -> str:
    window = max(_WINDOW, round(_TOKENS * written.lengths[2]))
    return f"--max_input_length {window}  (what is longer is cut off; run_scripts/s3.sh has {_WINDOW})"


_COMMAND: Final = (
    "bash run_scripts/s3.sh  (its DATA_JSONS and TASKS, those that are there of {folder}/{split}.jsonl AQACONV, "
    "{split}.emotion.jsonl AQACONV_EMO, {split}.negative.jsonl AQACONV)"
)

PROFILES: Final = (
    Profile("lucy", "LUCY", "dialogue", "conversations", lucy, lucy_index, _COMMAND, lucy_knob, absolute=True),
)
