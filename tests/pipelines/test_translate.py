"""translate: given translations, a model of CTranslate2 made of a dictionary, and an endpoint that may fail."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.pipelines.conftest import lake_of
from tests.synth.rewrite.conftest import Endpoint, Reply, Request, endpoint  # noqa: F401  # a fixture
from tests.synth.translation.test_local import GERMAN
from tests.tiny_translator import write_model
from turnmill.manifests.errors import TurnmillError, UsageError
from turnmill.manifests.records import Reason
from turnmill.manifests.schema import SCHEMAS, to_table
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.loading import load
from turnmill.pipelines.pieces import Pieces
from turnmill.pipelines.stage import Made, Row, Shard, Workspace
from turnmill.pipelines.stages.recognised import TABLES
from turnmill.pipelines.stages.translate import Translate, TranslateParams
from turnmill.synth.speech import Speech
from turnmill.synth.tokens import tokens

SHARD = Shard("shard", "shard")
ENGLISH = "the train leaves at seven."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "en-de", GERMAN)


def lake(folder: Path, *clips: Row, heard: list[str] | None = None) -> Workspace:
    """Clips with these columns; `heard`: what is recognised in each."""
    sound = Speech(np.zeros(2400, np.float32), 24_000, None)
    place = lake_of(folder, [sound] * len(clips), ("translations", *TABLES))
    rows = [row | clip for row, clip in zip(place.rows("clips", "shard"), clips, strict=True)]
    place.store.write_part(place.part("clips", "shard"), to_table("clips", rows), {})
    if heard is None:
        return replace(place, fingerprints={t: p for t, p in place.fingerprints.items() if t not in TABLES})
    for table in TABLES:
        names = SCHEMAS[table].names
        said = [
            {name: values.get(name) for name in names}
            for values in (
                {"uid": f"u{n}", "asr_text": text, "asr_language": "en", "consensus_text": text}
                for n, text in enumerate(heard)
            )
        ]
        place.store.write_part(place.part(table, "shard"), to_table(table, said), {})
    return place


def made(place: Workspace, guard: Guard | None = None, language: str | None = "en", **params: Any) -> Made:
    stage = Translate(TranslateParams.model_validate({"to": "de"} | params), language)
    stage.check()
    stage.check_here()
    stage.setup()
    done = stage.process(SHARD, place, guard or Guard(stage.name))
    to_table("translations", done.tables["translations"])
    assert done.items_in == len(done.tables["translations"]) + len(done.rejects)
    return done


def rows(place: Workspace, **params: Any) -> list[Row]:
    done = made(place, **params)
    assert not done.rejects
    return list(done.tables["translations"])  # type: ignore[arg-type]


def test_the_given_text_is_translated_and_where_there_is_none_the_recognised(tmp_path: Path, model: Path) -> None:
    place = lake(tmp_path, {"text": ENGLISH.upper()}, {}, {}, heard=["nobody knew the way.", "the way", ""])
    given, heard, silent = rows(place, local={"model": str(model)})
    assert given == {
        "uid": "u0",
        "source_text": ENGLISH,
        "source_language": "en",
        "source_is": "given",
        "target_language": "de",
        "translation": "der Zug fährt um sieben .",
        "translator": "en-de",
        "translation_score": pytest.approx(0, abs=0.01),
    }
    assert (heard["source_is"], heard["translation"]) == ("recognised", "der Weg")
    assert (silent["source_text"], silent["translation"], silent["translator"]) == (None, None, None)
    (given, heard, _) = rows(place, local={"model": str(model)}, of="recognised")
    assert (given["source_is"], given["translation"]) == ("recognised", "niemand kannte der Weg .")
    (given, heard, _) = rows(place, local={"model": str(model)}, of="given")
    assert (given["source_is"], heard["source_is"]) == ("given", None)


def test_a_given_translation_is_taken_and_one_in_another_language_is_not(tmp_path: Path, model: Path) -> None:
    native = [
        {"translation": "Der Zug\tfährt um sieben ab. "},
        {"translation": "Le train part à sept heures, je crois."},
        {},
    ]
    place = lake(tmp_path, *({"text": ENGLISH, "native": json.dumps(one)} for one in native))
    given, french, none = rows(place)
    assert (given["translation"], given["translator"]) == ("Der Zug fährt um sieben ab.", "given")
    assert [(row["translation"], row["translator"]) for row in (french, none)] == [(None, None)] * 2
    given, french, none = rows(place, local={"model": str(model)})
    assert [row["translator"] for row in (given, french, none)] == ["given", "en-de", "en-de"]
    assert rows(place, given=None, local={"model": str(model)})[0]["translator"] == "en-de"


def test_what_is_in_that_language_as_it_is_needs_none(tmp_path: Path, model: Path) -> None:
    (row,) = rows(
        lake(tmp_path, {"text": "Der Zug fährt um sieben.", "language": "de-AT"}), local={"model": str(model)}
    )
    assert (row["source_language"], row["source_text"], row["translation"]) == ("de-AT", None, None)


def test_clips_that_cannot_be_translated_are_rejects_and_the_others_are_not(tmp_path: Path) -> None:
    english = "he said that it was all that there was"
    copying = write_model(tmp_path / "copying", GERMAN | {word: word for word in tokens(english)})
    place = lake(
        tmp_path / "lake",
        {"text": ENGLISH},
        {"text": english},
        {"text": "le train", "language": "fr"},
    )
    done = made(place, local={"model": str(copying)})
    assert [row["uid"] for row in done.tables["translations"]] == ["u0", "u2"]
    (reject,) = done.rejects
    assert (reject.uid, reject.reason) == ("u1", Reason.TRANSLATION_FAILED)
    assert reject.detail == "u1 is not translated: the translation is in en, not in de"
    coded = made(place, local={"model": str(copying), "codes": {"en": "the", "de": "der"}})
    assert ("u2", Reason.UNSUPPORTED_LANGUAGE) in [(reject.uid, reject.reason) for reject in coded.rejects]


def test_a_model_that_fails_on_all_ends_the_run_and_on_one_does_not(tmp_path: Path, model: Path) -> None:
    long = {"text": "the " * 400}
    done = made(lake(tmp_path / "one", {"text": ENGLISH}, long), local={"model": str(model)})
    assert [reject.reason for reject in done.rejects] == [Reason.MODEL_FAILED]
    with pytest.raises(TurnmillError, match="the translator en-de fails on every clip"):
        made(lake(tmp_path / "all", long, long), local={"model": str(model)})
    given = {"text": ENGLISH, "native": '{"translation": "Der Zug fährt um sieben Uhr ab."}'}
    with pytest.raises(TurnmillError, match="the translator en-de fails on every clip"):
        made(lake(tmp_path / "given", given, long, long), local={"model": str(model)})  # which the corpus translated


def test_an_endpoint_translates_and_a_killed_worker_goes_on(endpoint: Endpoint, tmp_path: Path) -> None:  # noqa: F811
    def answer(number: int, request: Request) -> Reply:
        if number == 3:
            return Reply(status=401)
        said = request["messages"][1]["content"].rpartition("\n")[2]
        return Reply(json.dumps({"translation": f"Guten Morgen, mein Freund, {said.rpartition(' ')[2]}"}))

    endpoint.answer = answer
    place = lake(tmp_path, *({"text": f"Good morning, my friend, {name}"} for name in ("Ann", "Bob", "Cem", "Dan")))
    chat = {"base_url": endpoint.url, "model": "/models/small", "concurrency": 1}
    with pytest.raises(UsageError, match="wants a key"):
        made(place, chat=chat)
    asked = len(endpoint.requests)
    done = rows(place, chat=chat)
    assert [row["translation"] for row in done] == [
        f"Guten Morgen, mein Freund, {name}" for name in ("Ann", "Bob", "Cem", "Dan")
    ]
    assert {row["translator"] for row in done} == {"small"}
    assert len(endpoint.requests) == asked + 2  # what was answered before is not paid for again


def test_steps_that_were_done_before_a_kill_are_not_done_again(tmp_path: Path, model: Path) -> None:
    place = lake(tmp_path / "lake", *({"text": f"the train leaves at {'seven ' * n}."} for n in range(3)))
    stage = Translate(TranslateParams(to="de", local={"model": str(model)}), "en")

    def guard() -> Guard:
        return Guard(stage.name, pieces=Pieces(place.store, "pieces/f/shard", keep_s=0.0))

    first = made(place, guard(), local={"model": str(model)})
    stage.setup()
    stage.loaded._model = None
    again = stage.process(SHARD, place, guard())
    assert again.tables == first.tables


def test_what_it_depends_on(model: Path) -> None:
    def fingerprint(language: str | None = "en", **params: Any) -> str:
        return Translate(TranslateParams.model_validate({"to": "de"} | params), language).fingerprint(["c"])

    chat = {"base_url": "http://one:1/v1", "model": "small"}
    one = fingerprint(chat=chat)
    assert fingerprint(chat=chat | {"base_url": "http://two:2/v1", "retries": 1}) == one
    for other in ({"chat": chat | {"model": "large"}}, {"chat": chat, "of": "given"}, {"chat": chat, "to": "fr"}):
        assert fingerprint(**other) != one
    assert fingerprint("fr", chat=chat) != one
    assert fingerprint(local={"model": str(model)}) == fingerprint(
        local={"model": str(model), "device": "cpu"}, gpus=0.5
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{to: de, given: null}", "translate: .*names nobody who translates"),
        (
            "{to: de, local: {model: none}, chat: {base_url: http://a/v1, model: m}}",
            "translate: .*leave one of them out",
        ),
        ("{to: english please}", r"translate\.to: .*no language tag"),
        ("{to: de, chat: {base_url: http://a/v1, model: m, api_key_env: sk-1}}", r"translate\.chat: .*is the NAME"),
    ],
)
def test_a_recipe_that_is_wrong_is_refused(tmp_path: Path, said: str, told: str) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"name: r\ncorpus: demo\nquality: {{}}\ntranslate: {said}\n")
    with pytest.raises(UsageError, match=told) as error:
        load(recipe, ())
    assert "sk-1" not in str(error.value)


def test_the_resolved_recipe_has_no_place_of_this_host(tmp_path: Path, model: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(
        f"name: r\ncorpus: demo\ntranslate: {{to: de, gpus: 0.5, local: {{model: {model}, device: cpu}}}}\n"
    )
    told = load(recipe, ()).yaml()
    assert "model: en-de" in told
    assert str(model) not in told
    assert "device" not in told
    recipe.write_text("name: r\ncorpus: demo\ntranslate: {to: de, chat: {base_url: http://host:1/v1, model: small}}\n")
    told = load(recipe, ()).yaml()
    assert "model: small" in told
    assert "host" not in told
