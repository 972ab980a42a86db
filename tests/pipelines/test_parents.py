"""Parents over corpora: one split for each, and a sentence where that is not so."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnmill.manifests.errors import UsageError
from turnmill.pipelines.corpora import CorpusParams
from turnmill.pipelines.steps.parents import leaks, parent_column
from turnmill.pipelines.steps.plan import ShardParams, SplitShares, plan
from turnmill.sources.catalogue import Entry, load, override

HALVES = ShardParams(splits=SplitShares(train=0.4, valid=0.3, test=0.3))
Clip = tuple[str, str, str | None, str | None]  # corpus, name, parent, official split


def corpus(name: str, *overlaps: str) -> Entry:
    return override(load("files"), {"name": name, "overlaps": list(overlaps)}, "test")


def placed(clips: list[Clip], entries: list[Entry]) -> tuple[dict[str, str], list[str]]:
    """The split of each clip, and what is said of leaks."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE clips (corpus VARCHAR, uid VARCHAR, parent VARCHAR, split VARCHAR, recording VARCHAR)"
    )
    for each, name, parent, split in clips:
        recording = f"{each}/{name.partition('#')[0]}"
        connection.execute(
            "INSERT INTO clips VALUES (?, ?, ?, ?, ?)", [each, f"{each}/{name}", parent, split, recording]
        )
    planned = (
        f"SELECT 'clip' AS family, uid, split, {parent_column(entries)} AS parent, 's' AS shard, 1 AS size, "
        "uid AS audio FROM clips"
    )
    connection.register("clip_plan", plan(connection, planned, "clip_plan", 5, HALVES))
    found = connection.sql("SELECT uid, split FROM clip_plan").fetchall()
    return dict(found), leaks(connection, planned, "clip_plan", entries)


def test_clips_of_one_recording_are_in_one_split_where_nothing_else_is_said_of_them() -> None:
    clips: list[Clip] = [("a", f"r{n % 40}#{n}", None, None) for n in range(400)]
    splits, said = placed(clips, [corpus("a")])
    by_recording: dict[str, set[str]] = {}
    for uid, split in splits.items():
        by_recording.setdefault(uid.partition("#")[0], set()).add(split)
    assert all(len(found) == 1 for found in by_recording.values())
    assert {"train", "valid", "test"} == set(splits.values())
    assert said == []


def test_speaker_1_of_two_corpora_are_two() -> None:
    clips: list[Clip] = [(name, f"{n}", f"{n}", None) for name in "ab" for n in range(100)]
    splits, said = placed(clips, [corpus("a"), corpus("b")])
    assert any(splits[f"a/{n}"] != splits[f"b/{n}"] for n in range(100))
    assert said == []


def test_a_reader_of_two_corpora_is_in_one_split_and_in_the_official_one_where_there_is_one() -> None:
    clips: list[Clip] = [(name, f"{n}", f"librivox/{n}", None) for name in "ab" for n in range(100)]
    entries = [corpus("a", "librivox"), corpus("b", "librivox")]
    splits, said = placed(clips, entries)
    assert all(splits[f"a/{n}"] == splits[f"b/{n}"] for n in range(100))
    official: list[Clip] = [(name, uid, parent, "dev-clean" if name == "a" else None) for name, uid, parent, _ in clips]
    splits, said = placed(official, entries)
    assert set(splits.values()) == {"dev-clean"}
    assert said == []


def test_a_corpus_that_comes_from_another_has_its_parents() -> None:
    clips: list[Clip] = [("voices", "1", "ann", "test"), ("translated", "1", "voices/ann", None)]
    splits, _ = placed(clips, [corpus("voices"), corpus("translated", "voices")])
    assert set(splits.values()) == {"test"}


def test_official_splits_that_share_a_parent_are_kept_and_told() -> None:
    clips: list[Clip] = [
        ("a", "1", "librivox/84", "dev-clean"),
        ("b", "1", "librivox/84", "train"),
        ("b", "2", "librivox/9", "train"),
        ("a", "2", "librivox/9", "train-clean-100"),
    ]
    splits, said = placed(clips, [corpus("a", "librivox"), corpus("b", "librivox")])
    assert (splits["a/1"], splits["b/1"]) == ("dev-clean", "train")
    (sentence,) = said
    assert sentence.startswith("1 parent with 2 items in several splits")
    assert "librivox/84 in a dev-clean, b train." in sentence


def test_corpora_of_one_origin_that_do_not_say_which_part_are_told_unless_all_is_for_training() -> None:
    entries = [corpus("a", "freesound"), corpus("b", "freesound")]
    clips: list[Clip] = [
        ("a", "1", "freesound/7", "test"),
        ("b", "1", "dog", "train"),
        ("b", "2", "freesound/8", "train"),
    ]
    _, said = placed(clips, entries)
    (sentence,) = said
    assert sentence.startswith("a and b both have audio of freesound, and 1 clip of b do not say which")
    both = [corpus("a", "freesound", "jamendo"), corpus("b", "freesound", "jamendo")]
    _, said = placed([("a", "1", "freesound/7", "test"), ("b", "1", "jamendo/1", "train")], both)
    assert said == []
    _, said = placed([(*clip[:3], "train") for clip in clips], entries)
    assert said == []
    _, said = placed(clips, [corpus("a"), corpus("b")])
    assert said == []


NAMES = st.sampled_from(["a", "b", "c"])
CLIPS = st.lists(st.tuples(NAMES, st.sampled_from(["x/1", "x/2", "x/3", "1", "2", None])), max_size=40)


@given(CLIPS)
def test_without_official_splits_nothing_is_in_two(drawn: list[tuple[str, str | None]]) -> None:
    clips: list[Clip] = [(name, f"{n}", parent, None) for n, (name, parent) in enumerate(drawn)]
    entries = [corpus("a", "x"), corpus("b", "x"), corpus("c")]
    _, said = placed(clips, entries)
    assert not any("several splits" in sentence for sentence in said)


def test_what_models_are_judged_on_is_refused_unless_the_recipe_means_it() -> None:
    judged = {**load("files").model_dump(), "name": "judged", "eval_only": True}
    with pytest.raises(UsageError, match=r"^corpora\.0\.corpus: judged: models are judged on it"):
        CorpusParams(corpus=judged).read("corpora.0.corpus")
    meant = CorpusParams(corpus=judged, entry={"eval_only": False}).read("corpora.0.corpus")
    assert meant.entry.name == "judged"


def test_an_entry_with_nothing_to_ingest_is_refused_with_its_sentence() -> None:
    gone = {**load("files").model_dump(), "name": "gone", "ingest": None, "nothing": "its owner took it back"}
    with pytest.raises(UsageError, match=r"^corpus: gone: there is nothing to ingest: its owner took it back$"):
        CorpusParams(corpus=gone).read("corpus")
    with pytest.raises(UsageError, match=r"^gone: there is nothing to ingest: its owner took it back$"):
        load(gone).corpus("nowhere")
