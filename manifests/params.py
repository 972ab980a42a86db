"""The base of every parameter class: frozen, typed, range-checked; an unknown key is an error."""

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
