import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from turnmill.dashboards.summary import Summary, made, print_status, print_summary, summarised
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.schema import to_table
from turnmill.manifests.store import Store

LONG = 'turnmill query out/tiny "SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY n DESC" --format json'
NEXT = [("query", LONG), ("listen", "turnmill verify out/tiny --listen 3"), ("publish", "turnmill publish out/tiny")]


def summary_of(store: Store) -> Summary:
    index = Index.load(store)
    return summarised(store, index, connect(store, index))


def summary(store: Store, terminal: bool = False) -> str:
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal, legacy_windows=False)
    with console.capture() as capture:
        print_summary(summary_of(store), store, Index.load(store), 199.2, NEXT, console)
    return capture.get()


def status(store: Store, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        print_status(store, Index.load(store), console)
    return capture.get()


def line(text: str, start: str) -> str:
    return " ".join(next(found for found in text.splitlines() if found.strip().startswith(start)).split())


def test_what_was_made_is_counted_from_the_training_shards(dataset: Store) -> None:
    index = Index.load(dataset)
    speech, dialogue = made(dataset, index, connect(dataset, index))
    assert (speech.half, speech.samples, speech.shards, round(speech.hours * 3600, 6)) == ("speech", 3, 2, 10.5)
    assert (dialogue.half, dialogue.samples, dialogue.shards) == ("dialogue", 2, 1)
    tars = [name for name in dataset.names("shards/f5") if name.endswith(".tar")]
    assert speech.size == sum(len(dataset.read(name)) for name in tars)


def test_the_summary_tells_what_was_made_lost_and_heard_how_long_it_took_and_what_is_next(dataset: Store) -> None:
    text = summary(dataset)
    assert "3 clips of speech, 10.5 s of audio, in 2 shards (0.0 MB)" in text
    assert "2 two-channel dialogues, 12.0 s of audio, in 1 shard" in text
    assert line(text, "ingest") == "ingest 7 in 5 out clips"
    assert line(text, "empty_file").startswith("empty_file 1 rejected █")
    assert line(text, "agrees").startswith("agrees 1 removed █")
    assert line(text, "agrees").endswith("4.0 s")
    assert line(text, "duration") == "duration 0 removed"
    assert line(text, "barge_in").startswith("barge_in 2 █")
    assert "Took 3 min 19 s." in text
    assert text.index("Funnel: speech") < text.index("Events") < text.index("Took") < text.index("Next")


def test_a_command_to_copy_is_never_broken_in_two(dataset: Store) -> None:
    assert any(found.endswith(LONG) for found in summary(dataset).splitlines())


def test_what_was_passed_over_is_told_by_ending_most_first_and_the_rest_together(dataset: Store) -> None:
    assert "Passed over" not in summary(dataset) + status(dataset)
    counts = {".pdf": 12, ".json": 3, "": 1, **{f".{n:03}": 1 for n in range(20)}}
    rows = [{"corpus": "t", "ending": e, "hidden": False, "files": n, "size": 9 * n} for e, n in counts.items()]
    rows += [{"corpus": "t", "ending": e, "hidden": True, "files": 1000, "size": 1} for e in ("", ".wav")]
    dataset.write_part("passed_over/f0/all.parquet", to_table("passed_over", rows), {})
    told = "Passed over: 2,000 hidden, 12 .pdf, 3 .json, 1 .000, 1 .001, 1 .002, 1 .003, 1 .004, 1 .005, 1 .006, 1 .007"
    for text in (summary(dataset), status(dataset)):
        assert next(found for found in text.splitlines() if "Passed" in found) == f"{told}, 1 .008, 12 of other endings"


def test_what_is_in_two_splits_is_told_in_a_sentence_each(dataset: Store) -> None:
    index = Index.load(dataset)
    found = summarised(dataset, index, connect(dataset, index), ["1 parent in several splits"])
    console = Console(file=io.StringIO(), width=80)
    print_summary(found, dataset, index, 1.0, NEXT, console)
    assert "\nSplits: 1 parent in several splits\n" in console.file.getvalue()  # type: ignore[attr-defined]
    assert "Splits" not in summary(dataset)


def test_colours_are_for_terminals_only(dataset: Store) -> None:
    assert "\x1b[" not in summary(dataset)
    assert "\x1b[" not in status(dataset)
    assert "\x1b[" in summary(dataset, terminal=True)


def test_an_output_that_knows_ascii_only_gets_ascii_bars(make: Callable[..., Store], tmp_path: Path) -> None:
    dataset = make(str(tmp_path))
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_summary(summary_of(dataset), dataset, Index.load(dataset), 1.0, NEXT, Console(file=file, width=80))
    file.flush()
    written = file.buffer.getvalue()  # type: ignore[attr-defined]
    assert b"barge_in" in written
    assert b"####" in written


def test_a_name_in_square_brackets_is_text_not_markup(dataset: Store) -> None:
    assert dataset.url in summary(dataset)
    assert dataset.url in status(dataset)


def test_the_status_counts_shards_done_of_those_to_come(dataset: Store) -> None:
    dataset.remove("consensus/f2/b.parquet")
    dataset.remove("clip_samples/f5/clips-train-000000.parquet")
    text = status(dataset)
    assert line(text, "ingest").startswith("ingest 2 7 2")
    assert line(text, "quality").startswith("quality 2 of 2 5 0")
    assert line(text, "transcribe").startswith("transcribe 1 of 2 3 0")
    assert line(text, "select ").startswith("select 1 of 1 5 2 10.5 s")
    assert line(text, "shard ").startswith("shard 1 of 2 1 0 5.0 s")


def test_the_status_has_rates_of_the_current_fingerprint_from_the_runs(dataset: Store) -> None:
    run = {"recipe": "cafe", "stage": "ingest", "shards": 1, "rejects": 0, "versions": "{}"}
    rows = [
        run | {"fingerprint": "f0", "started": 10.0, "ended": 12.0, "items": 5, "hours": 20.0 / 3600},
        run | {"fingerprint": "f0", "started": 20.0, "ended": 22.0, "items": 3, "hours": 20.0 / 3600},
        run | {"fingerprint": "other", "started": 0.0, "ended": 1.0, "items": 900, "hours": 1.0},
    ]
    dataset.write_part("runs/cafe/speech-1.parquet", to_table("runs", rows), {})
    assert line(status(dataset), "ingest").endswith("2.0 10.0")


def test_a_run_that_made_nothing_yet_has_a_status_and_a_summary(tmp_path: Path, dataset: Store) -> None:
    store = Store(str(tmp_path / "new"))
    Index.load(dataset).save(store)
    assert line(status(store), "ingest") == "ingest 0 0 0"
    assert "0 clips of speech" in summary(store)


def test_stages_of_many_corpora_stand_below_their_names_and_lines_do_not_break(dataset: Store) -> None:
    index = Index.load(dataset)
    name = "common_voice_spontaneous"
    stages = [replace(stage, corpus=name) for stage in index.stages if stage.name in ("ingest", "quality")]
    others = [replace(stage, corpus="other", fingerprint="0") for stage in stages]
    replace(index, stages=(*stages, *others)).save(dataset)
    table, *funnels = status(dataset, width=80).split("\n\n")
    first = [found.split("  ")[0] or found.split()[0] for found in table.splitlines()[2:]]
    assert [found.strip() for found in first] == [name, "ingest", "quality", "other", "ingest", "quality"]
    assert "select" not in "".join(funnels)  # of which nothing is said yet
