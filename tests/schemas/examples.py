"""The published examples: one JSON file per schema version, bytes written as ``base64:…``."""

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro

from schemas.codec import decode
from schemas.registry import PublishedSchema, published_schemas
from schemas.topics import TOPICS

PUBLISHED_DIR = Path(__file__).parents[2] / "schemas" / "published"
RECORD_TYPES = {topic.record.__name__: topic.record for topic in TOPICS}
ALL_SCHEMAS = sorted(published_schemas().values(), key=lambda published: published.schema_id)


def example_path(published: PublishedSchema) -> Path:
    return PUBLISHED_DIR / published.record / f"v{published.version}.example.json"


def example_fields(published: PublishedSchema) -> dict[str, Any]:
    """Return the fields of an example as Avro libraries take them."""
    return _with_bytes(json.loads(example_path(published).read_text("utf-8")))


def example_payload(published: PublishedSchema) -> bytes:
    """Return an example in the wire format, by its own version of the schema."""
    body = BytesIO()
    fastavro.schemaless_writer(body, dict(published.schema), example_fields(published), strict=True)
    return b"\0" + published.schema_id.to_bytes(4, "big") + body.getvalue()


def example_record(published: PublishedSchema) -> Any:
    """Return an example as the record it is today."""
    return decode(RECORD_TYPES[published.record], example_payload(published))


def _with_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_bytes(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_bytes(item) for item in value]
    if isinstance(value, str) and value.startswith("base64:"):
        return base64.b64decode(value.removeprefix("base64:"), validate=True)
    return value
