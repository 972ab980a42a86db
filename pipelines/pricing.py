"""What a dialogue half takes, told before anything is spoken (`--dry-run`): hours of audio and GPU, bytes, tokens.

The texts are read, filtered and scripted as the run does it. How long a line takes is reckoned from its text, and the
dialogues are planned on that as on speech. More than `SAMPLE` dialogues are not all read: the totals are those of a
sample, extrapolated. Nothing is written and nothing is sent; what a rewrite to spoken language would make short is
reckoned as long as it may be.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, islice
from typing import Final, get_args

import numpy as np

from turnmill.manifests.languages import primary
from turnmill.manifests.records import Licence, Reject, TextDialogue
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.recipe import Recipe
from turnmill.pipelines.stages.script import Company, WriteScripts
from turnmill.pipelines.texts import text_of
from turnmill.sources.adapters.items import Unit
from turnmill.synth.acoustics import Acoustics
from turnmill.synth.channels import RATE
from turnmill.synth.duplex.planning.planner import plan_timeline
from turnmill.synth.duplex.planning.spoken import LineWord, SpokenLine
from turnmill.synth.rewrite.rewriter import estimate
from turnmill.synth.text import spoken_form
from turnmill.synth.tokens import CLAUSE_END, tokens
from turnmill.synth.voices import Split, Voice, VoiceBank

SAMPLE: Final = 5_000
"""Dialogues that are read to price all of them. The hours of a dialogue have a deviation below their mean, so the mean
of so many is right to about 1 %."""

_PLACES: Final = 16  # of a file that the sample is read from, at least; a gzip file is unpacked up to each

SECONDS: Final[Mapping[str, tuple[float, float]]] = {"en": (0.0641, 0.310), "zh": (0.236, 0.117)}
"""Speech per letter or digit, and per clause mark, by least squares on what espeak's voices take: for English all 397
lines of the quickstart (30 min; their sum is met to 1 %, a line to 8 %), for Chinese 30 lines of everyday talk. That is
17 English characters or 3.3 words a second, of the 2.0 to 3.5 of talk (docs/turn-taking.md): speech of a slower voice
is longer by as much. Other languages are reckoned as English."""

_SHORTEST_S: Final = 0.35  # a backchannel (the mean of espeak's)

SPEECH_BYTES_PER_H: Final = 95e6
"""FLAC of 24 kHz and 16 bit per hour of speech: espeak on the quickstart. Silence costs next to nothing."""
NOISE_BYTES_PER_H: Final = 57e6
"""What noise adds per hour of a dialogue that has it, at the default levels: the quickstart's dialogues with noise have
147 MB per hour, those without 90."""
LABEL_BYTES_PER_H: Final = 1.2e6
"""JSON and tar headers of delivered dialogues (quickstart)."""


@dataclass
class Quantities:
    """Sums over dialogues. `user_s` is the part of `speech_s` that is the user's; `dialogue_s` is of one take."""

    dialogues: float = 0
    kept: float = 0
    turns: float = 0
    lines: float = 0
    characters: float = 0
    speech_s: float = 0
    user_s: float = 0
    dialogue_s: float = 0
    prompt_tokens: float = 0
    completion_tokens: float = 0
    rejected: dict[str, float] = field(default_factory=dict)  # by reason

    def add(self, other: "Quantities", times: float = 1) -> None:
        """Add another's sums, each so many times."""
        for name, amount in vars(other).items():
            if name != "rejected":
                setattr(self, name, getattr(self, name) + times * amount)
        for reason, count in other.rejected.items():
            self.rejected[reason] = self.rejected.get(reason, 0) + times * count


@dataclass(frozen=True)
class Price:
    """What a dialogue half takes. `sampled` of the dialogues were read; hours and bytes are of all takes.

    `lake_bytes` are speech, dialogues and clean users; `shard_bytes` what is delivered. `gpu_hours` is None for an
    engine without a GPU, `cost` where the recipe has no rewrite or states no prices.
    """

    by_text: Mapping[str, Quantities]
    total: Quantities
    sampled: int
    takes: int
    speech_hours: float
    dialogue_hours: float
    gpu_hours: float | None
    lake_bytes: float
    shard_bytes: float
    cost: float | None


def price(recipe: Recipe, stage: WriteScripts, units: Sequence[Unit]) -> Price:
    """The price of a recipe's dialogue half, whose first stage and units are given."""
    bank = stage.bank.fixed or _stand_in(recipe.script.limits.languages)
    share = min(SAMPLE / _rows(units), 1.0)
    by_text: dict[str, Quantities] = {}
    total, sampled = Quantities(), 0.0
    for text in stage.texts:
        own = [unit for unit in units if text_of(stage.texts, unit) is text]
        found = Quantities()
        for unit, most in _sample(own, share):
            read = list(islice(stage.read(unit, bank, Guard(stage.name)), most))
            longest = recipe.script.limits.max_turn_chars
            cut = [_cut(dialogue, longest) for dialogue in read if isinstance(dialogue, TextDialogue)]
            company = stage.company(cut, bank)
            for dialogue in read:
                found.add(_quantities(dialogue, company, recipe, stage, bank))
        by_text[text.source] = Quantities()
        by_text[text.source].add(found, _rows(own) / found.dialogues)
        total.add(by_text[text.source])
        sampled += found.dialogues
    return _price(recipe, by_text, total, round(sampled))


def _price(recipe: Recipe, by_text: Mapping[str, Quantities], total: Quantities, sampled: int) -> Price:
    takes, rewrite = recipe.simulate.takes, recipe.script.rewrite
    speech, user, dialogue = total.speech_s / 3600, total.user_s / 3600, total.dialogue_s * takes / 3600
    noise = recipe.simulate.acoustics.noise.probability
    delivered = SPEECH_BYTES_PER_H * speech * takes + NOISE_BYTES_PER_H * noise * dialogue
    clean = SPEECH_BYTES_PER_H * user * takes
    kept_clean = clean if recipe.shard.keep_clean_user else 0.0
    return Price(
        by_text=by_text,
        total=total,
        sampled=sampled,
        takes=takes,
        speech_hours=speech,
        dialogue_hours=dialogue,
        gpu_hours=speech * recipe.pricing.real_time_factor if recipe.speak.declared.gpu else None,
        lake_bytes=SPEECH_BYTES_PER_H * speech + delivered + clean,
        shard_bytes=delivered + kept_clean + LABEL_BYTES_PER_H * dialogue,
        cost=None if rewrite is None else rewrite.cost(round(total.prompt_tokens), round(total.completion_tokens)),
    )


def _rows(units: Sequence[Unit]) -> int:
    return sum(unit.items for unit in units)


def _sample(units: Sequence[Unit], share: float) -> Iterator[tuple[Unit, int]]:
    """Units of one text, evenly spaced, and how many dialogues to read of each, so that `share` of all are read."""
    if share == 1:
        yield from ((unit, unit.items) for unit in units)
        return
    wanted = math.ceil(share * _rows(units))
    enough = max(_PLACES, math.ceil(wanted / units[0].items))
    places = np.linspace(0, len(units) - 1, min(len(units), enough)).round().astype(int).tolist()
    most = math.ceil(wanted / len(places))
    yield from ((units[place], most) for place in places)


def _quantities(
    dialogue: TextDialogue | Reject, company: Company, recipe: Recipe, stage: WriteScripts, bank: VoiceBank
) -> Quantities:
    if isinstance(dialogue, Reject):
        return Quantities(dialogues=1, rejected={dialogue.reason.value: 1})
    script, _ = stage.script(_cut(dialogue, recipe.script.limits.max_turn_chars), company, bank)
    spoken = {line.id: reckoned(line.text, script.language) for line in script.lines}
    seconds = {name: line.n_samples / RATE for name, line in spoken.items()}
    timeline = plan_timeline(script, spoken, recipe.simulate.timing, lambda _: Acoustics(), recipe.seed)
    if isinstance(timeline, Reject):
        return Quantities(dialogues=1, rejected={timeline.reason.value: 1})
    intents = recipe.script.interaction.intents
    asked = estimate(dialogue, recipe.script.rewrite, intents) if recipe.script.rewrite else ()
    return Quantities(
        dialogues=1,
        kept=1,
        turns=len(script.turns),
        lines=len(script.lines),
        characters=sum(len(line.text) for line in script.lines),
        speech_s=sum(seconds.values()),
        user_s=sum(seconds[line.id] for line in script.lines if line.speaker == "user"),
        dialogue_s=timeline.n_samples / RATE,
        prompt_tokens=sum(row.prompt_tokens or 0 for row in asked),
        completion_tokens=sum(row.completion_tokens or 0 for row in asked),
    )


def _cut(dialogue: TextDialogue, longest: int) -> TextDialogue:
    """The dialogue with no turn longer than the limit, as a rewrite to spoken language is to leave it."""
    if all(len(turn.text) <= longest for turn in dialogue.turns):
        return dialogue
    texts = (spoken_form(turn.text, dialogue.language)[:longest] for turn in dialogue.turns)
    return replace(dialogue, turns=tuple(replace(n, text=text) for n, text in zip(dialogue.turns, texts, strict=True)))


def reckoned(text: str, language: str) -> SpokenLine:
    """A line as it would be measured if it were spoken: `SECONDS`, shared out among its words by their length."""
    per_letter, per_mark = SECONDS.get(primary(language), SECONDS["en"])
    letters, marks = sum(map(str.isalnum, text)), sum(character in CLAUSE_END for character in text)
    n_samples = round(max(per_letter * letters + per_mark * marks, _SHORTEST_S) * RATE)
    parts = tokens(text)
    ends = [round(n_samples * end / sum(map(len, parts))) for end in accumulate(map(len, parts))]
    words = tuple(LineWord(word, start, end) for word, start, end in zip(parts, [0, *ends], ends, strict=False))
    return SpokenLine(n_samples, words, ((0, n_samples),), level_dbfs=-23.0, peak_dbfs=-10.0)


def _stand_in(languages: Sequence[str]) -> VoiceBank:
    """Voices for a bank that the run would only make: how many there are changes no line, if it is two or more."""
    licence = Licence("CC0-1.0", redistribute=True, commercial=True)

    def voices(group: str, count: int) -> tuple[Voice, ...]:
        return tuple(
            Voice(f"{group} {number} {language}", language, None, None, licence)
            for language in languages
            for number in range(count)
        )

    users: Mapping[Split, tuple[Voice, ...]] = {split: voices(split, 2) for split in get_args(Split)}
    return VoiceBank(voices("assistant", 1), users)
