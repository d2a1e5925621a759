"""Write newly grown schemas to ``published/``: ``python -m schemas.publish`` (``make schemas``).

Needs a checkout. Refuses a change that an old reader would not survive; ``--check`` writes nothing and exits 1 when
a class has no published schema that equals it, or when the AsyncAPI document is not that of the topics and schemas.
"""

import json
import sys
from pathlib import Path
from typing import Any

from schemas import registry
from schemas.asyncapi import asyncapi_text
from schemas.avsc import avro_schema
from schemas.topics import TOPICS

PUBLISHED_DIR = Path(__file__).parent / "published"
ASYNCAPI_PATH = Path(__file__).parents[1] / "docs" / "asyncapi.yaml"


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Return what makes ``new`` unreadable for readers of ``old`` or the other way round, a sentence each."""
    name = new["name"]
    old_fields = {f["name"]: f for f in old["fields"]}
    new_fields = {f["name"]: f for f in new["fields"]}
    problems = [f"{name}.{field} was removed" for field in old_fields.keys() - new_fields.keys()]
    for field_name, field in new_fields.items():
        before = old_fields.get(field_name)
        if before is None:
            if "default" not in field:
                problems.append(f"{name}.{field_name} is new and has no default")
        else:
            problems += _type_changes(f"{name}.{field_name}", before["type"], field["type"])
    return sorted(problems)


def _type_changes(where: str, old: Any, new: Any) -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict) and old["type"] == new["type"]:
        if old["type"] == "record":
            return breaking_changes(old, new)
        inner = "items" if old["type"] == "array" else "values"
        return _type_changes(where, old[inner], new[inner])
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [change for a, b in zip(old, new, strict=True) for change in _type_changes(where, a, b)]
    return [] if old == new else [f"{where} changed its type"]


def main(arguments: list[str]) -> int:
    """Publish or check all records of the topic list; return the exit code."""
    index_path = PUBLISHED_DIR / "index.json"
    index = json.loads(index_path.read_text("utf-8")) if index_path.exists() else {"schemas": []}
    unpublished = []
    for record_type in sorted({topic.record for topic in TOPICS}, key=lambda t: t.__name__):
        name, schema = record_type.__name__, avro_schema(record_type)
        versions = [entry for entry in index["schemas"] if entry["record"] == name]
        if versions:
            newest = max(versions, key=lambda entry: entry["version"])
            old = json.loads((PUBLISHED_DIR / name / f"v{newest['version']}.avsc").read_text("utf-8"))
            if old == schema:
                continue
            if problems := breaking_changes(old, schema):
                print(*problems, sep="\n", file=sys.stderr)
                return 1
        unpublished.append(name)
        if "--check" not in arguments:
            _publish(index, name, len(versions) + 1, schema)
    if unpublished and "--check" in arguments:
        print(f"not published as they are now: {', '.join(unpublished)}; run make schemas", file=sys.stderr)
        return 1
    if unpublished:
        index_path.write_text(json.dumps(index, indent=2) + "\n", "utf-8")
        print(f"published: {', '.join(unpublished)}")
        # What was read before does not know of them.
        registry.published_schemas.cache_clear()
        registry.newest_schema.cache_clear()
    return _document("--check" in arguments)


def _document(check_only: bool) -> int:
    """Write the AsyncAPI document if it is stale, or only tell so; return the exit code."""
    text = asyncapi_text()
    if ASYNCAPI_PATH.exists() and ASYNCAPI_PATH.read_text("utf-8") == text:
        return 0
    if check_only:
        print(f"{ASYNCAPI_PATH.name} is not that of the topics and schemas; run make schemas", file=sys.stderr)
        return 1
    ASYNCAPI_PATH.write_text(text, "utf-8")
    print(f"written: {ASYNCAPI_PATH.name}")
    return 0


def _publish(index: dict[str, Any], name: str, version: int, schema: dict[str, Any]) -> None:
    next_id = 1 + max((entry["id"] for entry in index["schemas"]), default=0)
    index["schemas"].append({"id": next_id, "record": name, "version": version})
    path = PUBLISHED_DIR / name / f"v{version}.avsc"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
