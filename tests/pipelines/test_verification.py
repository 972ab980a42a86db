"""`turnmill verify`: a set that is whole passes; every damage is a sentence, and nothing beside it goes unchecked."""

import io
import json
import os
import random
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from tests.pipelines.conftest import Small
from turnmill.manifests.audio import Audio, decode, encode_flac
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.store import Store
from turnmill.manifests.tar import TarWriter
from turnmill.manifests.wording import plural
from turnmill.pipelines.listening import listening_page, telling_page
from turnmill.pipelines.verification import print_verification, verify_output

Members = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Copy:
    """A copy of the finished run that a test may damage, and its training shard with most dialogues."""

    out: Path
    tar: Path
    keys: tuple[str, ...]
    dialogues: int

    @property
    def part(self) -> Path:
        return self.out / "dialogue_samples" / self.tar.parent.name / f"{self.tar.stem}.parquet"

    def members(self) -> Members:
        with tarfile.open(self.tar) as tar:
            return [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]

    def write(self, members: Members) -> None:
        with self.tar.open("wb") as file:
            writer = TarWriter(file)
            for name, data in members:
                writer.add(name, data)
            writer.close()


def keys_of(path: Path) -> tuple[str, ...]:
    with tarfile.open(path) as tar:
        return tuple(dict.fromkeys(name.split(".")[0] for name in tar.getnames()))


@pytest.fixture
def copy(small: Small, tmp_path: Path) -> Copy:
    out = tmp_path / "out"
    shutil.copytree(small.out, out)
    tars = sorted(out.glob("shards/*/dialogue-*.tar"))
    keys = {tar: keys_of(tar) for tar in tars}
    tar = max(tars, key=lambda tar: len(keys[tar]))
    assert len(keys[tar]) >= 3
    return Copy(out, tar, keys[tar], sum(len(of) for of in keys.values()))


def edited(change: Callable[[dict[str, bytes]], None]) -> Callable[[Members, str], Members]:
    """Change the members of one sample: a dict of extension -> bytes."""

    def apply(members: Members, key: str) -> Members:
        mine = {name.partition(".")[2]: data for name, data in members if name.startswith(key)}
        change(mine)
        others = [(name, data) for name, data in members if not name.startswith(key)]
        return others + [(f"{key}.{extension}", data) for extension, data in mine.items()]

    return apply


def without(extension: str) -> Callable[[Members, str], Members]:
    return edited(lambda sample: sample.__delitem__(extension))


def labelled(change: Callable[[dict], object]) -> Callable[[Members, str], Members]:  # type: ignore[type-arg]
    def apply(sample: dict[str, bytes]) -> None:
        labels = json.loads(sample["json"])
        change(labels)
        sample["json"] = json.dumps(labels).encode()

    return edited(apply)


def set_to(extension: str, change: Callable[[bytes], bytes]) -> Callable[[Members, str], Members]:
    return edited(lambda sample: sample.__setitem__(extension, change(sample[extension])))


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 4]) + data[middle + 1 :]


def at_16_khz(data: bytes) -> bytes:
    return encode_flac(Audio(decode(data, "").samples, 16_000))


DAMAGES: dict[str, tuple[Callable[[Members, str], Members], str]] = {
    "no audio": (without("flac"), "it has no .flac"),
    "no labels": (without("json"), "it has no .json"),
    "a cut FLAC": (set_to("flac", lambda data: data[: len(data) // 2]), ".flac breaks off"),
    "a FLAC with a bit flipped": (set_to("flac", flipped), "its .flac"),
    "another sound in place of the FLAC": (set_to("flac", lambda data: b"RIFF" + data), "is not a FLAC file"),
    "an empty FLAC": (set_to("flac", lambda _: b""), "is not a FLAC file"),
    "another rate": (set_to("flac", at_16_khz), "has 16000 Hz, its .json says 24000"),
    "a broken clean stem": (set_to("user.flac", flipped), "its .user.flac"),
    "labels that are no JSON": (set_to("json", lambda data: data[:-9]), "is not JSON"),
    "labels that are no text": (set_to("json", lambda _: b"\xff\xfe\x00"), "is not JSON"),
    "labels too deep": (set_to("json", lambda _: b"[" * 100_000), "is not JSON"),
    "labels that are a list": (set_to("json", lambda _: b"[1]"), "sample is list, not an object"),
    "no turns": (labelled(lambda labels: labels.pop("turns")), "sample: turns missing"),
    "no acoustics": (labelled(lambda labels: labels.pop("acoustics")), "sample: acoustics missing"),
    "a turn without words": (labelled(lambda labels: labels["turns"][0].pop("words")), "sample.turns: words missing"),
    "turns that are a number": (labelled(lambda labels: labels.update(turns=3)), "sample.turns is int, not a list"),
    "a time that is a text": (
        labelled(lambda labels: labels["turns"][0].update(start="x")),
        "start is str, not double",
    ),
    "a time that is null": (labelled(lambda labels: labels["turns"][0].update(start=None)), "value that is no label"),
    "an endless dialogue": (labelled(lambda labels: labels.update(duration=float("inf"))), "sample.duration is inf"),
    "another dialogue's labels": (labelled(lambda labels: labels.update(id="other")), "says uid 'good-"),
    "a late turn": (labelled(lambda labels: labels["turns"][0].update(start=0.0)), "onset"),
    "a member too many": (edited(lambda sample: sample.update({"txt": b"?"})), ".txt' belongs to no sample"),
    "a sample too many": (lambda members, key: [*members, (f"f{key}f.json", b"{}")], "is not in dialogue_samples"),
    "a sample twice": (lambda members, key: [*edited(lambda _: None)(members, key), *members[:3]], "is there twice"),
    "no sample": (lambda members, key: [m for m in members if not m[0].startswith(key)], "1 sample missing that"),
}
STILL_WHOLE = ("another dialogue's labels", "a late turn", "a member too many", "a sample too many", "a sample twice")


def test_a_whole_set_passes(small: Small) -> None:
    found = verify_output(Store(str(small.out)))
    assert found.violations == ()
    assert found.dialogues > 3
    assert found.sampled_from is None


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_a_sentence_that_names_shard_and_key_and_the_rest_is_checked(copy: Copy, damage: str) -> None:
    change, sentence = DAMAGES[damage]
    key = copy.keys[-1]  # so that no other sample moves
    copy.write(change(copy.members(), key))
    found = verify_output(Store(str(copy.out)))
    matching = [violation for violation in found.violations if sentence in violation]
    assert matching, found.violations
    assert matching[0].startswith(f"{copy.tar.name}")
    assert key in matching[0] or damage == "a sample twice"
    assert all(violation.startswith(copy.tar.name) for violation in found.violations)
    twice = damage == "a sample twice"
    assert found.dialogues == copy.dialogues - (damage not in STILL_WHOLE) + twice
    assert listening_page(Store(str(copy.out)), 50).path.endswith("listen.html")


def test_a_sample_that_moved_is_not_where_the_table_says(copy: Copy) -> None:
    members = copy.members()
    copy.write([*members[3:], *members[:3]])
    found = verify_output(Store(str(copy.out)))
    assert len(found.violations) >= len(copy.keys)
    assert all("dialogue_samples says offset" in violation for violation in found.violations)
    assert found.dialogues == copy.dialogues


def test_a_shard_that_is_missing_is_a_violation_that_names_its_samples(copy: Copy) -> None:
    copy.tar.unlink()
    found = verify_output(Store(str(copy.out)))
    assert found.violations[0] == f"{copy.tar.name}: the shard is missing"
    assert found.violations[1].startswith(
        f"{copy.tar.name}: {len(copy.keys)} samples missing that dialogue_samples names"
    )
    assert copy.keys[0] in found.violations[1]
    assert found.dialogues == copy.dialogues - len(copy.keys)


def test_a_shard_without_its_part_is_checked_all_the_same(copy: Copy) -> None:
    copy.part.unlink()
    found = verify_output(Store(str(copy.out)))
    assert f"{copy.tar.name}: dialogue_samples does not name this shard" in found.violations
    assert found.dialogues == copy.dialogues


def test_a_part_that_cannot_be_read_is_a_violation(copy: Copy) -> None:
    copy.part.write_bytes(b"PAR1 no more")
    found = verify_output(Store(str(copy.out)))
    assert any(f"{copy.part.name} cannot be read" in violation for violation in found.violations)
    assert found.violations[0].startswith("ledger: a table cannot be read")
    assert found.dialogues == copy.dialogues
    with pytest.raises(TurnmillError):
        listening_page(Store(str(copy.out)), 1)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.9])
def test_a_cut_shard_is_checked_up_to_the_cut(copy: Copy, share: float) -> None:
    data = copy.tar.read_bytes()
    copy.tar.write_bytes(data[: int(len(data) * share)])
    found = verify_output(Store(str(copy.out)))
    lost = copy.dialogues - found.dialogues
    assert 0 < lost <= len(copy.keys)
    assert any(
        v.startswith(f"{copy.tar.name}: {plural(lost, 'sample')} missing that dialogue_samples")
        for v in found.violations
    )
    assert any("breaks off after" in violation for violation in found.violations)
    assert Path(listening_page(Store(str(copy.out)), 50).path).read_text("utf-8").count("<audio") == found.dialogues


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1 << 32), flips=st.integers(1, 40), headers=st.booleans())
def test_no_bytes_of_a_shard_stop_the_check_of_the_others(copy: Copy, seed: int, flips: int, headers: bool) -> None:
    whole, chance = copy.tar.read_bytes(), random.Random(seed)
    data = bytearray(whole)
    with tarfile.open(copy.tar) as tar:
        blocks = [member.offset for member in tar]
    for _ in range(flips):
        at = chance.choice(blocks) + chance.randrange(512) if headers else chance.randrange(len(data))
        data[at] = chance.randrange(256)
    copy.tar.write_bytes(data)
    try:
        found = verify_output(Store(str(copy.out)))
        assert found.dialogues >= copy.dialogues - len(copy.keys)
        assert all(violation.startswith(copy.tar.name) for violation in found.violations)
        listening_page(Store(str(copy.out)), 3)
    finally:
        copy.tar.write_bytes(whole)


def test_every_flipped_bit_of_the_audio_is_found(copy: Copy) -> None:
    with tarfile.open(copy.tar) as tar:
        audio = next(member for member in tar if member.name.endswith(".user.flac"))
    whole, chance = copy.tar.read_bytes(), random.Random(0)
    for _ in range(8):
        data = bytearray(whole)
        data[audio.offset_data + chance.randrange(100, audio.size)] ^= 1 << chance.randrange(8)
        copy.tar.write_bytes(data)
        assert len(verify_output(Store(str(copy.out))).violations) == 1


def test_a_sample_of_the_dialogues_is_the_same_every_time_and_says_so(small: Small) -> None:
    store = Store(str(small.out))
    whole = verify_output(store)
    found = verify_output(store, sample=3)
    assert found == verify_output(store, sample=3)
    assert (found.dialogues, found.sampled_from, found.violations) == (3, whole.dialogues, ())
    assert 0 < found.hours < whole.hours
    more = verify_output(store, sample=1000)
    assert (more.dialogues, more.checks) == (whole.dialogues, whole.checks)
    file = io.StringIO()
    print_verification(found, Console(file=file))
    assert file.getvalue().startswith(f"3 of {whole.dialogues} dialogues (a sample, chosen by hash), ")


def test_a_sample_that_is_chosen_and_damaged_is_a_violation(copy: Copy) -> None:
    copy.write(copy.members()[:2])
    found = verify_output(Store(str(copy.out)), sample=copy.dialogues)
    assert any("it has no .json" in violation for violation in found.violations)
    assert any("missing that dialogue_samples names" in violation for violation in found.violations)


def test_a_violation_is_one_line_without_control_characters(copy: Copy) -> None:
    name = f"{copy.keys[-1]}.\x1b[31mred\nline"
    copy.write([*copy.members(), (name, b"")])
    file = io.StringIO()
    print_verification(verify_output(Store(str(copy.out))), Console(file=file, width=40))
    (line,) = [line for line in file.getvalue().split("\n") if line.startswith("violation")]
    assert "\\x1b[31mred\\nline" in line


def test_an_unfinished_folder_is_told_what_to_do(copy: Copy) -> None:
    page = (copy.out / "listen.html").read_bytes()
    shutil.rmtree(copy.tar.parent)
    shutil.rmtree(copy.part.parent)
    with pytest.raises(UsageError, match="run its recipe to the end first"):
        verify_output(Store(str(copy.out)))
    with pytest.raises(TurnmillError, match="no dialogue that can be listened to"):
        listening_page(Store(str(copy.out)), 1)
    assert (copy.out / "listen.html").read_bytes() == page


@pytest.mark.parametrize("count", [0, 51])
def test_a_page_has_one_to_fifty_dialogues(small: Small, count: int) -> None:
    with pytest.raises(UsageError, match=f"1 to 50 dialogues, not {count}"):
        listening_page(Store(str(small.out)), count)


def test_a_page_has_as_many_kinds_as_any_dialogues_can_have(copy: Copy) -> None:
    store = Store(str(copy.out))
    connection = connect(store, Index.load(store))
    kinds = dict(connection.execute("SELECT dialogue, list(DISTINCT kind) FROM events GROUP BY dialogue").fetchall())
    page = Path(listening_page(store, 2).path).read_text("utf-8")
    shown = [uid for uid in kinds if f"<h2>{uid}</h2>" in page]
    assert len(shown) == 2
    first = max(shown, key=lambda uid: len(kinds[uid]))
    assert len(kinds[first]) == max(len(of) for of in kinds.values())
    most = max(len({*kinds[first], *of}) for of in kinds.values())
    assert len({kind for uid in shown for kind in kinds[uid]}) == most
    assert Path(listening_page(store, 2).path).read_text("utf-8") == page
    whole = listening_page(store, 50)
    text = Path(whole.path).read_text("utf-8")
    assert text.count("<audio") == whole.dialogues == copy.dialogues
    assert whole.size == len(text.encode())
    assert str(whole) == f"{whole.path} ({copy.dialogues} dialogues, {whole.size / 1e6:.1f} MB)"


def test_a_run_leaves_a_page_on_which_every_kind_is_heard(copy: Copy) -> None:
    store = Store(str(copy.out))
    connection = connect(store, Index.load(store))
    kinds = dict(connection.execute("SELECT dialogue, list(DISTINCT kind) FROM events GROUP BY dialogue").fetchall())
    page = (copy.out / "listen.html").read_text("utf-8")
    assert "<title>small: listen</title>" in page
    shown = [uid for uid in kinds if f"<h2>{uid}</h2>" in page]
    assert {kind for uid in shown for kind in kinds[uid]} == {kind for of in kinds.values() for kind in of}
    assert len(shown) < len(kinds)
    assert telling_page(store).dialogues == len(shown)
    assert (copy.out / "listen.html").read_text("utf-8") == page


def test_a_page_passes_over_what_is_damaged_and_takes_another(copy: Copy) -> None:
    store = Store(str(copy.out))
    before = Path(listening_page(store, 1).path).read_text("utf-8")
    parts = [row for part in copy.part.parent.iterdir() for row in pq.read_table(part).to_pylist()]
    (first,) = [row for row in parts if f"<h2>{row['uid']}</h2>" in before]
    with (copy.tar.parent / first["shard"]).open("r+b") as file:
        file.seek(first["offset"] + first["size"] // 2)
        file.write(os.urandom(64))
    after = Path(listening_page(store, 1).path).read_text("utf-8")
    assert after.count("<audio") == 1
    assert f"<h2>{first['uid']}</h2>" not in after


def test_a_page_holds_no_more_audio_than_a_browser_bears(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("turnmill.pipelines.listening.MAX_LISTEN_BYTES", 1)
    assert Path(listening_page(Store(str(copy.out)), 50).path).read_text("utf-8").count("<audio") == 1
