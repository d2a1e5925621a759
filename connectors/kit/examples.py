"""The examples in a manifest: "this input makes these events", or "this record makes this call"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.toml_fields import refuse_unknown_fields, text_field

# Noon in Seoul on the first of March 2026: the examples' clock stands there.
EXAMPLE_NOW_US = 1_772_334_000_000_000
_FIELDS = frozenset({"title", "input", "input_file", "origin", "options", "events", "topic", "output"})
_EVENT_FIELDS = frozenset({"topic", "record", "removed", "refused", "field", "key"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One example.

    Attributes:
        title: what it shows, in a few words.
        payload: what comes in: the outside's bytes for a source, a record as JSON for a sink.
        origin: the MQTT topic, or for a source of files the name of the file.
        options: options that the example needs.
        events: what a source makes of it: per event its topic, and ``record`` (some of its fields), ``removed`` (the
            key of a tombstone), or ``refused`` (the reason) and ``field``.
        topic: for a sink, the record's topic.
        output: for a sink, some of what its ``render`` returns.
    """

    title: str
    payload: bytes
    origin: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    topic: str = ""
    output: Any = None


def examples_of(where: str, folder: Traversable, tables: Any) -> tuple[Example, ...]:
    """Return the examples of a manifest.

    Args:
        where: the manifest, for messages.
        folder: the connector's folder, in which ``input_file`` lies.
        tables: the ``[[examples]]`` tables.

    Raises:
        ConnectorConfigError: a field is wrong; the message names file, example and field.
    """
    if not isinstance(tables, list):
        raise ConnectorConfigError(f"{where}: examples must be tables [[examples]]")
    return tuple(_example(f"{where}: example {number}", folder, table) for number, table in enumerate(tables, start=1))


def _example(where: str, folder: Traversable, table: Any) -> Example:
    if not isinstance(table, dict):
        raise ConnectorConfigError(f"{where} must be a table")
    refuse_unknown_fields(where, table, _FIELDS)
    events, options = table.get("events", []), table.get("options", {})
    if not isinstance(options, dict) or not isinstance(events, list):
        raise ConnectorConfigError(f"{where}: options must be a table and events a list of tables")
    for event in events:
        if not isinstance(event, dict) or "topic" not in event:
            raise ConnectorConfigError(f"{where}: each of events must be a table with a topic")
        refuse_unknown_fields(f"{where}: events", event, _EVENT_FIELDS)
    return Example(
        title=text_field(where, table, "title"),
        payload=_payload(where, folder, table),
        origin=text_field(where, table, "origin", ""),
        options=options,
        events=tuple(events),
        topic=text_field(where, table, "topic", ""),
        output=table.get("output"),
    )


def _payload(where: str, folder: Traversable, table: Mapping[str, Any]) -> bytes:
    if ("input" in table) == ("input_file" in table):
        raise ConnectorConfigError(f"{where}: give input or input_file")
    if "input" in table:
        value = table["input"]
        if not isinstance(value, str):
            raise ConnectorConfigError(f"{where}: input must be text, got {type(value).__name__}")
        return value.encode()
    name = text_field(where, table, "input_file")
    try:
        return folder.joinpath(name).read_bytes()
    except OSError as error:
        raise ConnectorConfigError(f"{where}: input_file {name} cannot be read: {type(error).__name__}") from error
