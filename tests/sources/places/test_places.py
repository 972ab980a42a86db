"""A corpus is the same wherever it lies, and a store that fails is never taken for a fault of a file."""

import gzip
import io
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.counted import CountingFileSystem, counted
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.params import Params, validated
from turnmill.manifests.records import Reason, Reject
from turnmill.sources.adapters.items import ClipRef, UnitSize
from turnmill.sources.adapters.passed_over import passed_over
from turnmill.sources.catalogue import load
from turnmill.sources.check import check
from turnmill.sources.places import Place, PlaceKey, place, remote
from turnmill.sources.places.place import UnsafeNameError

FILES = {
    "metadata.csv": b"a|x|One.\nb|x|Two.\n../c|x|Up.\nnone|x|Gone.\na|x|Again.\n",
    "wavs/a.wav": b"RIFF",
    "wavs/b.WAV": b"RIFF more",
    "wavs/lone.wav": b"",
    "wavs/raw.pcm": b"\x00" * 10,
    "odd/ü#%41 @.flac": b"fLaC",
    "odd/ü#%41 @.txt": "Wörter.".encode(),
    "odd/told": b"OggS" + bytes(5000),
    "odd/notes": b"no audio",
    ".git/config": b"12",
    "odd/._a.wav": b"123",
}


def written(where: str) -> Place:
    """The corpus in a folder, or in a filesystem of fsspec."""
    fs, root = fsspec.core.url_to_fs(where)
    for name, data in FILES.items():
        fs.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
        fs.pipe_file(f"{root}/{name}", data)
    return place(where)


@pytest.fixture
def here(tmp_path: Path) -> Place:
    return written(str(tmp_path / "c"))


@pytest.fixture
def there() -> Place:
    return written(f"memory://{uuid.uuid4().hex}/c")


def test_a_folder_by_url_lists_what_the_folder_lists(here: Place, there: Place) -> None:
    assert (here.kind(), there.kind(), here.name, there.name) == ("folder", "folder", "c", "c")
    local, remote_ = here.listing(), there.listing()
    assert list(remote_.sizes.items()) == list(local.sizes.items())
    assert remote_.hidden == local.hidden == {".git/config": 2, "odd/._a.wav": 3}
    assert remote_.unsafe == local.unsafe == {}


@pytest.mark.parametrize("name", ["files", "ljspeech"])
@pytest.mark.parametrize("keep", [True, False])
def test_a_corpus_by_url_is_read_as_the_folder_is(here: Place, there: Place, name: str, keep: bool) -> None:
    corpora = [load(name).corpus(root, keep_untranscribed=keep) for root in (here, there)]
    units = [corpus.units(UnitSize(2)) for corpus in corpora]
    assert units[0] == units[1]
    items = [[item for unit in units[0] for item in corpus.read(unit)] for corpus in corpora]
    assert items[0] == items[1]
    clips = [item for item in items[0] if isinstance(item, ClipRef)]
    assert clips
    for clip in clips:
        with corpora[1].audio(clip) as file:
            assert file.read() == FILES[clip.path]
        assert corpora[1].audio_bytes(clip) == len(FILES[clip.path])
    assert passed_over(here, name, units[0], None) == passed_over(there, name, units[0], None)
    assert check(load(name), here) == check(load(name), there)


def test_a_name_that_leads_out_is_unsafe_by_url_too(there: Place) -> None:
    rejects = [item for item in load("ljspeech").corpus(there).items() if isinstance(item, Reject)]
    assert {Reason.UNSAFE_PATH, Reason.MISSING_FILE, Reason.DUPLICATE_UID} <= {reject.reason for reject in rejects}
    for path in ("..", "../c", "a/../../c", "/etc/passwd"):
        with pytest.raises(UnsafeNameError):
            there.target(path, listed=True)


def test_an_object_whose_name_is_no_path_is_told_and_not_read() -> None:
    root = f"memory://{uuid.uuid4().hex}/c"
    fs, path = fsspec.core.url_to_fs(root)
    fs.store[f"{path}/a//b.wav"] = fs.store[f"{path}/../up.wav"] = fs.open(f"{path}/x.wav", "wb")
    fs.store[f"{path}/x.wav"] = fs.store[f"{path}/a//b.wav"]
    found = {key: {"size": 1, "type": "file"} for key in (f"{path}/a//b.wav", f"{path}/../up.wav", f"{path}/x.wav")}
    fs.find = lambda *_, **__: found
    try:
        listing = place(root).listing()
    finally:
        del fs.find
    assert listing.sizes == {"x.wav": 1}
    assert listing.unsafe == dict.fromkeys(["../up.wav", "a//b.wav"], "its name is no path")


def test_texts_by_url_are_read_as_the_file_is(tmp_path: Path) -> None:
    row = '{"id": "%d", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}\n'
    lines = "".join(row % number for number in range(50)) + "{broken\n"
    local, url = tmp_path / "t.jsonl.gz", f"memory://{uuid.uuid4().hex}/t.jsonl.gz"
    local.write_bytes(gzip.compress(lines.encode()))
    fsspec.filesystem("memory").pipe_file(url, local.read_bytes())
    corpora = [load("dialogue_text").corpus(root) for root in (local, url)]
    units = [corpus.units(UnitSize(7)) for corpus in corpora]
    assert units[0] == units[1]
    assert [list(corpora[0].read(unit)) for unit in units[0]] == [list(corpora[1].read(unit)) for unit in units[0]]


def test_a_changed_file_has_another_stamp_though_it_is_as_long(here: Place, there: Place) -> None:
    for root, where in ((here, str(here)), (there, str(there))):
        paths = list(root.listing().sizes)
        before = root.stamps(paths)
        assert root.stamps(paths) == before
        fs, path = fsspec.core.url_to_fs(where)
        fs.pipe_file(f"{path}/wavs/a.wav", b"riff")
        after = root.stamps(paths)
        assert [path for path in paths if after[path] != before[path]] == ["wavs/a.wav"]
        assert {path: stamp[0] for path, stamp in after.items()} == {path: len(FILES[path]) for path in paths}
        with pytest.raises(FileNotFoundError):
            root.stamps(["wavs/gone.wav"])


def test_of_places_one_may_lie_below_another(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "c")
    assert place(tmp_path / "link").below(place(tmp_path / "c" / "out")) == "out"
    assert place(tmp_path / "c").below(place(f"file://{tmp_path}/c/out/x")) == "out/x"
    assert place(tmp_path / "c").below(place(tmp_path / "c..d")) is None
    assert place("memory://a/c").below(place("memory://a/c/out")) == "out"
    assert place("memory://a/c").below(place("memory://a/cc")) is None
    assert place("memory://a/c").below(place(tmp_path)) is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("s3://bucket/a b/texts.jsonl", "texts.jsonl"),
        ("https://user:word@host:8080/x/te%20xts.jsonl?sig=a/b.c#d", "te xts.jsonl"),
        ("simplecache::https://host/texts.jsonl", "texts.jsonl"),
        ("zip://in/texts.jsonl::s3://bucket/all.zip", "texts.jsonl"),
        ("hf://datasets/me/tiny@main/texts.jsonl", "texts.jsonl"),
    ],
)
def test_the_name_of_a_file_is_that_of_its_path(url: str, name: str) -> None:
    assert remote.Remote(url).name == name


def test_a_member_of_an_archive_is_a_file_by_url(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
    root = place(f"zip://::{tmp_path}/c.zip")
    assert root.kind() == "folder"
    assert root.listing().sizes == written(str(tmp_path / "c")).listing().sizes
    assert root.read("odd/told", 4990) == FILES["odd/told"][4990:]


class Flaky(CountingFileSystem):
    """Fails so many times before each answer."""

    protocol = "flaky"
    failures = 0
    left = 0
    error: Callable[[], Exception] = ConnectionError

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return CountingFileSystem._strip_protocol(path.removeprefix("flaky://"))

    def _failing(self) -> None:
        if Flaky.left:
            Flaky.left -= 1
            raise Flaky.error()
        Flaky.left = Flaky.failures

    def info(self, path: str, **options: Any) -> Any:
        self._failing()
        return super().info(path, **options)

    def find(self, path: str, *args: Any, **options: Any) -> Any:
        self._failing()
        return super().find(path, *args, **options)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        file = super()._open(path, mode)
        read = file.read

        class Reader(io.BytesIO):
            def read(self, size: int | None = -1) -> bytes:
                outer._failing()
                file.seek(self.tell())
                data = bytes(read(size))
                self.seek(len(data), io.SEEK_CUR)
                return data

        outer = self
        return Reader(Path(self._strip_protocol(path)).read_bytes())


@pytest.fixture
def flaky(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    written(str(tmp_path / "c"))
    fsspec.register_implementation("flaky", Flaky, clobber=True)
    monkeypatch.setattr(remote, "_WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(remote, "_BUFFER", 16)
    monkeypatch.setattr(Flaky, "error", ConnectionError)
    yield place(f"flaky://{tmp_path}/c")
    Flaky.failures = Flaky.left = 0


def test_what_fails_for_a_moment_is_tried_again(flaky: Place, here: Place) -> None:
    Flaky.failures = Flaky.left = 3
    assert flaky.kind() == "folder"
    assert flaky.listing().sizes == here.listing().sizes
    assert flaky.read("odd/told") == FILES["odd/told"]
    with flaky.open("odd/told") as file:
        assert (file.seek(5000), file.read(2), file.seek(-1, 2), file.read()) == (5000, b"\0\0", 5003, b"\0")


@pytest.mark.parametrize("error", [ConnectionError, PermissionError, KeyError, lambda: ValueError("no ranges")])
def test_a_store_that_goes_on_failing_ends_the_work_and_is_no_fault_of_a_file(
    flaky: Place, monkeypatch: pytest.MonkeyPatch, error: Callable[[], Exception]
) -> None:
    monkeypatch.setattr(Flaky, "error", error)
    corpus = load("files").corpus(flaky)
    (unit,) = corpus.units(UnitSize())
    clips = list(corpus.read(unit))
    Flaky.failures = Flaky.left = 4
    for fails in (flaky.kind, flaky.listing, partial(flaky.stamps, ["wavs/a.wav"])):
        Flaky.left = 4
        with pytest.raises(UsageError, match="cannot be read"):
            fails()
    Flaky.left = 4
    with pytest.raises(TurnmillError, match=r"odd/told of flaky:///.* cannot be read"):
        flaky.read("odd/told")
    Flaky.left = 4
    with pytest.raises(TurnmillError, match="cannot be read"):
        corpus.units(UnitSize())
    assert clips
    Flaky.left = 4
    with pytest.raises(TurnmillError, match="cannot be read"):
        list(corpus.read(unit))


def test_a_file_that_is_not_there_is_missing(flaky: Place) -> None:
    for miss in (flaky.open, flaky.size, flaky.read):
        with pytest.raises(FileNotFoundError):
            miss("none.wav")
    gone = place(f"{flaky}/none")
    assert gone.kind() is None
    with pytest.raises(UsageError, match=r"^files: flaky://.*/c/none does not exist: give the folder"):
        load("files").corpus(gone).units(UnitSize())
    with pytest.raises(UsageError, match=r"c/wavs/a.wav is not a folder"):
        load("files").corpus(f"{flaky}/wavs/a.wav").units(UnitSize())


def test_a_clip_is_one_look_and_one_request_and_the_listing_one(tmp_path: Path) -> None:
    written(str(tmp_path / "c"))
    with counted() as calls:
        root = place(f"counted://{tmp_path}/c")
        root.listing()
        assert root.read("wavs/b.WAV") == FILES["wavs/b.WAV"]
    assert calls == {"list": 1, "open": 1}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.refuse() or super().do_GET()

    def do_HEAD(self) -> None:
        self.refuse() or super().do_HEAD()

    def refuse(self) -> bool:
        if self.path.startswith("/busy"):
            self.send_error(503)
        elif self.path.startswith("/shut"):
            self.send_error(403)
        return self.path.startswith(("/busy", "/shut"))


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(remote, "_WAITS", (0.0,))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_of_a_web_server_is_read(web: str, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b"x" * 1000)
    there = place(f"{web}/t.jsonl?token=secret")
    assert (there.kind(), there.size(), there.open().read()) == ("file", 1000, b"x" * 1000)
    assert there.stamps([""])[""][1]
    assert place(f"{web}/none.jsonl").kind() is None
    with pytest.raises(UsageError, match="is not a folder"):
        load("files").corpus(place(f"{web}/t.jsonl")).units(UnitSize())


def test_what_a_web_server_refuses_is_not_taken_for_missing_and_no_secret_is_told(web: str) -> None:
    for path in ("busy", "shut"):
        there = place(f"{web.replace('//', '//ann:pass@')}/{path}?sig=secret")
        for ask in (there.kind, there.open):
            with pytest.raises(TurnmillError) as refused:
                ask()
            told = f"{refused.value} {refused.value.__cause__} {there} {there!r}"
            assert f"/{path}" in told
            assert "pass" not in told
            assert "secret" not in told
    nobody = place("http://127.0.0.1:9/t.jsonl")
    with pytest.raises(UsageError, match=r"http://127\.0\.0\.1:9/t\.jsonl cannot be read"):
        nobody.kind()


def test_a_large_file_of_a_server_without_ranges_is_refused_by_what_it_lacks(web: str, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b"x" * (3 << 20))
    with place(f"{web}/t.jsonl").open() as file:
        file.seek(2 << 20)
        with pytest.raises(TurnmillError, match="range"):
            file.read(10)


@given(st.data(), st.binary(max_size=300))
def test_a_file_by_url_reads_and_seeks_as_one_in_memory(data: st.DataObject, content: bytes) -> None:
    url = "memory://seeks/file"
    fsspec.filesystem("memory").pipe_file(url, content)
    model = io.BytesIO(content)
    with place(url).open() as file:
        for _ in range(data.draw(st.integers(0, 8))):
            offset, whence = data.draw(st.integers(0, 350)), data.draw(st.sampled_from([0, 1, 2]))
            size = data.draw(st.integers(-1, 350))
            assert file.seek(offset, whence) == model.seek(offset, whence)
            assert file.read(size) == model.read(size)


class Keys(Params):
    root: PlaceKey


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (5, "is neither a path nor a URL"),
        ("sss://ann:word@bucket/x", "sss://...@bucket/x is no folder and no URL that fsspec can open"),
        ("s3://key:se/cr/et@bucket/x", "pip install s3fs"),
    ],
)
def test_what_nothing_opens_is_refused_without_its_secret(value: object, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        validated(Keys, {"root": value}, "recipe")
    assert str(refused.value).startswith("recipe: root: ")
    assert sentence in str(refused.value)
    assert not any(secret in str(refused.value) for secret in ("word", "se/cr/et"))


def test_as_json_a_place_has_no_secret() -> None:
    keys = validated(Keys, {"root": "http://ann:word@host/t.jsonl?sig=1"}, "recipe")
    assert keys.model_dump(mode="json") == {"root": "http://...@host/t.jsonl?..."}
    assert keys.root == place("http://ann:word@host/t.jsonl?sig=1")
    assert "word" not in repr(keys)
