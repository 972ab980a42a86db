"""A run of both halves: the books balance, bad items have a reason, the shards read back, and a rerun adds nothing."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml

from tests.conftest import tree_hashes
from tests.loads import check_every_row, front_matter, snippets, written
from tests.notes import notes_of
from tests.pipelines.conftest import Small, speech
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.funnel import check_ledger
from turnmill.manifests.hub import publish
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect, read_only
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store
from turnmill.pipelines.engine import execute
from turnmill.pipelines.loading import load
from turnmill.pipelines.pipeline import Plan, halves
from turnmill.pipelines.run import check_predicates, run
from turnmill.pipelines.stage import Row, Workspace
from turnmill.pipelines.steps.select import Predicate, select
from turnmill.pipelines.verification import verify_output


def ask(out: Path, sql: str) -> list[tuple[Any, ...]]:
    store = Store(str(out))
    return connect(store, Index.load(store)).execute(sql).fetchall()


def training_shards(out: Path, half: str) -> list[Path]:
    return sorted(out.glob(f"shards/*/{half}-*.tar"))


def test_items_in_are_items_out_and_rejects_at_every_stage(small: Small) -> None:
    store = Store(str(small.out))
    connection = connect(store, Index.load(store))
    assert check_ledger(connection) == []
    books = connection.execute(
        "SELECT stage, sum(items_in), sum(items_out), sum(rejected) FROM ledger "
        "GROUP BY stage, position ORDER BY position"
    ).fetchall()
    assert [(stage, int(i), int(o), int(r)) for stage, i, o, r in books][:2] == [
        ("ingest", 11, 7, 4),
        ("quality", 7, 7, 0),
    ]
    assert ("script", 14, 7, 7) in [(stage, int(i), int(o), int(r)) for stage, i, o, r in books]


def test_every_bad_item_is_a_reject_with_its_reason(small: Small) -> None:
    found = dict(ask(small.out, "SELECT source_uri, reason FROM rejects WHERE stage = 'ingest'"))
    assert found == {
        "truncated.flac": "truncated_audio",
        "garbage.wav": "corrupt_audio",
        "empty.mp3": "empty_file",
        "no text.wav": "untranscribed",
    }
    texts = Counter(reason for (reason,) in ask(small.out, "SELECT reason FROM rejects WHERE stage = 'script'"))
    kinds = ("role_order", "one_speaker", "empty_turn", "turn_too_long", "code", "nothing_speakable", "bad_row")
    assert texts == dict.fromkeys(kinds, 1)


def test_what_is_neither_audio_nor_transcript_is_counted(small: Small) -> None:
    rows = ask(small.out, "SELECT corpus, ending, hidden, files, size FROM passed_over ORDER BY ending, hidden")
    assert rows == [("files", "", False, 1, 28), ("files", "", True, 1, 28), ("files", ".pdf", False, 2, 56)]


def test_selection_names_what_removed_a_clip(small: Small) -> None:
    rows = ask(small.out, "SELECT uid, removed_by FROM clip_selection WHERE removed_by IS NOT NULL ORDER BY uid")
    assert [(Path(uid).name, removed_by) for uid, removed_by in rows] == [
        ("silence.wav", "speech"),
        ("twin.wav", "unique"),
    ]


def test_flac_stays_as_it_was_and_wav_becomes_flac_of_the_same_samples(small: Small) -> None:
    rows = ask(
        small.out, "SELECT source_uri, shard, \"offset\", size, codec FROM clips WHERE source_uri NOT LIKE 'tw%'"
    )
    fingerprint = Index.load(Store(str(small.out))).maker("clips").fingerprint  # type: ignore[union-attr]
    for source_uri, shard, offset, size, codec in rows:
        tar = small.out / "audio" / "clips" / fingerprint / f"{shard}.tar"
        data = tar.read_bytes()[offset : offset + size]
        source = small.corpus / source_uri
        assert codec == "flac"
        if source.suffix == ".flac":
            assert data == source.read_bytes()
        else:
            kept = tar.parent / "kept.flac"
            kept.write_bytes(data)
            assert (soundfile.read(kept, dtype="int16")[0] == soundfile.read(source, dtype="int16")[0]).all()
            kept.unlink()


def test_webdataset_reads_every_sample(small: Small) -> None:
    import webdataset

    for half, table in (("clip", "clip_samples"), ("dialogue", "dialogue_samples")):
        urls = [str(path) for path in training_shards(small.out, half)]
        samples = list(webdataset.WebDataset(urls, shardshuffle=False))
        rows = ask(small.out, f'SELECT key, uid FROM {table} ORDER BY shard, "offset"')
        assert [sample["__key__"] for sample in samples] == [key for key, _ in rows]
        for sample, (_, uid) in zip(samples, rows, strict=True):
            labels = json.loads(sample["json"])
            assert labels["uid" if half == "clip" else "id"] == uid
            assert sample["flac"][:4] == b"fLaC"


def test_ray_reads_every_sample_by_the_line_of_the_card(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(Store(str(small.out)), "me/small", to=tmp_path / "published")
    monkeypatch.chdir(tmp_path / "published")
    [snippet] = [snippet for snippet in snippets(Path.cwd()) if "ray.data" in snippet]
    said: dict[str, Any] = {}
    exec(snippet, said)
    rows = said["samples"].take_all()
    wanted = {key for (key,) in ask(small.out, "SELECT key FROM dialogue_samples WHERE split = 'train'")}
    assert {row["__key__"] for row in rows} == wanted
    assert len(rows) == len(wanted) > 0
    assert all(json.loads(row["json"])["channels"] == ["assistant", "user"] for row in rows)


def mixed(folder: Path) -> Path:
    """Clips in three codecs."""
    folder.mkdir()
    noise = np.random.default_rng(3).normal(0, 0.05, (4, 32_000))
    soundfile.write(folder / "a.wav", noise[0], 16_000)
    soundfile.write(folder / "b.mp3", noise[1], 16_000, format="MP3")
    soundfile.write(folder / "c.ogg", noise[2], 16_000, format="OGG")
    soundfile.write(folder / "d.mp3", noise[3], 16_000, format="MP3")
    return folder


@pytest.mark.parametrize("clip_codec", ["keep", "flac"])
def test_a_config_holds_one_codec(clip_codec: str, tmp_path: Path) -> None:
    corpus, out, folder = mixed(tmp_path / "mixed"), tmp_path / "out", tmp_path / "published"
    recipe = {
        "name": "mixed",
        "corpus": "files",
        "root": str(corpus),
        "licence": {"spdx": "CC0-1.0", "redistribute": True, "commercial": True},
        "ingest": {"keep_untranscribed": True},
        "quality": {},
        "shard": {"clip_codec": clip_codec, "splits": {"train": 1, "valid": 0, "test": 0}},
    }
    (tmp_path / "mixed.yaml").write_text(yaml.safe_dump(recipe))
    run(load(tmp_path / "mixed.yaml"), str(out))
    publish(Store(str(out)), None, to=folder)
    assert check_every_row(folder, tmp_path / "cache") == 4
    configs = {entry["config_name"] for entry in front_matter(folder)["configs"]}
    assert configs == ({"speech"} if clip_codec == "flac" else {"speech_flac", "speech_mp3", "speech_ogg"})
    for config in configs:
        codec = config.partition("_")[2] or "flac"
        for row in written(folder, config, "train").values():
            assert set(row) == {codec, "json"}
            samples, rate = soundfile.read(io.BytesIO(row[codec]))
            assert (len(samples) / rate, rate) == (pytest.approx(row["json"]["duration"], abs=1e-9), 16_000)
            source = corpus / row["json"]["source_uri"]
            if codec != "flac":  # its own bytes
                assert row[codec] == source.read_bytes()
            elif row["json"]["source_uri"] == "b.mp3":  # what they decode to
                assert np.abs(samples - soundfile.read(source)[0]).max() <= 1 / 32768


def test_tar_headers_tell_no_time_and_no_user(small: Small) -> None:
    for path in [*training_shards(small.out, "clip"), *training_shards(small.out, "dialogue")]:
        with tarfile.open(path) as tar:
            for member in tar:
                assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
                assert "/" not in member.name


def test_every_dialogue_of_the_shards_is_true_to_its_labels(small: Small) -> None:
    found = verify_output(Store(str(small.out)))
    assert found.violations == ()
    assert found.dialogues == 7
    assert found.checks > 7 * 5


def test_a_rerun_writes_nothing(small: Small) -> None:
    parts = [path for path in small.out.rglob("*") if path.suffix in (".parquet", ".tar")]
    before = {path: path.stat().st_mtime_ns for path in parts}
    hashes = tree_hashes(small.out)
    run(small.recipe, str(small.out))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert tree_hashes(small.out) == hashes


def test_another_folder_another_worker_count_same_bytes(small: Small, tmp_path: Path) -> None:
    assert small.recipe.workers == 1
    recipe = small.recipe.model_copy(update={"workers": 2})
    run(recipe, str(tmp_path / "elsewhere"))
    assert tree_hashes(tmp_path / "elsewhere") == tree_hashes(small.out)


def test_killed_at_any_time_the_same_command_ends_with_the_same_bytes(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "turnmill.pipelines.cli", "run", str(small.corpus.parent / "small.yaml")]
    command += ["--set", f"root={small.corpus}", "--out", str(out)]
    for parts in (1, 9):  # killed when so many parts are there: in the middle of each half
        process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)
        while process.poll() is None and len(list(out.rglob("*.parquet"))) < parts:
            time.sleep(0.1)  # looking costs what the run then lacks
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert tree_hashes(out) != tree_hashes(small.out)
    run(small.recipe, str(out))
    assert tree_hashes(out) == tree_hashes(small.out)


def test_after_sources_change_the_result_is_that_of_a_fresh_run(small: Small, tmp_path: Path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    shutil.copytree(small.corpus, corpus)
    recipe = small.recipe.model_copy(update={"root": corpus, "texts": None})
    run(recipe, str(out))
    tars = {path: path.stat().st_mtime_ns for path in out.glob("audio/clips/*/*.tar")}
    soundfile.write(corpus / "plain.wav", speech("Something else is said here.").pcm, 24_000)
    run(recipe, str(out))
    redone = [path for path, time_ns in tars.items() if path.stat().st_mtime_ns != time_ns]
    assert len(redone) == 1  # and only the unit that changed
    assert ask(out, "SELECT removed_by FROM clip_selection WHERE uid LIKE '%/twin.wav'") == [(None,)]
    (corpus / "silence.wav").unlink()  # fewer units than before
    (corpus / "truncated.flac").unlink()
    for path in corpus.glob("deep/*"):
        path.unlink()
    run(recipe, str(out))
    run(recipe, str(tmp_path / "fresh"))
    assert tree_hashes(out) == tree_hashes(tmp_path / "fresh")


def test_what_verify_rejects_is_not_published(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    store = Store(str(out))
    index = Index.load(store)
    maker = index.maker("verification")
    assert maker is not None
    name = sorted(store.names(f"verification/{maker.fingerprint}"))[0]
    table, notes = store.read_part(name), notes_of(store, name)
    lost = table.column("dialogue")[0].as_py()
    # As `verify` leaves it when it finds a label untrue: one row less here, one row more among the rejects.
    row = {"stage": "verify", "uid": lost, "source_uri": None, "reason": "label_violation", "detail": "planted"}
    counts = {"items_out": str(len(table) - 1), "rejected": "1"}
    store.write_part(name, table.slice(1), notes | counts)
    store.write_part(name.replace("verification/", "rejects/"), to_table("rejects", [row]), notes | counts)
    for folder in ("dialogue_selection", "dialogue_plan", "dialogue_samples"):
        shutil.rmtree(out / folder)
    for shard in training_shards(out, "dialogue"):
        shard.unlink()
    run(small.recipe, str(out))
    assert ask(out, f"SELECT count(*) FROM dialogues WHERE id = '{lost}'") == [(1,)]
    assert ask(out, f"SELECT count(*) FROM dialogue_samples WHERE uid = '{lost}'") == [(0,)]
    assert len(ask(out, "SELECT uid FROM dialogue_samples")) == 6


def test_a_full_disk_is_one_sentence_and_the_run_goes_on_when_there_is_room(small: Small, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    try:
        command = [sys.executable, "-m", "turnmill.pipelines.cli", "run", str(small.corpus.parent / "small.yaml")]
        command += ["--set", f"root={small.corpus}", "--out", str(disk / "out")]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert "no space left on the disk" in ended.stderr
        assert "Traceback" not in ended.stderr
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        run(small.recipe, str(disk / "out"))
        assert tree_hashes(disk / "out") == tree_hashes(small.out)
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def as_at_a_terminal() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so do these tests and what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("seen", ["index.json", "*.parquet"])  # while Ray starts, and while it works
def test_a_signal_says_how_to_go_on_and_leaves_nothing_half_written(
    small: Small, tmp_path: Path, number: signal.Signals, status: int, seen: str
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "turnmill.pipelines.cli", "run", str(small.corpus.parent / "small.yaml")]
    command += ["--set", f"root={small.corpus}", "--out", str(out)]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, preexec_fn=as_at_a_terminal
    )
    while process.poll() is None and not list(out.rglob(seen)):
        time.sleep(0.05)
    process.send_signal(number)
    process.send_signal(number)  # as supervisors do that signal a process and its group
    _, said = process.communicate()
    assert process.returncode == status
    assert said == "turnmill: stopped; run the same command again to go on where it was\n"
    assert not [path for path in out.rglob("*") if "tmp" in path.name]


def test_too_many_rejects_fail_the_run_but_keep_the_dataset(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    with pytest.raises(TurnmillError, match=r"ingest rejected 4 of 11 items, more than --max-reject-ratio 0\.1"):
        run(small.recipe, str(out), max_reject_ratio=0.1)
    run(small.recipe, str(out), max_reject_ratio=0.6)
    assert tree_hashes(out) == tree_hashes(small.out)


def test_an_output_folder_of_another_recipe_is_refused(small: Small, tmp_path: Path) -> None:
    other = small.recipe.model_copy(update={"name": "other"})
    with pytest.raises(UsageError, match="is the output of another recipe"):
        run(other, str(small.out))
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"not empty and not an output of Turnmill \(it holds precious.txt\)"):
        run(small.recipe, str(tmp_path))


def test_a_predicate_that_does_not_run_is_refused_before_work(small: Small, tmp_path: Path) -> None:
    path = small.corpus.parent / "small.yaml"
    settings = [f"root={small.corpus}", "select=[{name: typo, keep: 'speech_ration > 1'}]"]
    with pytest.raises(UsageError, match="the predicate 'typo' does not run over clips_all"):
        run(load(path, settings), str(tmp_path / "out"))
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["root=/nowhere/at/all"], "/nowhere/at/all"),
        (["root=null"], "add --set root=FOLDER"),
        (["corpus=librispeach"], "librispeech"),
        (["texts=/nowhere.jsonl"], "/nowhere.jsonl does not exist"),
        (["transcribe.models=[/no/such/model]"], "/no/such/model"),
        (["transcribe.models=[/no/such/model]", "root=/nowhere/at/all"], "/nowhere/at/all does not exist"),
        (["transcribe.models=[/no/such/model]", "texts=/nowhere.jsonl"], "/nowhere.jsonl does not exist"),
        (
            ["simulate={noises: [/no/noise.wav], recordings_licence: {spdx: MIT, redistribute: yes, commercial: yes}}"],
            "/no/noise.wav",
        ),
    ],
)
def test_what_is_not_there_is_refused_by_one_sentence(
    small: Small, tmp_path: Path, settings: list[str], sentence: str
) -> None:
    recipe = load(small.corpus.parent / "small.yaml", [f"root={small.corpus}", *settings])
    with pytest.raises(TurnmillError) as refused:
        run(recipe, str(tmp_path / "out"))
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_predicate_cannot_run_other_sql(small: Small, tmp_path: Path) -> None:
    target = tmp_path / "written.csv"
    keep = f"true); COPY (SELECT 1) TO '{target}'; SELECT 1 WHERE (true"
    bad = small.recipe.model_copy(update={"select": (Predicate(name="evil", keep=keep),)})
    with pytest.raises(UsageError, match="the predicate 'evil' does not run"):
        run(bad, str(tmp_path / "out"))
    assert not target.exists()


@pytest.mark.parametrize(
    "keep",
    [
        "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0",
        "(SELECT count(*) FROM '/etc/passwd') > 0",
        "(SELECT count(*) FROM glob('/*')) > 0",
        "(SELECT count(*) FROM read_parquet('https://example.org/x.parquet')) > 0",
        "(SELECT count(*) FROM read_text('{out}/recipe.yaml')) > 0",
        "(SELECT count(*) FROM duckdb_settings()) > 0",
        "(SELECT count(*) FROM pg_catalog.pg_settings) > 0",
        "(SELECT count(*) FROM query('SELECT 1')) > 0",
        "current_setting('temp_directory') <> ''",
        "getenv('HOME') <> ''",
        "getvariable('x') IS NULL",
        "true) UNION SELECT 1 FROM clips WHERE (true",
        "true), (true",
        "true) FROM clips WHERE (true",
        "removed_by IS NULL",
        "",
        "duration >",
    ],
)
@pytest.mark.parametrize("key", ["select", "select_dialogues"])
def test_a_predicate_reads_nothing_but_the_labels_of_its_items(
    small: Small, tmp_path: Path, keep: str, key: str
) -> None:
    predicate = Predicate.model_construct(name="evil", keep=keep.replace("{out}", str(tmp_path)))
    recipe = small.recipe.model_copy(update={key: (predicate,)})
    store = Store(str(tmp_path / "out"))
    with pytest.raises(UsageError, match=f"^{key}: the predicate 'evil' does not run over") as refused:
        check_predicates(recipe, halves(recipe, store), store)  # what `--dry-run` calls too
    assert "\n" not in str(refused.value)


def test_a_predicate_may_ask_the_other_tables(small: Small, tmp_path: Path) -> None:
    keep = "id IN (SELECT dialogue FROM events) OR list_contains([1], 1) OR EXISTS (FROM unnest([1]))"
    recipe = small.recipe.model_copy(update={"select_dialogues": (Predicate(name="eventful", keep=keep),)})
    store = Store(str(tmp_path / "out"))
    check_predicates(recipe, halves(recipe, store), store)


def test_a_selection_cannot_read_files_when_it_is_made_either(small: Small) -> None:
    store = Store(str(small.out))
    with connect(store, Index.load(store)) as connection:
        read_only(connection, store)
        evil = Predicate(name="evil", keep="(SELECT count(*) FROM read_csv('/etc/passwd')) > 0")
        with pytest.raises(UsageError, match="the selection fails over the clips or dialogues: Permission Error"):
            select(connection, "clips_all", "uid", [evil])


def test_the_views_say_what_removed_an_item(small: Small) -> None:
    rows = ask(small.out, "SELECT uid, removed_by FROM clips_all ORDER BY uid")
    assert rows == ask(small.out, "SELECT uid, removed_by FROM clip_selection ORDER BY uid")
    assert {why for _, why in rows} == {None, "speech", "unique"}
    assert ask(small.out, "SELECT DISTINCT removed_by FROM dialogues_all") == [(None,)]


def test_parts_that_the_workers_wrote_elsewhere_fail_the_run(
    small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"

    def elsewhere(stages: Any, shards: Any, workspace: Workspace, *rest: Any) -> Iterator[list[Row]]:
        return execute(stages, shards, Workspace(Store(str(tmp_path / "there")), workspace.fingerprints), *rest)

    monkeypatch.setattr("turnmill.pipelines.run.execute", elsewhere)
    recipe = small.recipe.model_copy(update={"texts": None, "quality": None, "select": ()})
    with pytest.raises(TurnmillError, match=r"somewhere else than .*here.* name an --out that all nodes see"):
        run(recipe, str(here))
    assert list((tmp_path / "there").rglob("*.parquet"))


def test_what_travels_to_workers_is_named_in_full(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small.corpus.parent
    monkeypatch.chdir(folder)
    (folder / "model").mkdir(exist_ok=True)
    settings = [
        "transcribe.models=[model]",
        "verify.recognise=model",
        "root=corpus",
        "texts=dialogues.jsonl",
    ]
    settings += ["script.limits.unsafe_terms=small.yaml", "voices={from: out}"]
    recipe = load(Path("small.yaml"), settings)
    assert recipe.transcribe is not None
    assert recipe.verify is not None
    assert recipe.voices is not None
    named = [recipe.root, recipe.texts, recipe.script.limits.unsafe_terms, *recipe.transcribe.models]
    named += [recipe.verify.recognise, recipe.voices.source]
    for path, name in zip(named, ("corpus", "dialogues.jsonl", "small.yaml", "model", "model", "out"), strict=True):
        assert str(path) == str(folder / name)
    assert load(Path("small.yaml"), ["transcribe.models=[large-v3]"]).transcribe.models == ("large-v3",)  # type: ignore[union-attr]
    assert Plan(halves(small.recipe, Store("out"))[0], ({},), {}).workspace(Store("out")).store.url == str(
        folder / "out"
    )


def test_a_long_folder_for_temporary_files_is_no_hindrance(tmp_path: Path) -> None:
    long = tmp_path / ("long" * 30)
    long.mkdir()
    script = "from turnmill.pipelines.cluster import cluster\nwith cluster(None) as found: print(found.cpus)"
    environment = os.environ | {"TMPDIR": str(long)}
    assert float(
        subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True).stdout
    )


def test_a_damaged_index_is_written_anew(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    (out / "index.json").write_text("{")
    run(small.recipe, str(out))
    assert tree_hashes(out) == tree_hashes(small.out)


def test_a_corpus_without_audio_is_refused(small: Small, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "notes.txt").write_text("no audio here")
    recipe = small.recipe.model_copy(update={"root": tmp_path / "corpus"})
    with pytest.raises(UsageError, match="corpus"):
        run(recipe, str(tmp_path / "out"))


def test_a_folder_of_somebody_else_is_left_as_it_was(small: Small, tmp_path: Path) -> None:
    (tmp_path / "theirs.txt").write_text("theirs", "utf-8")
    with pytest.raises(UsageError, match=r"holds theirs\.txt"):
        run(small.recipe, str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.txt"]


def test_a_damaged_part_is_told_with_its_name(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    (out / "finished.json").unlink()
    part = next(out.glob("quality/*/*.parquet"))
    part.write_bytes(part.read_bytes()[:300])
    with pytest.raises(TurnmillError, match=part.name):
        run(small.recipe, str(out))
    for path in out.glob("quality/*/*.parquet"):
        path.unlink()
    run(small.recipe, str(out))
    assert tree_hashes(out) == tree_hashes(small.out)
