"""What a model wrote, as the JSON that it was asked for."""

import re
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

# Reasoning models think aloud first; many models fence JSON although they are told not to.
_THOUGHT = re.compile(r"^\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"```[\w-]*\s*\n(.*?)\n\s*```", re.DOTALL)


class Unusable(ValueError):
    """An answer that does not do what was asked; a clause that tells the model and the user why."""


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Strict(BaseModel):
    """No key but those that were asked for, and no number in the clothes of a string."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Schema = TypeVar("Schema", bound=Strict)


def parsed(text: str, schema: type[Schema]) -> Schema:
    """The answer as its schema says, out of its code fence where it has one. Raises Unusable."""
    bare = _THOUGHT.sub("", text).strip()
    if not bare:
        raise Unusable("it is empty")
    if not bare.startswith("{") and (fenced := _FENCED.search(bare)):
        bare = fenced[1]
    try:
        return schema.model_validate_json(bare)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise Unusable(f"{where}: {problem['msg']}" if where else problem["msg"]) from error
