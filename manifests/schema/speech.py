"""Tables of the speech half."""

import pyarrow as pa

from turnmill.manifests.emotions import EMOTIONS
from turnmill.manifests.schema.shared import LICENCE, WHERE, WORD
from turnmill.manifests.schema.table import BOOL, FLOAT, INT32, SPAN, TEXT, Table, field
from turnmill.manifests.schema.trust import TRUST

PRESENCE = "Silero VAD v6 and level"

_PLACE = (
    field("corpus", TEXT, "catalogue name"),
    field("config", TEXT, "corpus configuration, 'default' where there is one only"),
    field("split", TEXT, "official split, or 'train'"),
    *WHERE,
    field("codec", TEXT, "file extension of the audio in the lake: flac, mp3, ogg, opus"),
    field("sample_rate", INT32, "as stored", "Hz", "decoder"),
    field("channels", INT32, "as stored", source="decoder"),
)
_FACTS = (
    field("duration", FLOAT, "decoded samples over sample rate", "s", "decoder"),
    field("pcm_hash", TEXT, "blake2b-128 of the decoded 16-bit samples, rate and channel count", source="decoder"),
    field("text", TEXT, "given transcript, as released; null where none", source="corpus"),
    field("text_style", TEXT, "cased, upper_nopunct, ...", source="catalogue"),
    field("trust", TEXT, "who made the text: human, asr, template", source="catalogue"),
    field("language", TEXT, "BCP-47", source="catalogue"),
    field("speaker", TEXT, "speaker, unique in the corpus; null where unknown", source="corpus"),
    field("captions", pa.list_(TEXT), "descriptions of the sound", source="corpus"),
    field("tags", pa.list_(TEXT), "class labels", source="corpus"),
    field("emotion", TEXT, f"{', '.join(EMOTIONS)}: what a label of a corpus of emotions means; else null"),
    *LICENCE,
    field("parent", TEXT, "recording, book or speaker that must stay in one split", source="corpus"),
    field("source_uri", TEXT, "path of the source file, relative to the corpus root"),
    field("native", TEXT, "other fields of the corpus, as JSON", source="corpus"),
)
_LEFT_OUT = pa.struct([("start", FLOAT), ("end", FLOAT), ("channel", INT32), ("why", TEXT)])
_TAG = pa.struct([("tag", TEXT), ("prob", FLOAT)])
_LABEL = pa.struct([("label", TEXT), ("prob", FLOAT)])
_ROLES = field("roles", pa.list_(TEXT), "who is heard on each of its channels; empty where unknown", source="catalogue")

RECORDINGS = Table(
    "recordings",
    "recording that clips are cut from; where a corpus is already cut, `clips` has all of it",
    (field("uid", TEXT, "corpus/config/split/relpath"), *_PLACE, _ROLES, *_FACTS),
    key=("uid",),
)

CLIPS = Table(
    "clips",
    "clip: a span of a recording, of all its channels or of one",
    (
        field("uid", TEXT, "corpus/config/split/relpath, #start-end where it is cut out of it, @channel where of one"),
        *_PLACE,
        *_FACTS,
        field("recording", TEXT, "recording that it is a span of; its own uid where it is all of it"),
        field("start", FLOAT, "where it begins in the recording", "s"),
        field("end", FLOAT, "where it ends there", "s"),
        field("channel", INT32, "channel of the recording; null: all of them"),
        _ROLES,
    ),
    key=("uid",),
    of="recordings",
    by="recording",
    published=True,
)

SEGMENTATION = Table(
    "segmentation",
    "recording that was cut; one that is a clip as it is has none",
    (
        field("uid", TEXT, "recording"),
        field("clips", INT32, "clips that were cut from it"),
        field("speech", FLOAT, "speech that was found in it, of all channels that were cut for themselves", "s"),
        field(
            "left_out", pa.list_(_LEFT_OUT), "speech that is in no clip, and why: no_pause, too_short or valley", "s"
        ),
    ),
    key=("uid",),
    of="recordings",
)

QUALITY = Table(
    "quality",
    "clip",
    (
        field("uid", TEXT, "clip"),
        field("speech_ratio", FLOAT, "share of the clip inside speech segments", "1", PRESENCE),
        field("n_segments", INT32, "number of speech segments", source=PRESENCE),
        field("segments", pa.list_(SPAN), "speech segments", "s", PRESENCE),
        field("rms_dbfs", FLOAT, "root mean square of all channels", "dBFS"),
        field("peak_dbfs", FLOAT, "largest absolute sample", "dBFS"),
        field(
            "loudness_lufs",
            FLOAT,
            "integrated loudness, BS.1770-4; null below 400 ms and of silence",
            "LUFS",
            "pyloudnorm",
        ),
        field("clipping_ratio", FLOAT, "share of samples in runs of >= 3 at the clip's own peak near full scale", "1"),
        field("dc_offset", FLOAT, "mean of the samples of a channel, absolute, the largest; 1 is full scale", "1"),
        field("bandwidth_hz", FLOAT, "frequency below which the energy of the long-term spectrum ends", "Hz"),
        field("upsampled", BOOL, "whether the spectrum ends in a cliff far below half the sample rate"),
        field("snr_db", FLOAT, "speech level over non-speech level; null without both", "dB", PRESENCE),
        field("noise_floor_dbfs", FLOAT, "median level of non-speech; null without", "dBFS", PRESENCE),
        field(
            "decay_s",
            FLOAT,
            "time in which the steepest falls of its level would come to 60 dB: long in a room; null without speech "
            "and in noise",
            "s",
            PRESENCE,
        ),
        field(
            "channel_segments",
            pa.list_(pa.list_(SPAN)),
            "speech segments of each channel, of a clip whose two channels are two talks; null of any other",
            "s",
            PRESENCE,
        ),
        field(
            "channel_leaks_db",
            pa.list_(FLOAT),
            "level at which each of these channels hears the other, against its level there; null where it does not",
            "dB",
        ),
    ),
    key=("uid",),
    of="clips",
    label=True,
    sample="quality",
    published=True,
)

SOUND_TAGS = Table(
    "sound_tags",
    "clip",
    (
        field("uid", TEXT, "clip"),
        field("speech", FLOAT, "probability that it is speech, mean over the clip", "1", "YAMNet"),
        field("music", FLOAT, "that it is music, singing too", "1", "YAMNet"),
        field("noise", FLOAT, "that it is any other sound, as a dog or an engine", "1", "YAMNet"),
        field("top_tags", pa.list_(_TAG), "its likeliest classes, five at most, of AudioSet's", source="YAMNet"),
    ),
    key=("uid",),
    of="clips",
    label=True,
    sample="sound_tags",
    published=True,
)

DNSMOS = Table(
    "dnsmos",
    "clip",
    (
        field("uid", TEXT, "clip"),
        field("dnsmos_sig", FLOAT, "opinion of the speech, 1 to 5", "MOS", "DNSMOS P.835"),
        field("dnsmos_bak", FLOAT, "of the background", "MOS", "DNSMOS P.835"),
        field("dnsmos_ovrl", FLOAT, "of the whole", "MOS", "DNSMOS P.835"),
        field("dnsmos_p808", FLOAT, "of the whole, by another model", "MOS", "DNSMOS P.808"),
        field(
            "channel_dnsmos_ovrl",
            pa.list_(FLOAT),
            "of the whole of each channel by itself; null of one channel",
            "MOS",
            "DNSMOS P.835",
        ),
    ),
    key=("uid",),
    of="clips",
    label=True,
    sample="dnsmos",
    published=True,
)

_HEARD = "the classifier"

EMOTION = Table(
    "emotions",
    "clip",
    (
        field("uid", TEXT, "clip"),
        field("heard_emotion", TEXT, "what its likeliest label means, as `emotion` of clips; null for another"),
        field("heard_emotion_label", TEXT, "its likeliest label, as the classifier calls it", source=_HEARD),
        field("heard_emotion_prob", FLOAT, "probability of that", "1", _HEARD),
        field("emotion_probs", pa.list_(_LABEL), "of every label", "1", _HEARD),
        field("emotion_classifier", TEXT, "function that was asked"),
    ),
    key=("uid",),
    of="clips",
    label=True,
    sample="emotions",
    published=True,
)

TRANSCRIPTS = Table(
    "transcripts",
    "clip and recogniser",
    (
        field("uid", TEXT, "clip"),
        field("model", TEXT, "recogniser"),
        field("model_place", INT32, "its place in the recipe, from 0: the first stands for the clip in clips_all"),
        field("asr_text", TEXT, "recognised text; empty where there was no speech", source="faster-whisper"),
        field("asr_language", TEXT, "language used or detected; null where neither", source="faster-whisper"),
        field("language_prob", FLOAT, "probability of that language; null where it was given", "1", "faster-whisper"),
        field("avg_logprob", FLOAT, "mean log probability per token; null without speech", "nat", "faster-whisper"),
        field("no_speech_prob", FLOAT, "probability of the no-speech token; null as above", "1", "faster-whisper"),
        field(
            "compression_ratio", FLOAT, "bytes of the text over its zlib length; null as above", "1", "faster-whisper"
        ),
        field("words", pa.list_(WORD), "recognised words with times", "s", "faster-whisper"),
        field(
            "channel_words",
            pa.list_(pa.list_(WORD)),
            "the same of each channel, where `quality` says that two channels are two talks: each was heard by itself",
            "s",
            "faster-whisper",
        ),
        field("heard", pa.list_(SPAN), "stretches that the recogniser was given: those with speech", "s", PRESENCE),
        field("n_cut", INT32, "stretches that said more than the recogniser can write: their text is cut off"),
        field(
            "text_error", FLOAT, "errors over units of the given text, in its text_unit; null without one", "1", "jiwer"
        ),
        field("text_length", INT32, "words or characters of the given text", source="jiwer"),
        field("substitutions", INT32, "of these, others in what was heard", source="jiwer"),
        field("deletions", INT32, "of these, missing in what was heard", source="jiwer"),
        field("insertions", INT32, "more of these in what was heard", source="jiwer"),
        field("text_unit", TEXT, "what was counted: word, or character in languages written without spaces"),
        field(
            "text_normalisation",
            TEXT,
            "form of both texts: english, words, characters or chinese (Turnmill: docs/transcripts.md)",
        ),
        *TRUST,
    ),
    key=("uid", "model"),
    of="clips",
    label=True,
    stands=("model_place",),
    sample="asr",
    published=True,
)

_VOTE = "ROVER (Fiscus 1997)"
_VOTED = pa.list_(pa.struct([*WORD, ("support", INT32), ("of", INT32), ("given", BOOL)]))

CONSENSUS = Table(
    "consensus",
    "clip",
    (
        field("uid", TEXT, "clip"),
        field("n_voices", INT32, "recognisers that heard it: those of the recipe that know its language"),
        field("consensus_text", TEXT, "what they heard by a vote on each word; of one what it heard", source=_VOTE),
        field(
            "consensus_words",
            _VOTED,
            "its words with times; `support` of `of` recognisers say each, and `given`: the given text says it there "
            "(null without one, and of two talks)",
            "s",
            _VOTE,
        ),
        field("consensus_channel_words", pa.list_(_VOTED), "the same of each channel, as `channel_words`", "s", _VOTE),
        field(
            "min_support",
            FLOAT,
            "least share of them that say what won, over all places of words; 1 where nobody hears a word",
            "1",
            _VOTE,
        ),
        field("mean_support", FLOAT, "mean of this share", "1", _VOTE),
        field("agreement", FLOAT, "share of the places at which all of them say the same", "1", _VOTE),
        field("consensus_error", FLOAT, "errors of the given text against the consensus, as text_error", "1", "jiwer"),
        field("consensus_errors", INT32, "their number, of text_length", source="jiwer"),
        field(
            "unsupported",
            INT32,
            "errors of the given text against whichever recogniser is nearest to it, word by word; null as `given`",
        ),
    ),
    key=("uid",),
    of="clips",
    label=True,
    sample="consensus",
    published=True,
)

_SPEECH_OF = pa.struct([("start", FLOAT), ("end", FLOAT), ("speaker", TEXT)])

DIARIZATION = Table(
    "diarization",
    "clip",
    (
        field("uid", TEXT, "clip"),
        field(
            "speaker_segments",
            pa.list_(_SPEECH_OF),
            "who speaks when, by start; names are those of this clip alone",
            "s",
            "pyannote.audio",
        ),
        field(
            "overlap_ratio",
            FLOAT,
            "share of the speech in which two or more speak; 0 without any",
            "1",
            "pyannote.audio",
        ),
        field("n_speakers", INT32, "speakers; 0 where nobody speaks", source="pyannote.audio"),
        field("diarizer", TEXT, "pipeline"),
    ),
    key=("uid",),
    of="clips",
    label=True,
    sample="diarization",
    published=True,
)

SPEAKERS = Table(
    "speakers",
    "clip",
    (
        field("uid", TEXT, "clip"),
        field(
            "embedding",
            pa.list_(pa.float32()),
            "the voice, 256 numbers of length 1; null where less than a second of speech is heard",
            "1",
            "Resemblyzer",
        ),
        field("one_speaker", BOOL, "whether all of it is one voice; null as above", source="Resemblyzer"),
        field("encoder", TEXT, "model of the embedding"),
        field("voice_spread", FLOAT, "1 less the cosine of the two voices that it divides into; null as above", "1"),
    ),
    key=("uid",),
    of="clips",
    label=True,
    published=True,
    private=("embedding",),
)

SPEAKER_CLUSTERS = Table(
    "speaker_clusters",
    "clip",
    (
        field("uid", TEXT, "clip"),
        field(
            "speaker_cluster",
            TEXT,
            "speaker by the voice, over all corpora of the run; null where several, or too little, are heard",
            source="Resemblyzer",
        ),
    ),
    key=("uid",),
    of="clips",
    label=True,
    published=True,
)

TABLES = (
    RECORDINGS,
    CLIPS,
    SEGMENTATION,
    QUALITY,
    DNSMOS,
    SOUND_TAGS,
    EMOTION,
    TRANSCRIPTS,
    CONSENSUS,
    DIARIZATION,
    SPEAKERS,
    SPEAKER_CLUSTERS,
)
