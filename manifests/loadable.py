"""Whether what is about to be published loads where people load it: by `datasets`, as the Hub's viewer does, and within
the Hub's limits (huggingface.co/docs/hub/storage-limits)."""

import os
import re
import shutil
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO

import pyarrow.parquet as pq
import soundfile

from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.published import MAKE_AGAIN, Config, Shard
from turnmill.manifests.samples import SAMPLES, parsed, problem
from turnmill.manifests.tar import samples_in
from turnmill.manifests.wording import plural

FILE_BYTES = 50 * 10**9
FOLDER_FILES = 10_000
ROW_GROUP_BYTES = 300 * 10**6  # what the viewer reads at once
_ROWS = 100  # that the viewer shows of a split
_BLOCK = 1 << 16  # frames
_NAME = re.compile(r"\w+(\.\w+)*", re.ASCII)  # of configs and splits, in `datasets`
_PATH = re.compile(r"[\w.+=@-]+(/[\w.+=@-]+)*", re.ASCII)


def check_files(files: Iterable[tuple[str, int]], configs: Sequence[Config]) -> None:
    """Raise TurnmillError where (path, bytes) of the files, or a name, is more than the Hub takes."""
    folders: Counter[str] = Counter()
    for path, size in files:
        folders[path.rpartition("/")[0]] += 1
        if _PATH.fullmatch(path) is None:
            raise TurnmillError(f"{path} is no name for a file that a pattern of the card finds: rename its split")
        if size > FILE_BYTES:
            raise TurnmillError(f"{path} has {size:,} bytes, the Hub takes {FILE_BYTES:,}: make shard.shard_bytes less")
    for folder, count in folders.items():
        if count > FOLDER_FILES:
            raise TurnmillError(
                f"{folder} has {count:,} files, the Hub takes {FOLDER_FILES:,} in a folder: make shard.shard_bytes more"
            )
    for name in (name for config in configs for name in (config.name, *(split.name for split in config.splits))):
        if _NAME.fullmatch(name) is None:
            raise TurnmillError(f"{name} is no name of a config or split that `datasets` accepts: rename the split")


Place = tuple[str, int, int]
"""Key of a sample, first byte of its audio in the shard, and length of that."""


def check_shard(file: BinaryIO, shard: Shard, config: Config, places: Sequence[Place]) -> None:
    """Raise TurnmillError for a training shard whose samples are not those that its table lists, in the order of the
    shard, or one of which is not what the card says of its config. The audio of the first is decoded."""
    found: list[Place] = []
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for key, members in samples_in(tar):
                wrong = _wrong(tar, members, config, listen=not found)
                if wrong is not None:
                    raise TurnmillError(f"{shard.path}: sample {key} {wrong}: {MAKE_AGAIN}")
                found.append((key, members[0].offset_data, members[0].size))
    except tarfile.TarError as error:
        raise TurnmillError(f"{shard.path} is damaged ({error}): {MAKE_AGAIN}") from error
    if len(found) != len(places):
        raise TurnmillError(f"{shard.path} has {plural(len(found), 'sample')}, not {len(places):,}: {MAKE_AGAIN}")
    if found != list(places):
        raise TurnmillError(f"{shard.path} has other samples than its table lists: {MAKE_AGAIN}")


def _wrong(tar: tarfile.TarFile, members: Sequence[tarfile.TarInfo], config: Config, listen: bool) -> str | None:
    """What of a sample is not as it should be."""
    names = [member.name.partition(".")[2] for member in members]
    if tuple(names) != config.members or not all(member.isreg() for member in members):
        return f"has the files {names}, the others {list(config.members)}"
    try:
        wrong = problem(parsed(_file(tar, members[-1]).read()), SAMPLES[config.half])
    except ValueError as error:
        return f"has a .json that is none: {error}"
    if wrong is not None:
        return f"has a .json that does not load: {wrong}"
    for member in members[:-1]:
        codec = member.name.rpartition(".")[2]
        if not _file(tar, member).read(4).startswith(_MAGIC[codec]):
            return f"has a .{codec} that is none"
    if not listen:
        return None
    try:
        with soundfile.SoundFile(_file(tar, members[0])) as audio:
            for _ in audio.blocks(_BLOCK):  # it may be hours
                pass
    except soundfile.SoundFileError as error:
        return f"has audio that cannot be decoded: {error}"
    return "has not two channels" if config.half == "dialogue" and audio.channels != 2 else None


_MAGIC: Mapping[str, bytes | tuple[bytes, ...]] = {
    "flac": b"fLaC",
    "ogg": b"OggS",
    "opus": b"OggS",
    "mp3": (b"ID3", b"\xff"),
}


def _file(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    assert file is not None  # it is a file
    return file


def check_table(at: Path) -> None:
    """Raise TurnmillError for a Parquet file that the viewer cannot read."""
    metadata = pq.read_metadata(at)
    sizes = (metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups))
    if max(sizes, default=0) > ROW_GROUP_BYTES:
        raise TurnmillError(
            f"a row of {at.name} is larger than the {ROW_GROUP_BYTES:,} bytes that the Hub's viewer reads: shorten the "
            "dialogues, or the audio, that it is of"
        )


def check_loads(folder: Path) -> None:
    """Load each split of each config of a folder with a card by `datasets`, as many rows as the viewer shows.

    Audio is passed on as bytes: to decode it `datasets` needs torchcodec, which is no requirement here. Raises
    TurnmillError.
    """
    # Heavy (pandas), and wanted here alone.
    import datasets

    datasets.utils.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory(prefix="turnmill-load-") as temporary:
        # `datasets` takes the folder's real path for a part of its patterns: brackets in it would find nothing.
        plain = Path(temporary, "dataset")
        shutil.copytree(folder, plain, copy_function=lambda path, link: os.symlink(os.path.realpath(path), link))
        for name in datasets.get_dataset_config_names(str(plain)):
            try:
                _load(datasets, plain, name)
            except Exception as error:  # whatever it is that `datasets` raises
                if isinstance(error, OSError) and not isinstance(error, datasets.exceptions.DatasetsError):
                    raise  # of this machine, such as a full disk
                reason = (str(error).splitlines() or [type(error).__name__])[0].replace(str(plain), ".")
                raise TurnmillError(
                    f"`datasets` does not load the config {name} of what would be published ({reason}): nothing was "
                    "sent; please report it"
                ) from error


def _load(datasets: Any, folder: Path, config: str) -> None:
    where = {"path": str(folder), "name": config, "cache_dir": str(folder.with_name("cache"))}
    features = datasets.load_dataset_builder(**where).info.features
    if features is not None:  # those of Parquet are in its files
        audio = [column for column, kind in features.items() if isinstance(kind, datasets.Audio)]
        features |= dict.fromkeys(audio, datasets.Value("binary"))
    for rows in datasets.load_dataset(**where, features=features, streaming=True).values():
        if not sum(1 for _ in islice(rows, _ROWS)):
            raise ValueError("a split has no rows")
