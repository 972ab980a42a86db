"""The listening page: whole without a network, true to its dialogue, safe from the texts it shows, and bounded."""

import base64
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turnmill.dashboards.listening import KINDS, OTHER, Example, page, section
from turnmill.manifests.audio import Audio, encode_flac
from turnmill.manifests.schema import EVENT_PARAMS
from turnmill.manifests.wording import kind_name

RATE = 24_000


class Parsed(HTMLParser):
    """What a browser makes of a page: its tags with their attributes, and the text in each kind of tag."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "img"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag  # well-formed: nothing a text says opens or closes a tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def of(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.tags if name == tag and attributes.items() <= found.items()]


def turn(index: int, channel: int, start: float, end: float, text: str, heard: str | None = None) -> dict[str, Any]:
    heard = text if heard is None else heard
    words = [
        {"word": word, "start": start + 0.1 * i, "end": start + 0.1 * (i + 1)} for i, word in enumerate(heard.split())
    ]
    return {
        "index": index,
        "channel": channel,
        "start": start,
        "end": end,
        "text": text,
        "text_heard": heard,
        "words": words,
    }


def event(kind: str, channel: int, start: float, end: float, text: str | None = None, **params: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "channel": channel,
        "start": start,
        "end": end,
        "latency": None,
        "text": text,
        **dict.fromkeys(EVENT_PARAMS),
        **params,
    }


def example(seconds: float = 10, **labels: Any) -> Example:
    channels = np.random.default_rng(0).normal(0, 0.05, (2, round(seconds * RATE))).astype(np.float32)
    sample: dict[str, Any] = {
        "id": "d1",
        "language": "en",
        "scenario": None,
        "licence": "CC0-1.0",
        "sample_rate": RATE,
        "turns": [turn(0, 1, 0.5, 2, "How far is it?"), turn(1, 0, 2.5, 6, "Not far at all, my friend.", "Not far")],
        "events": [event("barge_in", 1, 5, 6.5, "Stop there", stop=5.6, fade=0.04)],
        "acoustics": {"snr_db": 12.34, "noise": "cafe", "rt60": 0.41, "codec": "opus", "gain_db": 0.0, "rir": None},
    }
    return Example(sample | labels, encode_flac(Audio(channels, RATE)), channels)


def parsed(*examples: Example) -> Parsed:
    return Parsed("".join(page("A <set>", (section(one) for one in examples))))


def test_a_page_loads_nothing_and_holds_the_audio_as_it_was_shipped() -> None:
    one = example()
    found = parsed(one, one)
    assert not found.of("link")
    assert not [attributes for _, attributes in found.tags if {"src", "href", "srcset"} & attributes.keys()]
    assert "url(" not in "".join(found.texts["style"])
    assert len(found.of("audio")) == 2
    stored = [text for text in found.texts["script"] if "use strict" not in text]
    assert [base64.b64decode(text) for text in stored] == [one.flac, one.flac]
    assert not any("://" in text for text in found.texts["script"])


def test_the_same_dialogue_gives_the_same_bytes() -> None:
    assert "".join(page("x", [section(example())])) == "".join(page("x", [section(example())]))


def test_every_kind_is_in_the_legend_and_has_a_colour_of_its_own() -> None:
    assert len({*KINDS.values(), OTHER}) == len(KINDS) + 1
    legend = parsed().texts["li"]
    assert legend == [kind_name(kind) for kind in [*KINDS, "other_kinds"]]


@pytest.mark.parametrize("kind", [*KINDS, "a_kind_not_known_yet"])
def test_every_kind_is_drawn_listed_and_heard_from_a_little_before_it(kind: str) -> None:
    found = parsed(example(events=[event(kind, 1, 5, 6, "so", level_db=-3.25)]))
    drawn = [one for one in found.of("button") if one.get("title")]
    assert [one["title"] for one in drawn] == [f"{kind_name(kind)} “so”: 1.00 s, level -3.25 dB"]
    assert f"left:50.0000%;width:10.0000%;--c:{KINDS.get(kind, OTHER)}" in str(drawn[0]["style"])
    assert [one["data-at"] for one in found.of("button") if "data-at" in one].count("4.500") == 2


def test_events_at_one_time_lie_in_rows_below_each_other() -> None:
    events = [event("echo", 1, 1, 9), event("cough", 1, 2, 3), event("noise_burst", 1, 2.5, 4), event("cough", 1, 5, 6)]
    styles = [str(one["style"]) for one in parsed(example(events=events)).of("button") if one.get("title")]
    assert [style.rpartition("top:")[2] for style in styles] == ["1px", "18px", "35px", "18px"]


def test_what_was_said_is_text_and_what_was_not_is_struck_through() -> None:
    found = parsed(example())
    assert "Not far " in found.texts["span"]
    assert found.texts["del"] == ["at all, my friend."]
    assert [one["data-at"] for one in found.of("button") if "data-at" in one][-3:] == ["0.500", "2.500", "4.500"]


def test_where_the_assistant_stops_and_goes_on_is_marked_on_its_waveform() -> None:
    resumed = event("failed_barge_in", 1, 3, 3.5, "but", stop=3.2, resume=4.2, resumed=True)
    found = parsed(example(events=[resumed, event("barge_in", 1, 5, 6, stop=5.5)]))
    (held,) = found.of("div", **{"class": "held"})
    assert "left:32.0000%;width:10.0000%" in str(held["style"])
    (mark,) = found.of("div", **{"class": "mark"})
    assert "left:55.0000%" in str(mark["style"])


def test_the_acoustics_are_a_line_of_what_was_done() -> None:
    lines = parsed(example()).texts["p"]
    assert "cafe noise at 12.3 dB SNR · rt60 0.41 s · codec opus" in lines
    assert "no noise" in parsed(example(acoustics={"snr_db": None, "noise": None, "codec": None})).texts["p"]
    unknown = parsed(example(acoustics={"noise": None, "wind_db": -9.5, "steps": [1.0, 2.5], "on": {"a": True}}))
    lost = {"rate": 0.02, "lost": [{"start": 0.1 * i, "end": 0.1 * i + 0.02} for i in range(300)]}
    assert "no noise · packet loss rate 0.02 lost 300" in parsed(example(acoustics={"packet_loss": lost})).texts["p"]
    assert "no noise · wind -9.5 dB · steps 1, 2.5 · on a yes" in unknown.texts["p"]


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.sampled_from("</script><!-->\"'&;=` \nax\u2028😀"), max_size=40) | st.text(max_size=20))
def test_no_text_of_a_dialogue_is_ever_markup(text: str) -> None:
    hostile = example(
        id=text,
        language=text,
        scenario=text,
        licence=text,
        turns=[
            turn(0, 1, 0, 1, text, "")
            | {"index": text, "emotion": text, "words": [{"word": text, "start": 0, "end": 1}]}
        ],
        events=[event(text, 0, 2, 3, text, stop=1.0, cut_word=text, filler=text)],
        acoustics={"noise": text, "noise_category": text, "snr_db": None, f"a{text}": text},
    )
    plain = example(
        turns=[turn(0, 1, 0, 1, "a", "") | {"emotion": "a", "words": [{"word": "a", "start": 0, "end": 1}]}]
    )
    allowed = {tag for tag, _ in parsed(plain, example()).tags}
    found = parsed(hostile)  # well-formed, or the parser's assertion fails
    assert {tag for tag, _ in found.tags} <= allowed
    assert len(found.of("script")) == 2
    handlers = [name for _, attributes in found.tags for name in attributes if name.startswith("on")]
    assert handlers == []
    assert found.texts.get("h2", [""]) == [text] or not text


def test_a_text_that_closes_scripts_is_shown_as_it_is() -> None:
    evil = "</script><script>alert(\"1\")</script><img src=x onerror='alert(2)'>"
    found = parsed(example(turns=[turn(0, 0, 1, 2, evil)], events=[event("side_talk", 1, 3, 4, evil)]))
    assert evil in found.texts["span"]
    assert not found.of("img")
    assert any(evil in str(one.get("title")) for one in found.of("button"))


def test_ten_minutes_are_drawn_by_a_peak_of_each_hundredth_second() -> None:
    long = example(600)
    piece = section(long)
    assert len(piece) < len(long.flac) * 4 / 3 + 300_000
    peaks = [base64.b64decode(str(one["data-peaks"])) for one in Parsed(piece).of("canvas")]
    assert [len(one) for one in peaks] == [60_000, 60_000]


def test_peaks_are_those_of_the_audio() -> None:
    one = example(1.005)
    one.channels[:] = 0
    one.channels[1, 2400:2410] = -0.25
    one.channels[1, -1] = 1.5
    silent, loud = (base64.b64decode(str(found["data-peaks"])) for found in Parsed(section(one)).of("canvas"))
    assert set(silent) == {0}
    assert {n: peak for n, peak in enumerate(loud) if peak} == {10: 128, 100: 255}


def test_sections_are_made_one_at_a_time() -> None:
    made: list[int] = []

    def sections() -> Any:
        for number in range(3):
            made.append(number)
            yield "<section></section>"

    pieces = page("x", sections())
    next(pieces)
    assert made == []
    next(pieces)
    assert made == [0]


def test_labels_that_are_none_are_an_error_that_the_caller_can_name() -> None:
    for labels in ({"turns": 5}, {"turns": [{"index": 0}]}, {"events": ["x"]}, {"acoustics": None}):
        with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
            section(example(**labels))
    one = example()
    with pytest.raises(ValueError, match="2 channels"):
        section(Example(one.sample, one.flac, one.channels[:1]))
