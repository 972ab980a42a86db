"""Pictures of a dataset as PNG. Same dataset and matplotlib, same bytes: no date, no software name, no user's style."""

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from turnmill.manifests.card import PlotFile
from turnmill.manifests.funnel import Funnel, funnel
from turnmill.manifests.schema import HALVES
from turnmill.manifests.wording import kind_name

INK, FAINT, LOST = "#26323f", "#dfe3e8", "#c7ccd3"
COLOUR = {"speech": "#2b7a9b", "dialogue": "#d97b29"}
UNIT = {"speech": "clips", "dialogue": "dialogues"}
_STYLE: dict[Any, Any] = {
    "figure.dpi": 120,
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 9,
    "axes.edgecolor": LOST,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.12,  # inches: on a dark page the picture's edge is seen
    "figure.constrained_layout.h_pad": 0.12,
}
_BINS = 30


def plots(connection: duckdb.DuckDBPyConnection) -> list[tuple[PlotFile, bytes]]:
    """The pictures of the dataset card: (its path and caption, PNG bytes), over `manifests.query.connect`.

    What the dataset does not have (events, a half) has no picture.
    """
    found: list[tuple[PlotFile, bytes]] = []
    with style():
        durations = {half: bins for half in HALVES if (bins := _durations(connection, half))}
        if durations:
            caption = f"Durations of the selected {' and '.join(UNIT[half] for half in durations)}."
            found.append((PlotFile("plots/durations.png", caption), _duration_plot(durations)))
        for half in HALVES:
            steps = funnel(connection, half)
            if steps.steps:
                caption = f"The {half} half, stage by stage: what went on, and what was removed."
                found.append((PlotFile(f"plots/funnel-{half}.png", caption), _funnel_plot(steps)))
        events = connection.execute(
            """SELECT kind, count(*) FROM events SEMI JOIN dialogue_samples ON dialogue = uid
               GROUP BY kind ORDER BY 2 DESC, kind"""
        ).fetchall()
        if events:
            found.append((PlotFile("plots/events.png", "Events of the selected dialogues."), _event_plot(events)))
    return found


@contextmanager
def style() -> Iterator[None]:
    """Our look, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def new_figure(width: float, height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    """A figure of so many inches, and its axes side by side."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


def png(figure: Figure) -> bytes:
    """The picture as bytes that depend on it alone."""
    layout = figure.get_layout_engine()
    if layout is not None:  # once: left to `savefig`, all is laid out and drawn twice
        layout.execute(figure)
        figure.set_layout_engine("none")
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _durations(connection: duckdb.DuckDBPyConnection, half: str) -> tuple[float, list[tuple[float, int]]] | None:
    """The width of a bin in s, and (lower edge in s, count) of each of about _BINS; None without samples."""
    samples = HALVES[half].samples
    longest = connection.execute(f"SELECT max(duration) FROM {samples}").fetchall()[0][0]
    if not longest:
        return None
    width = _round_width(longest / _BINS)
    rows = connection.execute(
        f"SELECT CAST(floor(duration / {width}) AS INTEGER), count(*) FROM {samples} GROUP BY 1 ORDER BY 1"
    ).fetchall()
    return width, [(position * width, count) for position, count in rows]


def _round_width(width: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= width * 0.999)


def _duration_plot(durations: dict[str, tuple[float, list[tuple[float, int]]]]) -> bytes:
    figure, axes = new_figure(3.8 * len(durations), 2.6, len(durations))
    for axis, (half, (width, bins)) in zip(axes, durations.items(), strict=True):
        edges, counts = [edge for edge, _ in bins], [count for _, count in bins]
        axis.bar(edges, counts, width * 0.92, align="edge", color=COLOUR[half])
        axis.set(title=UNIT[half].capitalize(), xlabel="duration [s]", ylabel=UNIT[half], xlim=(0, None))
        axis.yaxis.get_major_locator().set_params(integer=True)
        axis.grid(visible=False, axis="x")
    return png(figure)


def _funnel_plot(found: Funnel) -> bytes:
    figure, (axis,) = new_figure(7.6, 0.34 * len(found.steps) + 1.0)
    places = range(len(found.steps))
    # Lines outnumber dialogues, so they have a scale of their own.
    most = {
        lines: max([1, *(s.items_in for s in found.steps if (s.unit == "lines") is lines)]) for lines in (True, False)
    }
    scale = [100 / most[step.unit == "lines"] for step in found.steps]
    kept = [step.items_out * one for step, one in zip(found.steps, scale, strict=True)]
    lost = [(step.items_in - step.items_out) * one for step, one in zip(found.steps, scale, strict=True)]
    axis.barh(places, kept, 0.7, color=COLOUR[found.half], label="kept")
    axis.barh(places, lost, 0.7, left=kept, color=LOST, label="removed")
    for place, step in zip(places, found.steps, strict=True):
        gone = step.items_in - step.items_out
        text = f" {step.items_out:,} {step.unit}" + (f"  (-{gone:,})" if gone else "")
        axis.text(kept[place] + lost[place] + 0.5, place, text, va="center", fontsize=8)
    axis.set_yticks(places, [step.stage.replace("_", " ") for step in found.steps])
    axis.set(title=f"Funnel: {found.half}", xlabel="share of the items that came in [%]", xlim=(0, 122))
    axis.set_xticks(range(0, 101, 20))
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")
    axis.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    return png(figure)


def _event_plot(events: list[tuple[str, int]]) -> bytes:
    figure, (axis,) = new_figure(7.6, 0.34 * len(events) + 1.0)
    places = range(len(events))
    axis.barh(places, [count for _, count in events], 0.7, color=COLOUR["dialogue"])
    most = max(count for _, count in events)
    for place, (_, count) in zip(places, events, strict=True):
        axis.text(count + most * 0.005, place, f" {count:,}", va="center", fontsize=8)
    axis.set_yticks(places, [kind_name(kind) for kind, _ in events])
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.invert_yaxis()
    axis.set(title="Events", xlabel="events", xlim=(0, most * 1.12))
    axis.grid(visible=False, axis="y")
    return png(figure)
