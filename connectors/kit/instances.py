"""Which connectors a city runs: ``cities/<city>/connectors.toml``.

[[connector]]
name = "112-seoul"
kind = "police_112"
options = { path = "/var/spool/goldentime/112" }
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.manifest import build, build_sink
from connectors.kit.sink import Sink
from connectors.kit.source import Source

FILE_NAME = "connectors.toml"
# One process reads every instance it runs; a city has some dozens of systems.
INSTANCES_MAX = 200
# What is safe as a Kafka key, a consumer group and a metric label.
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_FIELDS = frozenset({"name", "kind", "options", "enabled", "role"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorInstance:
    """One connector as a city runs it.

    Attributes:
        name: unique in the city; its cursor and its memory are kept under it.
        kind: name of the connector, the folder in ``connectors/``.
        options: the connector's options.
        is_sink: whether its sink is run instead of its source.
        enabled: False leaves it out without deleting its lines.
    """

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    is_sink: bool = False
    enabled: bool = True

    def build_source(self, context: ConnectorContext) -> Source:
        """Return its source.

        Raises:
            ConnectorConfigError: the connector is not there or an option is wrong; the message names the instance.
        """
        try:
            return build(self.kind, self.options, replace(context, instance=self.name))
        except ConnectorConfigError as error:
            raise ConnectorConfigError(f"connector {self.name}: {error}") from error

    def build_sink(self, context: ConnectorContext) -> Sink:
        """Return its sink; errors are those of :meth:`build_source`."""
        try:
            return build_sink(self.kind, self.options, context)
        except ConnectorConfigError as error:
            raise ConnectorConfigError(f"connector {self.name}: {error}") from error


def instances_of(cities_dir: Path, city: str) -> tuple[ConnectorInstance, ...]:
    """Return the connectors of a city in the order of its file; none if it has no such file.

    Raises:
        ConnectorConfigError: the file is no TOML or a field is wrong; the message names file and field.
    """
    path = cities_dir / city / FILE_NAME
    where = f"{city}/{FILE_NAME}"
    try:
        fields = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return ()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConnectorConfigError(f"{where}: {error}") from error
    unknown = sorted(set(fields) - {"connector"})
    if unknown:
        raise ConnectorConfigError(f"{where}: {unknown[0]} is not known; write [[connector]] tables")
    tables = fields.get("connector", [])
    if not isinstance(tables, list) or len(tables) > INSTANCES_MAX:
        raise ConnectorConfigError(f"{where}: write at most {INSTANCES_MAX} [[connector]] tables")
    instances = tuple(_instance(f"{where}: connector {number}", table) for number, table in enumerate(tables, start=1))
    names = [instance.name for instance in instances]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConnectorConfigError(f"{where}: two connectors are named {twice[0]}; their cursors would mix")
    return instances


def _instance(where: str, table: Mapping[str, Any]) -> ConnectorInstance:
    unknown = sorted(set(table) - _FIELDS)
    if unknown:
        raise ConnectorConfigError(f"{where}: {unknown[0]} is not known; known are {', '.join(sorted(_FIELDS))}")
    name, kind = table.get("name"), table.get("kind")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConnectorConfigError(f"{where}: name must be lower-case letters, digits and '-', got {name!r}")
    if not isinstance(kind, str) or not kind:
        raise ConnectorConfigError(f"{where}: kind must name a connector, got {kind!r}")
    options, enabled, role = table.get("options", {}), table.get("enabled", True), table.get("role", "source")
    if not isinstance(options, dict):
        raise ConnectorConfigError(f"{where}: options must be a table, got {type(options).__name__}")
    if not isinstance(enabled, bool):
        raise ConnectorConfigError(f"{where}: enabled must be true or false, got {enabled!r}")
    if role not in ("source", "sink"):
        raise ConnectorConfigError(f"{where}: role must be source or sink, got {role!r}")
    return ConnectorInstance(name=name, kind=kind, options=options, is_sink=role == "sink", enabled=enabled)
