"""What is installed: one package, `turnmill`, with all that the folders hold, and nothing beside it."""

import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout."""
    tmp_path = tmp_path_factory.mktemp("wheel")
    for name in [*ours(), "pyproject.toml", "README.md", "LICENSE"]:
        target = tmp_path / "copy" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", tmp_path]
    subprocess.run([*command, tmp_path / "copy"], check=True)
    (made,) = tmp_path.glob("*.whl")
    return made


def ours() -> list[str]:
    """Every file of the packages."""
    found = [path for folder in (*FOLDERS, "turnmill") for path in (ROOT / folder).rglob("*") if path.is_file()]
    return [str(path.relative_to(ROOT)) for path in found if path.suffix != ".pyc"]


def test_a_wheel_puts_one_name_beside_others_and_leaves_no_file_out(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"turnmill", "turnmill-0.1.0.dist-info"}
    held = {name.removeprefix("turnmill/") for name in names}
    assert {name.removeprefix("turnmill/") for name in ours()} <= held


def test_a_wheel_runs_recipes_by_name_beside_a_users_own_pipelines(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    (tmp_path / "home" / "pipelines").mkdir(parents=True)
    (tmp_path / "home" / "pipelines" / "__init__.py").write_text("raise RuntimeError('not ours')")

    def python(*words: str) -> str:
        command = [sys.executable, *words]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
        done = subprocess.run(
            command, cwd=tmp_path / "home", env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    cli = ("-m", "turnmill.pipelines.cli")
    assert python("-c", "import turnmill; print(turnmill.__file__)").startswith(str(tmp_path / "site"))
    assert python("-c", "import turnmill; print(turnmill.load_recipe('speech').name)") == "speech\n"
    assert "quickstart" in python(*cli, "recipes")
    assert "wrote dialogues.yaml" in python(*cli, "init", "dialogues")
    assert "80" in python(*cli, "run", "dialogues.yaml", "--dry-run")
    assert "80" in python(*cli, "run", "dialogues", "--dry-run")


def test_a_job_carries_the_code_and_what_installs_it_and_no_more(tmp_path: Path) -> None:
    from ray._private.runtime_env.packaging import create_package  # what `ray job submit --working-dir .` calls

    create_package(str(ROOT), tmp_path / "job.zip", include_gitignore=True)
    with zipfile.ZipFile(tmp_path / "job.zip") as archive:
        held = {name.split("/")[0] for name in archive.namelist()}
    assert {*FOLDERS, "turnmill", "pyproject.toml", "constraints.txt", "README.md"} <= held
    assert held.isdisjoint({".git", ".ci", ".hypothesis", ".mypy_cache", "build", "docs", "out", "tests"})
