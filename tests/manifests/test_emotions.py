"""One set of emotions, and what the corpora of the catalogue call them."""

import pytest

from turnmill.manifests.emotions import EMOTIONS, emotion_among, emotion_named
from turnmill.sources.catalogue import load


def test_each_is_named_by_itself_however_it_is_spelt() -> None:
    assert [emotion_named(f" {name.upper()} ") for name in EMOTIONS] == list(EMOTIONS)
    assert emotion_named(None) is emotion_named("") is emotion_named("laughter") is None


@pytest.mark.parametrize(
    ("labels", "meant"),
    [
        (["Amused"], "joy"),  # EmoV-DB
        (["Sleepy"], None),
        (["fearful"], "fear"),  # RAVDESS
        (["calm"], "neutral"),
        (["surprise", "negative"], "surprise"),  # MELD, with the sentiment
        (["neutral", "neutral"], "neutral"),
        (["exc"], "joy"),  # IEMOCAP
        (["fru"], None),
        (["xxx"], None),
        (["生气"], "anger"),  # ESD
        (["happy", "sad"], None),
        ([], None),
    ],
)
def test_labels_mean_one_or_none(labels: list[str], meant: str | None) -> None:
    assert emotion_among(labels) == meant


@pytest.mark.parametrize("name", ["ravdess", "crema_d"])
def test_every_label_that_an_entry_spells_out_means_one(name: str) -> None:
    ingest = load(name).family.model_dump()
    assert None not in {emotion_named(label) for label in ingest["maps"]["emotion"].values()}


def test_what_acts_no_emotion_has_none() -> None:
    sounds = ("laughter", "sigh", "cough", "throatclearing", "sneeze", "sniff")  # VocalSound: they stay tags
    assert {emotion_named(sound) for sound in sounds} == {None}
