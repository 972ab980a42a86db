"""`turnmill sources`: the catalogue of corpora, and the check of one."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from turnmill.manifests.terminal import terminal
from turnmill.pipelines.arguments import place


class _ByName(TyperGroup):
    """`sources NAME` is `sources show NAME`, where NAME is no command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = bool(args) and args[0] not in self.commands and not args[0].startswith("-")
        return super().parse_args(ctx, ["show", *args] if named else args)


sources = typer.Typer(cls=_ByName)


@sources.callback(invoke_without_command=True, subcommand_metavar="[NAME] | check ENTRY")
def list_sources(
    context: typer.Context,
    kind: Annotated[str | None, typer.Option(help="speech, dialogue-speech, sound, noise, text, ...")] = None,
    language: Annotated[str | None, typer.Option(help="those that have it, e.g. zh")] = None,
    licence: Annotated[
        str | None, typer.Option(help="that allows it: commercial, derivatives, redistribute; or an SPDX identifier")
    ] = None,
    channels: Annotated[int | None, typer.Option(min=1, help="channels of its recordings")] = None,
) -> None:
    """The catalogue of corpora: licence, access, hours, how to get one."""
    from turnmill.pipelines.source_list import describe_sources
    from turnmill.sources.listing import asked

    if context.invoked_subcommand is None:
        describe_sources(asked(kind, language, licence, channels), terminal())


@sources.command(hidden=True)
def show(name: Annotated[str, typer.Argument(help="catalogue entry", show_default=False)]) -> None:
    """All that the catalogue knows of one corpus."""
    from turnmill.pipelines.source_list import describe_source

    describe_source(name, terminal())


@sources.command()
def check(
    entry: Annotated[str, typer.Argument(help="catalogue entry, or a YAML file of yours", show_default=False)],
    root: Annotated[
        str,
        typer.Option(help="the corpus: its folder, the file of dialogues, or a URL", show_default=False, parser=place),
    ],
    keep_untranscribed: Annotated[
        bool, typer.Option("--keep-untranscribed", help="audio without a transcript is a clip without text")
    ] = False,
) -> None:
    """Read a corpus without its audio: what is there, and what is not as its entry says. Exit status 1 where anything
    is wrong."""
    from turnmill.pipelines.source_check import print_report
    from turnmill.sources.catalogue import load
    from turnmill.sources.check import check as check_source

    loaded = load(entry)
    report = check_source(loaded, root, keep_untranscribed=keep_untranscribed)
    print_report(report, loaded, terminal())
    if report.problems:
        raise typer.Exit(1)
