"""Publication against a local stand-in of the Hub's endpoints that stores what it is sent."""

import hashlib
import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import webdataset

from tests.manifests.conftest import with_card
from tests.manifests.hub import REPO, TOKEN, Hub
from tests.notes import notes_of
from turnmill.manifests.card import CardFacts
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.hub import PublishPlan, publish
from turnmill.manifests.index import Index
from turnmill.manifests.published import filled_tables
from turnmill.manifests.query import connect
from turnmill.manifests.schema import SCHEMAS
from turnmill.manifests.store import Store


@pytest.fixture
def finished(make: Callable[..., Store], tmp_path: Path) -> Store:
    return with_card(make(str(tmp_path / "out [1]*'s ü")))


def send(store: Store, hub: Hub, dry_run: bool = False, token: str = TOKEN) -> PublishPlan:
    return publish(store, REPO, dry_run=dry_run, token=token, endpoint=hub.endpoint)


def test_what_arrives_is_what_was_planned_byte_for_byte(finished: Store, hub: Hub) -> None:
    plan = send(finished, hub)
    assert plan.where == f"{hub.endpoint}/datasets/{REPO}"
    assert {path: len(data) for path, data in hub.files.items()} == {file.path: file.size for file in plan.files}
    shards = {
        "data/speech/train/clips-train-000000.tar": "shards/f5/clips-train-000000.tar",
        "data/speech/dev_clean/clips-dev-clean-000000.tar": "shards/f5/clips-dev-clean-000000.tar",
        "data/dialogue/train/dialogues-train-000000.tar": "shards/fc/dialogues-train-000000.tar",
        "plots/durations.png": "plots/durations.png",
    }
    for there, here in shards.items():
        assert hashlib.sha256(hub.files[there]).hexdigest() == hashlib.sha256(finished.read(here)).hexdigest()
    beside = {"README.md", "SCHEMA.md", "recipe.yaml", *finished.names("listen")}
    with connect(finished, Index.load(finished)) as connection:
        tables = {f"manifests/{table}.parquet" for table in filled_tables(connection)}
    assert len(tables) > 5
    assert set(hub.files) - set(shards) == beside | tables
    card = finished.read("README.md").decode().replace("ORGANISATION/DATASET", REPO)
    there = f"{hub.endpoint}/datasets/{REPO}/resolve/main/listen/"
    assert hub.files["README.md"].decode() == card.replace('src="listen/', f'src="{there}')
    assert hub.files["README.md"].count(there.encode()) == 2
    assert hub.created["visibility"] == "private"


def test_the_published_tables_hold_the_selected_items_only(finished: Store, hub: Hub, tmp_path: Path) -> None:
    send(finished, hub)
    tables = {}
    for path, data in hub.files.items():
        if path.endswith(".parquet"):
            (tmp_path / "table.parquet").write_bytes(data)
            tables[Path(path).stem] = pq.read_table(tmp_path / "table.parquet")
    assert all(table.schema.equals(SCHEMAS[name], check_metadata=False) for name, table in tables.items())
    for name in ("clips", "quality", "transcripts", "consensus"):
        assert tables[name].column("uid").to_pylist() == ["t/c1", "t/c3", "t/c5"]
    for name in ("turns", "events", "words", "verification"):
        assert set(tables[name].column("dialogue").to_pylist()) == {"d1", "d2"}
    assert tables["rejects"].num_rows == 4


def test_the_published_shards_are_read_by_webdataset(finished: Store, hub: Hub, tmp_path: Path) -> None:
    send(finished, hub)
    (tmp_path / "d.tar").write_bytes(hub.files["data/dialogue/train/dialogues-train-000000.tar"])
    samples = list(webdataset.WebDataset(str(tmp_path / "d.tar"), shardshuffle=False).decode())
    assert [sample["json"]["id"] for sample in samples] == ["d1", "d2"]


def test_publishing_twice_sends_nothing_large_again(finished: Store, hub: Hub) -> None:
    send(finished, hub)
    before = sum(path.startswith("/lfs/") for path in hub.requests)
    files = dict(hub.files)
    send(finished, hub)
    assert before == 17
    assert sum(path.startswith("/lfs/") for path in hub.requests) == before
    assert hub.files == files


def test_an_interrupted_upload_goes_on_where_it_was(finished: Store, hub: Hub) -> None:
    hub.fail_after_uploads = 4
    with pytest.raises(TurnmillError, match=r"the upload to me/tiny stopped.*same command again"):
        send(finished, hub)
    assert hub.files == {}
    assert len(hub.objects) >= 4
    held = set(hub.objects)
    hub.fail_after_uploads = None
    hub.requests.clear()
    plan = send(finished, hub)
    assert set(hub.files) == {file.path for file in plan.files}
    assert not {f"/lfs/{oid}" for oid in held} & set(hub.requests)


def test_a_dry_run_lists_sizes_and_touches_no_network(
    finished: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("a dry run opened a connection")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    plan = send(finished, hub, dry_run=True)
    assert hub.requests == []
    assert plan.where is None
    assert plan.size == sum(file.size for file in plan.files)
    assert "data/dialogue/train/dialogues-train-000000.tar" in plan.text()
    assert plan.text().endswith(
        f"in {len(plan.files)} files for me/tiny\ndry run: it was checked, and nothing was sent\n"
    )


def test_what_may_not_be_redistributed_is_refused_with_licence_example_and_fix(
    make: Callable[..., Store], tmp_path: Path, hub: Hub
) -> None:
    store = with_card(make(str(tmp_path), redistribute=False, licence="LicenseRef-Mine"))
    for dry_run in (True, False):
        with pytest.raises(TurnmillError, match=r"1 selected sample .*\(LicenseRef-Mine\), .* t/c3: add .*may_publish"):
            send(store, hub, dry_run=dry_run)
    assert hub.requests == []


def test_where_a_part_of_the_licence_is_unknown_it_is_asked_for(
    make: Callable[..., Store], tmp_path: Path, hub: Hub
) -> None:
    store = with_card(make(str(tmp_path), redistribute=False, licence="CC-BY-4.0 AND LicenseRef-unknown"))
    with pytest.raises(TurnmillError, match="state the licence of your own recordings"):
        send(store, hub, dry_run=True)


def test_the_key_of_a_selection_is_that_of_the_half_that_has_the_samples(
    make: Callable[..., Store], tmp_path: Path, hub: Hub
) -> None:
    store = with_card(make(str(tmp_path)))
    name = "dialogues/f8/s.parquet"
    assert store.exists(name)
    table = store.read_part(name)
    forbidden = table.set_column(
        table.schema.get_field_index("licence_redistribute"),
        table.schema.field("licence_redistribute"),
        pa.array([False] * len(table)),
    )
    store.write_part(name, forbidden, notes_of(store, name))
    with pytest.raises(TurnmillError, match=r"2 selected samples .* to `select_dialogues` of your recipe"):
        send(store, hub, dry_run=True)


def test_an_unknown_permission_counts_as_none(make: Callable[..., Store], tmp_path: Path, hub: Hub) -> None:
    store = with_card(make(str(tmp_path), redistribute=None))
    with pytest.raises(TurnmillError, match="may not be redistributed"):
        send(store, hub, dry_run=True)


def test_an_unfinished_run_is_not_published(finished: Store, hub: Hub) -> None:
    finished.remove("clip_samples/f5/clips-train-000000.parquet")
    with pytest.raises(TurnmillError, match=r"is not finished \(shard:.*run the recipe again"):
        send(finished, hub)


def test_a_missing_card_names_the_command_that_writes_it(finished: Store, hub: Hub) -> None:
    finished.remove("README.md")
    with pytest.raises(UsageError, match="`turnmill card"):
        send(finished, hub)


def test_an_empty_dataset_is_not_published(tmp_path: Path, hub: Hub) -> None:
    store = Store(str(tmp_path))
    Index("r", "h", 0, ()).save(store)
    with pytest.raises(UsageError, match="no training samples"):
        send(store, hub)


def test_a_remote_store_is_published_without_a_copy_of_it_here(
    make: Callable[..., Store], finished: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = with_card(make("memory://hub-test/out"))
    send(finished, hub)
    local, hub.files, hub.objects = dict(hub.files), {}, {}
    fetched: list[str] = []
    get = type(store.fs).get_file
    monkeypatch.setattr(type(store.fs), "get_file", lambda fs, a, b: (fetched.append(a), get(fs, a, b))[1])
    plan = send(store, hub)
    assert {file.path for file in plan.files} == set(hub.files)
    assert hub.files == local
    assert sum(path.endswith(".tar") for path in fetched) == 3  # the first of each split, to see that they load


@pytest.mark.parametrize("repo", ["a/b/c", "me/..", "", "me/a b"])
def test_a_name_that_the_hub_cannot_have_is_a_usage_error(finished: Store, repo: str) -> None:
    with pytest.raises(UsageError, match="--repo"):
        publish(finished, repo, dry_run=True)


def test_a_wrong_token_is_one_sentence_that_does_not_show_it(
    finished: Store, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(TurnmillError, match=r"HTTP 401\): log in with `hf auth login`") as error:
        send(finished, hub, token="hf_wrong_token")
    assert "hf_wrong_token" not in str(error.value)
    assert "hf_wrong_token" not in caplog.text
    assert all(b"hf_wrong" not in finished.read(name) for name in finished.names(""))


def test_without_a_network_there_is_one_clear_sentence_quickly(finished: Store, hub: Hub) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: a connection is refused
        started = time.monotonic()
        with pytest.raises(TurnmillError, match=r"cannot be reached \(ConnectError\): check the network"):
            publish(finished, REPO, dry_run=False, token=TOKEN, endpoint=f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert time.monotonic() - started < 20
    assert hub.requests == []


def test_the_staging_folder_links_shards_and_copies_none(finished: Store, hub: Hub) -> None:
    send(finished, hub, dry_run=True)
    staged = Path(finished.root, ".publish/data/speech/train/clips-train-000000.tar")
    assert staged.is_symlink()
    assert os.path.samefile(staged, finished.path("shards/f5/clips-train-000000.tar"))


def test_what_an_earlier_publication_left_goes_with_the_next(finished: Store, hub: Hub) -> None:
    send(finished, hub)
    plan = {path for path in hub.files if path != "README.md"}
    for path in ("data/speech/train/clip-train-000000.tar", "manifests/old.parquet", "listen/old.flac"):
        hub.files[path] = b"old"
    hub.files[".gitattributes"] = hub.files["notes.txt"] = b"of somebody else"
    send(finished, hub)
    assert set(hub.files) == plan | {"README.md", ".gitattributes", "notes.txt"}


def test_many_files_are_several_commits_with_the_card_last(
    finished: Store, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("turnmill.manifests.hub._COMMIT_FILES", 5)
    plan = send(finished, hub)
    commits = [path for path in hub.requests if path.endswith("/commit/main")]
    assert len(commits) == -(-len(plan.files) // 5)
    assert list(hub.files)[-1] == "README.md"
    assert set(hub.files) == {file.path for file in plan.files}


def test_tables_do_not_go_where_a_dataset_has_its_shards(finished: Store, hub: Hub) -> None:
    send(finished, hub)
    before = dict(hub.files)
    with pytest.raises(UsageError, match="tables alone want a repository of their own"):
        publish(finished, REPO, tables_only=True, token=TOKEN, endpoint=hub.endpoint)
    assert hub.files == before


def test_the_folder_for_other_hosts_is_whole_and_has_files_and_no_links(finished: Store, tmp_path: Path) -> None:
    to = tmp_path / "there"
    plan = publish(finished, "me/there", to=to)
    found = {path.relative_to(to).as_posix(): path for path in to.rglob("*") if path.is_file()}
    assert {name: path.stat().st_size for name, path in found.items()} == {file.path: file.size for file in plan.files}
    assert not any(path.is_symlink() for path in to.rglob("*"))
    assert plan.text().endswith(f"published: {to}\n")
    assert 'src="listen/' in (to / "README.md").read_text("utf-8")
    with pytest.raises(UsageError, match="is there and not empty"):
        publish(finished, None, to=to)
    with pytest.raises(UsageError, match="publish where"):
        publish(finished, None)


def test_a_missing_shard_is_found_before_anything_is_sent(
    make: Callable[..., Store], finished: Store, hub: Hub
) -> None:
    for store in (finished, with_card(make("memory://hub-missing/out"))):
        store.remove("shards/f5/clips-dev-clean-000000.tar")
        with pytest.raises(TurnmillError, match=r"clips-dev-clean-000000.tar is not there: run the recipe again"):
            send(store, hub)
    assert hub.requests == []


@pytest.mark.parametrize("text", ["", "no front matter", "---\na: [\n---\n", "---\n- a\n---\n", "\xff---"])
def test_a_card_that_somebody_changed_is_written_anew_by_a_command(finished: Store, hub: Hub, text: str) -> None:
    finished.write("README.md", text.encode("latin-1"))
    with pytest.raises(UsageError, match="`turnmill card"):
        send(finished, hub)


def test_a_title_may_look_like_the_end_of_the_front_matter(make: Callable[..., Store], tmp_path: Path) -> None:
    store = with_card(make(str(tmp_path / "out")), CardFacts("My data ---"))
    assert publish(store, REPO, dry_run=True).files


def test_the_recipe_that_is_published_is_that_of_the_card(finished: Store) -> None:
    finished.write("recipe.yaml", b"name: other\n")
    with pytest.raises(UsageError, match="no dataset card of this recipe"):
        publish(finished, REPO, dry_run=True)


def test_a_reject_is_published_without_what_its_file_says(finished: Store, tmp_path: Path) -> None:
    publish(finished, None, to=tmp_path / "there")
    rejects = pq.read_table(tmp_path / "there" / "manifests" / "rejects.parquet").to_pylist()
    assert {row["reason"] for row in rejects} == {"empty_file", "corrupt_audio", "code", "label_violation"}
    assert {(row["source_uri"], row["detail"]) for row in rejects} == {(None, None)}


def test_a_folder_inside_the_output_is_no_place_to_publish_it(finished: Store) -> None:
    for to in (Path(finished.root, "plots", "pub"), Path(finished.root)):
        with pytest.raises(UsageError, match=r"lies in the output that is published|is there and not empty"):
            publish(finished, None, to=to)


def test_a_folder_that_another_publication_makes_is_left_to_it(finished: Store, tmp_path: Path) -> None:
    (tmp_path / ".there.publish").mkdir()
    with pytest.raises(UsageError, match=r"\.there\.publish is there: another"):
        publish(finished, None, to=tmp_path / "there")
    assert (tmp_path / ".there.publish").is_dir()


def test_an_empty_folder_and_a_link_to_one_are_filled(finished: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    publish(finished, None, to=tmp_path / "link")
    assert (tmp_path / "empty" / "README.md").is_file()


@pytest.mark.parametrize("name", ["README.md", "recipe.yaml"])
def test_a_file_that_is_no_text_is_a_sentence(finished: Store, name: str) -> None:
    finished.write(name, finished.read(name) + b"\xff\xfe")
    with pytest.raises(UsageError, match="`turnmill card"):
        publish(finished, REPO, dry_run=True)


def test_a_damaged_part_is_a_sentence_that_names_it(finished: Store) -> None:
    finished.write("turns/f8/s.parquet", b"PAR1")
    with pytest.raises(TurnmillError, match=r"turns/f8/s.parquet.*run the recipe again"):
        publish(finished, REPO, dry_run=True)


def test_only_what_the_card_shows_is_published(finished: Store) -> None:
    finished.write("plots/my notes.txt", b"hi")
    assert not any("notes" in file.path for file in publish(finished, REPO, dry_run=True).files)


def test_a_password_in_the_endpoint_is_shown_nowhere(finished: Store) -> None:
    with pytest.raises(TurnmillError) as error:
        publish(finished, REPO, token=TOKEN, endpoint="http://user:pw123@127.0.0.1:9")
    assert "pw123" not in str(error.value)
    assert all(b"pw123" not in finished.read(name) for name in finished.names(".publish"))
