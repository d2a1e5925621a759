"""The first step: does a connector's folder keep to the rules, without any of its data or servers."""

import ast
import dataclasses
import importlib
import inspect
import json
import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from connectors.kit.errors import ConnectorError
from connectors.kit.examples import Example
from connectors.kit.ladder.matching import differences, event_of, unlike
from connectors.kit.ladder.odd_shapes import problems_of_shapes
from connectors.kit.ladder.option_drift import problems_of_options
from connectors.kit.ladder.sampling import entries_of_sample, example_context, takes_samples
from connectors.kit.manifest import Manifest, build_sink, load_class, read_manifest
from connectors.kit.reading.json_records import record_from_json
from connectors.kit.sink import Delivered
from schemas.codec import encode
from schemas.topics import BY_NAME, DEAD_LETTER_SUFFIX

FILES = ("__init__.py", "manifest.toml", "parse.py", "quality.toml")
# What every quality card must speak of; a card may have more.
RULES = (
    "parsing-is-pure",
    "bad-rows-are-answered",
    "neighbours-pass",
    "person-data-dropped",
    "pseudonyms",
    "stable-ids",
    "resumes-from-cursor",
    "stops-cleanly",
    "everything-has-a-limit",
)
STATUSES = ("done", "todo", "exempt")
REASON_CHARACTERS_MIN = 15
# What a parser must not touch, so that the same bytes always give the same record.
IMPURE = ("time", "random", "os", "socket", "asyncio", "logging", "kafka", "aiohttp", "connectors.kit.running")
# Topics that speak of a person, whom only a pseudonym may stand for.
_OF_PERSONS = frozenset({"tracker-fixes", "wandering-alerts", "protected-subjects"})
_SECRET_WORD = re.compile(r"(^|_)(password|token|secret|hmac|key)$")
# What must never leave a connector: Korean phone and resident registration numbers.
_PERSON_NUMBER = re.compile(r"(?<!\d)(?:01[016-9]-?\d{3,4}-?\d{4}|\d{6}-[1-4]\d{6})(?!\d)")
_OPTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A rule that a connector breaks.

    Attributes:
        step: ``files``, ``manifest``, ``card``, ``code``, ``names``, ``privacy``, ``examples`` or ``shapes``.
        message: what is wrong and what to do.
    """

    step: str
    message: str


def check_connector(folder: Traversable) -> list[Problem]:
    """Return what is wrong with the connector in a folder; empty where nothing is."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        return [Problem("files", f"{name} is missing; goldentime connect new shows what it holds") for name in missing]
    try:
        manifest = read_manifest(folder)
    except ConnectorError as error:
        return [Problem("manifest", str(error))]
    steps = (
        ("card", problems_of_card(_card(folder))),
        ("code", _code(folder, manifest)),
        ("names", [*_names(manifest), *problems_of_options(manifest)]),
        ("privacy", _privacy(manifest)),
        ("examples", problems_of_examples(manifest)),
        ("shapes", problems_of_shapes(manifest) if takes_samples(manifest) else []),
    )
    return [Problem(step, message) for step, messages in steps for message in messages]


def folder_of(name: str) -> Traversable:
    """Return the folder of a connector of this package."""
    return resources.files("connectors") / name


def problems_of_card(card: dict[str, Any]) -> list[str]:
    """Return what is wrong with a quality card; empty when nothing is."""
    rules = card.get("rules", {})
    problems = [f"{rule} is missing" for rule in RULES if rule not in rules]
    for rule, entry in rules.items():
        if entry.get("status") not in STATUSES:
            problems.append(f"{rule}: status must be done, todo or exempt")
        elif entry["status"] != "done" and len(entry.get("reason", "")) < REASON_CHARACTERS_MIN:
            problems.append(f"{rule}: {entry['status']} needs a reason")
        if unknown := set(entry) - {"status", "reason"}:
            problems.append(f"{rule}: {sorted(unknown)[0]} is not known")
    return problems


def problems_of_examples(manifest: Manifest) -> list[str]:
    """Return in what the examples of a manifest differ from what the connector makes of them."""
    problems = []
    for example in manifest.examples:
        try:
            found = list(_differences(manifest, example))
        except ConnectorError as error:
            found = [str(error)]
        problems += [f"{example.title}: {text}" for text in found]
    return problems


def _card(folder: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads((folder / "quality.toml").read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}


def _differences(manifest: Manifest, example: Example) -> Iterator[str]:
    context = example_context()
    if example.topic:
        if example.topic not in BY_NAME:
            yield f"topic {example.topic!r} is not in the list of topics"
            return
        topic = BY_NAME[example.topic]
        record = record_from_json(topic.record, json.loads(example.payload))
        sink = build_sink(manifest.name, example.options, context)
        render = getattr(sink, "render", None)
        if render is None:
            yield "the sink has no render(), which the examples show"
            return
        yield from unlike(example.output, render(Delivered(topic, 0, 0, topic.key_of(record), record)))
        return
    if not takes_samples(manifest):
        yield "no bytes can be handed to this source; write an example without input, or none"
        return
    entries = entries_of_sample(manifest, example.options, example.payload, context, origin=example.origin)
    yield from differences(example.events, entries)
    for entry in entries:
        record = getattr(entry, "record", None)
        if record is not None:
            encode(record)
        # Times in microseconds have sixteen digits, which the pattern does not find; numbers are looked at as text.
        if _PERSON_NUMBER.search(json.dumps(event_of(entry), ensure_ascii=False)):
            yield "a phone or registration number comes out"


def _code(folder: Traversable, manifest: Manifest) -> Iterator[str]:
    docstring = inspect.getdoc(importlib.import_module(f"connectors.{manifest.name}")) or ""
    for word in ("Kept", "Dropped", "Guarantee"):
        if word.lower() not in docstring.lower():
            yield f"__init__.py must say what is {word.lower()}" if word != "Guarantee" else "__init__.py: no guarantee"
    for role, path in (("source", manifest.source), ("sink", manifest.sink)):
        if path is not None:
            yield from _class(role, path)
    for name in sorted(_imports((folder / "parse.py").read_text("utf-8"))):
        if any(name == impure or name.startswith(impure + ".") for impure in IMPURE):
            yield f"parse.py imports {name}; a parser is pure"


def _class(role: str, path: str) -> Iterator[str]:
    try:
        connector, config = load_class(path)
    except ConnectorError as error:
        yield str(error)
        return
    if list(inspect.signature(connector).parameters) != ["config", "context"]:
        yield f"{path}: __init__ must take config and context"
    if not dataclasses.is_dataclass(config) or not config.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield f"{path}: Config must be a frozen dataclass"
    if role == "source":
        if not inspect.isasyncgenfunction(getattr(connector, "entries", None)):
            yield f"{path}: entries must be an async generator"
        return
    for name in ("write", "close"):
        if not inspect.iscoroutinefunction(getattr(connector, name, None)):
            yield f"{path}: {name} must be an async function"


def _imports(source: str) -> set[str]:
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


def _names(manifest: Manifest) -> Iterator[str]:
    for option in manifest.options.values():
        if not _OPTION_NAME.fullmatch(option.name):
            yield f"option {option.name}: write lower-case letters, digits and '_'"
        if not option.required and option.default is None:
            yield f"option {option.name} needs a default, or required = true"
    if manifest.source is not None:
        for topic in manifest.topics:
            if topic.name + DEAD_LETTER_SUFFIX not in BY_NAME:
                yield f"topic {topic.name} has no dead-letter topic to answer what is refused"


def _privacy(manifest: Manifest) -> Iterator[str]:
    for option in manifest.options.values():
        if _SECRET_WORD.search(option.name) and option.type != "secret-file":
            yield f"option {option.name}: a secret is never an option; name a file or variable (kit.secrets.Secret)"
    of_persons = [topic.name for topic in manifest.topics if topic.name in _OF_PERSONS]
    if manifest.source is not None and manifest.kind != "replay" and of_persons and not manifest.pseudonyms:
        yield f"{of_persons[0]} speaks of persons: set pseudonyms = true and use context.pseudonyms"
