"""Tables of the steps that both halves have: what was selected, planned, written, rejected, run."""

from turnmill.manifests.schema.table import BOOL, FLOAT, INT32, INT64, TEXT, Table, field

_SELECTION = (
    field("uid", TEXT, "clip or dialogue"),
    field("removed_by", TEXT, "name of the predicate that removed it; null where it was kept"),
    field("duration", FLOAT, "length of the item", "s"),
)
CLIP_SELECTION = Table("clip_selection", "item that no label stage rejected", _SELECTION, key=("uid",), published=True)
DIALOGUE_SELECTION = Table(
    "dialogue_selection", "item that no label stage rejected", _SELECTION, key=("uid",), published=True
)

_PLAN = (
    field("uid", TEXT, "clip or dialogue"),
    field("split", TEXT, "split"),
    field("shard", TEXT, "shard that holds its audio"),
    field("training_shard", TEXT, "name of the training shard"),
    field("position", INT32, "position in that shard"),
)
CLIP_PLAN = Table("clip_plan", "selected item", _PLAN, key=("uid",))
DIALOGUE_PLAN = Table("dialogue_plan", "selected item", _PLAN, key=("uid",))

_SAMPLES = (
    field("uid", TEXT, "clip or dialogue"),
    field("split", TEXT, "train, valid (published as validation), test, or an official split"),
    field("shard", TEXT, "file name of the training shard"),
    field("key", TEXT, "WebDataset key"),
    field("codec", TEXT, "file extension of the audio in the shard"),
    field("offset", INT64, "first byte of the audio in the shard", "bytes"),
    field("size", INT64, "length of the audio file", "bytes"),
    field("duration", FLOAT, "length of the sample", "s"),
)
CLIP_SAMPLES = Table("clip_samples", "sample of a training shard", _SAMPLES, key=("shard", "offset"), published=True)
DIALOGUE_SAMPLES = Table(
    "dialogue_samples", "sample of a training shard", _SAMPLES, key=("shard", "offset"), published=True
)

REJECTS = Table(
    "rejects",
    "item that was rejected",
    (
        field("stage", TEXT, "stage that rejected it"),
        field("uid", TEXT, "item; null where it has no uid yet"),
        field("source_uri", TEXT, "file it came from, relative to the corpus root; null where it has none"),
        field("reason", TEXT, "why, in a word"),
        field("detail", TEXT, "one sentence"),
    ),
    key=(),
    published=True,
    private=("source_uri", "detail"),
)

PASSED_OVER = Table(
    "passed_over",
    "kind of files of a corpus that nothing reads",
    (
        field("corpus", TEXT, "catalogue name"),
        field("ending", TEXT, "of the files' names, in lower case with its dot; empty where they have none"),
        field("hidden", BOOL, "the name of the file, or of a folder above it, begins with a dot"),
        field("files", INT64, "files below the corpus root that are neither audio, transcript nor table"),
        field("size", INT64, "of all of them", "bytes"),
    ),
    key=("corpus", "ending", "hidden"),
)

RUNS = Table(
    "runs",
    "run and stage",
    (
        field("recipe", TEXT, "hash of the resolved recipe"),
        field("stage", TEXT, "stage"),
        field("fingerprint", TEXT, "fingerprint of the stage"),
        field("started", FLOAT, "first shard taken up", "s since 1970"),
        field("ended", FLOAT, "last shard committed", "s since 1970"),
        field("shards", INT64, "shards committed by this run"),
        field("items", INT64, "items in"),
        field("hours", FLOAT, "audio", "h"),
        field("rejects", INT64, "items rejected"),
        field("versions", TEXT, "packages, as JSON"),
    ),
    key=("recipe", "stage", "started"),
)

TABLES = (
    CLIP_SELECTION,
    DIALOGUE_SELECTION,
    CLIP_PLAN,
    DIALOGUE_PLAN,
    CLIP_SAMPLES,
    DIALOGUE_SAMPLES,
    REJECTS,
    PASSED_OVER,
    RUNS,
)
