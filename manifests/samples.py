"""The JSON of a training sample: one Arrow type for each half of the work.

Every sample is a value of its type: every field is there, null where it does not apply, and no list mixes types. So
Arrow, DuckDB and `datasets` read it as it is. Times are float64 seconds from the start of the sample's audio.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from turnmill.manifests.schema import SPAN, TABLES, field, labels_of

_s, _i32, _i64, _f64, _bool = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()

_WORDS = pa.list_(pa.struct([("word", _s), ("start", _f64), ("end", _f64)]))

_TOOL = pa.struct(
    [
        field("call", _s, "the call, in JSON or as the source has it"),
        field("observation", _s, "what came back"),
        field("after", _i32, "words of the turn that are said before the call; the others tell what came back"),
    ]
)

_TURN = pa.struct(
    [
        field("index", _i32, "position in the dialogue"),
        field("speaker", _s, "assistant or user"),
        field("channel", _i32, "0 assistant, 1 user"),
        field("start", _f64, "first sample of speech", "s"),
        field("end", _f64, "end of speech", "s"),
        field("text", _s, "what the turn would have said; null where it was recorded"),
        field("text_heard", _s, "what the audio says: the words that end before the speaker stopped"),
        field("voice", _s, "voice"),
        field("emotion", _s, "emotion that the engine was told; null where none"),
        field("style", _s, "rate, loudness or dialect that the engine was told; null where none"),
        field("interrupted", _bool, "the speaker stopped before the planned end"),
        field("misheard", _bool, "the assistant answers what the user did not ask: mask it, or do not train on it"),
        field("shortened", _bool, "the source goes on: the turn is its first sentences (`script.limits.shorten`)"),
        field("borrowed", _s, "dialogue of the source that the text is of; null where it is this one"),
        field("tool", _TOOL, "call of a tool; null: none, or the turn was stopped before it"),
        field("words", _WORDS, "those that are heard, in order; empty where the engine gives no times", "s"),
    ]
)

_BACKCHANNEL = pa.struct(
    [
        field("speaker", _s, "who says it: assistant or user"),
        field("channel", _i32, "0 assistant, 1 user"),
        field("start", _f64, "first sample", "s"),
        field("end", _f64, "end", "s"),
        field("text", _s, "what is said"),
        field("target_turn", _i32, "turn of the other party that it falls into"),
        field("words", _WORDS, "as in `turns`", "s"),
    ]
)

_EVENT = pa.struct(
    [
        *(item for item in TABLES["events"].fields if item.name not in ("dialogue", "index")),
        field(
            "words", _WORDS, "of backchannels and failed barge-ins, else empty: those of a barge-in are its turn's", "s"
        ),
    ]
)

_ROOM = pa.struct(
    [
        field("dimensions", pa.list_(_f64), "of a shoebox", "m"),
        field("source", pa.list_(_f64), "place of the user's mouth, from one corner", "m"),
        field("microphone", pa.list_(_f64), "place of the microphone", "m"),
        field("absorption", _f64, "of energy by a wall, 0 to 1", "1"),
        field("max_order", _i32, "reflections after which an image source counts no more"),
    ]
)

_DIALOGUE_COLUMNS = {item.name: item for item in TABLES["dialogues"].fields}

_ACOUSTICS = pa.struct(
    [
        *(_DIALOGUE_COLUMNS[name] for name in ("snr_db", "noise")),
        field("noise_category", _s, "its category"),
        field("noise_bursts", pa.list_(SPAN), "when it is on", "s"),
        field("rir", _s, "name of a measured room response"),
        field("room", _ROOM, "a simulated room"),
        *(_DIALOGUE_COLUMNS[name] for name in ("rt60", "echo_gain", "echo_delay", "codec", "gain_db")),
        field("gain_steps", pa.list_(pa.struct([("start", _f64), ("gain_db", _f64)])), "gain from then on", "s, dB"),
        field("clip_dbfs", _f64, "level at which peaks are cut, before a codec", "dBFS"),
        field("packet_loss", pa.struct([("rate", _f64), ("lost", pa.list_(SPAN))]), "share, and where it is silent"),
    ]
)

DIALOGUE = pa.struct(
    [
        *(
            _DIALOGUE_COLUMNS[name]
            for name in ("id", "language", "licence", "seed", "scenario", "sample_rate", "duration", "trust")
        ),
        field("channels", pa.list_(_s), "who speaks on which channel of the audio"),
        field("turns", pa.list_(_TURN), "in the order of their start"),
        field("backchannels", pa.list_(_BACKCHANNEL), "of both, in the order of their start"),
        field("events", pa.list_(_EVENT), "in the order of their start; null what a kind does not have"),
        field("acoustics", _ACOUSTICS, "what was done to the user's channel; null what was not"),
        field(
            "source",
            pa.struct([("corpus", _s), ("dialogue", _s), ("written", pa.list_(_s))]),
            "where the text is from: its corpus, its name there, and each turn as written (null where it was added)",
        ),
    ]
)
"""`.json` beside a dialogue's audio."""

TARGET = "target.flac"
"""Member of a clip's sample: its translation, spoken."""

CLIP_LABELS = {table.sample: table for table in labels_of("clips") if table.sample}
"""By field of a clip's sample, the table whose row of the clip it holds."""

_CLIP_COLUMNS = {item.name: item for item in TABLES["clips"].fields}

CLIP = pa.struct(
    [
        *(_CLIP_COLUMNS[name] for name in ("uid", "corpus")),
        field("split", _s, "train, valid (published as validation), test, or an official split"),
        *(_CLIP_COLUMNS[name] for name in ("language", "licence", "sample_rate", "channels", "duration")),
        field("text", _s, "the given transcript; without one, what was recognised"),
        field("text_given", _s, "the given transcript, as released; null where none", source="corpus"),
        *(_CLIP_COLUMNS[name] for name in ("speaker", "captions", "tags", "emotion")),
        *(
            field(name, pa.struct(table.told), f"columns of table `{table.name}`; null where the recipe has none")
            for name, table in CLIP_LABELS.items()
        ),
        *(_CLIP_COLUMNS[name] for name in ("parent", "source_uri")),
    ]
)
"""`.json` beside a clip's audio."""
if len({item.name for item in CLIP}) < len(list(CLIP)):
    raise ValueError("two fields of a clip's sample have one name: `sample` of a table is a name of its own")

SAMPLES: Mapping[str, pa.StructType] = {"speech": CLIP, "dialogue": DIALOGUE}
"""By half: what the JSON of a sample is."""


def to_json(sample: Mapping[str, Any], kind: pa.StructType) -> bytes:
    """A sample as it is written: the same bytes for the same sample, always, fields in the order of the type.

    Raises ValueError naming the field that is not a value of its type.
    """
    return json.dumps(_check(kind)(sample, "sample"), ensure_ascii=False, separators=(",", ":")).encode()


def parsed(text: bytes) -> Any:
    """A sample's JSON. Raises ValueError for what is none."""
    try:
        return json.loads(text)  # NaN too, which no type holds
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def problem(sample: Any, kind: pa.StructType) -> str | None:
    """One phrase on the first field of a parsed sample that is not what its type says; None where all are."""
    try:
        _check(kind)(sample, "sample")
    except ValueError as error:
        return str(error)
    return None


_PYTHON: Mapping[pa.DataType, tuple[type, ...]] = {
    _s: (str,),
    _i32: (int,),
    _i64: (int,),
    _f64: (float, int),
    _bool: (bool,),
}
_HOLDS: Mapping[pa.DataType, Callable[[Any], bool]] = {
    _s: lambda text: text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text),
    _i32: lambda number: -(2**31) <= number < 2**31,
    _i64: lambda number: -(2**63) <= number < 2**63,
    _f64: math.isfinite,
    _bool: lambda _: True,
}
"""Whether UTF-8, so many bits, and JSON hold a value."""

_Check = Callable[[Any, str], Any]


@cache
def _check(kind: pa.DataType) -> _Check:
    """What gives a value of the type back, in its order, and raises ValueError for any other."""
    if isinstance(kind, pa.StructType):
        return _struct({item.name: _check(item.type) for item in kind})
    if isinstance(kind, pa.ListType):
        return _list(_check(kind.value_type))
    python, holds = _PYTHON[kind], _HOLDS[kind]

    def check(value: Any, at: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, python) or (isinstance(value, bool) and bool not in python):
            raise ValueError(f"{at} is {type(value).__name__}, not {kind}")
        if not holds(value):
            raise ValueError(f"{at} is {value!r:.40}, which {kind} does not hold")
        return float(value) if isinstance(value, int) and kind == _f64 else value

    return check


def _struct(fields: Mapping[str, _Check]) -> _Check:
    def check(value: Any, at: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise ValueError(f"{at} is {type(value).__name__}, not an object")
        if value.keys() != fields.keys():
            raise ValueError(f"{at}: {', '.join(sorted(fields.keys() ^ value.keys()))} missing or unknown")
        return {name: inner(value[name], f"{at}.{name}") for name, inner in fields.items()}

    return check


def _list(inner: _Check) -> _Check:
    def check(value: Any, at: str) -> Any:
        if value is None:
            return None
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise ValueError(f"{at} is {type(value).__name__}, not a list")
        return [inner(item, at) for item in value]

    return check
