"""The pass over the shards: what is refused, and nothing written; kill and rerun; what the summary counts."""

import errno
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import tree_hashes
from tests.manifests.export.conftest import RATE, Output, exported, make_output, write_shard
from turnmill.manifests.audio import Audio
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.export import export as module
from turnmill.manifests.export.export import export
from turnmill.manifests.export.profiles import PROFILES, named
from turnmill.manifests.samples import CLIP
from turnmill.manifests.samples import DIALOGUE as SAMPLE
from turnmill.manifests.store import Store
from turnmill.manifests.tar import TarWriter

D = "dialogue"
DIALOGUE = ",".join(name for name, profile in PROFILES.items() if profile.half == D and not profile.absolute)
"""Those that are the same wherever they lie."""


def test_an_unknown_format_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(UsageError, match=r"--format mosh is no format of Turnmill's: did you mean moshi\?"):
        named("hertz,mosh")
    with pytest.raises(UsageError, match="--format MOSHI is no format of Turnmill's: did you mean moshi"):
        named("MOSHI")
    with pytest.raises(UsageError, match="--format '' is no format of Turnmill's: there are moshi, "):
        named("moshi,")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"where": "duration >"}, "--where duration >: it is not SQL"),
        ({"where": "nothing > 1"}, "--where nothing > 1: the query failed"),
        ({"where": "true); SELECT (true"}, "it is more than one condition"),
        ({"where": "random() < 0.5"}, r"random\(\) is another each time"),
        ({"where": "id IN (SELECT id FROM dialogues USING SAMPLE 1 ROWS)"}, "USING SAMPLE is another each time"),
        ({"where": "duration > 1e9"}, "holds dialogues, of which .* has none with --where"),
        ({"split": "dev"}, "--split dev is none of .*, which has train"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_written(
    options: dict[str, Any], sentence: str, output: Output, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=sentence):
        export(output.store, named("moshi"), str(tmp_path / "to"), **options)
    assert not (tmp_path / "to").exists()


def test_an_output_without_dialogues_is_refused(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out")
    shutil.rmtree(output.store.path("dialogue_samples"))
    shutil.rmtree(output.store.path("dialogue_plan"))
    with pytest.raises(TurnmillError, match="is not finished"):
        export(output.store, named("moshi"), str(tmp_path / "to"))
    assert not (tmp_path / "to").exists()


def test_a_folder_of_something_else_is_refused(output: Output, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="is not empty and no export of Turnmill's"):
        export(output.store, named("moshi"), str(tmp_path / "mine"))
    with pytest.raises(UsageError, match=r"notes\.txt is a file: name a new folder"):
        export(output.store, named("moshi"), str(tmp_path / "mine/notes.txt"))
    exported(output, "moshi", tmp_path / "to")
    before = tree_hashes(tmp_path / "to")
    with pytest.raises(UsageError, match="holds another export"):
        export(output.store, named("hertz"), str(tmp_path / "to"), where="duration > 1")
    assert tree_hashes(tmp_path / "to") == before


def test_what_may_not_be_redistributed_is_not_exported(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out", redistribute=False, licence="CC-BY-NC-ND-4.0")
    clips = next(name for name, profile in PROFILES.items() if profile.half == "speech")
    with pytest.raises(TurnmillError, match=re.escape("1 selected sample may not be redistributed (CC-BY-NC-ND-4.0)")):
        export(output.store, named(f"moshi,{clips}"), str(tmp_path / "to"))
    assert not (tmp_path / "to").exists()
    export(output.store, named(clips), str(tmp_path / "to"), where="licence_redistribute")
    assert "CC-BY-NC-ND" not in (tmp_path / f"to/{clips}/LICENCES.md").read_text("utf-8")


def test_dialogues_with_misheard_answers_can_be_left_out(output: Output, tmp_path: Path) -> None:
    where = "id NOT IN (SELECT dialogue FROM turns WHERE misheard)"  # as docs/export.md has it
    assert "moshi: 2 samples" in export(output.store, named("moshi"), str(tmp_path / "to"), where=where, dry_run=True)


def test_what_does_not_fit_in_memory_is_not_spilled_where_the_command_runs(tmp_path: Path) -> None:
    with module._items(Store(str(tmp_path)), []) as connection:
        (spill,) = connection.execute("SELECT current_setting('temp_directory')").fetchone() or ()
    assert Path(spill).is_absolute()


def test_a_dry_run_writes_nothing(output: Output, tmp_path: Path) -> None:
    told = export(output.store, named("moshi"), str(tmp_path / "to"), dry_run=True)
    assert "moshi: 2 samples of 1 shard" in told
    assert not (tmp_path / "to").exists()


class Killed(BaseException):
    """As a signal ends a process: no code of ours catches it."""


def test_an_export_that_was_killed_goes_on_to_equal_bytes(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    formats, to = ",".join(PROFILES), tmp_path / "to"  # one folder, for some have absolute paths
    exported(output, formats, to)
    whole = tree_hashes(to)
    for limit in (3, 13, 40):
        shutil.rmtree(to)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "writer", _dying(limit))
            with pytest.raises(Killed):
                exported(output, formats, to)
        exported(output, formats, to)
        assert tree_hashes(to) == whole


def _dying(limit: int) -> Any:
    """The `writer` of a store whose process dies at the `limit`th file."""
    writes, real = count(1), Store.writer

    def writer(self: Store, name: str) -> Any:
        if next(writes) == limit:
            raise Killed
        return real(self, name)

    return writer


def test_a_part_that_is_there_is_not_made_again(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(output, "moshi", tmp_path / "to")
    read: list[str] = []
    real = module.read

    def noted(file: Any, split: str, wanted: Any) -> Any:
        read.append(split)
        return real(file, split, wanted)

    monkeypatch.setattr(module, "read", noted)
    exported(output, "moshi", tmp_path / "to")
    assert read == []
    exported(output, DIALOGUE, tmp_path / "to")
    assert read == ["train"], "one reading for all formats that are new"


def test_formats_of_one_pass_are_as_each_alone(output: Output, tmp_path: Path) -> None:
    exported(output, DIALOGUE, tmp_path / "together")
    for name in DIALOGUE.split(","):
        exported(output, name, tmp_path / "alone")
    assert tree_hashes(tmp_path / "together") == tree_hashes(tmp_path / "alone")


def test_formats_with_absolute_paths_are_as_before_in_the_same_place(output: Output, tmp_path: Path) -> None:
    formats = ",".join(name for name, profile in PROFILES.items() if profile.absolute)
    exported(output, formats, tmp_path / "to")
    before = tree_hashes(tmp_path / "to")
    shutil.rmtree(tmp_path / "to")
    exported(output, formats, tmp_path / "to")
    assert tree_hashes(tmp_path / "to") == before


def test_each_item_is_written_or_dropped_with_a_reason(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out")
    shard = Path(output.store.path("shards/fc/dialogues-train-000000.tar"))
    data = shard.read_bytes()
    place = data.index(b"fLaC", data.index(b"d2.flac"))
    shard.write_bytes(data[:place] + b"none" + data[place + 4 :])
    told = export(output.store, named("moshi,hertz"), str(tmp_path / "to"))
    assert told.count(": 1 dialogue, 0.00 h") == 2
    assert told.count("dropped  1 dialogue (unreadable)") == 2
    assert not list((tmp_path / "to").rglob("d2.*"))


def test_the_command_names_what_is_there(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out")
    told = {"c5": output.told["c5"] | {"text": "hello there"}}
    sound = {"c5": Audio(output.audio["c5"], 16_000)}
    write_shard(output.store, "shards/f5/clips-dev-clean-000000.tar", told, CLIP, sound)
    to, clips = tmp_path / "to", ",".join(name for name, profile in PROFILES.items() if profile.half == "speech")
    commands = export(output.store, named(clips), str(to), split="dev-clean").replace("*/*.tar", "EN/EN-B000000.tar")
    named_paths = re.findall(rf"{to}/[\w/.-]+", " ".join(re.findall(r"  train    (.*)", commands)))
    assert len(named_paths) >= len(clips.split(","))
    assert not [path for path in named_paths if not Path(path).exists()]
    assert "--dataset dev-clean" in commands
    assert "--datasetinfos dev-clean" in commands
    both = export(output.store, named("nemo"), str(tmp_path / "both"))
    assert "/nemo/train.jsonl" in both
    assert "  splits   train, dev-clean" in both


def test_where_nothing_is_written_no_trainer_is_started(output: Output, tmp_path: Path) -> None:
    told = export(output.store, named("nemo"), str(tmp_path / "to"), split="dev-clean")
    assert "nemo: 0 clips" in told
    assert "train    " not in told


@pytest.mark.parametrize(
    ("splits", "first"),
    [
        (["dev-clean", "train-clean-100", "train-other-500"], "train-clean-100"),
        (["dev", "train", "train-a"], "train"),
        (["test", "dev"], "dev"),
    ],
)
def test_the_split_to_train_on(splits: list[str], first: str) -> None:
    assert min(splits, key=module._to_train_on) == first


def test_a_shard_that_breaks_off_is_told(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out")
    shard = Path(output.store.path("shards/fc/dialogues-train-000000.tar"))
    shard.write_bytes(shard.read_bytes()[:200_000])
    with pytest.raises(TurnmillError, match=r"dialogues-train-000000.tar is damaged or gone"):
        export(output.store, named("moshi"), str(tmp_path / "to"))
    assert not (tmp_path / "to/moshi/train.jsonl").exists()
    assert not list((tmp_path / "to").rglob("*.parquet"))


@pytest.mark.parametrize("member", ["d1.txt", "d1.flac"])
def test_a_shard_of_something_else_is_told(member: str, tmp_path: Path) -> None:
    output = make_output(tmp_path / "out")
    with output.store.writer("shards/fc/dialogues-train-000000.tar") as file:
        tar = TarWriter(file)
        tar.add(member, b"something else")
        tar.close()
    with pytest.raises(TurnmillError, match=r"dialogues-train-000000.tar is damaged or gone"):
        export(output.store, named("moshi"), str(tmp_path / "to"))


def test_a_shard_that_is_a_folder_is_told(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out")
    shard = Path(output.store.path("shards/fc/dialogues-train-000000.tar"))
    shard.unlink()
    shard.mkdir()
    with pytest.raises(TurnmillError, match=r"dialogues-train-000000.tar is damaged or gone"):
        export(output.store, named("moshi"), str(tmp_path / "to"))


def test_a_shard_that_lacks_a_sample_is_told(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out")
    name = "shards/fc/dialogues-train-000000.tar"
    write_shard(output.store, name, {"d1": output.told["d1"]}, SAMPLE, {"d1": Audio(output.audio["d1"], RATE)})
    with pytest.raises(TurnmillError, match=r"dialogues-train-000000.tar lacks the sample d2: run the recipe"):
        export(output.store, named("moshi"), str(tmp_path / "to"))


def test_a_sample_without_its_json_is_told(tmp_path: Path) -> None:
    output = make_output(tmp_path / "out")
    shard = Path(output.store.path("shards/fc/dialogues-train-000000.tar"))
    with tarfile.open(shard) as tar:
        kept = [(one, tar.extractfile(one)) for one in tar.getmembers() if one.name != "d2.json"]
        with tarfile.open(tmp_path / "changed.tar", "w") as changed:
            for one, file in kept:
                changed.addfile(one, file)
    shutil.move(tmp_path / "changed.tar", shard)
    with pytest.raises(TurnmillError, match=r"dialogues-train-000000.tar is damaged or gone \('json'\)"):
        export(output.store, named("moshi"), str(tmp_path / "to"))


def test_a_damaged_row_of_items_is_told(output: Output, tmp_path: Path) -> None:
    exported(output, "moshi", tmp_path / "to")
    (part,) = (tmp_path / "to/items/moshi").iterdir()
    part.write_bytes(b"PAR1" + b"x" * 100 + b"PAR1")
    with pytest.raises(TurnmillError, match=r"a table of .*/to cannot be read .* and export again"):
        exported(output, "moshi", tmp_path / "to")


def test_a_full_disk_leaves_nothing_that_looks_whole(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = Store.writer, 60_000

    @contextmanager
    def small_disk(self: Store, name: str) -> Iterator[Any]:
        nonlocal left
        with real(self, name) as file:
            yield file
            file.flush()
            left -= file.tell()
            if left < 0:
                raise OSError(errno.ENOSPC, "No space left on device", name)

    monkeypatch.setattr(Store, "writer", small_disk)
    with pytest.raises(OSError, match="No space left"):
        exported(output, DIALOGUE, tmp_path / "to")
    monkeypatch.setattr(Store, "writer", real)
    assert not [path for path in (tmp_path / "to").rglob("*") if path.name in ("train.jsonl", "README.md")]
    assert not list((tmp_path / "to").rglob("*.turnmill-tmp-*"))
    exported(output, DIALOGUE, tmp_path / "to")
    exported(output, DIALOGUE, tmp_path / "whole")
    assert tree_hashes(tmp_path / "to") == tree_hashes(tmp_path / "whole")


def test_an_export_is_not_written_into_its_output(output: Output) -> None:
    with pytest.raises(UsageError, match=r"/to is inside the output .*: name a folder beside it"):
        export(output.store, named("moshi"), output.store.path("to"))
    assert not Path(output.store.path("to")).exists()
