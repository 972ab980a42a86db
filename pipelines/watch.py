"""Who works on what: how far each stage is, and which item a worker had in hand when it died or hung.

One `Watch` stands beside the driver of a run (`pipelines.engine` makes it an actor); every worker has a `Reporter` that
tells it, twice a second and without waiting, what it is at. After a death the shard is taken again *carefully*: each
item is announced, and the announcement waited for, before it is touched, so that the next death is of a known item. One
that was in hand, alone, at two such deaths or hung twice gets a verdict: `killed_worker` or `timed_out`. Of several
that were in hand together each is first tried alone. Nothing here knows Ray.
"""

import math
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import Field

from turnmill.manifests.params import Params
from turnmill.manifests.records import Reason

DEATHS: Final = 2
"""Of a worker, with one item in hand alone, after which that item is not tried again: a lost node is no item's fault,
and hardly meets the same item twice."""
DEATHS_BETWEEN: Final = 3
"""Of a worker, with no item in hand, after which the run ends: its stage cannot even be set up."""
REPORT_S: Final = 0.5
LOADING_S: Final = 600.0
"""What the first item of a stage in a new worker is granted beyond its limit: models may have to be loaded."""
SILENCE_S: Final = 30.0
"""What a worker that says nothing is granted beyond its limit: it may have died, and be on its way up again."""

Place = tuple[str, str]  # shard key, first stage of the chain


class TimeLimit(Params):
    """How long an item may take before its worker is taken for hung."""

    seconds: float = Field(default=60.0, gt=0, description="for any item")
    per_second: float = Field(default=20.0, ge=0, description="more for each second of its audio")

    def of(self, seconds: float) -> float:
        return self.seconds + self.per_second * seconds


@dataclass(frozen=True)
class InHand:
    """Items that a worker is at. `since` counts seconds from when it took them up; `limit` in seconds, None: none."""

    stage: str
    uids: tuple[str, ...]
    since: float
    limit: float | None


@dataclass(frozen=True)
class Report:
    """What a worker is at. `done` and `of`: items of its shard, by stage."""

    in_hand: tuple[InHand, ...] = ()
    done: Mapping[str, int] = field(default_factory=dict)
    of: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Attempt:
    """How a worker has to take a shard.

    `verdicts`: by stage, items that are rejected unseen. `probe`: items, each of which is tried alone before it is
    tried with others; `alone`: items that are never tried with others. `hopeless`: why the shard is not to be tried.
    """

    careful: bool = False
    verdicts: Mapping[str, Mapping[str, Reason]] = field(default_factory=dict)
    probe: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()
    hopeless: str = ""


@dataclass(frozen=True)
class Stand:
    """How far a stage is in this run: `items` done, and `shards`, with the parts of those that are under way."""

    items: int = 0
    shards: float = 0.0


@dataclass
class _Taken:
    """A shard in a worker's hands. `seen` is when it last said something."""

    worker: Any
    node: str
    careful: bool
    report: Report = Report()
    seen: float = field(default_factory=time.monotonic)
    hung: bool = False

    def is_hung(self) -> bool:
        """A worker that hangs in most libraries still reports; in some, no thread of it can."""
        silence = time.monotonic() - self.seen
        most = max((h.since - h.limit for h in self.report.in_hand if h.limit is not None), default=-math.inf)
        return most > 0 or most + silence > SILENCE_S


@dataclass
class _History:
    """What became of a shard so far."""

    deaths: int = 0
    between: int = 0  # deaths with nothing in hand
    alone: dict[tuple[str, str], int] = field(default_factory=dict)  # (stage, uid) -> deaths
    together: dict[frozenset[str], int] = field(default_factory=dict)
    verdicts: dict[str, dict[str, Reason]] = field(default_factory=dict)
    probe: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()  # with others


class Watch:
    """See the module."""

    def __init__(self) -> None:
        self.begin({})

    def begin(self, verdicts: Mapping[str, Mapping[str, Mapping[str, Reason]]]) -> None:
        """Shards are about to be taken. `verdicts`: those of earlier runs, by shard key and stage."""
        self._taken: dict[Place, _Taken] = {}
        self._histories: dict[Place, _History] = {}
        self._earlier = verdicts
        self._items: dict[str, int] = {}
        self._shards: dict[str, int] = {}
        self._nodes: frozenset[str] | None = None

    def enter(self, place: Place, worker: Any, node: str = "") -> Attempt:
        """A worker on a node takes a shard; one that had it before, and did not leave it, died."""
        history = self._histories.setdefault(place, _History())
        died = self._taken.get(place)
        if died is not None and (self._nodes is None or died.node in self._nodes):  # a lost node is no item's fault
            _bury(died, history)
        self._taken[place] = _Taken(worker, node, careful=history.deaths > 0)
        verdicts = {stage: dict(found) for stage, found in self._earlier.get(place[0], {}).items()}
        for stage, found in history.verdicts.items():
            verdicts.setdefault(stage, {}).update(found)
        hopeless = ""
        if history.between >= DEATHS_BETWEEN:
            hopeless = (
                f"its worker died {history.between} times with no item in hand: what it loads, or the table it reads, "
                "does not fit in the memory of the machine, or crashes it; `turnmill doctor` tells what can run here"
            )
        return Attempt(history.deaths > 0, verdicts, history.probe, history.never, hopeless)

    def report(self, place: Place, report: Report) -> None:
        if place in self._taken:
            self._taken[place].report = report
            self._taken[place].seen = time.monotonic()

    def leave(self, place: Place, done: Mapping[str, int]) -> None:
        """A worker has done with a shard: `done` items by stage, of the parts that it committed."""
        self._taken.pop(place, None)
        self._histories.pop(place, None)
        for stage, items in done.items():
            self._items[stage] = self._items.get(stage, 0) + items
            self._shards[stage] = self._shards.get(stage, 0) + 1

    def hung(self, nodes: Collection[str] | None = None) -> list[Any]:
        """The workers that are over the limit of what they have in hand; each is named once. `nodes` are there now."""
        self._nodes = self._nodes if nodes is None else frozenset(nodes)
        workers = []
        for taken in self._taken.values():
            if not taken.hung and taken.is_hung():
                taken.hung = True
                workers.append(taken.worker)
        return workers

    def stand(self) -> dict[str, Stand]:
        """How far each stage is."""
        items, shards = dict(self._items), {stage: float(count) for stage, count in self._shards.items()}
        for taken in self._taken.values():
            for stage, done in taken.report.done.items():
                items[stage] = items.get(stage, 0) + done
                part = done / max(done, taken.report.of.get(stage, 0), 1)
                shards[stage] = shards.get(stage, 0.0) + min(part, 0.99)
        return {stage: Stand(items[stage], shards.get(stage, 0.0)) for stage in items}


def _bury(died: _Taken, history: _History) -> None:
    """Learn from a worker's death: what it had in hand is known where it was careful, or hung."""
    history.deaths += 1
    held = [(in_hand.stage, uid) for in_hand in died.report.in_hand for uid in in_hand.uids]
    if not held:
        history.between += 1
    elif len(held) == 1:
        if not died.careful and not died.hung:
            return
        stage, uid = held[0]
        history.alone[held[0]] = history.alone.get(held[0], 0) + 1
        if history.alone[held[0]] >= DEATHS:
            verdict = Reason.TIMED_OUT if died.hung else Reason.KILLED_WORKER
            history.verdicts.setdefault(stage, {})[uid] = verdict
    else:
        several = frozenset(uid for _, uid in held)
        history.together[several] = history.together.get(several, 0) + 1
        history.probe |= several
        if history.together[several] >= DEATHS:  # none of them does it alone
            history.never |= several


Send = Callable[[Report], Any]


class Reporter:
    """A worker's voice for one shard. `send` says a report and does not wait; `wait`, given what `send` gave, waits
    until it was heard."""

    def __init__(self, send: Send, wait: Callable[[Any], None], careful: bool, warm: set[str]) -> None:
        """`warm`: the stages of which this worker has done an item."""
        self._send, self._wait, self._careful, self._warm = send, wait, careful, warm
        self._lock = threading.Lock()  # of what is reported
        self._saying = threading.Lock()  # reports arrive in the order in which they were true
        self._in_hand: dict[object, tuple[str, tuple[str, ...], float, float | None]] = {}
        self._done: dict[str, int] = {}
        self._of: dict[str, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_telling, daemon=True)

    def __enter__(self) -> "Reporter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def expect(self, stage: str, items: int) -> None:
        """So many items of the shard are to come."""
        with self._lock:
            self._of[stage] = items

    def take_up(self, stage: str, uids: Sequence[str], limit: float | None) -> object:
        """Items are in hand from now on, until the token that is returned is put down."""
        token = object()
        if limit is not None and stage not in self._warm:
            limit += LOADING_S
        with self._lock:
            self._in_hand[token] = (stage, tuple(uids), time.monotonic(), limit)
        self._announce()
        return token

    def put_down(self, token: object) -> None:
        with self._lock:
            stage, *_ = self._in_hand.pop(token)
        self._warm.add(stage)
        self._announce()

    def did(self, stage: str, items: int) -> None:
        """So many more items are done with."""
        with self._lock:
            self._done[stage] = self._done.get(stage, 0) + items

    def report(self) -> Report:
        now = time.monotonic()
        with self._lock:
            in_hand = tuple(InHand(s, uids, now - since, limit) for s, uids, since, limit in self._in_hand.values())
            return Report(in_hand, dict(self._done), dict(self._of))

    def _announce(self) -> None:
        if self._careful:
            self._wait(self._say())

    def _say(self) -> Any:
        with self._saying:
            return self._send(self.report())

    def _keep_telling(self) -> None:
        while not self._over.wait(REPORT_S):
            self._say()
