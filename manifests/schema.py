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


def _field(name: str, kind: pa.DataType, doc: str, unit: str = "", source: str = "") -> pa.Field:
    metadata = {"doc": doc} | ({"unit": unit} if unit else {}) | ({"source": source} if source else {})
    return pa.field(name, kind, metadata=metadata)


_s, _i32, _i64, _f64, _bool = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()

_WHERE = [
    _field("shard", _s, "key of the shard whose tar holds the audio"),
    _field("offset", _i64, "first byte of the audio in that tar", "bytes"),
    _field("size", _i64, "length of the audio file in that tar", "bytes"),
]
_LICENCE = [
    _field("licence", _s, "SPDX identifier of the strictest licence among its sources", source="catalogue"),
    _field("licence_redistribute", _bool, "may be given to others", source="catalogue"),
]

CLIPS = [
    _field("uid", _s, "corpus/config/split/relpath#start-end"),
    _field("corpus", _s, "catalogue name"),
    _field("config", _s, "corpus configuration, 'default' where there is one only"),
    _field("split", _s, "official split, or 'train'"),
    *_WHERE,
    _field("codec", _s, "file extension of the audio in the lake: flac, mp3, ogg, opus"),
    _field("sample_rate", _i32, "as stored", "Hz", "decoder"),
    _field("channels", _i32, "as stored", source="decoder"),
    _field("duration", _f64, "decoded samples over sample rate", "s", "decoder"),
    _field("pcm_hash", _s, "blake2b-128 of the decoded 16-bit samples, rate and channel count", source="decoder"),
    _field("text", _s, "given transcript, as released; null where none", source="corpus"),
    _field("text_style", _s, "cased, upper_nopunct, ...", source="catalogue"),
    _field("trust", _s, "who made the text: human, asr, template", source="catalogue"),
    _field("language", _s, "BCP-47", source="catalogue"),
    _field("speaker", _s, "speaker, unique in the corpus; null where unknown", source="corpus"),
    _field("captions", pa.list_(_s), "descriptions of the sound", source="corpus"),
    _field("tags", pa.list_(_s), "class labels", source="corpus"),
    *_LICENCE,
    _field("parent", _s, "recording, book or speaker that must stay in one split", source="corpus"),
    _field("source_uri", _s, "path of the source file, relative to the corpus root"),
    _field("native", _s, "other fields of the corpus, as JSON", source="corpus"),
]

QUALITY = [
    _field("uid", _s, "clip"),
    _field("speech_ratio", _f64, "share of the clip inside speech segments", "1", "Silero VAD v6"),
    _field("n_segments", _i32, "number of speech segments", source="Silero VAD v6"),
    _field("segments", pa.list_(SPAN), "speech segments", "s", "Silero VAD v6"),
    _field("rms_dbfs", _f64, "root mean square of all channels", "dBFS"),
    _field("peak_dbfs", _f64, "largest absolute sample", "dBFS"),
    _field("clipping_ratio", _f64, "share of samples in runs of >= 3 at the clip's own peak near full scale", "1"),
    _field("bandwidth_hz", _f64, "frequency below which the energy of the long-term spectrum ends", "Hz"),
    _field("snr_db", _f64, "speech level over non-speech level; null without both", "dB", "Silero VAD v6"),
]

TRANSCRIPTS = [
    _field("uid", _s, "clip"),
    _field("model", _s, "recogniser"),
    _field("asr_text", _s, "recognised text; empty where there was no speech", source="faster-whisper"),
    _field("asr_language", _s, "language used or detected; null where neither", source="faster-whisper"),
    _field("language_prob", _f64, "probability of that language; null where it was given", "1", "faster-whisper"),
    _field("avg_logprob", _f64, "mean log probability per token; null without speech", "nat", "faster-whisper"),
    _field("no_speech_prob", _f64, "probability of the no-speech token; null as above", "1", "faster-whisper"),
    _field("compression_ratio", _f64, "bytes of the text over its zlib length; null as above", "1", "faster-whisper"),
    _field("words", pa.list_(WORD), "recognised words with times", "s", "faster-whisper"),
    _field("heard", pa.list_(SPAN), "stretches that the recogniser was given: those with speech", "s", "Silero VAD v6"),
    _field("n_cut", _i32, "stretches that said more than the recogniser can write: their text is cut off"),
    _field("text_error", _f64, "errors over units of the given text, in its text_unit; null without one", "1", "jiwer"),
    _field("text_length", _i32, "words or characters of the given text", source="jiwer"),
    _field("substitutions", _i32, "of these, others in what was heard", source="jiwer"),
    _field("deletions", _i32, "of these, missing in what was heard", source="jiwer"),
    _field("insertions", _i32, "more of these in what was heard", source="jiwer"),
    _field("text_unit", _s, "what was counted: word, or character in languages written without spaces"),
    _field("text_normalisation", _s, "form of both texts: english, words, characters or chinese (docs/transcripts.md)"),
]

SELECTION = [
    _field("uid", _s, "clip or dialogue"),
    _field("removed_by", _s, "name of the predicate that removed it; null where it was kept"),
    _field("duration", _f64, "length of the item", "s"),
]

VOICES = [
    _field("name", _s, "voice: corpus/speaker#number"),
    _field("role", _s, "assistant or user"),
    _field("split", _s, "train, valid or test; null for the assistant, who is in all"),
    _field("language", _s, "first part of the clip's BCP-47 tag"),
    _field("gender", _s, "female or male; null where unknown", source="corpus"),
    _field("accent", _s, "as the corpus says it; null where it does not", source="corpus"),
    _field("speaker", _s, "speaker, unique in the corpus; in one split only", source="corpus"),
    _field("uid", _s, "clip of another run that the prompt was cut from"),
    _field("corpus", _s, "catalogue name"),
    _field("text", _s, "what the prompt says", source="corpus"),
    _field("duration", _f64, "length of the prompt", "s"),
    _field("sample_rate", _i32, "of the prompt", "Hz"),
    *_WHERE,
    *_LICENCE,
]

SCRIPTS = [
    _field("id", _s, "dialogue"),
    _field("source", _s, "text corpus"),
    _field("language", _s, "BCP-47"),
    _field("scenario", _s, "kind of talk, as the source names it; null where it does not"),
    _field("n_turns", _i32, "turns"),
    *_LICENCE,
    _field("split", _s, "train, valid or test, by hash of the dialogue"),
    _field("assistant_voice", _s, "voice of channel 0"),
    _field("user_voice", _s, "voice of channel 1"),
    _field("script", _s, "the whole script, as JSON (synth.script.Script)"),
]

LINES = [
    _field("line", _s, "dialogue#index"),
    _field("dialogue", _s, "dialogue"),
    _field("role", _s, "turn, backchannel, filler, failed_barge_in, side_talk or third_party"),
    _field("turn", _i32, "index of the turn it belongs to"),
    _field("speaker", _s, "assistant, user or other"),
    _field("voice", _s, "voice"),
    _field("language", _s, "BCP-47"),
    _field("text", _s, "spoken form"),
    _field("emotion", _s, "emotion asked of the engine; null where none"),
    _field("seed", _i64, "seed of the engine for this line"),
]

REWRITES = [
    _field("dialogue", _s, "dialogue as it was read"),
    _field("task", _s, "what was asked of the language model"),
    _field("model", _s, "the endpoint's name of the model"),
    _field("prompt_tokens", _i64, "tokens sent; null where the endpoint does not say"),
    _field("completion_tokens", _i64, "tokens of the answer"),
    _field("cost", _f64, "by the prices of the recipe; null without them"),
]

SPEECH = [
    _field("line", _s, "dialogue#index"),
    _field("dialogue", _s, "dialogue"),
    *_WHERE,
    _field("sample_rate", _i32, "as stored", "Hz"),
    _field("duration", _f64, "length of the line", "s"),
    _field("engine", _s, "speech engine"),
    _field("tries", _i32, "takes until this one, which passed the quality gate"),
    _field("words", pa.list_(WORD), "spoken words with times; prob is null where the engine states exact times", "s"),
]

DIALOGUES = [
    _field("id", _s, "dialogue: that of its script, or one take of it"),
    _field("script", _s, "id in `scripts`"),
    _field("take", _i32, "number of the simulation of that script's speech"),
    _field("source", _s, "text corpus"),
    _field("language", _s, "BCP-47"),
    _field("split", _s, "train, valid or test"),
    _field("scenario", _s, "kind of talk, as the source names it"),
    _field("n_turns", _i32, "turns that were spoken"),
    _field("assistant_voice", _s, "voice of channel 0"),
    _field("user_voice", _s, "voice of channel 1"),
    _field("seed", _i64, "seed of the recipe"),
    _field("sample_rate", _i32, "as stored", "Hz"),
    _field("duration", _f64, "length of the two channels", "s"),
    *_WHERE,
    *_LICENCE,
    _field("clean_offset", _i64, "first byte of the user's clean stem in that tar", "bytes"),
    _field("clean_size", _i64, "length of that stem's file", "bytes"),
    _field("snr_db", _f64, "user's words over noise while it is on; null without noise", "dB", "renderer"),
    _field("noise", _s, "name of the noise; null without"),
    _field("rt60", _f64, "reverberation time of the user's room; null without", "s", "renderer"),
    _field("echo_gain", _f64, "amplitude of the assistant in the user's channel; null without echo"),
    _field("echo_delay", _f64, "how much later it comes back", "s"),
    _field("codec", _s, "transmission of the user's channel; null without"),
    _field("gain_db", _f64, "gain of the user's channel at the start", "dB", "renderer"),
    _field("n_unplaced", _i32, "events of the script that the speech had no room for (table `unplaced`)"),
    _field("sample", _s, "the training sample's JSON, as written beside the audio"),
]

TURNS = [
    _field("dialogue", _s, "dialogue"),
    _field("index", _i32, "position in the dialogue"),
    _field("speaker", _s, "assistant or user"),
    _field("channel", _i32, "0 assistant, 1 user"),
    _field("text_planned", _s, "what the turn would have said"),
    _field("text_heard", _s, "what the audio says: the words that end before the speaker stopped"),
    _field("start", _f64, "first sample of speech", "s", "timeline"),
    _field("end", _f64, "end of speech", "s", "timeline"),
    _field("voice", _s, "voice"),
    _field("emotion", _s, "emotion asked of the engine; null where none"),
    _field("interrupted", _bool, "the speaker stopped before the planned end"),
    _field("fto", _f64, "start minus the end of the other party's previous turn; null for the first", "s", "timeline"),
]

EVENTS = [
    _field("dialogue", _s, "dialogue"),
    _field("index", _i32, "position in the dialogue, by start"),
    _field("kind", _s, "turn_shift, barge_in, user_backchannel, ... as synth.duplex.timeline.Event lists them"),
    _field("channel", _i32, "0 assistant, 1 user"),
    _field("start", _f64, "start of the event", "s", "timeline"),
    _field("end", _f64, "end of the event", "s", "timeline"),
    _field("turn", _i32, "turn of the event's own speaker; null where it belongs to none"),
    _field("target_turn", _i32, "turn of the other party that it meets; null where there is none"),
    _field("latency", _f64, "barge_in: the yielding speaker's stop minus the event's start", "s", "timeline"),
    _field("text", _s, "what is said; null where nothing is"),
    _field("params", _s, "further parameters, as JSON"),
]

WORDS = [
    _field("dialogue", _s, "dialogue"),
    _field("channel", _i32, "0 assistant, 1 user"),
    _field("words", pa.list_(DIALOGUE_WORD), "words in the order of their start", "s", "timeline"),
]

UNPLACED = [
    _field("dialogue", _s, "dialogue"),
    _field("index", _i32, "position"),
    _field("kind", _s, "kind of event"),
    _field("turn", _i32, "turn that it belongs to or meets"),
    _field("why", _s, "one sentence"),
]

VERIFICATION = [
    _field("dialogue", _s, "dialogue"),
    _field("n_checks", _i32, "checks made"),
    _field("n_violations", _i32, "checks failed: 0 in this table, for a failed dialogue is a reject"),
    _field("onset_error_ms", pa.list_(_f64), "energy onset minus labelled onset, per turn", "ms"),
    _field("offset_error_ms", pa.list_(_f64), "energy end minus labelled end, per turn", "ms"),
    _field("snr_error_db", _f64, "measured minus labelled; null where not measured", "dB"),
    _field("echo_gain_error", _f64, "measured minus labelled, as a share of the label; null where not measured"),
    _field("echo_delay_error_ms", _f64, "measured minus labelled; null where not measured", "ms"),
    _field("overlap_s", _f64, "time with both channels active", "s"),
]

SAMPLES = [
    _field("uid", _s, "clip or dialogue"),
    _field("split", _s, "train, valid, test, or an official split"),
    _field("shard", _s, "file name of the training shard"),
    _field("key", _s, "WebDataset key"),
    _field("offset", _i64, "first byte of the audio in the shard", "bytes"),
    _field("size", _i64, "length of the audio file", "bytes"),
    _field("duration", _f64, "length of the sample", "s"),
]

PLAN = [
    _field("uid", _s, "clip or dialogue"),
    _field("split", _s, "split"),
    _field("shard", _s, "shard that holds its audio"),
    _field("training_shard", _s, "name of the training shard"),
    _field("position", _i32, "position in that shard"),
]

REJECTS = [
    _field("stage", _s, "stage that rejected it"),
    _field("uid", _s, "item; null where it has no uid yet"),
    _field("source_uri", _s, "file it came from, relative to the corpus root; null where it has none"),
    _field("reason", _s, "manifests.records.Reason"),
    _field("detail", _s, "one sentence"),
]

PASSED_OVER = [
    _field("corpus", _s, "catalogue name"),
    _field("ending", _s, "of the files' names, in lower case with its dot; empty where they have none"),
    _field("hidden", _bool, "the name of the file, or of a folder above it, begins with a dot"),
    _field("files", _i64, "files below the corpus root that are neither audio, transcript nor table"),
    _field("size", _i64, "of all of them", "bytes"),
]

RUNS = [
    _field("recipe", _s, "hash of the resolved recipe"),
    _field("stage", _s, "stage"),
    _field("fingerprint", _s, "fingerprint of the stage"),
    _field("started", _f64, "first shard taken up", "s since 1970"),
    _field("ended", _f64, "last shard committed", "s since 1970"),
    _field("shards", _i64, "shards committed by this run"),
    _field("items", _i64, "items in"),
    _field("hours", _f64, "audio", "h"),
    _field("rejects", _i64, "items rejected"),
    _field("versions", _s, "packages, as JSON"),
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
