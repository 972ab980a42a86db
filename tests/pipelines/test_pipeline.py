"""From a recipe to its stages: a stage sees what it says it needs, and many corpora are one dataset."""

import shutil
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from tests.pipelines.conftest import Small, speech, write_corpus
from turnmill.manifests import schema
from turnmill.manifests.audio import Audio, encode_flac
from turnmill.manifests.card import CARD
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.examples import plain
from turnmill.manifests.funnel import funnel
from turnmill.manifests.hub import publish
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect, standing_rows
from turnmill.manifests.schema.table import Table, check_tables, field
from turnmill.manifests.store import Store
from turnmill.pipelines.cli import app
from turnmill.pipelines.dataset import open_dataset
from turnmill.pipelines.engine import Tell
from turnmill.pipelines.loading import load
from turnmill.pipelines.pipeline import fingerprinted, halves
from turnmill.pipelines.run import Step, run
from turnmill.pipelines.stage import Shard, Workspace
from turnmill.pipelines.stages.quality import Quality

BOTH = """
name: both
seed: 3
workers: 1
corpora:
  - {corpus: files, root: first}
  - {corpus: files, root: second, entry: {name: more, lang: en}}
ingest: {unit_clips: 4, keep_untranscribed: true}
quality: {}
select:
  - {name: unique, keep: "duplicate_kept"}
shard: {splits: {train: 0.6, valid: 0.2, test: 0.2}}
"""

UID, TEXT = field("uid", pa.string(), ""), field("text", pa.string(), "")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two corpora that share a file, and the recipe of both."""
    folder = tmp_path_factory.mktemp("both")
    write_corpus(folder / "first")
    (folder / "second").mkdir()
    shutil.copy(folder / "first" / "plain.wav", folder / "second" / "again.wav")
    (folder / "second" / "new.flac").write_bytes(encode_flac(_sound("Only the second corpus says this.")))
    (folder / "both.yaml").write_text(BOTH, "utf-8")
    return folder


def _sound(text: str) -> Audio:
    said = speech(text)
    return Audio(said.pcm[None], said.sample_rate)


def test_many_corpora_are_selected_split_and_written_as_one(both: Path) -> None:
    told: list[str] = []

    def watch(step: Step) -> AbstractContextManager[Tell]:
        told.append(step.of)
        return nullcontext(lambda _: None)

    recipe = load(both / "both.yaml")
    store = run(recipe, str(both / "out"), watch=watch).store
    with connect(store, Index.load(store)) as connection:
        counts = dict(connection.sql("SELECT corpus, count(*) FROM clips GROUP BY corpus").fetchall())
        copies = connection.sql("SELECT uid, corpus FROM clips_all WHERE removed_by = 'unique' ORDER BY uid").fetchall()
        written = {
            corpus
            for (corpus,) in connection.sql(
                "SELECT DISTINCT corpus FROM clips SEMI JOIN clip_samples USING (uid)"
            ).fetchall()
        }
        steps = {step.stage: step for step in funnel(connection, "speech").steps}
        mine = {step.stage: step for step in funnel(connection, "speech", "more").steps}
        shards = connection.sql("SELECT DISTINCT shard FROM clip_samples").fetchall()
    assert counts == {"files": 8, "more": 2}
    # Of three copies one is kept, whichever corpus has it.
    assert [corpus for _, corpus in copies] == ["files", "more"]
    assert written == {"files", "more"}
    assert (steps["quality"].items_in, mine["quality"].items_in, mine["ingest"].items_out) == (10, 2, 2)
    assert (mine["select"].items_in, mine["select"].items_out, mine["select"].losses[0].items) == (2, 1, 1)
    assert all(name.startswith("clip-") for (name,) in shards)
    assert told == ["files", "more", "speech"]  # who is read, then what is made of all


def shards_of_output(out: Store) -> dict[str, bytes]:
    return {name: out.read(name) for name in out.names("shards")}


def test_corpora_come_and_go_and_leave_the_parts_of_the_others(both: Path) -> None:
    alone = load(both / "both.yaml", [f"corpora=[{{corpus: files, root: {both / 'first'}}}]"])
    out = Store(str(both / "grown"))
    run(alone, out.root)
    of_one = shards_of_output(out)
    before = {name: out.fs.modified(out.path(name)) for name in out.names("clips")}
    run(load(both / "both.yaml"), out.root)
    assert before
    assert before.items() <= {name: out.fs.modified(out.path(name)) for name in out.names("clips")}.items()
    fresh = run(load(both / "both.yaml"), str(both / "fresh")).store
    assert shards_of_output(out) == shards_of_output(fresh) != of_one
    # What a selection that is not there any more had written is written again.
    run(alone, out.root)
    assert shards_of_output(out) == of_one
    with pytest.raises(UsageError, match=r"the output of another recipe \(both \(files\), this one is both \(more\)\)"):
        run(load(both / "both.yaml", [f"corpora=[{{corpus: files, root: {both}, entry: {{name: more}}}}]"]), out.root)


def test_a_file_that_two_corpora_have_is_in_one_split_where_no_selection_drops_its_copies(both: Path) -> None:
    settings = ["select=[]", "quality=null", "shard.splits={train: 0.34, valid: 0.33, test: 0.33}"]
    store = run(load(both / "both.yaml", settings), str(both / "copies")).store
    with connect(store, Index.load(store)) as connection:
        found = connection.sql(
            "SELECT list(DISTINCT corpus ORDER BY corpus), count(DISTINCT clip_plan.split) "
            "FROM clips JOIN clip_plan USING (uid) GROUP BY pcm_hash HAVING count(*) > 1"
        ).fetchall()
    assert found == [(["files", "more"], 1)]


def test_the_end_of_a_run_and_its_card_tell_what_may_be_in_two_splits_whether_or_not_there_was_something_to_do(
    both: Path,
) -> None:
    entries = ("first, entry: {overlaps: [tapes]}", "second, entry: {name: more, lang: en, overlaps: [tapes]}")
    corpora = ", ".join(f"{{corpus: files, root: {both}/{entry}}}" for entry in entries)
    splits = "shard.splits={train: 0.34, valid: 0.33, test: 0.33}"
    recipe = load(both / "both.yaml", [f"corpora=[{corpora}]", "select=[]", "quality=null", splits])
    leaks = run(recipe, str(both / "leaks")).summary.leaks
    said = "files and more both have audio of tapes, and 8 clips of files and 2 clips of more do not say which"
    assert [leak.partition(":")[0] for leak in leaks] == [said]
    card = (both / "leaks" / CARD).read_text()
    assert f"- Splits: {plain(leaks[0])}.\n" in card
    assert run(recipe, str(both / "leaks")).summary.leaks == leaks
    (both / "leaks" / CARD).unlink()
    assert CliRunner().invoke(app, ["card", str(both / "leaks")]).exit_code == 0
    assert (both / "leaks" / CARD).read_text() == card


def test_one_folder_may_be_two_corpora_that_read_it_otherwise(both: Path) -> None:
    other = "{name: more, ingest: {pattern: '(?P<speaker>a+)'}}"
    settings = [f"corpora=[{{corpus: files, root: x}}, {{corpus: files, root: x, entry: {other}}}]"]
    assert len(load(both / "both.yaml", settings).sources) == 2


def test_what_is_asked_of_many_corpora_is_found_in_each(both: Path) -> None:
    store = run(load(both / "both.yaml"), str(both / "out")).store
    found = open_dataset(store.root)
    for uid in found.sql("SELECT uid FROM clips ORDER BY uid").column("uid").to_pylist():
        audio, rate = found.audio(uid)
        assert audio.shape[1] / rate > 0.2
    assert {sample.labels["corpus"] for sample in found.samples("speech")} == {"files", "more"}
    with pytest.raises(TurnmillError, match="may not be redistributed"):
        publish(store, None, to=both / "hub")
    stated = load(both / "both.yaml", ["licence={spdx: CC0-1.0, redistribute: true, commercial: true}"])
    publish(run(stated, str(both / "stated")).store, None, to=both / "hub")
    assert pq.read_table(both / "hub" / "manifests" / "clips.parquet").num_rows == 8


def test_the_licence_of_a_recipe_is_that_of_corpora_that_state_none(both: Path) -> None:
    secret = "{spdx: LicenseRef-Secret, redistribute: false, commercial: false}"
    settings = [
        "licence={spdx: CC0-1.0, redistribute: true, commercial: true}",
        f"corpora=[{{corpus: files, root: a}}, {{corpus: files, root: b, entry: {{name: more, licence: {secret}}}}}]",
    ]
    (half,) = halves(load(both / "both.yaml", settings), Store(str(both / "never")))
    licences = [chain.source.source.licence.spdx for chain in half.chains]  # type: ignore[attr-defined]
    assert licences == ["CC0-1.0", "LicenseRef-Secret"]


def test_what_is_passed_over_is_told_of_each_corpus(both: Path) -> None:
    (both / "second" / "notes.pdf").write_bytes(b"no audio")
    store = run(load(both / "both.yaml"), str(both / "out")).store
    with connect(store, Index.load(store)) as connection:
        told = connection.sql("SELECT corpus, sum(files)::BIGINT FROM passed_over GROUP BY ALL ORDER BY ALL").fetchall()
    assert told == [("files", 4), ("more", 1)]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["corpora=[{corpus: files}, {corpus: files}]"], "two are called files; give one another name"),
        (["corpora=[{corpus: nowhere, root: .}]"], "no source is called 'nowhere'"),
        (["corpora=[{corpus: files}]"], "the recipe does not say where the corpus is"),
        (["root=x"], "put each corpus and its root in the list"),
        (["corpora=[{corpus: files, root: .}]", "corpus=files"], "put each corpus and its root in the list"),
        (
            ["corpora=[{corpus: files, root: x}, {corpus: files, root: ./y/../x, entry: {name: more}}]"],
            "files and more read the same folder, .*, in the same way: leave one of them out",
        ),
    ],
)
def test_a_list_of_corpora_that_cannot_be_used_is_refused(both: Path, settings: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        halves(load(both / "both.yaml", settings), Store(str(both / "never")))


def test_a_stage_without_what_it_needs_is_refused_in_the_words_of_the_recipe(both: Path) -> None:
    recipe = load(both / "both.yaml", ["quality=null", "transcribe={models: [base]}"])
    with pytest.raises(UsageError, match=r"^`transcribe` needs the table `quality`: add `quality: \{\}`"):
        halves(recipe, Store(str(both / "never")))


def test_a_stage_sees_no_table_that_it_does_not_name(small: Small) -> None:
    (half, _) = halves(small.recipe, Store(str(small.out)))
    whole = fingerprinted(half, [], 0).workspace(Store(str(small.out)), 0)
    (quality,) = half.chains[0].labels
    seen = whole.seen_by(quality)
    assert seen.has("clips")
    assert whole.has("clip_selection")
    assert not seen.has("clip_selection")
    with pytest.raises(LookupError, match="the stage quality reads the table clip_selection: name it in its `needs`"):
        seen.rows("clip_selection", "all")


def test_a_stage_of_an_undeclared_table_is_refused_before_work(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Quality, "tables", ("undeclared",))
    with pytest.raises(LookupError, match=r"no table is called 'undeclared': declare it in manifests/schema/"):
        halves(small.recipe, Store(str(small.out)))


def test_a_label_whose_table_does_not_say_so_is_refused(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    quality = schema.TABLES["quality"]
    monkeypatch.setitem(schema.TABLES, "quality", replace(quality, label=False, sample=None))  # type: ignore[arg-type]
    with pytest.raises(LookupError, match="quality labels clips: say so of its table quality"):
        halves(small.recipe, Store(str(small.out)))


def test_a_writer_whose_files_are_not_called_as_its_shards_is_told(small: Small) -> None:
    store = Store(str(small.out))
    (half, _) = halves(small.recipe, store)
    writer = half.writers[0]
    (print_,) = {name.split("/")[1] for name in store.names("clip_samples")}
    place = Workspace(store, dict.fromkeys(writer.tables, print_))
    there = [Shard(name, name) for name in {Path(n).stem for n in store.names("shards") if "/clip-" in n}]
    writer.check_files(place, there)
    with pytest.raises(LookupError, match="the writer shard wrote nothing of clip-flac-train-9 where `file` says"):
        writer.check_files(place, [*there, Shard("clip-flac-train-9", "clip-flac-train-9")])


def test_of_several_rows_one_stands_for_the_item_in_view_and_sample_alike() -> None:
    columns = (UID, field("model", pa.string(), ""), field("score", pa.float64(), ""))
    heard = Table("heard", "clip", columns, ("uid", "model"), of="clips", label=True, stands=("score",))
    rows = [
        {"uid": "a", "model": "x", "score": 2.0},
        {"uid": "a", "model": "z", "score": 1.0},
        {"uid": "a", "model": "y", "score": 1.0},
        {"uid": "b", "model": "x", "score": None},
        {"uid": "b", "model": "y", "score": 3.0},
    ]
    stands = {uid: row["model"] for uid, row in heard.standing(rows).items()}
    with duckdb.connect(":memory:") as connection:
        connection.register("heard", pa.Table.from_pylist(rows, schema=heard.schema))
        seen = connection.sql(f"SELECT uid, model FROM {standing_rows(heard)} ORDER BY uid").fetchall()
    assert stands == dict(seen) == {"a": "y", "b": "y"}
    assert (heard.counted(rows, "clips"), heard.counted(rows, "models")) == (2, 5)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (Table("quality", "clip", (UID,), ("uid",)), "two tables are called quality"),
        (Table("x", "clip", (UID,), ("id",)), r"\['id'\] is not a column"),
        (Table("x", "clip", (UID,), ("uid",), of="klips"), "`of` is klips, which is no table"),
        (Table("x", "clip", (UID,), ("uid",), label=True), "say `of` which"),
        (Table("x", "clip", (UID,), ("uid",), of="recordings", label=True), "a label is of clips or dialogues"),
        (Table("x", "clip", (UID,), ("uid",), of="clips", sample="x"), "is no label, and only a label has a field"),
        (Table("x", "line", (UID,), ("uid",), of="lines", published=True), "of lines, which are not selected"),
        (Table("x", "clip", (UID, TEXT), ("uid", "text"), of="clips", label=True), "which of several rows `stands`"),
        (Table("x", "clip", (UID, TEXT), ("uid",), of="clips", label=True), "x and clips have a column text: rename"),
    ],
)
def test_a_slip_in_a_declaration_is_told(table: Table, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_tables([*schema.TABLES.values(), table], ["clips", "dialogues"])


def test_a_second_row_of_an_item_that_may_have_one_upsets_the_books() -> None:
    twice = [{"uid": "a", "recording": "r"}, {"uid": "a", "recording": "r"}]
    assert schema.TABLES["quality"].counted(twice, "clips") == 2
    assert schema.TABLES["clips"].counted(twice, "clips") == 2
    assert schema.TABLES["clips"].counted(twice, "recordings") == 1
