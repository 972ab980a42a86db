"""Tables of the dialogue half."""

from collections.abc import Mapping
from typing import get_args

import pyarrow as pa

from turnmill.manifests.records import Intent
from turnmill.manifests.schema.shared import LICENCE, WHERE, WORD
from turnmill.manifests.schema.table import BOOL, FLOAT, INT32, INT64, SPAN, TEXT, Table, field

DIALOGUE_WORD = pa.struct(
    [
        ("word", TEXT),
        ("start", FLOAT),
        ("end", FLOAT),
        ("turn", INT32),
        ("heard", BOOL),
    ]
)

VOICES = Table(
    "voices",
    "voice that is cloned from another run",
    (
        field("name", TEXT, "voice: corpus/speaker#number"),
        field("role", TEXT, "assistant or user"),
        field("split", TEXT, "train, valid or test; null for the assistant, who is in all"),
        field("language", TEXT, "first part of the clip's BCP-47 tag"),
        field("gender", TEXT, "female or male; null where unknown", source="corpus"),
        field("accent", TEXT, "as the corpus says it; null where it does not", source="corpus"),
        field("speaker", TEXT, "speaker, unique in the corpus; in one split only", source="corpus"),
        field("uid", TEXT, "clip of another run that the prompt was cut from"),
        field("corpus", TEXT, "catalogue name"),
        field("text", TEXT, "what the prompt says", source="corpus"),
        field("duration", FLOAT, "length of the prompt", "s"),
        field("sample_rate", INT32, "of the prompt", "Hz"),
        *WHERE,
        *LICENCE,
    ),
    key=("name",),
)

SCRIPTS = Table(
    "scripts",
    "dialogue as it is to be spoken",
    (
        field("id", TEXT, "dialogue"),
        field("source", TEXT, "text corpus"),
        field("language", TEXT, "BCP-47"),
        field(
            "scenario", TEXT, "kind of talk, as the source names it, and /task where one was given; null for neither"
        ),
        field("n_turns", INT32, "turns"),
        field("borrowed", pa.list_(TEXT), "other dialogues of the source of which an interruption took a turn"),
        field("n_shortened", INT32, "turns cut to their first sentences (`script.limits.shorten`)"),
        *LICENCE,
        field("split", TEXT, "train, valid or test, by hash of the dialogue"),
        field("assistant_voice", TEXT, "voice of channel 0"),
        field("user_voice", TEXT, "voice of channel 1"),
        field("script", TEXT, "the whole script, as JSON (synth.script.Script)"),
    ),
    key=("id",),
)

LINES = Table(
    "lines",
    "line to be spoken",
    (
        field("line", TEXT, "dialogue#index"),
        field("dialogue", TEXT, "dialogue"),
        field("role", TEXT, "turn, backchannel, filler, failed_barge_in, side_talk or third_party"),
        field("turn", INT32, "index of the turn it belongs to"),
        field("speaker", TEXT, "assistant, user or other"),
        field("voice", TEXT, "voice"),
        field("language", TEXT, "BCP-47"),
        field("text", TEXT, "spoken form"),
        field("emotion", TEXT, "emotion that the engine was told; null where none"),
        field("style", TEXT, "rate, loudness or dialect that the engine was told; null where none"),
        field("seed", INT64, "seed of the engine for this line"),
    ),
    key=("line",),
)

REWRITES = Table(
    "rewrites",
    "answer of a language model",
    (
        field("dialogue", TEXT, "dialogue as it was read"),
        field("task", TEXT, "what was asked of the language model"),
        field("model", TEXT, "the endpoint's name of the model"),
        field("prompt_tokens", INT64, "tokens sent; null where the endpoint does not say"),
        field("completion_tokens", INT64, "tokens of the answer"),
        field("cost", FLOAT, "by the prices of the recipe; null without them"),
    ),
    key=("dialogue", "task"),
)

SPEECH = Table(
    "speech",
    "line that was spoken",
    (
        field("line", TEXT, "dialogue#index"),
        field("dialogue", TEXT, "dialogue"),
        *WHERE,
        field("sample_rate", INT32, "as stored", "Hz"),
        field("duration", FLOAT, "length of the line", "s"),
        field("engine", TEXT, "speech engine"),
        field("tries", INT32, "takes until this one, which passed the quality gate"),
        field(
            "words", pa.list_(WORD), "spoken words with times; prob is null where the engine states exact times", "s"
        ),
    ),
    key=("line",),
    of="lines",
)

SIMULATED, MEASURED, DIARIZED = "simulated", "measured", "diarized"
TRUSTS: Mapping[str, str] = {
    SIMULATED: "true to the sample, for the audio was made by them",
    MEASURED: "who speaks when was found by level and VAD on the channel of each speaker",
    DIARIZED: "who speaks when was found by a model in one channel; what both say at once is on both channels",
}
"""What the times of a dialogue's labels are worth. The words of recorded talk are a recogniser's."""

DIALOGUES = Table(
    "dialogues",
    "dialogue, simulated or recorded",
    (
        field("id", TEXT, "dialogue: that of its script, or one take of it; or a clip of a recording and an order"),
        field("script", TEXT, "id in `scripts`; null where it was recorded"),
        field(
            "take",
            INT32,
            "number of the simulation of that script's speech; of a recording, which of its speakers is the assistant",
        ),
        field("source", TEXT, "corpus"),
        field("language", TEXT, "BCP-47; null where unknown"),
        field(
            "split",
            TEXT,
            "train, valid (published as validation) or test; of a recording the official one, null without one: "
            "`dialogue_samples` has what was drawn",
        ),
        field(
            "scenario", TEXT, "kind of talk, as the source names it, and /task where one was given; null for neither"
        ),
        field("trust", TEXT, f"what its labels are worth: {', '.join(TRUSTS)}"),
        field("n_turns", INT32, "turns that were spoken"),
        field("assistant_voice", TEXT, "voice of channel 0; null where it was recorded"),
        field("user_voice", TEXT, "voice of channel 1; null where it was recorded"),
        field("seed", INT64, "seed of the recipe; null where it was recorded"),
        field("sample_rate", INT32, "as stored", "Hz"),
        field("duration", FLOAT, "length of the two channels", "s"),
        *WHERE,
        *LICENCE,
        field("clean_offset", INT64, "first byte of the user's clean stem in that tar; null without one", "bytes"),
        field("clean_size", INT64, "length of that stem's file; null without one", "bytes"),
        field("snr_db", FLOAT, "user's words over noise while it is on; null without noise", "dB", "renderer"),
        field("noise", TEXT, "name of the noise; null without"),
        field("rt60", FLOAT, "reverberation time of the user's room; null without", "s", "renderer"),
        field("echo_gain", FLOAT, "amplitude of the assistant in the user's channel; null without echo"),
        field("echo_delay", FLOAT, "how much later it comes back", "s"),
        field("codec", TEXT, "transmission of the user's channel; null without"),
        field("gain_db", FLOAT, "gain of the user's channel at the start", "dB", "renderer"),
        field("n_unplaced", INT32, "events of the script that the speech had no room for (table `unplaced`)"),
        field("sample", TEXT, "the training sample's JSON, as written beside the audio"),
    ),
    key=("id",),
    published=True,
)

TURNS = Table(
    "turns",
    "turn",
    (
        field("dialogue", TEXT, "dialogue"),
        field("index", INT32, "position in the dialogue"),
        field("speaker", TEXT, "assistant or user"),
        field("channel", INT32, "0 assistant, 1 user"),
        field("text_planned", TEXT, "what the turn would have said; null where it was recorded"),
        field(
            "text_heard",
            TEXT,
            "what the audio says: the words that end before the speaker stopped; null where nobody was asked",
        ),
        field("start", FLOAT, "first sample of speech", "s", "timeline"),
        field("end", FLOAT, "end of speech", "s", "timeline"),
        field("voice", TEXT, "voice; null where it was recorded"),
        field("emotion", TEXT, "emotion that the engine was told; null where none"),
        field("style", TEXT, "rate, loudness or dialect that the engine was told; null where none"),
        field("interrupted", BOOL, "the speaker stopped before the planned end, or where a barge-in was recorded"),
        field(
            "misheard",
            BOOL,
            "the assistant answers what the user did not ask: mask it, or do not train on it; null where recorded",
        ),
        field(
            "shortened",
            BOOL,
            "the source goes on: the turn is its first sentences (`script.limits.shorten`); null where recorded",
        ),
        field("borrowed", TEXT, "dialogue of the source that the text is of; null where it is this one"),
        field(
            "fto", FLOAT, "start minus the end of the other party's previous turn; null for the first", "s", "timeline"
        ),
    ),
    key=("dialogue", "index"),
    of="dialogues",
    published=True,
)

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
"""Kinds of events and what happens. Of the last five nothing is on the user's clean stem. Where talk was recorded, the
assistant too may barge in, give up a start and hesitate: `channel` says who does."""

_OF_SOME_KINDS = [
    field("intent", TEXT, f"barge_in: {', '.join(get_args(Intent))}: why the user interrupts"),
    field("stop", FLOAT, "from when the assistant is digital silence: barge_in, failed_barge_in", "s", "timeline"),
    field("fade", FLOAT, "barge_in: length of the assistant's fade, before the stop", "s", "timeline"),
    field("onset", TEXT, "barge_in: clause or word: after which the assistant is interrupted"),
    field("cut_word", TEXT, "barge_in: the word, in Chinese the character, that the assistant was in the middle of"),
    field("said", INT32, "barge_in: so many tokens of `target_turn` are heard before it, at least"),
    field("until", INT32, "barge_in: fewer tokens of `target_turn` are heard; null: any number"),
    field("resumed", BOOL, "failed_barge_in: whether the assistant had stopped and went on"),
    field("resume", FLOAT, "failed_barge_in: when it went on", "s", "timeline"),
    field("level_db", FLOAT, "what is said or sounds, against the speaker's turns", "dB", "timeline"),
    field("filler", TEXT, "hesitation: what is said before the silence"),
    field("sound", TEXT, "noise_burst, cough: name of the sound"),
    field("voice", TEXT, "side_talk, third_party: voice"),
    field("gain", FLOAT, "echo: amplitude of the assistant in the user's channel", "1"),
    field("delay", FLOAT, "echo: how much later it comes back", "s"),
]
EVENT_PARAMS = tuple(item.name for item in _OF_SOME_KINDS)
"""Columns that only some kinds of events have: null in the others."""

EVENTS = Table(
    "events",
    "event",
    (
        field("dialogue", TEXT, "dialogue"),
        field("index", INT32, "position in the dialogue, by start"),
        field("kind", TEXT, "one of the kinds below"),
        field("channel", INT32, "0 assistant, 1 user"),
        field("start", FLOAT, "start of the event", "s", "timeline"),
        field("end", FLOAT, "end of the event", "s", "timeline"),
        field("turn", INT32, "turn of the event's own speaker; null where it belongs to none"),
        field("target_turn", INT32, "turn of the other party that it meets; null where there is none"),
        field("latency", FLOAT, "barge_in: the yielding speaker's stop minus the event's start", "s", "timeline"),
        field("text", TEXT, "what is said; null where nothing is"),
        *_OF_SOME_KINDS,
    ),
    key=("dialogue", "index"),
    of="dialogues",
    published=True,
)

WORDS = Table(
    "words",
    "dialogue and channel",
    (
        field("dialogue", TEXT, "dialogue"),
        field("channel", INT32, "0 assistant, 1 user"),
        field("words", pa.list_(DIALOGUE_WORD), "words in the order of their start", "s", "timeline"),
    ),
    key=("dialogue", "channel"),
    of="dialogues",
    published=True,
)

UNPLACED = Table(
    "unplaced",
    "event of a script that the speech had no room for",
    (
        field("dialogue", TEXT, "dialogue"),
        field("index", INT32, "position"),
        field("kind", TEXT, "kind of event"),
        field("turn", INT32, "turn that it belongs to or meets"),
        field("why", TEXT, "one sentence"),
    ),
    key=("dialogue", "index"),
    of="dialogues",
)

CALLS = Table(
    "calls",
    "dialogue that was recorded",
    (
        field("dialogue", TEXT, "dialogue"),
        field("clip", TEXT, "clip that it is, in one of its orders"),
        field("recorded_rate", INT32, "sample rate of the recording", "Hz", "decoder"),
        field("activity", pa.list_(pa.list_(SPAN)), "where each channel speaks: all labels come from it", "s"),
        field(
            "leak_db",
            FLOAT,
            "loudest level at which one channel hears the other, against its level there; null where none does",
            "dB",
        ),
        field("recogniser", TEXT, "model of the words, of several the first; null without"),
        field("avg_logprob", FLOAT, "mean log probability per token of what it heard; null without", "nat"),
    ),
    key=("dialogue",),
    of="dialogues",
    label=True,
    published=True,
)

VERIFICATION = Table(
    "verification",
    "dialogue",
    (
        field("dialogue", TEXT, "dialogue"),
        field("n_checks", INT32, "checks made"),
        field("n_violations", INT32, "checks failed: 0 in this table, for a failed dialogue is a reject"),
        field("onset_error_ms", pa.list_(FLOAT), "energy onset minus labelled onset, per turn", "ms"),
        field("offset_error_ms", pa.list_(FLOAT), "energy end minus labelled end, per turn", "ms"),
        field("snr_error_db", FLOAT, "measured minus labelled; null where not measured", "dB"),
        field("echo_gain_error", FLOAT, "measured minus labelled, as a share of the label; null where not measured"),
        field("echo_delay_error_ms", FLOAT, "measured minus labelled; null where not measured", "ms"),
        field("overlap_s", FLOAT, "time with both channels active", "s"),
    ),
    key=("dialogue",),
    of="dialogues",
    label=True,
    published=True,
)

TABLES = (
    VOICES,
    SCRIPTS,
    LINES,
    REWRITES,
    SPEECH,
    DIALOGUES,
    TURNS,
    EVENTS,
    WORDS,
    UNPLACED,
    CALLS,
    VERIFICATION,
)
