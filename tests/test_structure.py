"""The shape of the code: imports go down and never round, files and functions stay small. Run as a script it prints the
figures."""

import ast
import re
import statistics
from collections.abc import Iterator, Mapping, Set
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = ("pipelines", "dashboards", "synth", "sources", "manifests")  # each may import those after it
APART = {("synth", "sources")}  # synth does not know corpora

Graph = Mapping[str, Set[str]]


@cache
def modules() -> Mapping[str, str]:
    """Module, as `synth.duplex.timeline`, -> its source."""
    files = (path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
    named = ((path.relative_to(ROOT).with_suffix(""), path) for path in files)
    return {".".join(name.parts).removesuffix(".__init__"): path.read_text("utf-8") for name, path in named}


@cache
def imports() -> Graph:
    """Module -> modules of ours that it imports, wherever in its code."""
    return {name: frozenset(_imported(source)) - {name} for name, source in modules().items()}


def _imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import names its module in full"
            assert node.module != "turnmill", "the public names are for users"
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("turnmill."):
            module = str(node.module).removeprefix("turnmill.")
            inner = (f"{module}.{alias.name}" for alias in node.names)
            yield from (name if name in modules() else module for name in inner)
        elif isinstance(node, ast.Import):
            names = (alias.name.removeprefix("turnmill.") for alias in node.names)
            yield from (name for name in names if name in modules())


def siblings(folder: str) -> Graph:
    """What lies in a folder, files and folders -> what of it each imports, with all that is below."""
    found: dict[str, set[str]] = {}
    for name, imported in imports().items():
        own = _child(folder, name)
        if own is not None:
            found.setdefault(own, set()).update(filter(None, (_child(folder, each) for each in imported)))
    return {name: others - {name} for name, others in found.items()}


def _child(folder: str, module: str) -> str | None:
    """The file or folder of `folder` that a module is, or is in."""
    if not folder:
        return module.split(".")[0]
    return module.removeprefix(f"{folder}.").split(".")[0] if module.startswith(f"{folder}.") else None


def folders() -> list[str]:
    packages = {name.rsplit(".", depth)[0] for name in modules() for depth in range(1, name.count(".") + 1)}
    return ["", *sorted(packages)]


def circle(graph: Graph) -> list[str]:
    """The names of one circle of a graph; none where it has no circle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def functions() -> list[int]:
    """Lines of every function, shortest first."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = (node for source in modules().values() for node in ast.walk(ast.parse(source)))
    return sorted(int(node.end_lineno or 0) - node.lineno + 1 for node in nodes if isinstance(node, kinds))


def per_thousand(pattern: str) -> float:
    """How often a pattern stands in a thousand lines."""
    lines = sum(source.count("\n") for source in modules().values())
    return 1000 * sum(len(re.findall(pattern, source)) for source in modules().values()) / lines


SUPPRESSIONS = r"# (?:noqa|type: ignore)"
BLIND = r"noqa: BLE001"  # ruff's word for an `except` of everything that does not raise again


def test_a_circle_and_an_import_upward_would_be_found() -> None:
    assert sorted(set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}))) == ["a", "b", "c"]
    assert len(modules()) > 200
    assert sum(map(len, imports().values())) > 800
    assert "manifests" in siblings("")["synth"]


def test_no_modules_and_no_folders_import_each_other() -> None:
    assert circle(imports()) == []
    assert {folder: found for folder in folders() if (found := circle(siblings(folder)))} == {}


def test_imports_go_down() -> None:
    graph = siblings("")
    up = {(layer, above) for place, layer in enumerate(LAYERS) for above in LAYERS[:place] if above in graph[layer]}
    assert up == set()
    assert {pair for pair in APART if pair[1] in graph[pair[0]]} == set()


def test_files_and_functions_are_small() -> None:
    long = {name: lines for name, source in modules().items() if (lines := source.count("\n")) > 400}
    assert long == {}
    lengths = functions()
    assert statistics.median(lengths) <= 8
    assert lengths[len(lengths) * 9 // 10] <= 22


def test_little_is_suppressed_and_hardly_anything_caught_blindly() -> None:
    assert per_thousand(SUPPRESSIONS) <= 1.5
    assert per_thousand(BLIND) <= 0.3


if __name__ == "__main__":
    lengths = functions()
    print(f"{len(modules())} modules, {sum(source.count(chr(10)) for source in modules().values()):,} lines")
    print(f"longest file: {max(source.count(chr(10)) for source in modules().values())} lines")
    print(
        f"functions: {len(lengths):,}, median {statistics.median(lengths)}, p90 {lengths[len(lengths) * 9 // 10]} lines"
    )
    print(f"per 1,000 lines: {per_thousand(SUPPRESSIONS):.2f} suppressions, {per_thousand(BLIND):.2f} blind excepts")
