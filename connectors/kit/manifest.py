"""What each connector says of itself in its ``manifest.toml``, and how an instance is built from it."""

import importlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.examples import Example, examples_of
from connectors.kit.options import Option, option_of, transport_option_tables
from connectors.kit.sink import Sink
from connectors.kit.source import Source
from connectors.kit.toml_fields import flag_field, one_of_field, refuse_unknown_fields, text_field
from schemas.topics import BY_NAME, Topic

FILE_NAME = "manifest.toml"
KINDS = (
    "incidents", "alerts", "fixes", "cameras", "sightings", "health", "conditions", "subjects", "exchange", "replay",
    "sink",
)  # fmt: skip
GUARANTEES = ("at-least-once", "at-most-once", "exactly-once")
_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}")
_CLASS = re.compile(r"([a-z0-9_.]+):([A-Z][A-Za-z0-9]+)")
_FIELDS = frozenset(
    {
        "name",
        "title",
        "kind",
        "topics",
        "guarantee",
        "description",
        "docs",
        "source",
        "sink",
        "options",
        "pseudonyms",
        "transports",
        "examples",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One connector.

    Attributes:
        name: name of its folder.
        title: name for people.
        kind: what it brings, one of :data:`KINDS`.
        topics: what it writes to, or reads for a sink; empty where an option decides.
        guarantee: what happens on a failure, one of :data:`GUARANTEES`.
        description: what system it links, in a sentence.
        docs: where the system's format is described; empty if nowhere public.
        source: ``module:Class`` of its source; None without one. By default ``PoliceSource`` of ``source.py`` in the
            folder ``police``; ``Config`` is next to it.
        sink: ``module:Class`` of its sink; None without one.
        pseudonyms: whether it sees person ids and therefore needs a pseudonym key.
        options: its options by name, those of its transports included.
        transports: the kit's transports that it allows; the first is the default.
        examples: what comes out for which input; :mod:`connectors.kit.ladder.checking` runs them.
    """

    name: str
    title: str
    kind: str
    topics: tuple[Topic, ...]
    guarantee: str
    description: str
    docs: str
    source: str | None
    sink: str | None
    pseudonyms: bool
    options: Mapping[str, Option]
    transports: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()


def all_manifests(folder: Traversable | None = None) -> dict[str, Manifest]:
    """Return the manifests of all connectors by name, sorted.

    Args:
        folder: where the connectors' folders are; this package if None.

    Raises:
        ConnectorConfigError: a manifest is wrong; the message names file and field.
    """
    root = resources.files("connectors") if folder is None else folder
    return {f.name: read_manifest(f) for f in _folders(root)}


def read_manifest(folder: Traversable) -> Manifest:
    """Return the manifest in a connector's folder.

    Raises:
        ConnectorConfigError: it is not there, is no TOML, or a field is wrong; the message names file and field.
    """
    where = f"{folder.name}/{FILE_NAME}"
    try:
        fields = tomllib.loads((folder / FILE_NAME).read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConnectorConfigError(f"{where} is missing") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConnectorConfigError(f"{where}: {error}") from error
    refuse_unknown_fields(where, fields, _FIELDS)
    name = text_field(where, fields, "name")
    if name != folder.name or not _NAME.fullmatch(name):
        raise ConnectorConfigError(f"{where}: name must be that of its folder, {folder.name}, got {name!r}")
    source, sink = _class_path(folder, where, fields, "source"), _class_path(folder, where, fields, "sink")
    if source is None and sink is None:
        raise ConnectorConfigError(f"{where}: source or sink must be given as 'source:Class' or 'sink:Class'")
    options = fields.get("options", {})
    if not isinstance(options, dict):
        raise ConnectorConfigError(f"{where}: options must be tables [options.<name>]")
    own = {option: option_of(where, option, table) for option, table in options.items()}
    transports = _names(where, fields, "transports")
    return Manifest(
        name=name,
        title=text_field(where, fields, "title"),
        kind=one_of_field(where, "kind", text_field(where, fields, "kind"), KINDS),
        topics=_topics(where, fields),
        guarantee=one_of_field(where, "guarantee", text_field(where, fields, "guarantee"), GUARANTEES),
        description=text_field(where, fields, "description"),
        docs=text_field(where, fields, "docs", ""),
        source=source,
        sink=sink,
        pseudonyms=flag_field(where, fields, "pseudonyms"),
        options={**_of_transports(where, transports), **own},
        transports=transports,
        examples=examples_of(where, folder, fields.get("examples", [])),
    )


def build(name: str, options: Mapping[str, Any], context: ConnectorContext) -> Source:
    """Return a source of a connector.

    Args:
        name: name of the connector.
        options: its options.
        context: what it may know of its surroundings.

    Raises:
        ConnectorConfigError: there is no such connector, it has no source, or an option is wrong.
    """
    manifest = _known(name)
    if manifest.source is None:
        raise ConnectorConfigError(f'{name} has no source; it is a sink: write role = "sink" in its [[connector]]')
    source: Source = _instance(manifest, manifest.source, options, context)
    return source


def build_sink(name: str, options: Mapping[str, Any], context: ConnectorContext) -> Sink:
    """Return a sink of a connector; errors are those of :func:`build`."""
    manifest = _known(name)
    if manifest.sink is None:
        raise ConnectorConfigError(f'{name} has no sink; it is a source: leave role = "sink" out of its [[connector]]')
    sink: Sink = _instance(manifest, manifest.sink, options, context)
    return sink


def is_sink_alone(name: str) -> bool:
    """Return whether a connector can be run as a sink only.

    Raises:
        ConnectorConfigError: there is no such connector, or its manifest is wrong.
    """
    return _known(name).source is None


def load_class(path: str) -> tuple[type[Any], type[Any]]:
    """Return the class that ``module:Class`` names, and the ``Config`` of its module.

    Raises:
        ConnectorConfigError: module or class are not there, or the module has no ``Config`` with ``from_options``.
    """
    module_name, _, name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConnectorConfigError(f"{path}: module {error.name} is not there") from error
    connector, config = getattr(module, name, None), getattr(module, "Config", None)
    if not isinstance(connector, type):
        raise ConnectorConfigError(f"{path}: {module_name} has no class {name}")
    if not isinstance(config, type) or not hasattr(config, "from_options"):
        raise ConnectorConfigError(f"{path}: {module_name} must have a class Config with from_options")
    return connector, config


def _folders(root: Traversable) -> list[Traversable]:
    """Return the folders of connectors, sorted by name."""
    return sorted((f for f in root.iterdir() if f.is_dir() and (f / FILE_NAME).is_file()), key=lambda f: f.name)


def _known(name: str) -> Manifest:
    """Return the manifest of a connector of this package; those of others are not read, and none is read twice."""
    root = resources.files("connectors")
    if not _NAME.fullmatch(name) or not (root / name / FILE_NAME).is_file():
        names = ", ".join(folder.name for folder in _folders(root))
        raise ConnectorConfigError(f"there is no connector {name!r}; there are {names}")
    return _read_once(root / name)  # type: ignore[arg-type]  # the protocol of folders does not say that all have a hash


# The files of the package stay as they are while a process runs.
_read_once = cache(read_manifest)


def _instance(manifest: Manifest, path: str, options: Mapping[str, Any], context: ConnectorContext) -> Any:
    unknown = sorted(set(options) - set(manifest.options))
    if unknown:
        raise ConnectorConfigError(
            f"{manifest.name}: option {unknown[0]!r} is not known; known are {', '.join(manifest.options) or 'none'}; "
            f"a new one is declared under [options.{unknown[0]}] in connectors/{manifest.name}/{FILE_NAME}"
        )
    for option in manifest.options.values():
        if option.required and option.name not in options:
            raise ConnectorConfigError(f"{manifest.name}: option {option.name} is required: {option.description}")
    if manifest.pseudonyms:
        context.pseudonyms.require_key()
    connector, config = load_class(path)
    try:
        return connector(config.from_options(options), context)
    except ConnectorConfigError as error:
        raise ConnectorConfigError(f"{manifest.name}: {error}") from error


def _of_transports(where: str, names: tuple[str, ...]) -> dict[str, Option]:
    try:
        return transport_option_tables(names)
    except ConnectorConfigError as error:
        raise ConnectorConfigError(f"{where}: {error}") from error


def _names(where: str, fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    names = fields.get(name, [])
    if not isinstance(names, list) or not all(isinstance(item, str) for item in names):
        raise ConnectorConfigError(f"{where}: {name} must be a list of names, got {type(names).__name__}")
    return tuple(names)


def _topics(where: str, fields: Mapping[str, Any]) -> tuple[Topic, ...]:
    if "topics" not in fields:
        raise ConnectorConfigError(f"{where}: topics must be a list of names, got nothing")
    names = _names(where, fields, "topics")
    for name in names:
        if name not in BY_NAME:
            raise ConnectorConfigError(f"{where}: topics names {name!r}, which is not in the list of topics")
    return tuple(BY_NAME[name] for name in names)


def _class_path(folder: Traversable, where: str, fields: Mapping[str, Any], role: str) -> str | None:
    """Return ``module:Class`` of a source or sink: as given, else by its usual name where its module is there."""
    path = text_field(where, fields, role, "")
    if not path:
        if not (folder / f"{role}.py").is_file():
            return None
        words = (*folder.name.split("_"), role)
        path = f"{role}:{''.join(word.capitalize() for word in words)}"
    if not _CLASS.fullmatch(path):
        raise ConnectorConfigError(f"{where}: {role} must be '<module>:<Class>', got {path!r}")
    return path if path.startswith("connectors.") else f"connectors.{folder.name}.{path}"
