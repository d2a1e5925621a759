"""The page for whoever brings a new city is followed from its first line: what it shows works as it stands."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from console.commands import goldentime
from topologies.city_files import load_city

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "new-city.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a place like the root of the checkout, with the example city."""
    shutil.copytree(ROOT / "cities" / "harborview", tmp_path / "cities" / "harborview")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def records_in(shown: str) -> list[dict[str, Any]]:
    return [json.loads(line)["record"] for line in shown.splitlines() if line.startswith("{")]


def follow(line: str) -> str:
    """Do what a line of a shell block says; return what was printed."""
    words = re.findall(r'"[^"]*"|\S+', line)
    words = [word.strip('"') for word in words]
    if words[0] == "cp":
        shutil.copy(words[1], words[2])
        return ""
    assert words[0] == "goldentime"
    result = CliRunner().invoke(goldentime, ["--cities-dir", "cities", *words[1:]])
    assert result.exit_code == 0, f"{line}\n{result.output}"
    return result.output


def test_a_city_is_made_as_the_page_says(checkout: Path) -> None:
    made, cameras, calls, run = blocks("bash")[:4]
    for line in made.splitlines():
        follow(line)
    city = load_city(checkout / "cities", "bayport")
    assert (city.prefix, city.time_zone) == ("bayport", "America/New_York")

    *copies, check, dry_run = cameras.splitlines()
    for line in copies:
        follow(line)
    assert "26 rows: 26 accepted (0 of them repaired), 0 refused" in follow(check)
    shown = follow(dry_run)
    assert [camera["kind"] for camera in records_in(shown)] == ["all-round", "ptz"]
    assert "555" not in shown
    assert "INVENTED CLERK" not in shown
    copy, dry_run = calls.splitlines()
    follow(copy)
    shown = follow(dry_run)
    records = records_in(shown)
    assert [record["kind"] for record in records] == [
        "structure-fire", "robbery", "noise", "structure-fire", "traffic-accident", "exercise",
    ]  # fmt: skip
    assert records[3]["merged_into"] == "cad_911:HV25-00411"
    assert records[4]["location"]["quality"] == "address"  # Bayport has not said that this is its dispatch centre
    assert "555" not in shown
    assert "INVENTED CALLER" not in shown

    (connectors,) = blocks("toml")
    (checkout / "cities" / "bayport" / "connectors.toml").write_text(connectors, "utf-8")
    assert "bayport-cameras, bayport-cad" in follow("goldentime city check bayport")
    assert all("--city bayport" in line for line in run.splitlines())


@pytest.mark.usefixtures("checkout")
def test_the_centres_own_address_is_no_place_in_harborview() -> None:
    options = "-o path=cities/harborview/example/calls.csv -o form=cad_911.toml"
    shown = follow(f"goldentime --city harborview connect dry-run --kind cad_911 {options} -n 6")

    assert json.loads(shown.splitlines()[4])["record"]["location"]["quality"] == "default"
