"""The AsyncAPI 3.0 document of a city's topics, made of the one list of topics and the published schemas.

``make schemas`` writes it to ``docs/asyncapi.yaml``; ``python -m schemas.publish --check`` fails where it is stale.
It is written from the worker's side: ``receive`` is what workers read, ``send`` is what they write. Forms: AsyncAPI
3.0.0 (https://www.asyncapi.com/docs/reference/specification/v3.0.0), Kafka bindings 0.5.0, CloudEvents 1.0 in the
binary mode of its Kafka binding.
"""

from typing import Any

from schemas.registry import newest_schema
from schemas.topics import (
    CAMERA_ASSIGNMENTS,
    CAMERA_KNOWLEDGE,
    CAMERA_OBSERVATIONS,
    CASE_PARTITIONS,
    CONNECTOR_CURSORS,
    DEAD_LETTER_SUFFIX,
    PTZ_GRANTS,
    PTZ_REQUESTS,
    TOPICS,
    Topic,
)
from schemas.written_topics import PROJECTION, WRITTEN_BY_WORKERS, WRITTEN_BY_WORKERS_TOO
from schemas.yaml_text import yaml_text

ASYNCAPI_VERSION = "3.0.0"
KAFKA_BINDING_VERSION = "0.5.0"
# Grows with the contract; a field that is added to a record adds a schema version, not an API version.
API_VERSION = "1.0.0"
AVRO_FORMAT = "application/vnd.apache.avro;version=1.9.0"
# From the document's own folder.
SCHEMAS_FOLDER = "../schemas/published"

# What workers write and read again as an event; state they only read back.
READ_BACK = (PTZ_REQUESTS, PTZ_GRANTS, CAMERA_OBSERVATIONS, CAMERA_KNOWLEDGE)
INTERNAL_MARK = "internal:"


def asyncapi_text() -> str:
    """Return the document as YAML, the same for the same topics and schemas."""
    head = "# Made by `make schemas` from schemas/topics.py and schemas/published; do not edit.\n"
    return head + yaml_text(asyncapi_document())


def asyncapi_document() -> dict[str, Any]:
    """Return the document as plain dicts, lists, texts, numbers and truth values."""
    topics = (*TOPICS, PROJECTION)
    records = sorted({topic.record.__name__ for topic in topics})
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": _info(),
        "defaultContentType": "application/vnd.apache.avro",
        "servers": _servers(),
        "channels": {channel_id(topic): _channel(topic) for topic in topics},
        "operations": dict(operation for topic in topics for operation in _operations(topic)),
        "components": {
            "messages": {record: _message(record) for record in records},
            "messageTraits": {"cloudEvent": _cloud_event()},
            "parameters": {
                "city": {"description": "Topic prefix of the city (cities/<city>/city.toml).", "examples": ["seoul"]},
                "agency": {
                    "description": "Name of a projection (cities/<city>/projections.toml).",
                    "examples": ["police"],
                },
            },
        },
    }


def channel_id(topic: Topic) -> str:
    """Return the topic's name in the document, e.g. ``camera-assignments`` or ``camera-assignments-by-agency``."""
    return f"{CAMERA_ASSIGNMENTS.name}-by-agency" if topic is PROJECTION else topic.name


def _info() -> dict[str, Any]:
    return {
        "title": "Goldentime",
        "version": API_VERSION,
        "description": (
            "Camera assignments from incident streams, camera tables and trackers. Values are Avro in the Confluent "
            "wire format (0x00, 4-byte schema id, body); a worker answers the read-only calls of a schema registry. "
            "A value of null is a tombstone: the key is forgotten. Times are UTC microseconds since the epoch, "
            "positions WGS 84 degrees. Rules a consumer may rely on: docs/consumers.md."
        ),
        "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "tags": [
            {"name": "contract", "description": "for everybody whom the broker's access lists let in"},
            {"name": "internal", "description": "state of workers and connectors; may change without notice"},
            {"name": "dead-letters", "description": "what could not be used, with the reason"},
        ],
    }


def _servers() -> dict[str, Any]:
    return {
        "broker": {
            "host": "{broker}",
            "protocol": "kafka",
            "description": "The city's Apache Kafka.",
            "variables": {"broker": {"default": "localhost:9092", "description": "host:port of a broker"}},
            "bindings": {
                "kafka": {
                    "schemaRegistryUrl": "http://localhost:8080",
                    "schemaRegistryVendor": "confluent",
                    "bindingVersion": KAFKA_BINDING_VERSION,
                }
            },
        }
    }


def _channel(topic: Topic) -> dict[str, Any]:
    record = topic.record.__name__
    names = ["city", "agency"] if topic is PROJECTION else ["city"]
    return {
        "address": f"{{city}}.{topic.name}",
        "title": topic.name,
        "description": topic.why,
        "messages": {record: {"$ref": f"#/components/messages/{record}"}},
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in names},
        "tags": [{"name": tag_of(topic)}],
        "bindings": {
            "kafka": {
                "partitions": topic.partitions(CASE_PARTITIONS),
                "topicConfiguration": _configuration(topic),
                "bindingVersion": KAFKA_BINDING_VERSION,
            }
        },
    }


def tag_of(topic: Topic) -> str:
    """Return for whom a topic is: contract, internal or dead-letters."""
    if topic.name.endswith(DEAD_LETTER_SUFFIX):
        return "dead-letters"
    return "internal" if topic.why.startswith(INTERNAL_MARK) or topic is CONNECTOR_CURSORS else "contract"


def _configuration(topic: Topic) -> dict[str, Any]:
    policy: dict[str, Any] = {"cleanup.policy": ["compact" if topic.compacted else "delete"]}
    return policy if topic.retention_ms is None else policy | {"retention.ms": topic.retention_ms}


def _operations(topic: Topic) -> list[tuple[str, dict[str, Any]]]:
    """Return what workers do with a topic, by operation id."""
    is_letters = topic.name.endswith(DEAD_LETTER_SUFFIX)
    actions = []
    if topic in READ_BACK or not (is_letters or topic in WRITTEN_BY_WORKERS or topic is CONNECTOR_CURSORS):
        actions.append("receive")
    if is_letters or topic in (*WRITTEN_BY_WORKERS, *WRITTEN_BY_WORKERS_TOO):
        actions.append("send")
    return [(f"{action}-{channel_id(topic)}", _operation(action, topic)) for action in actions]


def _operation(action: str, topic: Topic) -> dict[str, Any]:
    channel = channel_id(topic)
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{topic.record.__name__}"}],
    }


def _message(record: str) -> dict[str, Any]:
    published = newest_schema(record)
    return {
        "name": record,
        "title": record,
        "summary": str(published.schema.get("doc", record)),
        "contentType": "application/vnd.apache.avro",
        "payload": {
            "schemaFormat": AVRO_FORMAT,
            "schema": {"$ref": f"{SCHEMAS_FOLDER}/{record}/v{published.version}.avsc"},
        },
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "bindings": {
            "kafka": {
                "key": {"type": "string"},
                "schemaIdLocation": "payload",
                "schemaIdPayloadEncoding": "confluent",
                "bindingVersion": KAFKA_BINDING_VERSION,
            }
        },
    }


def _cloud_event() -> dict[str, Any]:
    texts = {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {"type": "string", "description": "Unique in ce_source; a repeat of an event has the same."},
        "ce_type": {"type": "string", "pattern": "^goldentime\\.", "description": "goldentime.<record>"},
        "ce_source": {"type": "string", "format": "uri-reference", "description": "Which worker city or connector."},
        "ce_time": {"type": "string", "format": "date-time", "description": "When it happened or was decided."},
    }
    return {"headers": {"type": "object", "properties": texts, "required": list(texts)}}
