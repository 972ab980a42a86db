"""Write the script of a dialogue: draw its voices and its interaction, and write every line that has to be spoken."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, get_args

import numpy as np

from turnmill.manifests.languages import primary
from turnmill.manifests.records import TextDialogue, TextTurn, generator, stable_hash
from turnmill.synth.intents import Balance
from turnmill.synth.phrases import PHRASES
from turnmill.synth.script.asking import asks, asks_back, awaits, greets, is_courtesy
from turnmill.synth.script.clauses import ends
from turnmill.synth.script.interaction import Interaction
from turnmill.synth.script.interruptions import interruption, is_asked
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
from turnmill.synth.script.moment import Interruption, Moment
from turnmill.synth.script.nods import nods
from turnmill.synth.script.parts import Part, parts_of
from turnmill.synth.script.pauses import pause_points
from turnmill.synth.tokens import audible, joined, spans, tokens
from turnmill.synth.voices import Split, VoiceBank

_MOST_INTRUSIONS = 2  # per turn; Turnmill's choice
_LEAST_TOKENS = 6  # of an assistant's turn that something falls into


def write_script(
    dialogue: TextDialogue,
    interaction: Interaction,
    bank: VoiceBank,
    split: Split,
    seed: int,
    others: Sequence[TextDialogue] = (),
    balance: Balance | None = None,
) -> Script:
    """Choose the interaction of a dialogue that `synth.text.speakable` let through, and write its lines.

    The assistant's voice is drawn from the bank's, the user's from those of the split. `others` are dialogues of the
    same source, split and language, from which interruptions may borrow; `balance` knows which kinds of interruption
    the scripts before this one had. ValueError where the bank has no voice for either. Random draws depend on seed and
    dialogue alone.
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
    others_near = [voice.name for voice in near if voice.name.split("#")[0] != person]
    third = others_near[int(rng.integers(len(others_near)))] if others_near else None
    writer = _Writer(dialogue, interaction, assistant.name, users[user].name, third, seed)
    writer.write(others, balance or Balance(interaction.intents, generator(seed, dialogue.id, "intents")))
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

    def write(self, others: Sequence[TextDialogue], balance: Balance) -> None:
        """Write the turns of the source and what happens around them, until the dialogue ends."""
        before: list[Part] = []
        ahead, n = parts_of(self.dialogue), 0
        while ahead:
            part, ahead = ahead[0], ahead[1:]
            rng = generator(self.seed, self.dialogue.id, f"interaction {n}")
            n += 1
            if part.borrowed is None:
                self.styles["user" if part.is_user else "assistant"] = part.turn.style
            if part.is_user:
                self._user_turn(part, rng)
                before.append(part)
                continue
            moment = Moment(self.dialogue, tuple(before), part, ahead, self.phrases, others, rng)
            found = self._interruption(moment, balance)
            if found is None:
                self._assistant_turn(part, rng, interrupted=False)
                self._silence(moment, rng)
                before.append(part)
            else:
                self._interrupt(found, rng)
                before += [replace(found.target, interrupted=True), *found.added]
                ahead = found.ahead

    def _user_turn(self, part: Part, rng: np.random.Generator) -> None:
        text, parts, phrases = part.text, tokens(part.text), self.phrases
        points = pause_points(text, phrases) if phrases and not self._is_courtesy(text) else []
        pieces: list[tuple[Role, str]] = [("turn", text)]
        named = part.turn.backchannels
        if phrases and points and rng.random() < self.interaction.hesitation:
            cut = int(rng.choice(points))
            filler = phrases.say("filler", rng) if rng.random() < self.interaction.filler else None
            pieces = [("turn", _between(text, 0, cut))]
            pieces += [("filler", filler)] if filler else []
            if named is not None:
                more = len(tokens(filler or ""))
                named = tuple(n + more if n > cut else n for n in named)
            pieces.append(("turn", _between(text, cut, len(parts))))
        self._backchannels("assistant", self._add(part, pieces), named, rng)

    def _assistant_turn(self, part: Part, rng: np.random.Generator, interrupted: bool) -> int:
        """A turn of a source, at which the user may nod unless it answers what nobody asked, and do more unless they
        have just interrupted."""
        again = bool(self.barge_ins) and self.barge_ins[-1].turn == len(self.turns) - 1
        here = self._add(part, [("turn", part.text)])
        if not part.misheard:
            self._backchannels("user", here, part.turn.backchannels, rng)
        if not again:
            self._intrude(here, tokens(part.text), interrupted, rng)
        return here

    def _interruption(self, moment: Moment, balance: Balance) -> Interruption | None:
        """How the user interrupts the turn, None where not: as a language model wrote it, or else by the kind that is
        most behind its share of those that make sense."""
        drawn = bool(moment.rng.random() < self.interaction.barge_in)
        return balance.choose(drawn, partial(interruption, moment)) if self.interaction.barge_in else None

    def _interrupt(self, found: Interruption, rng: np.random.Generator) -> None:
        here = self._assistant_turn(found.target, rng, interrupted=True)
        self.barge_ins.append(BargeIn(here + 1, here, found.intent, found.said, found.until, found.dropped))
        for part in found.added:
            if part.is_user or part.written is None:
                self._add(part, [("turn", part.text)])
            else:
                self._assistant_turn(part, rng, interrupted=False)

    def _silence(self, moment: Moment, rng: np.random.Generator) -> None:
        if moment.ahead and self.phrases and rng.random() < self.interaction.silence_timeout:
            language = self.dialogue.language
            is_waiting = asks_back(moment.part.text)
            is_over = is_asked(moment) and asks(moment.ahead[0].text, language)
            if not is_waiting and (not is_over or awaits(moment.part.text, language)):
                return  # who has nothing to answer may be silent for longer
            reprompt = self.phrases.say("waiting" if is_waiting else "reprompt", rng)
            self._add(Part(TextTurn("assistant", reprompt), reprompt), [("turn", reprompt)], after_silence=True)

    def _intrude(self, here: int, parts: Sequence[str], interrupted: bool, rng: np.random.Generator) -> None:
        interaction = self.interaction
        kinds: tuple[IntrusionKind, ...] = get_args(IntrusionKind)
        weights = np.array([getattr(interaction.intrusions, kind) for kind in kinds])
        for _ in range(min(int(rng.poisson(interaction.balance * interaction.barge_in)), _MOST_INTRUSIONS)):
            kind = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
            resume = bool(rng.random() < interaction.resume) and kind == "failed_barge_in" and not interrupted
            if len(parts) < _LEAST_TOKENS:
                continue
            after = audible(parts, ends(self.turns[here].text)) if kind == "failed_barge_in" else None
            line = self._intruding_line(kind, here, rng) if after is None or after else None
            if line is not None:
                self.intrusions.append(Intrusion(kind, here, line, resume, after=after))

    def _intruding_line(self, kind: IntrusionKind, here: int, rng: np.random.Generator) -> str | None:
        if kind == "noise_burst" or kind == "cough":
            return f"{self.dialogue.id}#{kind}{len(self.intrusions)}"
        voice = self.third if kind == "third_party" else self.voices["user"]
        if self.phrases is None or voice is None:
            return None
        met = self.turns[here].text
        if kind == "failed_barge_in" and (self._is_courtesy(met) or greets(met, self.dialogue.language)):
            return None  # there is nothing yet to break in on
        speaker: Literal["user", "other"] = "other" if kind == "third_party" else "user"
        said = self.phrases.say("attempt" if kind == "failed_barge_in" else kind, rng)
        return self._line(kind, here, speaker, voice, said)

    def _backchannels(self, speaker: Party, here: int, named: tuple[int, ...] | None, rng: np.random.Generator) -> None:
        """Have a party nod to a turn of the other's, at the `named` counts of tokens where a language model chose."""
        if self.phrases is None or self._is_courtesy(self.turns[here].text):
            return
        interaction = self.interaction
        asked = {
            "assistant": interaction.assistant_backchannels_per_minute,
            "user": interaction.backchannels_per_minute,
        }
        text, before = self.turns[here].text, self.turns[here - 1].text if here else ""
        answered = speaker == "user" and asks(before, self.dialogue.language)
        for nod in nods(
            text, self.phrases, asked[speaker], rng, named, neutral=speaker == "assistant", answered=answered
        ):
            line = self._line("backchannel", here, speaker, self.voices[speaker], nod.text)
            self.backchannels.append(Backchannel(line, speaker, here, nod.after))

    def _is_courtesy(self, text: str) -> bool:
        return is_courtesy(text, self.dialogue.language)

    def _add(self, part: Part, pieces: Sequence[tuple[Role, str]], after_silence: bool = False) -> int:
        index, turn = len(self.turns), part.turn
        speaker: Party = "user" if part.is_user else "assistant"
        voice = self.voices[speaker]
        lines = tuple(self._line(role, index, speaker, voice, text, turn) for role, text in pieces)
        self.turns.append(
            ScriptTurn(
                index=index,
                speaker=speaker,
                voice=voice,
                text_written=part.written,
                text=joined([text for _, text in pieces]),
                lines=lines,
                emotion=turn.emotion,
                tool=turn.tool,
                after_silence=after_silence,
                style=self.styles[speaker],
                misheard=part.misheard,
                shortened=turn.shortened,
                borrowed=part.borrowed,
            )
        )
        return index

    def _line(
        self,
        role: Role,
        turn: int,
        speaker: Literal["assistant", "user", "other"],
        voice: str,
        text: str,
        of: TextTurn | None = None,
    ) -> str:
        name = f"{self.dialogue.id}#{len(self.lines)}"
        # A backchannel sounds the same wherever its voice says it: engines that clone speak it once.
        drawn_for = (voice, text) if role == "backchannel" else (name,)
        seed = int(stable_hash(self.seed, *drawn_for, "speech"), 16) % 2**31
        emotion = of.emotion if of else None
        style = None if speaker == "other" else self.styles[speaker]
        self.lines.append(ScriptLine(name, role, turn, speaker, voice, text, emotion, seed, style))
        return name


def _between(text: str, first: int, last: int) -> str:
    """The text from one token up to another, as it is written."""
    found = spans(text)
    return text[found[first][0] : found[last - 1][1]]
