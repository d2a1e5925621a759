"""The ladder: check finds what breaks a rule, validate says what was meant, a dry run leaves no trace."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from connectors.kit.ladder.checking import check_connector, folder_of
from connectors.kit.ladder.matching import unlike
from connectors.kit.ladder.trying import dry_run
from connectors.kit.manifest import build
from connectors.kit.payloads import kept_of
from console.commands import goldentime
from tests.connectors.local_context import a_context
from tests.connectors.police_112.test_suite import file
from tests.support.connector_suite import Happening

A_COUNT = '[options.count]\ntype = "integer"\ndefault = 1\ndescription = "Nobody reads it."\n\n'
A_KEY = '[options.api_key]\ntype = "text"\ndefault = ""\ndescription = "A secret."\n\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of a good connector's folder."""
    copy = tmp_path / "owntracks"
    shutil.copytree(Path(str(folder_of("owntracks"))), copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def changed(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_good_folder_has_no_problems(folder: Path) -> None:
    assert check_connector(folder) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "step", "message"),
    [
        ("manifest.toml", "pseudonyms = true", "pseudonyms = false", "privacy", "speaks of persons"),
        ("manifest.toml", 'kind = "fixes"', 'kind = "fish"', "manifest", "kind must be one of"),
        ("manifest.toml", "accuracy_m = 12", "accuracy_m = 13", "examples", "accuracy_m must be 13"),
        ("manifest.toml", 'refused = "missing-field"', 'refused = "other"', "examples", "refused must be 'other'"),
        ("manifest.toml", "[options.topic_root]", f"{A_KEY}[options.topic_root]", "privacy", "never an option"),
        ("manifest.toml", "default = 100.0", "default = 120.0", "names", "default is 120.0, that of Config 100.0"),
        ("manifest.toml", "[options.topic_root]", f"{A_COUNT}[options.topic_root]", "names", "Config does not take"),
        ("quality.toml", 'status = "done"', 'status = "perhaps"', "card", "status must be"),
        ("parse.py", "import hashlib", "import hashlib\nimport time", "code", "imports time"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_found(folder: Path, *, name: str, old: str, new: str, step: str, message: str) -> None:
    changed(folder / name, old, new)

    problems = check_connector(folder)

    assert step in {problem.step for problem in problems}
    assert any(message in problem.message for problem in problems), problems


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "quality.toml").unlink()

    assert [problem.message.split()[0] for problem in check_connector(folder)] == ["quality.toml"]


@pytest.mark.parametrize(
    ("expected", "got", "found"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1.0}, {"a": 1.00000000001}, []),
        ({"a": {"b": 2}}, {"a": {"b": 3}}, ["a.b must be 2, got 3"]),
        ({"a": [1, 2]}, {"a": [1]}, ["a must be a list of 2, got [1]"]),
        ({"c": 1}, {"a": 1}, ["c is not there; there are a"]),
        ({"a": True}, {"a": 1}, []),
    ],
)
def test_what_differs_is_said_by_its_path(expected: Any, got: Any, found: list[str]) -> None:
    assert unlike(expected, got) == found


def test_a_dead_letter_keeps_only_the_named_fields_and_short_ones() -> None:
    kept = json.loads(kept_of({"id": 7, "name": "x", "type": "y" * 500}, ("id", "type")))

    assert kept == {"id": 7, "type": "<500 characters>"}


async def test_a_dry_run_shows_the_first_entries_of_a_live_source(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(file([Happening(number=str(n)) for n in range(30)]))

    entries = await dry_run(build("police_112", {"path": str(path)}, a_context()), most=5, within_s=5)

    assert len(entries) == 5


async def test_a_dry_run_of_a_source_that_says_nothing_ends_in_time(tmp_path: Path) -> None:
    assert await dry_run(build("police_112", {"path": str(tmp_path)}, a_context()), most=5, within_s=0.05) == []


def test_a_page_that_the_scaffold_wrote_is_warned_of_and_breaks_no_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "docs" / "connectors" / "police_112.md"
    page.parent.mkdir(parents=True)
    page.write_text("# 112\n\nWhat system this is, who runs it, where its format is described, and more.\n")
    monkeypatch.setattr("console.commands.connect_ladder.ROOT", tmp_path)

    checked = CliRunner().invoke(goldentime, ["connect", "check", "police_112", "--json"])

    assert (checked.exit_code, json.loads(checked.stdout)) == (0, {"police_112": []})
    assert "look: police_112: docs/connectors/police_112.md has still the words of the scaffold" in checked.stderr


def test_the_commands_of_the_ladder_say_what_they_found(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(file([Happening()]))
    bad.write_bytes(file([Happening()]).replace(b"EVT_CL_CD", b"EVT_CLS_CD"))
    run = CliRunner().invoke

    checked = run(goldentime, ["connect", "check", "police_112"])
    fits = run(goldentime, ["connect", "validate", "police_112", "--file", str(good)])
    faulty = run(goldentime, ["connect", "validate", "police_112", "--file", str(bad)])
    tried = run(goldentime, ["connect", "dry-run", "--kind", "police_112", "-o", f"path={good}", "-n", "1"])
    by_word = run(goldentime, ["connect", "dry-run", "police_112", "-o", f"path={good}", "-n", "1", "--for", "20s"])
    not_named = run(goldentime, ["--city", "demo", "connect", "run", "tracker_push"])

    assert (checked.exit_code, checked.output) == (0, "police_112: keeps to the rules\n")
    assert fits.exit_code == 0
    assert fits.output.splitlines()[1].split() == ["incidents", "1", "0"]
    assert faulty.exit_code == 1
    assert 'EVT_CL_CD is not there; did you mean "EVT_CLS_CD"?' in faulty.output
    assert tried.exit_code == 0
    assert json.loads(tried.output.splitlines()[0])["record"]["kind"] == "robbery"
    assert json.loads(by_word.output.splitlines()[0])["record"]["kind"] == "robbery"
    assert "tracker_push is a kind and no connector of demo; give --kind tracker_push" in not_named.output
