"""What is installed: one package, `turnmill`, with all that the folders hold, and nothing beside it."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDERS = ("manifests", "sources", "synth", "dashboards", "pipelines")


def imported(path: Path) -> set[str]:
    """First names of all modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_no_code_imports_a_folder_by_its_bare_name() -> None:
    files = [path for folder in (*FOLDERS, "turnmill", "tests") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 200
    bare = {str(path.relative_to(ROOT)): found for path in files if (found := imported(path) & set(FOLDERS))}
    assert bare == {}


def test_every_folder_of_code_is_listed_for_installation() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}
    assert sorted(listed) == sorted(["turnmill", *(".".join(("turnmill", *folder.parts)) for folder in folders)])


def test_a_wheel_puts_one_name_beside_others_and_leaves_no_file_out(tmp_path: Path) -> None:
    found = [path for folder in (*FOLDERS, "turnmill") for path in (ROOT / folder).rglob("*") if path.is_file()]
    ours = [str(path.relative_to(ROOT)) for path in found if path.suffix != ".pyc"]
    for name in [*ours, "pyproject.toml", "README.md", "LICENSE"]:
        target = tmp_path / "copy" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path]
    subprocess.run([*command, tmp_path / "copy"], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"turnmill", "turnmill-0.1.0.dist-info"}
    held = {name.removeprefix("turnmill/") for name in names}
    assert {name.removeprefix("turnmill/") for name in ours} <= held
