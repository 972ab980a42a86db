"""translate: what is said in each clip, in another language: as its corpus gives it, or by a translator."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from pydantic import Field, model_validator

from turnmill.manifests.identify import language_found
from turnmill.manifests.languages import LanguageTag, primary
from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason, Reject
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import MIB, LabelStage, Made, Resources, Row, Shard, Workspace, clip_item, hours
from turnmill.pipelines.stages.listen import check_working
from turnmill.pipelines.stages.recognised import NOTHING, TABLES, Recognised, recognised
from turnmill.synth.chat.cache import StoreCache
from turnmill.synth.http import api_key
from turnmill.synth.translation import chat, local
from turnmill.synth.translation.chat import ChatTranslator, ChatTranslatorParams
from turnmill.synth.translation.local import LocalTranslator, LocalTranslatorParams
from turnmill.synth.translation.translator import Source, Translated, Translator, Untranslated

GIVEN = "given"
"""The translator of what the corpus has."""


class TranslateParams(Params):
    to: LanguageTag = Field(description="BCP-47 tag of the language of the translations")
    of: Literal["any", "given", "recognised"] = Field(
        default="any", description="which text: 'any' is the given one, or else the recognised"
    )
    given: str | None = Field(
        default="translation",
        description="field of `native` with the corpus's own translation, taken where it is in `to`; null: none",
    )
    chat: ChatTranslatorParams | None = Field(
        default=None, description="a language model behind an OpenAI-compatible endpoint; null: none"
    )
    local: LocalTranslatorParams | None = Field(
        default=None, description="a translation model of CTranslate2 on this machine; null: none"
    )
    gpus: float = Field(default=0.0, ge=0, description="GPU share of one worker")

    @model_validator(mode="after")
    def _somebody_translates(self) -> "TranslateParams":
        if self.chat is not None and self.local is not None:
            raise ValueError("has both `chat` and `local`: leave one of them out")
        if self.given is None and self.chat is None and self.local is None:
            raise ValueError("names nobody who translates: add `chat`, `local` or `given`")
        return self


class Translate(LabelStage):
    name = "translate"
    optional = TABLES
    tables = ("translations",)
    version = 2
    in_steps = True
    host_params = frozenset({"chat", "local", "gpus"})

    params: TranslateParams

    def __init__(self, params: TranslateParams, language: str | None, *, speech: bool = True) -> None:
        super().__init__(params, language, speech=speech)
        self.resources = Resources(gpus=params.gpus, memory=Resources().memory if params.local is None else 4096 * MIB)

    def identity(self) -> Mapping[str, Any]:
        p = self.params
        return {
            "language": self.language,
            "chat": p.chat and chat.identity(p.chat),
            "local": p.local and local.identity(p.local),
        }

    def check(self) -> None:
        if self.params.local is not None:
            local.check_model(self.params.local, self.params.to)

    def check_here(self) -> None:
        if self.params.chat is not None:
            api_key(self.params.chat)

    def setup(self) -> None:
        if self.params.local is not None:
            self.loaded = self.loaded or LocalTranslator(self.params.local, self.params.to)

    def process(self, shard: Shard, workspace: Workspace, guard: Guard) -> Made:
        clips = workspace.rows("clips", shard.key)
        heard = recognised(workspace, shard.key)
        guard.expect(len(clips))
        told = [self._told(clip, heard.get(clip["uid"], NOTHING)) for clip in clips]
        todo = [place for place, row in enumerate(told) if row["translator"] is None and row["source_text"]]
        guard.did(len(clips) - len(todo))
        results: dict[int, Row | Reject] = dict(enumerate(told))
        translator = self._translator(workspace)
        if translator is not None:
            for first in range(0, len(todo), translator.at_once):
                some = todo[first : first + translator.at_once]
                work = partial(self._translated, translator, [clips[p] for p in some], [told[p] for p in some], guard)
                key = [(told[place]["uid"], told[place]["source_text"]) for place in some]
                results.update(zip(some, guard.step(key, work), strict=True))
                guard.did(len(some))
        rows = [row for row in results.values() if not isinstance(row, Reject)]
        rejects = [row for row in results.values() if isinstance(row, Reject)]
        made = any(row["translator"] not in (None, GIVEN) for row in rows)
        check_working(rejects, Reason.MODEL_FAILED, made, f"the translator {self._name}")
        return Made({"translations": rows}, rejects, len(clips), hours(clips))

    @property
    def _name(self) -> str:
        """For errors."""
        return self.loaded.name if self.loaded is not None else "of the endpoint"

    def _translator(self, workspace: Workspace) -> Translator | None:
        if self.params.chat is not None:
            return ChatTranslator(self.params.chat, self.params.to, StoreCache(workspace.store, "translate"))
        translator: Translator | None = self.loaded
        return translator

    def _told(self, clip: Row, heard: Recognised) -> Row:
        """A row with the text that is to be translated, and the translation where the corpus gives it."""
        text, origin = self._text(clip, heard)
        language = clip["language"] or self.language or heard.language
        row = {
            "uid": clip["uid"],
            "source_text": text,
            "source_language": language,
            "source_is": origin,
            "target_language": self.params.to,
            "translation": None,
            "translator": None,
            "translation_score": None,
        }
        if language is not None and primary(language) == primary(self.params.to):
            return row | {"source_text": None, "source_is": None}  # it is in that language as it is
        given = None if self.params.given is None else json.loads(clip["native"] or "{}").get(self.params.given)
        if isinstance(given, str) and given.strip() and _is_in(given, self.params.to):
            return row | {"translation": " ".join(given.split()), "translator": GIVEN}
        return row

    def _text(self, clip: Row, heard: Recognised) -> tuple[str | None, str | None]:
        """What is said in a clip, and whether that was given or recognised; None where nobody tells, or nothing is."""
        given = " ".join((clip["text"] or "").split())
        if given and self.params.of != "recognised":
            return given.lower() if given.isupper() else given, "given"  # a translator may take capitals for names
        return (heard.text, "recognised") if heard.text and self.params.of != "given" else (None, None)

    def _translated(
        self, translator: Translator, clips: Sequence[Row], told: Sequence[Row], guard: Guard
    ) -> list[Row | Reject]:
        def work(places: Sequence[int]) -> list[Row | Untranslated]:
            sources = [Source(told[place]["source_text"], told[place]["source_language"]) for place in places]
            made = translator.translate(sources)
            return [
                one if isinstance(one, Untranslated) else _with(told[place], one, translator.name)
                for place, one in zip(places, made, strict=True)
            ]

        # An endpoint has time limits of its own, whatever a clip's length.
        items = [
            clip_item(clip) if self.params.chat is None else replace(clip_item(clip), seconds=None) for clip in clips
        ]
        return [
            _refused(clip, one) if isinstance(one, Untranslated) else one
            for clip, one in zip(clips, guard.batch(items, work), strict=True)
        ]


def _with(row: Row, made: Translated, translator: str) -> Row:
    return row | {"translation": made.text, "translator": translator, "translation_score": made.score}


def _refused(clip: Row, why: Untranslated) -> Reject:
    reason = Reason.UNSUPPORTED_LANGUAGE if why.unknown else Reason.TRANSLATION_FAILED
    return Reject(reason, f"{clip['uid']} is not translated: {why.why}", clip["uid"], clip["source_uri"])


def _is_in(text: str, language: str) -> bool:
    return primary(language_found(text, language)) == primary(language)
