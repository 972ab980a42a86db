"""What to try after a run."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence

from turnmill.pipelines.listening import PAGE


def next_commands(out: str, samples: Mapping[str, int], models: Sequence[str] = ()) -> list[tuple[str, str]]:
    """What to try after a run that made so many samples of each half: (what it does, command), as this shell can run
    them; after the demo corpus that Whisper `models` of English heard, recordings of the user's own."""
    turnmill = "turnmill" if shutil.which("turnmill") else shlex.quote(os.path.relpath(sys.argv[0]))
    folder = shlex.quote(out)
    talks = samples.get("dialogue", 0) > 0
    what, table = ("kind", "events") if talks else ("removed_by", "clips_all")
    sql = f"SELECT {what}, count(*) AS n FROM {table} GROUP BY {what} ORDER BY n DESC"
    listen = [("listen", f"open {out.rstrip('/')}/{PAGE} in a browser")] if talks and "://" not in out else []
    keys = (
        "root=YOUR/RECORDINGS",
        "ingest.keep_untranscribed=true",
        f"transcribe.models=[{', '.join(models)}]",
        "transcribe.language=en",
    )
    settings = " ".join(f"--set {shlex.quote(key)}" for key in keys)
    yours = [("yours", f"{turnmill} run speech {settings}")] if models else []
    return [
        *listen,
        *yours,
        ("query", f'{turnmill} query {folder} "{sql}"'),
        ("publish", f"{turnmill} publish {folder} --repo YOU/DATASET --dry-run"),
    ]
