"""What every connector keeps to, whatever system it links."""

import dataclasses
import importlib
import inspect
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import connectors
from connectors.errors import ConnectorConfigError
from connectors.manifest import Manifest, all_manifests, load_class
from schemas.topics import BY_NAME, DEAD_LETTER_SUFFIX

ROOT = Path(connectors.__file__).parent
FOLDERS = sorted(path for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists())
MANIFESTS = all_manifests()
FILES = ("__init__.py", "manifest.toml", "parse.py", "quality.toml")
# What every quality card must speak of; a card may have more.
RULES = (
    "parsing-is-pure",
    "bad-rows-are-answered",
    "neighbours-pass",
    "person-data-dropped",
    "pseudonyms",
    "stable-ids",
    "resumes-from-cursor",
    "stops-cleanly",
    "everything-has-a-limit",
)
# What a parser must not touch, so that the same bytes always give the same record.
IMPURE = ("time", "random", "os", "socket", "asyncio", "logging", "kafka", "connectors.publish", "connectors.runner")


def each_manifest() -> Any:
    return pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)


def classes_of(manifest: Manifest) -> Iterator[tuple[str, type[Any], type[Any]]]:
    for role, path in (("source", manifest.source), ("sink", manifest.sink)):
        if path is not None:
            yield role, *load_class(path)


def problems_of_card(card: dict[str, Any]) -> list[str]:
    """Return what is wrong with a quality card; empty when nothing is."""
    rules = card.get("rules", {})
    problems = [f"{rule} is missing" for rule in RULES if rule not in rules]
    for rule, entry in rules.items():
        if entry.get("status") not in ("done", "todo", "exempt"):
            problems.append(f"{rule}: status must be done, todo or exempt")
        elif entry["status"] != "done" and len(entry.get("reason", "")) < 15:
            problems.append(f"{rule}: {entry['status']} needs a reason")
        if unknown := set(entry) - {"status", "reason"}:
            problems.append(f"{rule}: {sorted(unknown)[0]} is not known")
    return problems


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_connector_has_the_same_files(folder: Path) -> None:
    missing = [name for name in FILES if not (folder / name).exists()]
    assert not missing
    assert (folder / "source.py").exists() or (folder / "sink.py").exists()
    assert folder.name in MANIFESTS


@each_manifest()
def test_its_tests_mirror_it(manifest: Manifest) -> None:
    assert list((Path(__file__).parent / manifest.name).glob("test_*.py"))


@each_manifest()
def test_its_docstring_says_system_what_is_kept_and_dropped_and_the_guarantee(manifest: Manifest) -> None:
    text = inspect.getdoc(importlib.import_module(f"connectors.{manifest.name}")) or ""
    missing = [word for word in ("Kept", "Dropped", "Guarantee") if word.lower() not in text.lower()]
    assert not missing


@each_manifest()
def test_its_quality_card_gives_a_status_to_every_rule_and_a_reason_where_it_is_not_kept(manifest: Manifest) -> None:
    card = tomllib.loads((ROOT / manifest.name / "quality.toml").read_text("utf-8"))
    assert problems_of_card(card) == []


def test_a_card_with_a_hole_is_noticed() -> None:
    good = {rule: {"status": "done"} for rule in RULES}
    assert problems_of_card({"rules": good}) == []
    assert problems_of_card({"rules": {**good, "pseudonyms": {"status": "exempt"}}}) == [
        "pseudonyms: exempt needs a reason"
    ]
    assert problems_of_card({"rules": {**good, "pseudonyms": {"status": "perhaps"}}}) == [
        "pseudonyms: status must be done, todo or exempt"
    ]
    assert problems_of_card({"rules": {k: v for k, v in good.items() if k != "stable-ids"}}) == [
        "stable-ids is missing"
    ]


@each_manifest()
def test_its_classes_follow_the_protocol(manifest: Manifest) -> None:
    for role, connector, config in classes_of(manifest):
        assert list(inspect.signature(connector).parameters) == ["config", "context"]
        assert dataclasses.is_dataclass(config)
        assert config.__dataclass_params__.frozen  # type: ignore[attr-defined]
        if role == "source":
            assert inspect.isasyncgenfunction(connector.entries)
        else:
            assert inspect.iscoroutinefunction(connector.write)
            assert inspect.iscoroutinefunction(connector.close)


@each_manifest()
def test_an_option_it_does_not_know_is_refused_by_name(manifest: Manifest) -> None:
    required = {option.name: "x" for option in manifest.options.values() if option.required}
    for _, _, config in classes_of(manifest):
        with pytest.raises(ConnectorConfigError, match="no_such_option"):
            config.from_options({**required, "no_such_option": 1})


@each_manifest()
def test_required_options_have_no_default_and_the_others_do(manifest: Manifest) -> None:
    without = [o.name for o in manifest.options.values() if not o.required and o.default is None]
    assert not without


@each_manifest()
def test_what_it_refuses_has_a_place_to_be_answered(manifest: Manifest) -> None:
    if manifest.source is not None:
        assert all(topic.name + DEAD_LETTER_SUFFIX in BY_NAME for topic in manifest.topics)


@each_manifest()
def test_its_parser_reads_no_clock_and_does_no_input_or_output(manifest: Manifest) -> None:
    text = (ROOT / manifest.name / "parse.py").read_text("utf-8")
    imported = [line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert not [name for name in imported if name in IMPURE or name.split(".")[0] in IMPURE]


@each_manifest()
def test_a_connector_does_not_reach_into_another(manifest: Manifest) -> None:
    others = [f"connectors.{name}" for name in MANIFESTS if name != manifest.name]
    for path in (ROOT / manifest.name).glob("*.py"):
        text = path.read_text("utf-8")
        assert not [other for other in others if f"{other} " in text or f"{other}." in text], path.name
