"""Columns of `transcripts` that say whether what was heard can be trusted."""

import pyarrow as pa

from turnmill.manifests.schema.shared import WORD
from turnmill.manifests.schema.table import BOOL, FLOAT, INT32, TEXT, field

_DIFFERENCE = pa.struct([("kind", TEXT), ("given", TEXT), ("heard", TEXT), ("start", FLOAT), ("end", FLOAT)])
_LANGID = "py3langid"

TRUST = (
    field("verdict", TEXT, "the first thing that speaks against it (Turnmill: docs/reasons.md); null: nothing does"),
    field("asr_spoken", TEXT, "asr_text as it is said: numbers in words, no case, no punctuation"),
    field(
        "asr_written",
        TEXT,
        "asr_text with its numbers in digits, case and punctuation as heard; null in languages of neither library",
        source="WeTextProcessing, text2num",
    ),
    field(
        "pace",
        FLOAT,
        "its words, or characters of languages without spaces, a second of the speech heard; null of two talks",
        "1/s",
    ),
    field("speech_share", FLOAT, "share of what was heard that is speech", "1"),
    field("outside_speech", FLOAT, "share of its words that lie where no speech was found; null of two talks", "1"),
    field("loop_share", FLOAT, "share of its units that say what stands before them for the third time or more", "1"),
    field("word_anomaly", FLOAT, "mean over its words of their score: improbable, too short, too long", "1"),
    field("least_word_prob", FLOAT, "probability of its least probable word", "1", "faster-whisper"),
    field(
        "least_given_prob",
        FLOAT,
        "least probability of a word of the given text that was not heard, where it would be said; null where all were "
        "heard, and as given_words",
        "1",
        "faster-whisper",
    ),
    field("stock_phrase", BOOL, "whether all of it is what Whisper says in silence, such as 'Thank you.'"),
    field("detected_language", TEXT, "language that the recogniser takes it for; null of one that knows one language"),
    field("detected_prob", FLOAT, "probability of that", "1", "faster-whisper"),
    field(
        "written_language", TEXT, "asr_language, or the one that asr_text is plainly written in instead", source=_LANGID
    ),
    field("text_language", TEXT, "the same of the given text", source=_LANGID),
    field(
        "missing_run", INT32, "longest stretch of the given text, in text_unit, that was not heard; null without one"
    ),
    field("added_run", INT32, "longest stretch that was heard and is not in the given text"),
    field(
        "differences",
        pa.list_(_DIFFERENCE),
        "where it differs from the given text, in the form of text_normalisation: substituted, missing or added",
        "s",
    ),
    field(
        "given_words",
        pa.list_(WORD),
        "words of the given text with times, by forced alignment; null unless align_text, and where it was heard in "
        "several stretches",
        "s",
        "faster-whisper",
    ),
)
