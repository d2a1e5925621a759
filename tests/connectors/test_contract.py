"""What every connector keeps to, whatever system it links."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import connectors
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.ladder.checking import FILES, RULES, check_connector, folder_of, problems_of_card
from connectors.kit.manifest import Manifest, all_manifests, load_class

ROOT = Path(connectors.__file__).parent
FOLDERS = sorted(path for path in ROOT.iterdir() if (path / "__init__.py").exists() and path.name != "kit")
MANIFESTS = all_manifests()


def each_manifest() -> Any:
    return pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)


def classes_of(manifest: Manifest) -> Iterator[tuple[str, type[Any], type[Any]]]:
    for role, path in (("source", manifest.source), ("sink", manifest.sink)):
        if path is not None:
            yield role, *load_class(path)


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
def test_it_keeps_to_every_rule_that_can_be_checked(manifest: Manifest) -> None:
    assert check_connector(folder_of(manifest.name)) == []


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
def test_an_option_it_does_not_know_is_refused_by_name(manifest: Manifest) -> None:
    required = {option.name: "x" for option in manifest.options.values() if option.required}
    for _, _, config in classes_of(manifest):
        with pytest.raises(ConnectorConfigError, match="no_such_option"):
            config.from_options({**required, "no_such_option": 1})


@each_manifest()
def test_a_connector_does_not_reach_into_another(manifest: Manifest) -> None:
    others = [f"connectors.{name}" for name in MANIFESTS if name != manifest.name]
    for path in (ROOT / manifest.name).glob("*.py"):
        text = path.read_text("utf-8")
        assert not [other for other in others if f"{other} " in text or f"{other}." in text], path.name
