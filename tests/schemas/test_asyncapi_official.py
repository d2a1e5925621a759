"""The AsyncAPI document before AsyncAPI's own parser: its JSON schemas, its bindings and its rules beyond them.

No package of Python brings the official schemas, and a schema does not follow references; the parser does both. The
Avro schemas themselves it takes as they are: ``tests/schemas/test_published.py`` reads those.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from schemas.publish import ASYNCAPI_PATH

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "tests" / "support" / "asyncapi" / "validate.js"
PACKAGES = REPOSITORY / ".cache" / "asyncapi" / "node_modules"
TIMEOUT_S = 60
# Newer versions of AsyncAPI do not make a document of this one wrong.
NO_FAULT = {"asyncapi-latest-version"}


def why_no_parser() -> str | None:
    """Return why the parser cannot be run here, None if it can."""
    if shutil.which("node") is None:
        return "no node on the path"
    return None if (PACKAGES / "@asyncapi" / "parser").is_dir() else "no parser in .cache/asyncapi: run make asyncapi"


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(why_no_parser() is not None, reason=str(why_no_parser())),
]


def judged(document: Path) -> dict[str, Any]:
    """Return how many channels the parser sees in a document, and the codes and places of what it finds fault with."""
    environment = {**os.environ, "NODE_PATH": str(PACKAGES)}
    done = subprocess.run(
        ["node", str(PROGRAM), str(document)], capture_output=True, check=True, timeout=TIMEOUT_S, env=environment
    )
    said = json.loads(done.stdout)
    return {**said, "found": [fault for fault in said["found"] if fault["code"] not in NO_FAULT]}


def test_the_official_parser_finds_no_fault_in_the_document() -> None:
    said = judged(ASYNCAPI_PATH)

    assert said["found"] == []
    assert said["channels"] == ASYNCAPI_PATH.read_text("utf-8").count("\n    address: ")


@pytest.mark.parametrize(
    ("right", "wrong", "where"),
    [
        ('action: "send"', 'action: "sent"', "operations"),
        ("partitions:", "partitons:", "bindings.kafka"),
        ('"#/components/parameters/city"', '"#/components/parameters/town"', "parameters.city"),
        ("published/Incident/v", "published/Accident/v", "messages.Incident.payload.schema"),
    ],
)
def test_a_slip_in_the_document_is_found(tmp_path: Path, right: str, wrong: str, where: str) -> None:
    shutil.copytree(REPOSITORY / "schemas" / "published", tmp_path / "schemas" / "published")
    document = tmp_path / "docs" / "asyncapi.yaml"
    document.parent.mkdir()
    text = ASYNCAPI_PATH.read_text("utf-8")
    assert right in text
    document.write_text(text.replace(right, wrong, 1), "utf-8")

    assert any(where in fault["path"] for fault in judged(document)["found"])
