"""Arrow schemas of every table. Each field's metadata has `doc`, and `unit` and `source` where they apply.

Times are float64 seconds from the start of the written file, on its sample grid; intervals are [start, end).
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

WORD = pa.struct([("word", pa.string()), ("start", pa.float64()), ("end", pa.float64()), ("prob", pa.float64())])
DIALOGUE_WORD = pa.struct(
    [
        ("word", pa.string()),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("turn", pa.int32()),
        ("heard", pa.bool_()),
    ]
)
SPAN = pa.struct([("start", pa.float64()), ("end", pa.float64())])


def field(name: str, kind: pa.DataType, doc: str, unit: str = "", source: str = "") -> pa.Field:
    """A field that says what it means, in which unit, and who found it."""
    metadata = {"doc": doc} | ({"unit": unit} if unit else {}) | ({"source": source} if source else {})
    return pa.field(name, kind, metadata=metadata)


_s, _i32, _i64, _f64, _bool = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()

_WHERE = [
    field(
        "shard",
        _s,
        "shard of its maker's own store; the published audio is where `clip_samples` and `dialogue_samples` say",
    ),
    field("offset", _i64, "first byte of the audio in that tar", "bytes"),
    field("size", _i64, "length of the audio file in that tar", "bytes"),
]
_LICENCE = [
    field("licence", _s, "SPDX identifier of the strictest licence among its sources", source="catalogue"),
    field("licence_redistribute", _bool, "may be given to others", source="catalogue"),
]

CLIPS = [
    field("uid", _s, "corpus/config/split/relpath#start-end"),
    field("corpus", _s, "catalogue name"),
    field("config", _s, "corpus configuration, 'default' where there is one only"),
    field("split", _s, "official split, or 'train'"),
    *_WHERE,
    field("codec", _s, "file extension of the audio in the lake: flac, mp3, ogg, opus"),
    field("sample_rate", _i32, "as stored", "Hz", "decoder"),
    field("channels", _i32, "as stored", source="decoder"),
    field("duration", _f64, "decoded samples over sample rate", "s", "decoder"),
    field("pcm_hash", _s, "blake2b-128 of the decoded 16-bit samples, rate and channel count", source="decoder"),
    field("text", _s, "given transcript, as released; null where none", source="corpus"),
    field("text_style", _s, "cased, upper_nopunct, ...", source="catalogue"),
    field("trust", _s, "who made the text: human, asr, template", source="catalogue"),
    field("language", _s, "BCP-47", source="catalogue"),
    field("speaker", _s, "speaker, unique in the corpus; null where unknown", source="corpus"),
    field("captions", pa.list_(_s), "descriptions of the sound", source="corpus"),
    field("tags", pa.list_(_s), "class labels", source="corpus"),
    *_LICENCE,
    field("parent", _s, "recording, book or speaker that must stay in one split", source="corpus"),
    field("source_uri", _s, "path of the source file, relative to the corpus root"),
    field("native", _s, "other fields of the corpus, as JSON", source="corpus"),
]

QUALITY = [
    field("uid", _s, "clip"),
    field("speech_ratio", _f64, "share of the clip inside speech segments", "1", "Silero VAD v6"),
    field("n_segments", _i32, "number of speech segments", source="Silero VAD v6"),
    field("segments", pa.list_(SPAN), "speech segments", "s", "Silero VAD v6"),
    field("rms_dbfs", _f64, "root mean square of all channels", "dBFS"),
    field("peak_dbfs", _f64, "largest absolute sample", "dBFS"),
    field("clipping_ratio", _f64, "share of samples in runs of >= 3 at the clip's own peak near full scale", "1"),
    field("bandwidth_hz", _f64, "frequency below which the energy of the long-term spectrum ends", "Hz"),
    field("snr_db", _f64, "speech level over non-speech level; null without both", "dB", "Silero VAD v6"),
]

TRANSCRIPTS = [
    field("uid", _s, "clip"),
    field("model", _s, "recogniser"),
    field("asr_text", _s, "recognised text; empty where there was no speech", source="faster-whisper"),
    field("asr_language", _s, "language used or detected; null where neither", source="faster-whisper"),
    field("language_prob", _f64, "probability of that language; null where it was given", "1", "faster-whisper"),
    field("avg_logprob", _f64, "mean log probability per token; null without speech", "nat", "faster-whisper"),
    field("no_speech_prob", _f64, "probability of the no-speech token; null as above", "1", "faster-whisper"),
    field("compression_ratio", _f64, "bytes of the text over its zlib length; null as above", "1", "faster-whisper"),
    field("words", pa.list_(WORD), "recognised words with times", "s", "faster-whisper"),
    field("heard", pa.list_(SPAN), "stretches that the recogniser was given: those with speech", "s", "Silero VAD v6"),
    field("n_cut", _i32, "stretches that said more than the recogniser can write: their text is cut off"),
    field("text_error", _f64, "errors over units of the given text, in its text_unit; null without one", "1", "jiwer"),
    field("text_length", _i32, "words or characters of the given text", source="jiwer"),
    field("substitutions", _i32, "of these, others in what was heard", source="jiwer"),
    field("deletions", _i32, "of these, missing in what was heard", source="jiwer"),
    field("insertions", _i32, "more of these in what was heard", source="jiwer"),
    field("text_unit", _s, "what was counted: word, or character in languages written without spaces"),
    field(
        "text_normalisation",
        _s,
        "form of both texts: english, words, characters or chinese (Turnmill: docs/transcripts.md)",
    ),
]

SELECTION = [
    field("uid", _s, "clip or dialogue"),
    field("removed_by", _s, "name of the predicate that removed it; null where it was kept"),
    field("duration", _f64, "length of the item", "s"),
]

VOICES = [
    field("name", _s, "voice: corpus/speaker#number"),
    field("role", _s, "assistant or user"),
    field("split", _s, "train, valid or test; null for the assistant, who is in all"),
    field("language", _s, "first part of the clip's BCP-47 tag"),
    field("gender", _s, "female or male; null where unknown", source="corpus"),
    field("accent", _s, "as the corpus says it; null where it does not", source="corpus"),
    field("speaker", _s, "speaker, unique in the corpus; in one split only", source="corpus"),
    field("uid", _s, "clip of another run that the prompt was cut from"),
    field("corpus", _s, "catalogue name"),
    field("text", _s, "what the prompt says", source="corpus"),
    field("duration", _f64, "length of the prompt", "s"),
    field("sample_rate", _i32, "of the prompt", "Hz"),
    *_WHERE,
    *_LICENCE,
]

SCRIPTS = [
    field("id", _s, "dialogue"),
    field("source", _s, "text corpus"),
    field("language", _s, "BCP-47"),
    field("scenario", _s, "kind of talk, as the source names it; null where it does not"),
    field("n_turns", _i32, "turns"),
    *_LICENCE,
    field("split", _s, "train, valid or test, by hash of the dialogue"),
    field("assistant_voice", _s, "voice of channel 0"),
    field("user_voice", _s, "voice of channel 1"),
    field("script", _s, "the whole script, as JSON (synth.script.Script)"),
]

LINES = [
    field("line", _s, "dialogue#index"),
    field("dialogue", _s, "dialogue"),
    field("role", _s, "turn, backchannel, filler, failed_barge_in, side_talk or third_party"),
    field("turn", _i32, "index of the turn it belongs to"),
    field("speaker", _s, "assistant, user or other"),
    field("voice", _s, "voice"),
    field("language", _s, "BCP-47"),
    field("text", _s, "spoken form"),
    field("emotion", _s, "emotion asked of the engine; null where none"),
    field("seed", _i64, "seed of the engine for this line"),
]

REWRITES = [
    field("dialogue", _s, "dialogue as it was read"),
    field("task", _s, "what was asked of the language model"),
    field("model", _s, "the endpoint's name of the model"),
    field("prompt_tokens", _i64, "tokens sent; null where the endpoint does not say"),
    field("completion_tokens", _i64, "tokens of the answer"),
    field("cost", _f64, "by the prices of the recipe; null without them"),
]

SPEECH = [
    field("line", _s, "dialogue#index"),
    field("dialogue", _s, "dialogue"),
    *_WHERE,
    field("sample_rate", _i32, "as stored", "Hz"),
    field("duration", _f64, "length of the line", "s"),
    field("engine", _s, "speech engine"),
    field("tries", _i32, "takes until this one, which passed the quality gate"),
    field("words", pa.list_(WORD), "spoken words with times; prob is null where the engine states exact times", "s"),
]

DIALOGUES = [
    field("id", _s, "dialogue: that of its script, or one take of it"),
    field("script", _s, "id in `scripts`"),
    field("take", _i32, "number of the simulation of that script's speech"),
    field("source", _s, "text corpus"),
    field("language", _s, "BCP-47"),
    field("split", _s, "train, valid (published as validation) or test"),
    field("scenario", _s, "kind of talk, as the source names it"),
    field("n_turns", _i32, "turns that were spoken"),
    field("assistant_voice", _s, "voice of channel 0"),
    field("user_voice", _s, "voice of channel 1"),
    field("seed", _i64, "seed of the recipe"),
    field("sample_rate", _i32, "as stored", "Hz"),
    field("duration", _f64, "length of the two channels", "s"),
    *_WHERE,
    *_LICENCE,
    field("clean_offset", _i64, "first byte of the user's clean stem in that tar", "bytes"),
    field("clean_size", _i64, "length of that stem's file", "bytes"),
    field("snr_db", _f64, "user's words over noise while it is on; null without noise", "dB", "renderer"),
    field("noise", _s, "name of the noise; null without"),
    field("rt60", _f64, "reverberation time of the user's room; null without", "s", "renderer"),
    field("echo_gain", _f64, "amplitude of the assistant in the user's channel; null without echo"),
    field("echo_delay", _f64, "how much later it comes back", "s"),
    field("codec", _s, "transmission of the user's channel; null without"),
    field("gain_db", _f64, "gain of the user's channel at the start", "dB", "renderer"),
    field("n_unplaced", _i32, "events of the script that the speech had no room for (table `unplaced`)"),
    field("sample", _s, "the training sample's JSON, as written beside the audio"),
]

TURNS = [
    field("dialogue", _s, "dialogue"),
    field("index", _i32, "position in the dialogue"),
    field("speaker", _s, "assistant or user"),
    field("channel", _i32, "0 assistant, 1 user"),
    field("text_planned", _s, "what the turn would have said"),
    field("text_heard", _s, "what the audio says: the words that end before the speaker stopped"),
    field("start", _f64, "first sample of speech", "s", "timeline"),
    field("end", _f64, "end of speech", "s", "timeline"),
    field("voice", _s, "voice"),
    field("emotion", _s, "emotion asked of the engine; null where none"),
    field("interrupted", _bool, "the speaker stopped before the planned end"),
    field("fto", _f64, "start minus the end of the other party's previous turn; null for the first", "s", "timeline"),
]

EVENT_KINDS: Mapping[str, str] = {
    "turn_shift": "the gap before turn `turn`, which follows `target_turn`",
    "cooperative_overlap": "turn `turn` starts in the last 0.8 s and the last stretch of speech of `target_turn`, "
    "which is complete",
    "long_overlap": "the same, earlier or longer: for a while both talk",
    "barge_in": "the user's turn `turn` makes the assistant yield in `target_turn`; `latency` is the time to `stop`",
    "failed_barge_in": "the user starts and gives up; the assistant goes on, or stops and resumes",
    "user_backchannel": "a short token of the user (mhm, yes) while the assistant keeps the floor",
    "assistant_backchannel": "a short token of the assistant while the user keeps the floor",
    "hesitation": "the silence inside a turn of the user, after a filler where there is one",
    "silence_timeout": "nobody speaks between `target_turn` and `turn`, both the assistant's",
    "noise_burst": "a sound beside the user, during the assistant's turn or not",
    "cough": "the user coughs",
    "side_talk": "the user says something to somebody else",
    "third_party": "somebody else says something near the user",
    "echo": "what the assistant says, as the user's microphone hears it",
}
"""Kinds of events and what happens. Of the last five nothing is on the user's clean stem."""

_OF_SOME_KINDS = [
    field("intent", _s, "barge_in: topic, correct, clarify, cancel: why the user interrupts"),
    field("stop", _f64, "from when the assistant is digital silence: barge_in, failed_barge_in", "s", "timeline"),
    field("fade", _f64, "barge_in: length of the assistant's fade, before the stop", "s", "timeline"),
    field("onset", _s, "barge_in: clause or word: after which the assistant is interrupted"),
    field("cut_word", _s, "barge_in: the word that the assistant was in the middle of"),
    field("resumed", _bool, "failed_barge_in: whether the assistant had stopped and went on"),
    field("resume", _f64, "failed_barge_in: when it went on", "s", "timeline"),
    field("level_db", _f64, "what is said or sounds, against the speaker's turns", "dB", "timeline"),
    field("filler", _s, "hesitation: what is said before the silence"),
    field("sound", _s, "noise_burst, cough: name of the sound"),
    field("voice", _s, "side_talk, third_party: voice"),
    field("gain", _f64, "echo: amplitude of the assistant in the user's channel", "1"),
    field("delay", _f64, "echo: how much later it comes back", "s"),
]
EVENT_PARAMS = tuple(item.name for item in _OF_SOME_KINDS)
"""Columns that only some kinds of events have: null in the others."""

EVENTS = [
    field("dialogue", _s, "dialogue"),
    field("index", _i32, "position in the dialogue, by start"),
    field("kind", _s, "one of the kinds below"),
    field("channel", _i32, "0 assistant, 1 user"),
    field("start", _f64, "start of the event", "s", "timeline"),
    field("end", _f64, "end of the event", "s", "timeline"),
    field("turn", _i32, "turn of the event's own speaker; null where it belongs to none"),
    field("target_turn", _i32, "turn of the other party that it meets; null where there is none"),
    field("latency", _f64, "barge_in: the yielding speaker's stop minus the event's start", "s", "timeline"),
    field("text", _s, "what is said; null where nothing is"),
    *_OF_SOME_KINDS,
]

WORDS = [
    field("dialogue", _s, "dialogue"),
    field("channel", _i32, "0 assistant, 1 user"),
    field("words", pa.list_(DIALOGUE_WORD), "words in the order of their start", "s", "timeline"),
]

UNPLACED = [
    field("dialogue", _s, "dialogue"),
    field("index", _i32, "position"),
    field("kind", _s, "kind of event"),
    field("turn", _i32, "turn that it belongs to or meets"),
    field("why", _s, "one sentence"),
]

VERIFICATION = [
    field("dialogue", _s, "dialogue"),
    field("n_checks", _i32, "checks made"),
    field("n_violations", _i32, "checks failed: 0 in this table, for a failed dialogue is a reject"),
    field("onset_error_ms", pa.list_(_f64), "energy onset minus labelled onset, per turn", "ms"),
    field("offset_error_ms", pa.list_(_f64), "energy end minus labelled end, per turn", "ms"),
    field("snr_error_db", _f64, "measured minus labelled; null where not measured", "dB"),
    field("echo_gain_error", _f64, "measured minus labelled, as a share of the label; null where not measured"),
    field("echo_delay_error_ms", _f64, "measured minus labelled; null where not measured", "ms"),
    field("overlap_s", _f64, "time with both channels active", "s"),
]

SAMPLES = [
    field("uid", _s, "clip or dialogue"),
    field("split", _s, "train, valid (published as validation), test, or an official split"),
    field("shard", _s, "file name of the training shard"),
    field("key", _s, "WebDataset key"),
    field("codec", _s, "file extension of the audio in the shard"),
    field("offset", _i64, "first byte of the audio in the shard", "bytes"),
    field("size", _i64, "length of the audio file", "bytes"),
    field("duration", _f64, "length of the sample", "s"),
]

PLAN = [
    field("uid", _s, "clip or dialogue"),
    field("split", _s, "split"),
    field("shard", _s, "shard that holds its audio"),
    field("training_shard", _s, "name of the training shard"),
    field("position", _i32, "position in that shard"),
]

REJECTS = [
    field("stage", _s, "stage that rejected it"),
    field("uid", _s, "item; null where it has no uid yet"),
    field("source_uri", _s, "file it came from, relative to the corpus root; null where it has none"),
    field("reason", _s, "why, in a word"),
    field("detail", _s, "one sentence"),
]

PASSED_OVER = [
    field("corpus", _s, "catalogue name"),
    field("ending", _s, "of the files' names, in lower case with its dot; empty where they have none"),
    field("hidden", _bool, "the name of the file, or of a folder above it, begins with a dot"),
    field("files", _i64, "files below the corpus root that are neither audio, transcript nor table"),
    field("size", _i64, "of all of them", "bytes"),
]

RUNS = [
    field("recipe", _s, "hash of the resolved recipe"),
    field("stage", _s, "stage"),
    field("fingerprint", _s, "fingerprint of the stage"),
    field("started", _f64, "first shard taken up", "s since 1970"),
    field("ended", _f64, "last shard committed", "s since 1970"),
    field("shards", _i64, "shards committed by this run"),
    field("items", _i64, "items in"),
    field("hours", _f64, "audio", "h"),
    field("rejects", _i64, "items rejected"),
    field("versions", _s, "packages, as JSON"),
]

SCHEMAS: Mapping[str, pa.Schema] = {
    "clips": pa.schema(CLIPS),
    "quality": pa.schema(QUALITY),
    "transcripts": pa.schema(TRANSCRIPTS),
    "clip_selection": pa.schema(SELECTION),
    "voices": pa.schema(VOICES),
    "scripts": pa.schema(SCRIPTS),
    "lines": pa.schema(LINES),
    "rewrites": pa.schema(REWRITES),
    "speech": pa.schema(SPEECH),
    "dialogues": pa.schema(DIALOGUES),
    "turns": pa.schema(TURNS),
    "events": pa.schema(EVENTS),
    "words": pa.schema(WORDS),
    "unplaced": pa.schema(UNPLACED),
    "verification": pa.schema(VERIFICATION),
    "dialogue_selection": pa.schema(SELECTION),
    "clip_plan": pa.schema(PLAN),
    "dialogue_plan": pa.schema(PLAN),
    "clip_samples": pa.schema(SAMPLES),
    "dialogue_samples": pa.schema(SAMPLES),
    "rejects": pa.schema(REJECTS),
    "passed_over": pa.schema(PASSED_OVER),
    "runs": pa.schema(RUNS),
}


def to_table(table: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as an Arrow table of the named schema. A missing or unknown column is a ValueError, never a null."""
    schema = SCHEMAS[table]
    names = set(schema.names)
    rows = list(rows)
    for row in rows:
        if row.keys() != names:
            raise ValueError(
                f"{table}: columns {sorted(names ^ row.keys())} are missing from the row or not in the schema"
            )
    return pa.Table.from_pylist(rows, schema=schema)
