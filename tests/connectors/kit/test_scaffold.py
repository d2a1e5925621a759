"""A scaffolded connector passes style, types, check and its suite as it stands, whatever it is called."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.ladder.checking import folder_of
from connectors.kit.ladder.leftovers import leftovers_of
from connectors.kit.manifest import all_manifests
from connectors.kit.scaffold import SCAFFOLD_KINDS, scaffold

ROOT = Path(__file__).parents[3]
NAMES = {"incidents": "flood_bell", "alerts": "watch_hub", "fixes": "collar", "cameras": "registry_api", "sink": "wall"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout of which only connectors and their tests are copies."""
    unneeded = shutil.ignore_patterns("__pycache__", "test_*.py")
    shutil.copytree(ROOT / "connectors", tmp_path / "connectors", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("support", "connectors"):
        shutil.copytree(ROOT / "tests" / name, tmp_path / "tests" / name, ignore=unneeded)
    shutil.copy(ROOT / "tests" / "__init__.py", tmp_path / "tests")
    for name in ("setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("schemas", "pipeline", "topologies", "console", "cities"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def passes(checkout: Path, *words: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    ran = subprocess.run(
        [sys.executable, "-m", *words], check=False, cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout[-4_000:] + ran.stderr[-2_000:]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", SCAFFOLD_KINDS)
def test_a_new_connector_passes_everything_as_it_stands(kind: str, checkout: Path) -> None:
    name = NAMES[kind]
    scaffold(name, kind, checkout)
    folders = (f"connectors/{name}", f"tests/connectors/{name}")

    passes(checkout, "ruff", "check", *folders)
    passes(checkout, "ruff", "format", "--check", *folders)
    passes(checkout, "mypy", *folders)
    passes(checkout, "pytest", "-q", "-p", "no:cacheprovider", folders[1])


@pytest.mark.parametrize("kind", SCAFFOLD_KINDS)
def test_each_kind_has_its_folder_tests_and_page(kind: str, tmp_path: Path) -> None:
    written = {str(path) for path in scaffold("my_system", kind, tmp_path)}

    role = "sink" if kind == "sink" else "source"
    folder, tests = "connectors/my_system", "tests/connectors/my_system"
    assert {f"{folder}/manifest.toml", f"{folder}/quality.toml", f"{folder}/parse.py", f"{folder}/{role}.py"} <= written
    assert {f"{tests}/test_{role}.py", "docs/connectors/my_system.md"} <= written
    assert all("$" not in (tmp_path / path).read_text("utf-8") for path in written)


@pytest.mark.parametrize("kind", SCAFFOLD_KINDS)
def test_words_of_the_scaffold_that_were_left_are_found_until_they_are_replaced(kind: str, tmp_path: Path) -> None:
    scaffold("my_system", kind, tmp_path)
    folder, page = tmp_path / "connectors/my_system", tmp_path / "docs/connectors/my_system.md"

    left = leftovers_of(folder, page)

    places = [text.split()[0] for text in left]
    has_codes = kind not in ("fixes", "sink")
    assert places == [
        "manifest.toml", "__init__.py", "__init__.py", *["parse.py"] * has_codes, "docs/connectors/my_system.md",
    ]  # fmt: skip
    for path in (folder / "manifest.toml", folder / "__init__.py", folder / "parse.py", page):
        path.write_text("")
    assert leftovers_of(folder, page) == []


def test_the_connectors_that_are_here_have_no_words_of_the_scaffold() -> None:
    left = {name: leftovers_of(folder_of(name), ROOT / f"docs/connectors/{name}.md") for name in all_manifests()}

    assert {name: found for name, found in left.items() if found} == {}


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "docs/connectors").mkdir(parents=True)
    (tmp_path / "docs/connectors/my_system.md").write_text("mine")

    with pytest.raises(ConnectorConfigError, match="is there already"):
        scaffold("my_system", "sink", tmp_path)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "docs/connectors/my_system.md"]


@pytest.mark.parametrize("kind", SCAFFOLD_KINDS)
def test_a_short_and_a_long_name_are_written_in_style(kind: str, tmp_path: Path) -> None:
    for name in ("ab", "zz_" + "long_" * 7 + "nm"):
        scaffold(name, kind, tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ("connectors/kit", "schemas", "tests/support"):
        (tmp_path / package).symlink_to(ROOT / package)  # so that they count as this project's
    for package in ("connectors", "tests"):
        (tmp_path / package / "__init__.py").touch()

    folders = [str(path) for path in tmp_path.glob("*/**/*") if path.is_dir() and path.name[:2] in ("ab", "zz")]
    passes(tmp_path, "ruff", "check", *folders)
    passes(tmp_path, "ruff", "format", "--check", *folders)


def test_a_title_that_would_break_the_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match="title"):
        scaffold("ok", "sink", tmp_path, title='say "hello"')


@pytest.mark.parametrize(
    ("name", "kind"), [("My System", "sink"), ("../x", "sink"), ("x" * 60, "sink"), ("ok", "fish")]
)
def test_a_name_or_kind_that_cannot_be_is_refused(name: str, kind: str, tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError):
        scaffold(name, kind, tmp_path)
