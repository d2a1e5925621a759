"""The table of connectors in docs/connectors.md says what the manifests say."""

import re
from pathlib import Path

from connectors.kit.manifest import all_manifests

PAGE = Path(__file__).parents[2] / "docs" / "connectors.md"


def test_the_table_names_every_connector_with_the_guarantee_of_its_manifest() -> None:
    _, table = PAGE.read_text("utf-8").split("## What there is", 1)
    rows = [line.split("|") for line in table.split("\n## ", 1)[0].splitlines() if line.startswith("| `")]
    said = {name: row[4].strip().replace(" ", "-") for row in rows for name in re.findall(r"`(\w+)`", row[1])}

    assert said == {name: manifest.guarantee for name, manifest in all_manifests().items()}
