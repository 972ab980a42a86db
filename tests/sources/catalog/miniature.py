"""A corpus in miniature, made from a description: the files of a release by their paths, each with its content.

A content is text (of UTF-8), or a mapping of one of these keys, beside which it may have those of `encoding` and `cut`:

    {text: "...", encoding: latin-1}      text in another encoding
    {hex: "00ff"}, {base64: "..."}        bytes
    {json: ...}, {jsonl: [...]}           what JSON says, in one line or a line each
    {audio: {rate: 16000, seconds: 0.5}}  a tone, of its own for each path and channel; see `Tone`
    {members: {path: content, ...}}       an archive: .tar, .tar.gz, .tgz, .tar.bz2 or .zip by its name;
                                          [[path, content]] where a member is there twice
    {packed: content}                     .gz, .bz2, .xz or .zst by its name
    {parquet: [{column: value, ...}]}     rows; a value {bytes: content, path: ...} is an audio cell; beside it
                                          `row_group`, rows in each
    {lfs: 131}                            the stub that Git LFS leaves of a file of so many bytes
    {appledouble: true}                   what macOS writes beside a file, as `._name`
    cut: 100                              only so many bytes of it
"""

import base64
import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from numpy.typing import NDArray
from pydantic import Field

from turnmill.manifests.params import Params


class Tone(Params):
    """Generated audio. `rate` in Hz. `format`: by the ending of the name where null. `claimed_frames`: what the header
    of a WAV file says in place of the truth."""

    rate: int = Field(ge=1)
    seconds: float = Field(ge=0)
    channels: int = 1
    silence: bool = False
    format: str | None = None
    subtype: str | None = None  # as soundfile calls it: PCM_16, ULAW, DOUBLE
    claimed_frames: int | None = None

    def samples(self, name: str) -> NDArray[np.float32]:
        """Of shape [frames, channels]."""
        times = np.arange(round(self.rate * self.seconds)) / self.rate
        begin = 150 + int(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()[:4], 16) % 1000
        level = 0.0 if self.silence else 0.3
        tones = [level * np.sin(2 * np.pi * (begin + 77 * channel) * times) for channel in range(self.channels)]
        return np.stack(tones, axis=1).astype(np.float32)

    def encoded(self, name: str) -> bytes:
        form = self.format or name.rpartition(".")[2].lower()
        if form in _LIBAV:
            return self._by_libav(name, form)
        file = io.BytesIO()
        kind, subtype = _SOUNDFILE.get(form, (form.upper(), None))
        soundfile.write(file, self.samples(name), self.rate, format=kind, subtype=self.subtype or subtype)
        data = file.getvalue()
        if self.claimed_frames is not None:
            place = data.index(b"data") + 4
            claimed = self.claimed_frames * self.channels * 2
            data = data[:place] + claimed.to_bytes(4, "little") + data[place + 4 :]
        return data

    def _by_libav(self, name: str, form: str) -> bytes:
        container, codec = _LIBAV[form]
        with tempfile.NamedTemporaryFile(suffix=f".{form}") as file:
            with av.open(file.name, "w", format=container) as output:
                layout = {1: "mono", 2: "stereo"}[self.channels]
                stream = output.add_stream(codec, rate=self.rate, layout=layout)
                pcm = np.ascontiguousarray(self.samples(name).T)
                frame = av.AudioFrame.from_ndarray(pcm, format="fltp", layout=layout)
                frame.sample_rate = self.rate
                for packet in (*stream.encode(frame), *stream.encode(None)):
                    output.mux(packet)
            return Path(file.name).read_bytes()


_SOUNDFILE = {"sph": ("NIST", None), "opus": ("OGG", "OPUS"), "ogg": ("OGG", "VORBIS"), "wav": ("WAV", "PCM_16")}
_LIBAV = {"m4a": ("ipod", "aac"), "mp4": ("mp4", "aac")}


def build(files: Mapping[str, Any], folder: Path) -> None:
    """Write the files of a description below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents(name, content))


def contents(name: str, content: Any) -> bytes:
    """The bytes of a file of that name."""
    if isinstance(content, str):
        return content.encode()
    given = dict(content)
    size, encoding, group = given.pop("cut", None), given.pop("encoding", "utf-8"), given.pop("row_group", None)
    ((kind, value),) = given.items()
    simple: Mapping[str, Callable[[], bytes]] = {
        "text": lambda: value.encode(encoding),
        "hex": lambda: bytes.fromhex(value),
        "base64": lambda: base64.b64decode(value),
        "json": lambda: json.dumps(value, ensure_ascii=False).encode(encoding),
        "jsonl": lambda: "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in value).encode(encoding),
        "audio": lambda: Tone(**value).encoded(name),
        "members": lambda: _archive(name, value.items() if isinstance(value, dict) else value),
        "packed": lambda: _packed(name, value),
        "parquet": lambda: _parquet(name, value, group),
        "lfs": lambda: _stub(name, value),
        "appledouble": lambda: bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(100),
    }
    return simple[kind]()[:size]


def _archive(name: str, members: Iterable[tuple[str, Any]]) -> bytes:
    file = io.BytesIO()
    files = [(member, contents(member, content)) for member, content in members]
    if name.endswith(".zip"):
        with zipfile.ZipFile(file, "w") as zipped:
            for member, data in files:
                zipped.writestr(zipfile.ZipInfo(member), data)
        return file.getvalue()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for member, data in files:
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue() if name.endswith(".tar") else _compressed(name, file.getvalue())


def _packed(name: str, content: Any) -> bytes:
    return _compressed(name, contents(name.rpartition(".")[0], content))


def _compressed(name: str, data: bytes) -> bytes:
    by_ending: Mapping[str, Callable[[bytes], bytes]] = {
        ".gz": lambda data: gzip.compress(data, mtime=0),
        ".tgz": lambda data: gzip.compress(data, mtime=0),
        ".bz2": bz2.compress,
        ".xz": lzma.compress,
        ".zst": lambda data: bytes(pa.compress(data, "zstd", asbytes=True)),
    }
    return by_ending[os.path.splitext(name)[1]](data)


def _parquet(name: str, rows: list[dict[str, Any]], group: int | None) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([_cells(name, row) for row in rows]), file, row_group_size=group)
    return file.getvalue()


def _cells(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {column: _cell(f"{name}/{column}", value) for column, value in row.items()}


def _cell(name: str, value: Any) -> Any:
    if not isinstance(value, dict) or "bytes" not in value or value["bytes"] is None:
        return value
    return {**value, "bytes": contents(value.get("path") or name, value["bytes"])}


def _stub(name: str, size: int) -> bytes:
    oid = hashlib.sha256(name.encode()).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n".encode()
