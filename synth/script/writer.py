"""Write the script of a dialogue: draw its voices and its interaction, and write every line that has to be spoken."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from turnmill.manifests.languages import primary
from turnmill.manifests.records import Intent, Interruption, TextDialogue, TextTurn, ToolCall, generator, stable_hash
from turnmill.synth.phrases import PHRASES, Phrases
from turnmill.synth.rewrite.tasks import certainly_said
from turnmill.synth.script.interaction import Interaction
from turnmill.synth.script.model import (
    Backchannel,
    BargeIn,
    Intrusion,
    IntrusionKind,
    Party,
    Role,
    Script,
    ScriptLine,
    ScriptTurn,
)
from turnmill.synth.text import spoken_form
from turnmill.synth.tokens import joined, prefix, spans, tokens
from turnmill.synth.voices import Split, VoiceBank

_MOST_BACKCHANNELS = 4  # per turn; Turnmill's choice
_MOST_INTRUSIONS = 2  # per turn
_LEAST_TOKENS = 6  # of an assistant's turn that something falls into


def write_script(dialogue: TextDialogue, interaction: Interaction, bank: VoiceBank, split: Split, seed: int) -> Script:
    """Choose the interaction of a dialogue that `synth.text.speakable` let through, and write its lines.

    The assistant's voice is drawn from the bank's, the user's from those of the split. ValueError where the bank has no
    voice for either. Random draws depend on seed and dialogue alone.
    """
    language = primary(dialogue.language)
    assistants, users = bank.assistants_of(language), bank.users_of(split, language)
    if not assistants or not users:
        raise ValueError(f"the bank has no voices for language {language!r}, split {split}")
    rng = generator(seed, dialogue.id, "user voice")
    user = int(rng.integers(len(users)))
    assistant = assistants[int(generator(seed, dialogue.id, "assistant voice").integers(len(assistants)))]
    person = users[user].name.split("#")[0]  # several recordings of one speaker are `corpus/speaker#1`, `#2`, ...
    near = bank.bystanders_of(split, language) or users
    others = [voice.name for voice in near if voice.name.split("#")[0] != person]
    third = others[int(rng.integers(len(others)))] if others else None
    writer = _Writer(dialogue, interaction, assistant.name, users[user].name, third, seed)
    for index in range(len(dialogue.turns)):
        if not writer.turn(index):
            break
    return Script(
        id=dialogue.id,
        source=dialogue.source,
        language=dialogue.language,
        licence=dialogue.licence,
        scenario=dialogue.scenario,
        assistant_voice=assistant.name,
        user_voice=users[user].name,
        seed=seed,
        turns=tuple(writer.turns),
        lines=tuple(writer.lines),
        barge_ins=tuple(writer.barge_ins),
        backchannels=tuple(writer.backchannels),
        intrusions=tuple(writer.intrusions),
    )


def intent_of(text: str, phrases: Phrases) -> Intent:
    """What an interrupting turn is after, by how it begins; a new topic where that does not tell."""
    opening = text.lower()
    if opening.startswith(phrases.clarifies):
        return "clarify"
    return "correct" if opening.startswith(phrases.corrects) else "topic"


def pause_points(text: str, phrases: Phrases) -> list[int]:
    """Counts of tokens after which a speaker may pause mid-clause: at least two on either side, no punctuation before,
    after words that lead on ("and", "to"). Where no word does, any word ends a thought in languages that write words
    apart."""
    parts = tokens(text)
    points = [n for n in range(2, len(parts) - 1) if parts[n - 1][-1].isalpha()]
    leading = [n for n in points if _leads_on(text, parts, n, phrases)]
    return leading or (points if phrases.words_apart else [])


def _leads_on(text: str, parts: Sequence[str], count: int, phrases: Phrases) -> bool:
    if phrases.words_apart:
        return parts[count - 1].lower() in phrases.leads_to_pause
    return prefix(text, count).endswith(tuple(phrases.leads_to_pause))


class _Writer:
    """Collects the lines and events of one script."""

    def __init__(
        self,
        dialogue: TextDialogue,
        interaction: Interaction,
        assistant: str,
        user: str,
        third: str | None,
        seed: int,
    ) -> None:
        self.dialogue, self.interaction, self.seed = dialogue, interaction, seed
        self.voices: dict[Party, str] = {"assistant": assistant, "user": user}
        self.third = third
        self.styles: dict[Party, str | None] = {"assistant": None, "user": None}  # of each one's last turn
        self.phrases = PHRASES.get(primary(dialogue.language))
        self.turns: list[ScriptTurn] = []
        self.lines: list[ScriptLine] = []
        self.barge_ins: list[BargeIn] = []
        self.backchannels: list[Backchannel] = []
        self.intrusions: list[Intrusion] = []
        self.turns_left: int | None = None  # after a barge-in that the rest of the source does not survive

    def turn(self, index: int) -> bool:
        """Write a turn of the source and what happens around it; False where the dialogue ends with it."""
        turn = self.dialogue.turns[index]
        self.styles["assistant" if turn.role == "assistant" else "user"] = turn.style
        text = spoken_form(turn.text, self.dialogue.language)
        rng = generator(self.seed, self.dialogue.id, f"interaction {index}")
        if turn.role == "user":
            goes_on = self._user_turn(turn, text, rng)
        else:
            goes_on = self._assistant_turn(index, turn, text, rng)
        if self.turns_left is not None:
            self.turns_left -= 1
            return goes_on and self.turns_left > 0
        return goes_on

    def _user_turn(self, turn: TextTurn, text: str, rng: np.random.Generator) -> bool:
        parts, phrases = tokens(text), self.phrases
        points = pause_points(text, phrases) if phrases else []
        pieces: list[tuple[Role, str]] = [("turn", text)]
        if phrases and points and rng.random() < self.interaction.hesitation:
            cut = int(rng.choice(points))
            filler = phrases.say("filler", rng) if rng.random() < self.interaction.filler else None
            pieces = [("turn", _between(text, 0, cut))]
            pieces += [("filler", filler)] if filler else []
            pieces.append(("turn", _between(text, cut, len(parts))))
        here = self._add("user", turn.written, pieces, emotion=turn.emotion)
        self._backchannels("assistant", here, turn, parts, self.interaction.assistant_backchannels_per_minute, rng)
        return True

    def _assistant_turn(self, index: int, turn: TextTurn, text: str, rng: np.random.Generator) -> bool:
        here = self._add("assistant", turn.written, [("turn", text)], emotion=turn.emotion, tool=turn.tool)
        parts = tokens(text)
        self._backchannels("user", here, turn, parts, self.interaction.backchannels_per_minute, rng)
        intent = self._intent(index, turn, rng)
        self._intrude(here, parts, intent is not None, rng)
        if intent is not None and (goes_on := self._interrupt(intent, index, here, turn, text, rng)) is not None:
            return goes_on
        following = self.dialogue.turns[index + 1 : index + 2]
        if following and self.phrases and rng.random() < self.interaction.silence_timeout:
            reprompt = self.phrases.say("reprompt", rng)
            self._add("assistant", None, [("turn", reprompt)], after_silence=True)
        return True

    def _intent(self, index: int, turn: TextTurn, rng: np.random.Generator) -> Intent | None:
        """What the user interrupts a turn for, None where not. A cancel ends the dialogue, so that all of its share
        falls on a turn that does so anyway; and the answer that a dialogue was cut down to is heard."""
        mix, chance = self.interaction.intents, self.interaction.barge_in
        draw, choice = rng.random(), rng.random()
        if self.turns_left is not None:
            return None
        if turn.interruption is not None:
            return turn.interruption.intent if draw < chance else None
        following = len(self.dialogue.turns) - index - 1
        cancels = mix.cancel / (mix.topic + mix.correct + mix.clarify + mix.cancel)
        answers = sum(turn.role == "assistant" for turn in self.dialogue.turns)
        last = min(chance * cancels * answers, 1.0) if following == 0 and self.phrases else 0.0
        if draw < last:
            return "cancel"
        if draw >= last + chance * (1 - cancels):
            return None
        kinds: dict[Intent, float] = {"topic": mix.topic if following else 0.0}
        if self.interaction.context == "answer" and self.phrases:
            kinds |= {"correct": mix.correct, "clarify": mix.clarify}
        total = sum(kinds.values())
        if total <= 0:  # only the source's own turn can interrupt, whatever it is after
            return "topic" if following and self.interaction.context != "answer" else None
        shares = np.cumsum(list(kinds.values())) / total
        return list(kinds)[int(np.searchsorted(shares, choice, side="right"))]

    def _interrupt(
        self, intent: Intent, index: int, here: int, turn: TextTurn, text: str, rng: np.random.Generator
    ) -> bool | None:
        """Have the user interrupt the turn; None where nothing can, else whether the dialogue goes on."""
        own = turn.interruption or self._own_interruption(intent, text, rng)
        if own is not None:
            said = spoken_form(own.text, self.dialogue.language)
            # What a language model has the user say may answer what was certainly heard.
            least = certainly_said(text) if turn.interruption else 0
            self.barge_ins.append(BargeIn(self._add("user", None, [("turn", said)]), here, own.intent, least))
            if own.answer is None:
                return False
            self._add("assistant", None, [("turn", spoken_form(own.answer, self.dialogue.language))])
            return True
        following = self.dialogue.turns[index + 1 : index + 2]
        if not following:
            return None
        said = spoken_form(following[0].text, self.dialogue.language)
        meant = intent_of(said, self.phrases) if self.phrases else "topic"
        self.barge_ins.append(BargeIn(here + 1, here, meant))
        if self.interaction.context == "drop":
            self.turns_left = 3  # this one, the user's and its answer
        return True

    def _own_interruption(self, intent: Intent, text: str, rng: np.random.Generator) -> Interruption | None:
        """An interruption from the stock of phrases; None where the source's next turn interrupts."""
        if self.phrases is None or intent == "topic":
            return None
        if intent == "cancel":
            return Interruption("cancel", self.phrases.say("cancel", rng), None)
        if intent != "correct" and intent != "clarify":
            return None
        answer = self.phrases.say("correct_reply" if intent == "correct" else "clarify_reply", rng)
        return Interruption(intent, self.phrases.say(intent, rng), joined([answer, text]))

    def _intrude(self, here: int, parts: Sequence[str], interrupted: bool, rng: np.random.Generator) -> None:
        interaction = self.interaction
        kinds: tuple[IntrusionKind, ...] = get_args(IntrusionKind)
        weights = np.array([getattr(interaction.intrusions, kind) for kind in kinds])
        for _ in range(min(int(rng.poisson(interaction.balance * interaction.barge_in)), _MOST_INTRUSIONS)):
            kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
            resume = bool(rng.random() < interaction.resume) and kind == "failed_barge_in" and not interrupted
            if len(parts) < _LEAST_TOKENS:
                continue
            line = self._intruding_line(kind, here, rng)
            if line is not None:
                self.intrusions.append(Intrusion(kind, here, line, resume))

    def _intruding_line(self, kind: IntrusionKind, here: int, rng: np.random.Generator) -> str | None:
        if kind == "noise_burst" or kind == "cough":
            return f"{self.dialogue.id}#{kind}{len(self.intrusions)}"
        voice = self.third if kind == "third_party" else self.voices["user"]
        if self.phrases is None or voice is None:
            return None
        speaker: Literal["user", "other"] = "other" if kind == "third_party" else "user"
        said = self.phrases.say("attempt" if kind == "failed_barge_in" else kind, rng)
        return self._line(kind, here, speaker, voice, said)

    def _backchannels(
        self,
        speaker: Party,
        here: int,
        turn: TextTurn,
        parts: Sequence[str],
        per_minute: float,
        rng: np.random.Generator,
    ) -> None:
        if self.phrases is None:
            return
        count = min(int(rng.poisson(per_minute * self._minutes(parts))), _MOST_BACKCHANNELS)
        points: list[int | None] = [None] * count
        if turn.backchannels is not None:  # of those that a language model named, as many as the rate wants
            points = list(rng.permutation([n for n in turn.backchannels if 0 < n <= len(parts)])[:count].tolist())
        for point in points:
            text = str(rng.choice(self.phrases.backchannels))
            line = self._line("backchannel", here, speaker, self.voices[speaker], text)
            self.backchannels.append(Backchannel(line, speaker, here, point))

    def _minutes(self, parts: Sequence[str]) -> float:
        """How long a turn will be, about."""
        return len(parts) / (self.phrases.words_per_s if self.phrases else 2.7) / 60

    def _add(
        self,
        speaker: Party,
        written: str | None,
        pieces: Sequence[tuple[Role, str]],
        emotion: str | None = None,
        tool: ToolCall | None = None,
        after_silence: bool = False,
    ) -> int:
        index = len(self.turns)
        voice = self.voices[speaker]
        lines = tuple(self._line(role, index, speaker, voice, text, emotion) for role, text in pieces)
        text = joined([text for _, text in pieces])
        style = self.styles[speaker]
        self.turns.append(ScriptTurn(index, speaker, voice, written, text, lines, emotion, tool, after_silence, style))
        return index

    def _line(
        self,
        role: Role,
        turn: int,
        speaker: Literal["assistant", "user", "other"],
        voice: str,
        text: str,
        emotion: str | None = None,
    ) -> str:
        name = f"{self.dialogue.id}#{len(self.lines)}"
        # A backchannel sounds the same wherever its voice says it: engines that clone speak it once.
        drawn_for = (voice, text) if role == "backchannel" else (name,)
        seed = int(stable_hash(self.seed, *drawn_for, "speech"), 16) % 2**31
        style = None if speaker == "other" else self.styles[speaker]
        self.lines.append(ScriptLine(name, role, turn, speaker, voice, text, emotion, seed, style))
        return name


def _between(text: str, first: int, last: int) -> str:
    """The text from one token up to another, as it is written."""
    found = spans(text)
    return text[found[first][0] : found[last - 1][1]]
