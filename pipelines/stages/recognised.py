"""What was recognised in each clip, for stages that ask for its text where none is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from turnmill.manifests.schema import declared
from turnmill.pipelines.stage import Workspace

HEARD: Final = "transcripts"
VOTED: Final = "consensus"
TABLES: Final = (HEARD, VOTED)


@dataclass(frozen=True)
class Recognised:
    """The text of a clip in one line, and its language where the recogniser knows one."""

    text: str
    language: str | None


NOTHING: Final = Recognised("", None)


def recognised(workspace: Workspace, key: str) -> Mapping[str, Recognised]:
    """By clip of a lake shard; none where the recipe asks no recogniser."""
    if not workspace.has(VOTED):
        return {}
    heard = declared(HEARD).standing(workspace.rows(HEARD, key))
    return {
        row["uid"]: Recognised(" ".join(row["consensus_text"].split()), heard[row["uid"]]["asr_language"])
        for row in workspace.rows(VOTED, key)
    }
