"""Parameter classes: frozen, typed, range-checked; an unknown key is an error."""

from pydantic import BaseModel, ConfigDict, Field

from turnmill.manifests.records import Licence


class Params(BaseModel):
    """The base of every parameter class. A number is finite: neither NaN nor infinity is in a range."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class LicenceStatement(Params):
    """What the user states of their own recordings or texts, in place of the catalogue's entry."""

    spdx: str = Field(min_length=1)
    """SPDX identifier, or LicenseRef-... where it has none."""
    redistribute: bool
    """May be given to others; what may not is not published."""
    commercial: bool
    """May be used for money."""
    derivatives: bool = True
    """May be changed; speech of a text, and of a cloned voice, is a change."""

    @property
    def licence(self) -> Licence:
        return Licence(self.spdx, self.redistribute, self.commercial, self.derivatives)
