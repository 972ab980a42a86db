"""The command line: each command is a thin call of one public function.

Exit status: 0 done, 1 failed (or --max-reject-ratio exceeded), 2 bad usage or recipe, 130 or 143 stopped by Ctrl-C or
SIGTERM.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from turnmill.manifests.errors import TurnmillError, os_sentence
from turnmill.manifests.terminal import tell, terminal
from turnmill.manifests.urls import of_network, redacted
from turnmill.manifests.wording import plural
from turnmill.pipelines.arguments import path, place
from turnmill.pipelines.cli_sources import sources
from turnmill.pipelines.stopping import SENTENCE, Stop, stoppable

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(sources, name="sources")

Out = Annotated[str, typer.Argument(help="output folder or URL of a run", show_default=False, parser=place)]


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        tell(f"turnmill {version('turnmill')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="print the version")
    ] = False,
) -> None:
    """Training data for voice models that listen while they speak."""


@app.command()
def run(
    recipe: Annotated[
        str, typer.Argument(help="recipe: a name of `turnmill recipes`, or a file, NAME.yaml", show_default=False)
    ],
    setting: Annotated[list[str], typer.Option("--set", help="a.b=c: replaces a key of the recipe")] = [],  # noqa: B006
    out: Annotated[str | None, typer.Option(help="output folder or URL; default out/NAME", parser=place)] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster; default: a local one")] = None,
    max_reject_ratio: Annotated[
        float | None, typer.Option(min=0, max=1, help="fail when a stage rejects a larger share of its items")
    ] = None,
    retry_killed: Annotated[
        bool, typer.Option("--retry-killed", help="make again what killed or hung a worker, or a model failed on")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="check the recipe, print the plan and the price; do nothing")
    ] = False,
) -> None:
    """Run a recipe. To resume, run the same command again."""
    from turnmill.pipelines import run as runner
    from turnmill.pipelines.describe import describe_plan
    from turnmill.pipelines.loading import load
    from turnmill.pipelines.progress import watcher
    from turnmill.pipelines.shipped import recipe_file

    loaded = load(recipe_file(recipe), setting)
    out = out or f"out/{loaded.name}"
    if dry_run:
        describe_plan(loaded, out, terminal(), address)
        return
    console = terminal()
    result = runner.run(
        loaded,
        out,
        address=address,
        max_reject_ratio=max_reject_ratio,
        retry_killed=retry_killed,
        watch=watcher(console),
    )
    from turnmill.dashboards.summary import print_summary
    from turnmill.pipelines.offers import next_commands

    samples = {half.half: half.samples for half in result.summary.made}
    corpora = [one.entry.name for one in loaded.sources]
    heard_by = loaded.transcribe.models if loaded.transcribe and corpora == ["demo"] else ()
    next_ = next_commands(out, samples, heard_by)
    print_summary(result.summary, result.store, result.index, result.seconds, next_, console)
    if result.bugs:
        raise TurnmillError(
            f"{plural(result.bugs, 'item')} met a bug in Turnmill and became a reject; all else is done. Please report "
            f'what `turnmill query {shlex.quote(out)} "SELECT stage, uid, detail FROM rejects WHERE reason = '
            "'internal_error'\"` prints"
        )


@app.command()
def recipes() -> None:
    """The recipes that come with Turnmill, which `run` and `init` know by name."""
    from turnmill.pipelines.describe import describe_recipes

    describe_recipes(terminal())


@app.command()
def init(
    name: Annotated[str, typer.Argument(help="recipe that comes with Turnmill", show_default=False)],
    file: Annotated[
        Path | None, typer.Argument(help="file to write; default: NAME.yaml", show_default=False, parser=path)
    ] = None,
) -> None:
    """Copy a recipe, with the texts that it brings, to edit it. Nothing is overwritten."""
    from turnmill.pipelines.shipped import copy_recipe

    to = Path(f"{name}.yaml") if file is None else file
    for written in copy_recipe(name, to):
        tell(f"wrote {written}")
    tell(f"run it with: turnmill run {shlex.quote(str(to))}")


@app.command()
def status(out: Out) -> None:
    """What is done, rejected and left; hours, rates, funnel."""
    from turnmill.dashboards.summary import print_status
    from turnmill.manifests.index import Index
    from turnmill.manifests.store import opened

    store = opened(out)
    print_status(store, Index.load(store), terminal())


@app.command()
def query(
    out: Out,
    sql: Annotated[str, typer.Argument(help="one SELECT over the tables", show_default=False)],
    format: Annotated[str, typer.Option(help="table, csv or json")] = "table",
) -> None:
    """Ask DuckDB about the manifests; read-only."""
    from turnmill.manifests.answer import run_query
    from turnmill.manifests.store import opened
    from turnmill.sources.listing import BESIDE

    tty = sys.stdout.isatty()
    width = terminal().width if tty and format == "table" else None
    for piece in run_query(opened(out), sql, format, width, BESIDE):
        # Into a file or a pipe, csv and json are data and keep their bytes.
        tell(piece, end="") if tty else print(piece, end="")


@app.command()
def keys(
    section: Annotated[str, typer.Argument(help="of a recipe, e.g. script.interaction", show_default=False)] = "",
) -> None:
    """What a recipe may say: each key, its default and its meaning."""
    from turnmill.pipelines.keys import print_keys

    print_keys(section, terminal())


@app.command()
def verify(
    out: Out,
    listen: Annotated[
        int, typer.Option(min=0, max=50, help="write so many dialogues as one HTML page with players")
    ] = 0,
    sample: Annotated[
        int | None, typer.Option(min=1, help="check so many dialogues, chosen by hash", show_default=False)
    ] = None,
) -> None:
    """Check every dialogue of the training shards from its audio alone, and the accounting of every stage."""
    from turnmill.manifests.store import opened
    from turnmill.pipelines.board import Board, Standing
    from turnmill.pipelines.listening import listening_page
    from turnmill.pipelines.verification import print_verification, verify_output

    store, board = opened(out), Board(terminal(sys.stderr))
    with board.shown():
        found = verify_output(
            store, sample, lambda done, share: board.show("verify", {"verify": Standing(done, share, "dialogues")})
        )
    print_verification(found, terminal())
    if listen:
        tell(f"listen: open {listening_page(store, listen)} in a browser")
    if found.violations:
        raise typer.Exit(1)


@app.command()
def card(out: Out) -> None:
    """Write the dataset card, README.md and its plots, anew."""
    from turnmill.manifests.index import Index
    from turnmill.manifests.query import connect, told_of_parts
    from turnmill.manifests.store import opened
    from turnmill.pipelines import finished
    from turnmill.pipelines.steps.card import write_card

    index = Index.load(store := opened(out))
    with told_of_parts(store), connect(store, index) as connection:
        write_card(store, index, connection, finished.leaks(store))
    tell(f"wrote {store.path('README.md')}")


@app.command()
def publish(
    out: Out,
    repo: Annotated[str | None, typer.Option(help="Hub dataset, e.g. you/dataset")] = None,
    to: Annotated[
        Path | None, typer.Option(help="lay it out in a new folder, for other hosts; nothing is sent", parser=path)
    ] = None,
    tables_only: Annotated[
        bool, typer.Option("--tables-only", help="the tables alone, for a repository of their own")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check it, list what would go; no network")] = False,
    public: Annotated[bool, typer.Option("--public", help="make a new repository public")] = False,
) -> None:
    """Check that the dataset loads, and upload it to the Hugging Face Hub. The token is the one of `hf auth login` or
    HF_TOKEN."""
    from turnmill.manifests.hub import publish as upload
    from turnmill.manifests.store import opened
    from turnmill.pipelines.board import Board, Standing, still_at_it

    console = terminal(sys.stderr)
    board = Board(console)
    with board.shown(), still_at_it(f"publish: {repo or to}", console):
        plan = upload(
            opened(out),
            repo,
            to=to,
            tables_only=tables_only,
            dry_run=dry_run,
            private=not public,
            tell=lambda what, done, total: board.show(
                "publish", {what: Standing(done, done / total, what.rpartition(" ")[2])}
            ),
        )
    tell(plan.text(), end="")


@app.command()
def export(
    out: Out,
    format: Annotated[str, typer.Option(help="formats, e.g. moshi,lhotse", show_default=False)],
    to: Annotated[str, typer.Option(help="new folder or URL, or one to go on in", show_default=False, parser=place)],
    split: Annotated[str | None, typer.Option(help="this one alone, e.g. train; default: all")] = None,
    where: Annotated[str | None, typer.Option(help="SQL condition over clips_all or dialogues_all")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check it, say what would be written")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="shards at a time; default: one where few, else all CPUs")
    ] = None,
    address: Annotated[str | None, typer.Option(help="Ray cluster; default: a local one")] = None,
) -> None:
    """Write what trainers read, from the training shards. To go on after a stop, run the same command again."""
    from turnmill.manifests.export.export import export as write
    from turnmill.manifests.export.profiles import named
    from turnmill.manifests.store import opened
    from turnmill.pipelines.board import Board, Standing
    from turnmill.pipelines.exporting import each_shard

    board, profiles = Board(terminal(sys.stderr)), named(format)
    with board.shown():
        told = write(
            opened(out),
            profiles,
            to,
            split=split,
            where=where,
            dry_run=dry_run,
            each=each_shard(address, workers),
            tell=lambda done, total: board.show("export", {"shards": Standing(done, done / total, "shards")}),
        )
    tell(told, end="")


@app.command()
def fit(
    audio: Annotated[
        list[Path], typer.Argument(help="recordings, one speaker on each channel", show_default=False, parser=path)
    ],
    name: Annotated[str, typer.Option(help="name of the preset")] = "fitted",
    out: Annotated[Path | None, typer.Option(help="file to write; default: standard output", parser=path)] = None,
) -> None:
    """Fit a timing preset to real two-channel recordings; use it with --set simulate.preset=FILE."""
    from turnmill.pipelines.fitting import fit_files

    preset = fit_files(audio, name)
    if out is None:
        tell(preset, end="")
    else:
        out.write_text(preset, "utf-8")
        tell(f"wrote {out}")


@app.command()
def doctor() -> None:
    """For every engine: can it run here, and if not, the command that makes it."""
    from turnmill.pipelines.doctor import examine, print_examination

    print_examination(examine(), terminal())


def main() -> None:
    """Entry point: errors are one sentence on standard error and an exit status."""
    with stoppable() as stop:
        status = _status(stop)
    # Only now are the frames gone that held what was half-done: a progress bar is closed before the sentence comes.
    if stop.signal is not None:
        tell(SENTENCE, error=True)
        status = 128 + stop.signal
    sys.exit(status)


def _status(stop: Stop) -> int:
    """Run the command; its exit status. Whatever fails after a signal fails because of it."""
    try:
        app()
    except BaseException as error:  # noqa: BLE001  # what is not known is raised again
        return 0 if stop.signal is not None else _failed(error)
    return 0


def _failed(error: BaseException) -> int:
    """The exit status of an error that one sentence explains; others are raised again."""
    match error:
        case SystemExit():  # how typer ends
            return int(error.code or 0)
        case TurnmillError():
            tell(f"turnmill: {redacted(str(error))}", error=True)
            return error.exit_status
        case BrokenPipeError():
            return 0
        case OSError():
            tell(f"turnmill: {os_sentence(error)}", error=True)
            return 1
        case _ if of_network(error):
            what = redacted(str(error))
            tell(
                f"turnmill: the server cannot be reached ({what}); when it can, run the same command again", error=True
            )
            return 1
    raise error


if __name__ == "__main__":
    main()
