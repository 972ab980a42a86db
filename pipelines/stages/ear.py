"""A model of `transcribe` at work: what it hears in a batch of windows, under the guard of their clips."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial

from turnmill.manifests.records import Reject
from turnmill.pipelines.asr.recognizer import Recognizer
from turnmill.pipelines.asr.windows import SAMPLE_RATE, Clip, Window
from turnmill.pipelines.guard import Guard
from turnmill.pipelines.stage import Row, clip_item
from turnmill.pipelines.stages.listen import heard


@dataclass
class Ear:
    """A model of the recipe. `good`: a window that it has heard."""

    name: str
    recognizer: Recognizer
    good: Window | None = None

    @property
    def model(self) -> str:
        """For errors."""
        return f"the model {self.name}"

    def takes(self, code: str | None) -> bool:
        """Whether it may hear a language of Whisper's; None: one that nobody states."""
        return code is None or self.recognizer.only in (None, code)

    def hear(self, rows: Sequence[Row], batch: Sequence[Window], guard: Guard) -> list[Row | Reject]:
        """Of each window of a batch what is heard (`Heard`, as JSON), or why nothing is. `rows`: of `clips`, of each
        clip that the windows name by its place."""
        items = [replace(clip_item(rows[w.clip]), seconds=len(w.pcm) / SAMPLE_RATE) for w in batch]

        def work(places: Sequence[int]) -> list[Row]:
            return self._heard([batch[place] for place in places], items[places[0]].uid)

        return guard.batch(items, work)

    def _heard(self, windows: Sequence[Window], name: str) -> list[Row]:
        """Raises as `listen.heard`."""
        again = None if self.good is None else partial(self.recognizer.hear, [self.good])
        found = heard(partial(self.recognizer.hear, windows, name), again, self.model)
        self.good = windows[-1]
        return [asdict(window) for window in found]


@dataclass(frozen=True)
class Work:
    """What a model has to hear of a block of clips: their audio, one or two talks of each; the place in the block of
    the row that each talk is of (`owners`); and their windows."""

    ear: Ear
    owners: Sequence[int]
    clips: Sequence[Clip]
    windows: Sequence[Window]

    def key(self, rows: Sequence[Row], batch: Sequence[Window]) -> list[object]:
        """Names what a batch is made of. `rows` as in `Ear.hear`."""
        return [
            self.ear.name,
            *(
                (rows[w.clip]["uid"], w.clip - self.owners.index(self.owners[w.clip]), w.start, len(w.pcm))
                for w in batch
            ),
        ]
