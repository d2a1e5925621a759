"""The arrows of the picture in ARCHITECTURE.md are enforced, and the checker itself is checked with breaches."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("schemas", "pipeline", "topologies", "connectors", "console")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [command, "--config", "setup.cfg", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("breach")
    shutil.copy(ROOT / "setup.cfg", folder)
    for room in ROOMS:
        (folder / room).mkdir()
        (folder / room / "__init__.py").write_text("")
    for module in (ROOT / "pipeline").rglob("*.py"):
        hollow = folder / module.relative_to(ROOT)
        hollow.parent.mkdir(exist_ok=True)
        hollow.write_text("")
    return folder


def test_the_code_keeps_to_the_arrows() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("room", "breach", "contract"),
    [
        ("schemas", "import pipeline", "schemas <- pipeline <- topologies <- console"),
        ("schemas", "import numpy", "schemas know nobody"),
        ("pipeline/rules", "import pipeline.world.streets", "steps <- decisions <- choice <- sight <- world <- rules"),
        ("pipeline", "import topologies", "schemas <- pipeline <- topologies <- console"),
        ("pipeline", "import time", "pipeline does no I/O"),
        ("pipeline", "import random", "pipeline does no I/O"),
        ("pipeline", "import faust", "only topologies know Faust"),
        ("connectors", "import pipeline", "connectors do not decide"),
        ("connectors", "import topologies", "connectors meet pipeline and topologies only in topics"),
        ("topologies", "import connectors", "connectors meet pipeline and topologies only in topics"),
        ("connectors", "import faust", "only topologies know Faust"),
        ("console", "import mode", "only topologies know Faust"),
    ],
)
def test_a_breach_is_found(copy: Path, room: str, breach: str, contract: str) -> None:
    module = copy / room / "__init__.py"
    module.write_text(breach + "\n")
    try:
        result = lint_imports(copy)
    finally:
        module.write_text("")

    assert result.returncode == 1, result.stdout
    assert any(contract in line and "BROKEN" in line for line in result.stdout.splitlines()), result.stdout
