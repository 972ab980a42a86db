"""The pictures and the table of a realism report, in the style of the card's other pictures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from turnmill.dashboards.plots import COLOUR, INK, LOST, new_figure, png, style
from turnmill.dashboards.requested import DIRECTIONS
from turnmill.manifests.card import PlotFile
from turnmill.manifests.card_sections import markdown
from turnmill.manifests.wording import kind_name
from turnmill.synth.duplex.talk.distances import EDGES
from turnmill.synth.duplex.talk.published import GENERATED, PUBLISHED

_OURS, _HUMAN = COLOUR["dialogue"], COLOUR["speech"]
_TITLE = {"user_to_assistant": "Assistant follows user", "assistant_to_user": "User follows assistant"}
_CARD = {"ipu": "Speech (IPUs)", "pause": "Pauses", "gap": "Gaps", "overlap": "Overlaps"}
_ACOUSTICS = {
    "snr_db": "signal to noise [dB]",
    "echo_gain": "gain of the echo",
    "echo_delay": "delay of the echo [s]",
    "rt60": "reverberation time [s]",
    "gain_db": "gain of the user [dB]",
    "clip_dbfs": "clipping level [dBFS]",
    "packet_loss": "lost packets",
}


def realism_plots(report: Mapping[str, Any]) -> list[tuple[PlotFile, bytes]]:
    """The pictures of a report of `realism_report`: (its path and caption, PNG bytes). What there is none of has no
    picture."""
    if not report:
        return []
    found: list[tuple[PlotFile, bytes]] = []
    with style():
        if report["preset"] and any(
            report["floor_transfer"][direction]["planned"]["count"] for direction in DIRECTIONS
        ):
            caption = (
                "Floor-transfer offsets against the preset that was asked for: below zero a speaker starts before the "
                "other has ended. Barge-ins are not among them. W1 is the mean distance from the preset, in brackets "
                "that of as many independent draws of it."
            )
            found.append((PlotFile("plots/floor-transfer.png", caption), _transfer_plot(report)))
        if report["activity"]["minutes"]:
            caption = (
                "Seconds of speech, pauses, gaps and overlaps per minute of talk, beside human telephone calls "
                "(Fisher) and what two dialogue models generate, by the metrics of dGSLM."
            )
            found.append((PlotFile("plots/conversation.png", caption), _conversation_plot(report)))
        if report["events"]["yield"] + report["events"]["non_yield"]:
            caption = (
                "What meets a speaking assistant: barge-ins, to which it yields, and what it shall not yield to. A "
                "model that hears far more of one learns it by heart."
            )
            found.append((PlotFile("plots/event-balance.png", caption), _balance_plot(report["events"])))
        if _shown_acoustics(report["acoustics"]):
            caption = "How the user's channel was degraded, over the dialogues in which it was."
            found.append((PlotFile("plots/acoustics.png", caption), _acoustics_plot(report["acoustics"])))
    return found


def _transfer_plot(report: Mapping[str, Any]) -> bytes:
    figure, axes = new_figure(7.6, 3.0, 2)
    for axis, direction in zip(axes, DIRECTIONS, strict=True):
        found = report["floor_transfer"][direction]
        count, reference = found["planned"]["count"], found["reference"]
        shares = np.array(found["planned"]["histogram"]["counts"]) / max(count, 1)
        axis.stairs(100 * shares, EDGES, fill=True, color=_OURS, label=f"{count:,} changes of speaker")
        masses = 100 * np.array(reference["histogram"])
        axis.stairs(masses, EDGES, color=INK, linewidth=1.1, label=f"preset {report['preset']}")
        axis.axvline(0, color=INK, linewidth=0.8, linestyle=":")
        measures = (
            f"W1 {reference['w1_ms']:.0f} ms ({reference['w1_by_chance_ms']:.0f} by chance), "
            f"JSD {reference['jsd_bits']:.3f} bit"
            if count
            else "none"
        )
        axis.set_title(f"{_TITLE[direction]}\n", pad=2)
        axis.text(0, 1.03, measures, transform=axis.transAxes, fontsize=8)
        axis.set(xlabel="floor-transfer offset [s]", xlim=_shown(shares, masses))
        axis.set_ylim(0, 1.3 * max(100 * shares.max(), masses.max()))  # room for the legend
        axis.grid(visible=False, axis="x")
        axis.legend(frameon=False, fontsize=8, loc="upper right")
    axes[0].set_ylabel("share per 50 ms [%]")
    return png(figure)


def _shown(shares: Any, masses: Any) -> tuple[float, float]:
    """The range in which something is to be seen: at least -1 to 1.5 s."""
    some = np.flatnonzero((shares > 0.001) | (masses > 0.1))
    if not len(some):
        return -1.0, 1.5
    return min(-1.0, float(EDGES[some[0]])), max(1.5, float(EDGES[some[-1] + 1]))


def _conversation_plot(report: Mapping[str, Any]) -> bytes:
    figure, axes = new_figure(7.6, 2.3, len(_CARD))
    others = [item for item in (*PUBLISHED, *GENERATED) if "ipu_s_min" in item.figures]
    names = ["this dataset", *(item.name for item in others)]
    colours = [_OURS, *(_HUMAN if item in PUBLISHED else LOST for item in others)]
    for axis, (key, title) in zip(axes, _CARD.items(), strict=True):
        values = [report["activity"][key]["seconds_per_minute"], *(item.figures[f"{key}_s_min"] for item in others)]
        axis.barh(range(len(names)), values, 0.7, color=colours)
        for place, value in enumerate(values):
            axis.text(value + max(values) * 0.03, place, f"{value:.1f}", va="center", fontsize=8)
        axis.set(title=title, xlabel="s per minute", xlim=(0, max(values) * 1.28))
        axis.set_yticks(range(len(names)), names if axis is axes[0] else [""] * len(names))
        axis.tick_params(axis="y", length=0)
        axis.invert_yaxis()
        axis.grid(visible=False, axis="y")
    return png(figure)


def _balance_plot(events: Mapping[str, Any]) -> bytes:
    rows = [("barge-in", events["yield"], _OURS)]
    stay = sorted(events["non_yield_kinds"].items(), key=lambda item: (-item[1], item[0]))
    rows += [(kind_name(kind), count, _HUMAN) for kind, count in stay]
    figure, (axis,) = new_figure(7.6, 0.34 * len(rows) + 1.1)
    most = max(count for _, count, _ in rows)
    axis.barh(range(len(rows)), [count for _, count, _ in rows], 0.7, color=[colour for _, _, colour in rows])
    for place, (_, count, _) in enumerate(rows):
        axis.text(count + most * 0.005, place, f" {count:,}", va="center", fontsize=8)
    axis.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    ratio = events["non_yield_per_yield"]
    title = "Yield or go on" + (
        "" if ratio is None else f": {events['yield']:,} to {events['non_yield']:,}, 1 : {ratio:.1f}"
    )
    axis.set(title=title, xlabel="events in an assistant's turn", xlim=(0, most * 1.12))
    axis.xaxis.get_major_locator().set_params(integer=True)
    handles = [Patch(color=_OURS, label="the assistant yields"), Patch(color=_HUMAN, label="it goes on")]
    axis.legend(
        handles=handles, frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0
    )
    axis.invert_yaxis()
    axis.grid(visible=False, axis="y")
    return png(figure)


def _shown_acoustics(acoustics: Mapping[str, Any]) -> list[str]:
    """Up to six that were drawn: one value alone makes no picture."""
    return [key for key in _ACOUSTICS if key in acoustics and len(acoustics[key]["histogram"]["counts"]) > 1][:6]


def _acoustics_plot(acoustics: Mapping[str, Any]) -> bytes:
    shown = _shown_acoustics(acoustics)
    columns = min(len(shown), 3)
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(2.53 * columns, 2.1 * rows))
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis, key in zip_longest(axes.ravel(), shown):
        if key is None:
            axis.set_axis_off()
            continue
        histogram = acoustics[key]["histogram"]
        axis.stairs(histogram["counts"], histogram["edges"], fill=True, color=_OURS)
        axis.set(xlabel=_ACOUSTICS[key], ylim=(0, None))
        axis.set_title(f"{acoustics[key]['count']:,} dialogues", fontsize=9)
        axis.grid(visible=False, axis="x")
        axis.locator_params(axis="x", nbins=4)
        axis.locator_params(axis="y", nbins=4, integer=True)
    for axis in axes[:, 0]:
        axis.set_ylabel("dialogues")
    return png(figure)


def realism_section(report: Mapping[str, Any]) -> str:
    """The card's table of the report beside what is published of human talk, as Markdown; empty for an empty report."""
    if not report:
        return ""
    body = [row for row in _rows(report) if row[1]]
    lines = [
        "### Beside human talk",
        "",
        "By the definitions of dGSLM: an IPU is speech of one channel without 200 ms of silence; per minute counts "
        f"from the first to the last speech of a dialogue. {_origin(report['preset'])}: `realism.json`.",
        "",
        markdown(("figure", "this dataset", "published"), body),
        "",
        "Sources: " + "; ".join(f"{item.name}: {item.source}" for item in PUBLISHED) + ".",
        "",
        *_interruptions(report["interruptions"], report["interruption_rate"]),
    ]
    return "\n".join(lines)


def _origin(preset: str | None) -> str:
    if preset is None:
        return "The talk was recorded, and its times are measured. All figures, with histograms"
    drawn = f"The timing was drawn from the preset `{preset}`"
    return f"{drawn}. All figures, with histograms, and what was asked for beside what came of it"


def _interruptions(found: Sequence[Mapping[str, Any]], rate: Mapping[str, Any]) -> list[str]:
    """The table of what users interrupt for; nothing where nobody does."""
    if not any(row["scripted"] for row in found):
        return []
    head = ("interruption", "asked for", "in the scripts", "in the audio", "why another share")
    body = [
        (
            kind_name(row["intent"]),
            _percent(row["asked"]),
            f"{row['scripted']:,} ({_percent(row['scripted_share'])})",
            f"{row['placed']:,} ({_percent(row['placed_share'])})",
            row["why"] or "",
        )
        for row in found
    ]
    said = (
        f"Asked for in {_percent(rate['asked'])} of the assistant's turns, "
        f"in the audio of {_percent(rate['placed_share'])}"
    )
    return [
        "### Why users interrupt",
        "",
        f"{said}: {rate['why']}." if rate["why"] else f"{said}.",
        "",
        markdown(head, body),
        "",
    ]


def _rows(report: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    return [*_activity_rows(report), *_transfer_rows(report["floor_transfer"]), *_rate_rows(report)]


def _activity_rows(report: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    activity, transfer = report["activity"], report["floor_transfer"]
    return [
        *(
            (
                f"{title}: seconds (count) per minute",
                _number(activity[key]["seconds_per_minute"], 1, f" ({_number(activity[key]['count_per_minute'], 1)})"),
                _known(f"{key}_s_min", 1),
            )
            for key, title in _CARD.items()
        ),
        ("median IPU", _seconds(activity["ipu"]["quantiles_s"]["p50"]), _known("ipu_median_s", 2, " s")),
        ("overlap in speech", _percent(activity["overlap_share_of_speech"]), _known("overlap_share", 1, " %", 100)),
        ("overlap within turns", _percent(activity["within_share_of_overlap"]), ""),
        ("changes of speaker that overlap", _percent(transfer["all"]["p_overlap"]), _known("p_overlap", 0, " %", 100)),
        ("mode of the offset", _seconds(transfer["all"]["mode_s"]), _known("fto_mode_s", 2, " s")),
    ]


def _transfer_rows(transfer: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for direction, title in _TITLE.items():
        planned, against = transfer[direction]["planned"], transfer[direction]["reference"]
        median = _seconds(planned["quantiles_s"]["p50"])
        yield f"{title.lower()}: median offset", median, _known("fto_median_s", 2, " s")
        if against is None:
            continue
        by_chance = f" ms ({_number(against['w1_by_chance_ms'], 0)} ms by chance)"
        yield f"{title.lower()}: W1 to the preset", _number(against["w1_ms"], 0, by_chance), ""


def _rate_rows(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    rates, events, voices, texts = report["rates"], report["events"], report["voices"], report["texts"]
    for speaker in ("user", "assistant"):
        found = rates[f"{speaker}_backchannels_per_minute_of_partner_speech"]
        title = f"{speaker}'s backchannels per minute of the other's speech"
        yield title, _number(found, 2), _known("backchannels_min", 1)
    interruptions = _number(rates["interruptions_per_minute"], 2)
    yield "interruptions per minute", interruptions, _known("interruptions_min", 2)
    yield "fillers per 100 words", _number(rates["fillers_per_100_words"], 2), ""
    for who, found in rates["speakers"].items():
        yield f"{who}: words per second", _number(found["words_per_second"], 2), "English: 2.0 to 3.5"
    for who, found in rates["speakers"].items():
        yield f"{who}: share of the speaking time", _percent(found["floor_share"]), ""
    yield "to yield to : not to", f"1 : {_number(events['non_yield_per_yield'], 1)}" if events["yield"] else "", ""
    if voices is not None:
        users = voices["user"]
        yield "users' voices (entropy)", f"{users['voices']} ({users['entropy_bits']:.1f} bit)", ""
    yield "different word pairs (distinct-2)", _percent(texts["distinct_2"]), ""
    yield "near-duplicate dialogues", _percent(texts["near_duplicate_share"]), ""


def _known(key: str, digits: int, unit: str = "", factor: float = 1.0) -> str:
    found = [(item.name, item.figures[key] * factor) for item in PUBLISHED if key in item.figures]
    return ", ".join(f"{name} {value:.{digits}f}{unit}" for name, value in found)


def _number(value: float | None, digits: int, unit: str = "") -> str:
    return "" if value is None else f"{value:.{digits}f}{unit}"


def _seconds(value: float | None) -> str:
    return _number(value, 2, " s")


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"
