"""Which engines speak, as a recipe chooses them: the declared ones by name, with the keys that they have."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, create_model, model_validator

from turnmill.manifests.params import Params
from turnmill.synth.tts.declaration import Declaration
from turnmill.synth.tts.declared import ENGINES, engine_of
from turnmill.synth.tts.engine import Engine
from turnmill.synth.tts.ensemble import Ensemble
from turnmill.synth.voices import Voice

_LEADING = {name: declared for name, declared in ENGINES.items() if declared.leads}
_BESIDE = {name: declared.beside for name, declared in ENGINES.items() if declared.beside}
WITH_KEYS = {name: declared for name, declared in ENGINES.items() if declared.params.model_fields}


def _one_of(names: Iterable[str]) -> AfterValidator:
    known = tuple(names)

    def check(name: str) -> str:
        if name not in known:
            raise ValueError(f"there is no such engine here: name one of {', '.join(known)}")
        return name

    return AfterValidator(check)


class _Engines(Params):
    """Which engines speak."""

    engine: Annotated[str, _one_of(_LEADING)] = Field(
        default="hibari",
        description="embedded: "
        + ", ".join(f"{name!r} ({declared.choice})" for name, declared in _LEADING.items() if declared.embedded)
        + "".join(f"; {name!r}, {declared.choice}" for name, declared in _LEADING.items() if not declared.embedded),
    )
    beside: tuple[Annotated[str, _one_of(_BESIDE)], ...] = Field(
        default=(),
        description="embedded voices beside those of an embedded engine: "
        + "; ".join(f"{name!r}, {beside.choice}" for name, beside in _BESIDE.items()),
    )


if TYPE_CHECKING:
    _WithTheirKeys = _Engines
else:  # a section for each engine that has keys
    _WithTheirKeys = create_model(
        "_WithTheirKeys",
        __base__=_Engines,
        **{name: (declared.params | None, None) for name, declared in WITH_KEYS.items()},
    )


@dataclass(frozen=True)
class Performed:
    """What of `synth.speech.MANNERS` each of the engines performs, the leading one first."""

    engines: Mapping[str, frozenset[str]]

    def by(self, voices: Iterable[Voice]) -> frozenset[str]:
        """What all of the voices perform. A voice without settings is the leading engine's."""
        leading = next(iter(self.engines))
        named = {engine_of(voice) or leading for voice in voices}
        return frozenset.intersection(*(self.engines.get(name, frozenset()) for name in sorted(named) or (leading,)))


class EngineChoice(_WithTheirKeys):
    """An engine with its parameters, and those beside it."""

    @model_validator(mode="after")
    def _engine_is_described(self) -> Self:
        if self.beside and not self.declared.embedded:
            raise ValueError(f"'beside' adds to the embedded engines, and the engine is {self.engine!r}: leave it out")
        if self.engine in self.beside or len(set(self.beside)) < len(self.beside):
            raise ValueError("'beside' names an engine that is there already")
        needed = any(field.is_required() for field in self.declared.params.model_fields.values())
        if needed and getattr(self, self.engine) is None:
            raise ValueError(f"the engine {self.engine!r} needs its own key: speak.{self.engine}")
        for name in WITH_KEYS:
            if self.engine != name and getattr(self, name) is not None:
                raise ValueError(f"'{name}' is set, but the engine is {self.engine!r}: set speak.engine={name}")
        return self

    @property
    def declared(self) -> Declaration[Any]:
        """The declaration of `engine`."""
        return ENGINES[self.engine]

    @property
    def heavy(self) -> bool:
        """Whether one of the engines wants a worker of its own."""
        return any(ENGINES[name].heavy for name in self._names)

    @property
    def states_times(self) -> bool:
        """Whether all speech comes with the times of its words."""
        return all(ENGINES[name].states_times for name in self._names)

    @property
    def of_engine(self) -> Params:
        """The parameters of `engine`, as given or by default."""
        return self._params_of(self.engine)

    @property
    def performed(self) -> "Performed":
        """What can be asked of the engines."""
        return Performed({name: frozenset(ENGINES[name].performs(self._params_of(name))) for name in self._names})

    def make(self, voices: Mapping[str, Voice]) -> Engine:
        """The engines, as one, with voices by name. UsageError says what is missing."""
        return Ensemble({name: ENGINES[name].make(self._params_of(name), voices) for name in self._names}, voices)

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.engine, *self.beside)

    def _params_of(self, name: str) -> Params:
        given: Params | None = getattr(self, name, None)
        return ENGINES[name].params() if given is None else given
