"""The records that stages pass to each other: text dialogues, rejects and licences."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal, Self

import numpy as np

Row = dict[str, Any]
"""A row of a table, by column."""


class Code(StrEnum):
    """Codes, each with what it means, for the docs."""

    meaning: str

    def __new__(cls, value: str, meaning: str = "") -> Self:  # a default, for `Reason("code")` looks one up
        code = str.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code


class Reason(Code):
    """Why an item was rejected, and what that means. Every row of `rejects` has exactly one of these."""

    # ingest
    UNREADABLE_FILE = "unreadable_file", "the file is there, but the system does not let it be read"
    MISSING_FILE = "missing_file", "a row of a table names audio that is not there"
    NOT_DISTRIBUTED = "not_distributed", "a row about audio that its corpus does not distribute, and that is not there"
    LEFT_OUT = "left_out", "a row that `where` of its corpus leaves out"
    UNTRANSCRIBED = "untranscribed", "audio without a transcript, and `ingest.keep_untranscribed` is not set"
    EMPTY_FILE = "empty_file", "the file has no bytes"
    RAW_AUDIO = "raw_audio", "samples without a header: nothing says their rate, channels and encoding"
    CORRUPT_AUDIO = "corrupt_audio", "no decoder opens it"
    TRUNCATED_AUDIO = "truncated_audio", "the file breaks off: it has fewer samples than it declares"
    NO_SAMPLES = "no_samples", "a valid file, or a stretch of one, without a sample"
    NOT_FINITE = "not_finite", "samples that are NaN or infinite"
    TOO_MANY_CHANNELS = "too_many_channels", "more channels than the lake holds (8)"
    UNSUPPORTED_RATE = "unsupported_rate", "a sample rate that the lake cannot hold"
    OTHER_CHANNELS = "other_channels", "another number of channels than its corpus names the roles of"
    NOTHING_CUT = "nothing_cut", "no span of the recording is a clip"
    NO_SPEECH = "no_speech", "a recording too long for a clip, in which nobody was heard to speak"
    SAME_CHANNELS = "same_channels", "its channels are to be each a talk of its own, and are one"
    NOT_TWO = "not_two", "not the talk of two: another number of channels or of speakers"
    SEPARATOR_FAILED = "separator_failed", "the source separator gave an error on it, or no sound of the same length"
    MEASURE_FAILED = "measure_failed", "a resampler or the VAD failed on it"
    UNSAFE_PATH = "unsafe_path", "a name that leaves the folder of the corpus"
    BAD_ROW = "bad_row", "a row of a table that cannot be read"
    DUPLICATE_UID = "duplicate_uid", "a second item under the same uid"
    # text
    EMPTY_DIALOGUE = "empty_dialogue", "a dialogue without turns"
    EMPTY_TURN = "empty_turn", "a turn without text"
    REPEATED_TURN = "repeated_turn", "a turn of four words or more says again what was just said"
    ROLE_ORDER = "role_order", "two turns of one role in a row"
    ONE_SPEAKER = "one_speaker", "all turns are of one party"
    UNKNOWN_ROLE = "unknown_role", "a turn of neither user nor assistant"
    TURN_TOO_LONG = "turn_too_long", "a turn over `script.limits.max_turn_chars`"
    TOO_MANY_TURNS = "too_many_turns", "more turns than `script.limits.max_turns`"
    CODE = "code", "program code, which cannot be spoken"
    MATHEMATICS = "mathematics", "formulas, which cannot be spoken"
    MARKUP = "markup", "links, tags, tables or headings, which cannot be spoken"
    RARE_SYMBOLS = "rare_symbols", "too many symbols that cannot be spoken"
    NON_TEXT = "non_text", "too little of it is words"
    TOOL_PLUMBING = "tool_plumbing", "calls, arguments and results of tools"
    PERSONAL_DATA = "personal_data", "an address or a number of somebody"
    UNSAFE_TOPIC = (
        "unsafe_topic",
        "hate, harassment, sex, violence, self-harm or crime, or a term of the list of unsafe topics",
    )
    LANGUAGE_MIX = "language_mix", "it is not written in the language that it is said to be in"
    REWRITE_FAILED = "rewrite_failed", "the language model gave nothing usable"
    NOTHING_SPEAKABLE = "nothing_speakable", "a turn has no word left once it is in spoken form"
    UNSUPPORTED_LANGUAGE = (
        "unsupported_language",
        "a language that is not wanted, that no voice speaks or that the aligner does not know",
    )
    # speech
    NOTHING_SPOKEN = "nothing_spoken", "the engine made no sound of it"
    UNKNOWN_VOICE = "unknown_voice", "the engine does not know the voice"
    NO_PROMPT = "no_prompt", "a cloning engine was given a voice without a recording"
    ENGINE_FAILED = "engine_failed", "the engine gave an error on it"
    POOR_SPEECH = "poor_speech", "no try of a line passed the quality gate"
    NOT_ALIGNED = "not_aligned", "no word times could be found"
    LINE_UNSPOKEN = "line_unspoken", "a dialogue that lacks one of its lines"
    TRANSLATION_FAILED = "translation_failed", "the translator gave no usable translation"
    UNTRANSLATED = "untranslated", "a clip without a translation, which was to be spoken"
    NO_DERIVATIVES = "no_derivatives", "a clip whose licence forbids what was to be made of it"
    # simulation
    LABEL_VIOLATION = "label_violation", "`verify` found the audio at odds with a label"
    # any stage
    RECOGNISER_FAILED = "recogniser_failed", "the recogniser gave an error on it"
    MODEL_FAILED = "model_failed", "a model gave an error on it, or other than it should"
    KILLED_WORKER = "killed_worker", "it crashed its process, or took all its memory"
    TIMED_OUT = "timed_out", "it took longer than `time_limit`"
    INTERNAL_ERROR = "internal_error", "a bug of Turnmill: the run goes on, and ends with exit status 1"


MODEL_FAILURES: Final = frozenset({Reason.RECOGNISER_FAILED, Reason.MODEL_FAILED})
"""What may be the model's fault, or its GPU's, and pass."""


@dataclass(frozen=True)
class Reject:
    """An item that went no further, and why.

    `uid` names the item where it has one; `source_uri` the file (relative to the corpus root) it came from.
    """

    reason: Reason
    detail: str
    uid: str | None = None
    source_uri: str | None = None


class ItemError(Exception):
    """An item that cannot be used: `reason` for the `rejects` table, `detail` in one sentence."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"


UNKNOWN_LICENCE: Final = "LicenseRef-unknown"
"""Of recordings and texts of which only their owner can say what may be done with them."""


@dataclass(frozen=True)
class Licence:
    """What may be done with an item. `spdx` is an SPDX identifier, or `LicenseRef-...` where none exists."""

    spdx: str
    redistribute: bool
    commercial: bool
    derivatives: bool = True


Intent = Literal["follow_up", "topic", "correct", "denial", "clarify", "repeat", "affirm", "cancel"]
"""What a user who interrupts is after (docs/turn-taking.md)."""


@dataclass(frozen=True)
class Interruption:
    """What a user says into an assistant's turn, and what the assistant answers (None: nothing, for a cancel)."""

    intent: Intent
    text: str
    answer: str | None


@dataclass(frozen=True)
class ToolCall:
    """A call that an assistant's turn makes, and what came back; never spoken. `after` tokens (`synth.tokens`) of the
    turn as spoken are said before the call ("Let me check."), the others tell what came back."""

    call: str
    observation: str
    after: int = 0


@dataclass(frozen=True)
class TextTurn:
    """`emotion` is that of the speaker where known. What a language model may add to a turn: an `interruption` of it,
    and `backchannels`, the counts of tokens (`synth.tokens`) after which the listener may nod (None: nobody said).
    `style` is how the turn is spoken in place of an emotion, by the names of `synth.speech`. `added` says that the turn
    is not the source's, `shortened` that it goes on in its source, and is cut to its first sentences."""

    role: str  # "user" | "assistant"
    text: str
    emotion: str | None = None
    tool: ToolCall | None = None
    interruption: Interruption | None = None
    backchannels: tuple[int, ...] | None = None
    style: str | None = None
    shortened: bool = False
    added: bool = False

    @property
    def written(self) -> str | None:
        """The text as the source has it."""
        return None if self.added else self.text


@dataclass(frozen=True)
class TextDialogue:
    """A written dialogue, before it is spoken. `id` is unique in its corpus; `split` is its official one, as the corpus
    calls it, null where there is none."""

    id: str
    turns: tuple[TextTurn, ...]
    language: str  # BCP-47
    source: str  # corpus name
    licence: Licence
    scenario: str | None = None
    split: str | None = None


def stable_hash(*parts: object, size: int = 8) -> str:
    """Hex blake2b of the parts joined by unit separators; the same on every host and in every process."""
    joined = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(joined.encode(), digest_size=size).hexdigest()


def generator(seed: int, uid: str, purpose: str) -> np.random.Generator:
    """The random stream of one item and one purpose: never shared, never global."""
    return np.random.Generator(np.random.PCG64(int(stable_hash(seed, uid, purpose, size=16), 16)))
