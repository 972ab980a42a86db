"""What stands around the work on one item: whatever happens to it is told, and happens to it alone.

An exception is the item's reject: of the kind that its library's error has, or `internal_error`, with type and place,
for a bug of ours. What kills the worker or hangs it is found by `pipelines.watch`, whose verdict is a reject too.
"""

import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from turnmill.manifests.errors import TurnmillError
from turnmill.manifests.records import MODEL_FAILURES, ItemError, Reason, Reject, Row, stable_hash
from turnmill.manifests.wording import repeatable
from turnmill.pipelines.pieces import Pieces
from turnmill.pipelines.watch import Attempt, Reporter, TimeLimit

T = TypeVar("T")

_ROOT: Final = Path(__file__).parents[1]
_OURS: Final = frozenset({"manifests", "sources", "synth", "dashboards", "pipelines"})


@dataclass(frozen=True)
class Item:
    """One item of a stage: `seconds` of audio, by which its time is limited; None: it may take any time."""

    uid: str
    seconds: float | None = 0.0
    source_uri: str | None = None


@dataclass(frozen=True)
class Guard:
    """The guard of one stage's work on one shard. One that is made without a reporter only catches."""

    stage: str
    attempt: Attempt = field(default_factory=Attempt)
    reporter: Reporter | None = None
    limit: TimeLimit = field(default_factory=TimeLimit)
    pieces: Pieces | None = None

    def expect(self, items: int) -> None:
        """Say how many items the shard has, for the watcher's sake."""
        if self.reporter is not None:
            self.reporter.expect(self.stage, items)

    def one(self, item: Item, work: Callable[[], T]) -> T | Reject:
        """What `work` makes of an item, or why there is nothing, and the item is done with."""
        result = self.caught(item, work)
        self.did(1)
        return result

    def caught(self, item: Item, work: Callable[[], T]) -> T | Reject:
        """What `work` makes of an item, or why there is nothing.

        TurnmillError and OSError pass: they are no item's fault, and end the run.
        """
        doomed = self._doomed(item)
        return doomed if doomed is not None else self._tried([item], work)

    def batch(self, items: Sequence[Item], work: Callable[[Sequence[int]], Sequence[T]]) -> list[T | Reject]:
        """What `work` makes of items together, given the places of those that it may be given; in order.

        Where it fails, or killed a worker, the items are tried one by one to find which does it; the others are then
        given to it together, so that it is the same batch whenever those are missing.
        """
        made: dict[int, T | Reject] = {}
        together: list[int] = []
        results: Sequence[T | Reject] | Reject
        for place, item in enumerate(items):
            doomed = self._doomed(item)
            if doomed is not None:
                made[place] = doomed
            elif item.uid in self.attempt.alone:
                made[place] = self._single(items, place, work)
            else:
                together.append(place)
        if any(items[place].uid in self.attempt.probe for place in together):
            together = self._sound(items, together, work, made)
        if together:
            results = self._together(items, together, work)
            if isinstance(results, Reject):
                together = self._sound(items, together, work, made)
                results = self._together(items, together, work) if together else []
            if isinstance(results, Reject):  # only together do they fail
                results = [self._single(items, place, work) for place in together]
            made.update(zip(together, results, strict=True))
        return [made[place] for place in range(len(items))]

    def did(self, items: int) -> None:
        """Say that so many items are done with; `one` says it itself."""
        if self.reporter is not None:
            self.reporter.did(self.stage, items)

    def has(self, key: Sequence[object]) -> bool:
        """Whether a step was done before a kill, and needs no work."""
        return self.pieces is not None and self.pieces.has(stable_hash(*key))

    def step(self, key: Sequence[object], work: Callable[[], list[Row | Reject]]) -> list[Row | Reject]:
        """What a step of a model gives, rows of JSON values or rejects, or gave before a kill (`pipelines.pieces`).

        `key` names all that the step works on. Where the model failed it is tried again after a kill, or after the run
        that ended because the model no longer works.
        """
        if self.pieces is None:
            return work()
        kept = self.pieces.step(stable_hash(*key), lambda: [_told(result) for result in work()], _lasts)
        results: list[Row | Reject] = []
        for result in kept:
            results.append(_reject(result["reject"]) if "reject" in result else result["row"])
        return results

    def ahead(self, things: Iterator[T]) -> Iterator[T]:
        """The same things, each made while the one before it is worked on; not on a careful attempt, where one item at
        a time is in hand."""
        if self.attempt.careful:
            yield from things
            return
        end = object()
        with ThreadPoolExecutor(1) as pool:
            coming = pool.submit(next, things, end)
            while (thing := coming.result()) is not end:
                coming = pool.submit(next, things, end)
                yield thing  # type: ignore[misc]  # not the end

    def _doomed(self, item: Item) -> Reject | None:
        verdict = self.attempt.verdicts.get(self.stage, {}).get(item.uid)
        if verdict is None:
            return None
        if verdict is Reason.TIMED_OUT:
            did = "took longer than time_limit allows, twice"
        else:
            did = "killed its worker, twice: a crash of a library, or more memory than there is"
        detail = f"{item.source_uri or item.uid} {did}; to try it again, run with --retry-killed"
        return Reject(verdict, detail, item.uid, item.source_uri)

    def _single(self, items: Sequence[Item], place: int, work: Callable[[Sequence[int]], Sequence[T]]) -> T | Reject:
        return self._tried([items[place]], lambda: work([place])[0])

    def _together(
        self, items: Sequence[Item], places: Sequence[int], work: Callable[[Sequence[int]], Sequence[T]]
    ) -> Sequence[T] | Reject:
        return self._tried([items[place] for place in places], lambda: work(places))

    def _sound(
        self,
        items: Sequence[Item],
        places: Sequence[int],
        work: Callable[[Sequence[int]], Sequence[T]],
        made: dict[int, T | Reject],
    ) -> list[int]:
        """Those of `places` that can be worked on alone; why the others cannot goes into `made`."""
        sound = []
        for place in places:
            result = self._single(items, place, work)
            if isinstance(result, Reject):
                made[place] = result
            else:
                sound.append(place)
        return sound

    def _tried(self, items: Sequence[Item], work: Callable[[], T]) -> T | Reject:
        timed = [item.seconds for item in items if item.seconds is not None]
        limit = self.limit.of(sum(timed)) if len(timed) == len(items) else None
        token = self.reporter and self.reporter.take_up(self.stage, [item.uid for item in items], limit)
        try:
            return work()
        except ItemError as error:
            return Reject(error.reason, error.detail, items[0].uid, items[0].source_uri)
        except (TurnmillError, OSError):
            raise
        except MemoryError:
            detail = f"{items[0].source_uri or items[0].uid} needs more memory than its worker has"
            return Reject(Reason.KILLED_WORKER, detail, items[0].uid, items[0].source_uri)
        except Exception as error:  # noqa: BLE001  # a bug of ours is the item's reject, of its own kind
            return Reject(Reason.INTERNAL_ERROR, bug(error), items[0].uid, items[0].source_uri)
        finally:
            if self.reporter is not None:
                self.reporter.put_down(token)


def bug(error: Exception) -> str:
    """An exception of ours: its type, what it says and where it was, the same in every run."""
    places = [
        f"{Path(frame.filename).relative_to(_ROOT)}:{frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_ROOT) and Path(frame.filename).relative_to(_ROOT).parts[0] in _OURS
    ]
    said = repeatable((str(error).splitlines() or [""])[0], "...")
    return f"{type(error).__name__}: {said} ({places[-1] if places else 'outside Turnmill'})"


def _told(result: Row | Reject) -> dict[str, Any]:
    if isinstance(result, Reject):
        return {"reject": [str(result.reason), result.detail, result.uid, result.source_uri]}
    return {"row": result}


def _lasts(told: Sequence[dict[str, Any]]) -> bool:
    return not any("reject" in result and result["reject"][0] in MODEL_FAILURES for result in told)


def _reject(told: Sequence[Any]) -> Reject:
    reason, detail, uid, source_uri = told
    return Reject(Reason(reason), detail, uid, source_uri)
