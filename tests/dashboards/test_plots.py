import io
from pathlib import Path

import duckdb
import matplotlib
import matplotlib.image
import pytest

from turnmill.dashboards.plots import COLOUR, plots
from turnmill.manifests.index import Index
from turnmill.manifests.query import connect
from turnmill.manifests.store import Store


def test_every_picture_of_the_card_is_made_and_is_not_empty(connection: duckdb.DuckDBPyConnection) -> None:
    made = plots(connection)
    assert [file.name for file, _ in made] == [
        "plots/durations.png",
        "plots/funnel-speech.png",
        "plots/funnel-dialogue.png",
        "plots/events.png",
    ]
    for file, png in made:
        pixels = matplotlib.image.imread(io.BytesIO(png))[..., :3]
        colours = [[int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)] for code in COLOUR.values()]
        drawn = max((abs(pixels - colour).max(axis=-1) < 0.01).mean() for colour in colours)
        assert drawn > 0.01, f"{file.name} has no bars"


def test_the_bytes_do_not_depend_on_when_they_are_made_or_on_the_users_style(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    before = plots(connection)
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert plots(connection) == before
        assert matplotlib.rcParams["font.size"] == 20
    assert all(b"Software" not in png and b"tIME" not in png for _, png in before)


@pytest.mark.parametrize(
    "table", ["turns/f8/s.parquet", "events/f8/s.parquet", "dialogue_samples/fc/dialogues-train-000000.parquet"]
)
def test_what_is_not_there_has_no_picture(dataset: Store, table: str) -> None:
    dataset.remove(table)
    names = {file.name for file, _ in plots(connect(dataset, Index.load(dataset)))}
    assert ("plots/events.png" in names) == table.startswith("turns")


def test_an_empty_dataset_has_no_pictures(tmp_path: Path) -> None:
    assert plots(connect(Store(str(tmp_path)), Index("r", "h", 0, ()))) == []
