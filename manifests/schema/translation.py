"""Tables of what clips say in another language, and of how they are spoken."""

import pyarrow as pa

from turnmill.manifests.schema.shared import WORD
from turnmill.manifests.schema.table import FLOAT, INT32, INT64, TEXT, Table, field

TRANSLATIONS = Table(
    "translations",
    "clip",
    (
        field("uid", TEXT, "clip"),
        field("source_text", TEXT, "what was translated; null where nobody tells what is said, or it needs none"),
        field("source_language", TEXT, "BCP-47; null where unknown", source="corpus, or the recogniser"),
        field("source_is", TEXT, "given or recognised"),
        field("target_language", TEXT, "BCP-47"),
        field("translation", TEXT, "in one line; null without a text, and where it is in that language as it is"),
        field("translator", TEXT, "given: the corpus; else the model"),
        field("translation_score", FLOAT, "mean log probability a token, where the model states it", "nat"),
    ),
    key=("uid",),
    of="clips",
    label=True,
    sample="translation",
    published=True,
)

TARGET_SPEECH = Table(
    "target_speech",
    "clip, whose translation is spoken in its voice; in a sample it is `.target.flac`",
    (
        field("uid", TEXT, "clip"),
        field("target_text", TEXT, "the translation as it is said"),
        field("target_offset", INT64, "first byte of the audio in the tar of its lake shard", "bytes"),
        field("target_size", INT64, "length of the audio file there", "bytes"),
        field("target_sample_rate", INT32, "as stored", "Hz"),
        field("target_duration", FLOAT, "of the speech", "s"),
        field("target_engine", TEXT, "speech engine"),
        field("target_tries", INT32, "takes until one passed the gate"),
        field("target_words", pa.list_(WORD), "words with times; empty where the aligner knows none", "s"),
    ),
    key=("uid",),
    of="clips",
    label=True,
    sample="target",
    published=True,
    private=("target_offset", "target_size"),
)

_SWIFT = "SwiftF0"

SPEECH_CAPTIONS = Table(
    "speech_captions",
    "clip; all is null where nobody, or two at once, are heard",
    (
        field("uid", TEXT, "clip"),
        field("speaking_rate", FLOAT, "of the text, given or else recognised, a second of speech", "1/s"),
        field("speaking_rate_unit", TEXT, "what was counted: word, or character in Chinese and Japanese"),
        field("speaking_rate_bin", TEXT, "in words, of `caption.rate`"),
        field("pitch_hz", FLOAT, "mean of the voiced frames; null with less than 0.2 s of them", "Hz", _SWIFT),
        field("pitch_bin", TEXT, "in words, of `caption.pitch_hz`"),
        field("pitch_deviation_hz", FLOAT, "standard deviation of the same", "Hz", _SWIFT),
        field("intonation_bin", TEXT, "that in words, of `caption.intonation_hz`"),
        field("energy_dbfs", FLOAT, "root mean square of the speech, at 16 kHz", "dBFS"),
        field("energy_bin", TEXT, "in words, of `caption.energy_dbfs`"),
        field("clarity_bin", TEXT, "`snr_db` of `quality` in words, of `caption.snr_db`"),
        field("gender", TEXT, "female or male; null where nobody says it", source="corpus"),
        field("manner_emotion", TEXT, "`emotion` of the corpus, or else `heard_emotion`; null without"),
        field("caption", TEXT, "the bins as sentences, in English"),
    ),
    key=("uid",),
    of="clips",
    label=True,
    sample="manner",
    published=True,
)

TABLES = (TRANSLATIONS, TARGET_SPEECH, SPEECH_CAPTIONS)
