"""Progress is told in items, rate and time left, with and without a terminal."""

import io

import pytest
from rich.console import Console

from turnmill.pipelines import progress
from turnmill.pipelines.board import Board, Standing
from turnmill.pipelines.progress import watcher
from turnmill.pipelines.run import Step
from turnmill.pipelines.stages.quality import Quality, QualityParams
from turnmill.pipelines.watch import Stand


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, settable."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_there_is_a_line_every_30_seconds(clock: list[float]) -> None:
    said = io.StringIO()
    step = Step("speech", [Quality(QualityParams())], total=10, done={"quality": 2})
    with watcher(Console(file=said, width=200))(step) as tell:
        for second in range(91):
            clock[0] = 100.0 + second
            tell({"quality": Stand(items=10 * second, shards=8 * second / 90)})
    lines = said.getvalue().splitlines()
    assert lines[0] == "speech: quality: 10 shards"
    assert lines[1:3] == [
        "speech: quality 47%, 300 clips, 10.0/s, 60 s left",
        "speech: quality 73%, 600 clips, 10.0/s, 30 s left",
    ]
    assert lines[-1] == "speech: done in 90.0 s: quality 900 clips"


def test_on_a_terminal_there_is_a_bar_for_each_stage(clock: list[float]) -> None:
    said = io.StringIO()
    board = Board(Console(file=said, force_terminal=True, width=120))
    with board.shown():
        board.show("verify", {"verify": Standing(0, 0.0, "dialogues")})
        clock[0] += 5
        board.show("verify", {"verify": Standing(50, 0.5, "dialogues")})
    assert "50 dialogues, 10.0/s, 5 s left" in said.getvalue()


def test_nothing_is_promised_before_anything_is_done(clock: list[float]) -> None:
    said = io.StringIO()
    board = Board(Console(file=said))
    board.show("speech", {"ingest": Standing(0, 0.0, "clips")})
    clock[0] += 31
    board.show("speech", {"ingest": Standing(0, 0.0, "clips")})
    assert "left" not in said.getvalue()
