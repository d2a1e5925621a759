"""Small things stay small, and the project speaks of itself alone."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("schemas", "pipeline", "topologies", "connectors", "console")
MODULE_LINES_MAX = 300
FUNCTION_LINES_MAX = 70


def modules(*rooms: str) -> list[Path]:
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


def long_functions(source: str) -> list[str]:
    tree = ast.parse(source)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [f.name for f in functions if (f.end_lineno or f.lineno) - f.lineno + 1 > FUNCTION_LINES_MAX]


def error_classes(source: str) -> list[str]:
    tree = ast.parse(source)
    return [n.name for n in tree.body if isinstance(n, ast.ClassDef) and re.fullmatch(r"[A-Z]\w*Error", n.name)]


def machine_paths(text: str) -> list[str]:
    return re.findall(r"(?<![\w.])/(?:work|root|home|Users)/\S*", text)


@pytest.mark.parametrize("path", modules(*ROOMS), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_module_and_its_functions_stay_small(path: Path) -> None:
    source = path.read_text("utf-8")

    assert len(source.splitlines()) <= MODULE_LINES_MAX
    assert long_functions(source) == []


def test_a_long_function_is_found() -> None:
    assert long_functions("def f():\n" + "    x = 1\n" * 70) == ["f"]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_belongs_in_it(room: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text("utf-8")))

    assert docstring
    assert len(docstring) > 60


@pytest.mark.parametrize("room", ROOMS)
def test_errors_live_in_errors_py(room: str) -> None:
    elsewhere = {p.name: error_classes(p.read_text("utf-8")) for p in modules(room) if p.name != "errors.py"}

    assert {name: classes for name, classes in elsewhere.items() if classes} == {}


def test_an_error_class_elsewhere_is_found() -> None:
    assert error_classes("class LostError(Exception): ...") == ["LostError"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("faust.App(", ["topologies/app.py"]),
        ("os.environ", ["connectors/kit/settings.py", "topologies/settings.py", "console/options.py"]),
    ],
)
def test_some_calls_stand_in_one_place_only(text: str, where: list[str]) -> None:
    found = [str(p.relative_to(ROOT)) for p in modules(*ROOMS) if text in p.read_text("utf-8")]

    assert set(found) <= set(where)


def test_every_topology_says_its_flow_join_and_delivery() -> None:
    topologies = [p for p in modules("topologies") if "\ndef add_to(" in p.read_text("utf-8")]

    assert topologies
    for path in topologies:
        docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        assert all(label in docstring for label in ("Flow:", "Join:", "Delivery:")), path.name


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in listed.decode().split("\0") if name and "constraints" not in name]
    texts = {p: p.read_text("utf-8", errors="ignore") for p in files if p.is_file() and p != Path(__file__)}

    assert {p.name: machine_paths(t) for p, t in texts.items() if machine_paths(t)} == {}


def test_a_machine_path_is_found() -> None:
    assert machine_paths("see /" + "root/x.py")
