"""The published schemas: ids, subjects, versions, and the schema each Python type writes today.

``published/index.json`` lists every version ever published with its id. Ids are never reused and published files never
change; ``make schemas`` adds a version when a record class has grown.
"""

import dataclasses
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from schemas.errors import UnknownSchemaError

PUBLISHED = resources.files("schemas") / "published"


@dataclasses.dataclass(frozen=True, slots=True)
class PublishedSchema:
    """One published version of a record's schema."""

    schema_id: int
    record: str
    version: int
    schema: Mapping[str, Any]


@cache
def published_schemas() -> Mapping[int, PublishedSchema]:
    """Return every published schema by id.

    Raises:
        UnknownSchemaError: the index names a file that is not there.
    """
    index = json.loads((PUBLISHED / "index.json").read_text("utf-8"))
    return {entry["id"]: _load(entry) for entry in index["schemas"]}


def _load(entry: dict[str, Any]) -> PublishedSchema:
    path = PUBLISHED / entry["record"] / f"v{entry['version']}.avsc"
    try:
        schema = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UnknownSchemaError(f"published/index.json lists {path}, which is missing") from error
    return PublishedSchema(entry["id"], entry["record"], entry["version"], schema)


@cache
def newest_schema(record: str) -> PublishedSchema:
    """Return the newest published schema of a record by its name, e.g. ``Incident``.

    Raises:
        UnknownSchemaError: nothing is published under that name.
    """
    versions = [s for s in published_schemas().values() if s.record == record]
    if not versions:
        raise UnknownSchemaError(f"no schema is published for record {record!r}; run make schemas")
    return max(versions, key=lambda s: s.version)
