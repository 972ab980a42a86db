"""Moderation by an OpenAI-compatible endpoint: the request, and what is read of the answer."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from pydantic import BaseModel, ValidationError

from turnmill.synth.http import Endpoint, Fault
from turnmill.synth.safety.params import Category, ModerationParams

_LARGEST: Final = 4 << 20  # bytes of an answer

_OURS: Final[Mapping[str, Category]] = {
    "hate": "hate", "harassment": "harassment", "sexual": "sexual", "violence": "violence", "self-harm": "self_harm",
    "illicit": "illegal",
}  # fmt: skip
"""Their categories, each with those below it (`self-harm/intent`), as ours."""


class _Result(BaseModel):
    category_scores: dict[str, float]


class _Moderation(BaseModel):
    """The part of the format that is read."""

    results: list[_Result]


def moderated(params: ModerationParams, texts: Sequence[str]) -> list[dict[Category, float]]:
    """The endpoint's scores of each text, by our categories. Raises as `synth.http` says."""

    def read(body: bytes) -> list[dict[Category, float]]:
        try:
            results = _Moderation.model_validate_json(body.decode("utf-8", "replace")).results
        except ValidationError as error:
            raise Fault(f"its answer is no moderation; does {params.where}.base_url end in /v1?") from error
        if len(results) != len(texts):
            raise Fault(f"it gave {len(results)} results for {len(texts)} texts")
        return [_by_category(result.category_scores) for result in results]

    return _endpoint(params).post({"model": params.model, "input": list(texts)}, read)


@cache  # one of a process, whose connections are kept
def _endpoint(params: ModerationParams) -> Endpoint:
    return Endpoint(params, "moderations", _LARGEST)


def _by_category(scores: Mapping[str, float]) -> dict[Category, float]:
    found: dict[Category, float] = {}
    for name, score in scores.items():
        category = _OURS.get(name.split("/")[0].replace("_", "-"))
        if category is not None:
            found[category] = max(score, found.get(category, 0.0))
    return found
