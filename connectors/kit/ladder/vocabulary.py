"""The words that a connector knows: names of fields and codes, taken from its examples and its own modules."""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import resources
from types import ModuleType
from typing import Any

from connectors.kit.ladder.sample_items import names_in
from connectors.kit.manifest import Manifest

_NAME = re.compile(r"[^\W\d][\w.:-]{0,40}")
_NO_TABLES = frozenset({"__init__", "source", "sink"})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a connector understands.

    Attributes:
        fields: names of the fields in its examples: those that are certainly fields.
        words: every name that stands in its modules, fields among them.
        codes: words of its tables of codes.
    """

    fields: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()


def vocabulary_of(manifest: Manifest) -> Vocabulary:
    """Return the words of a connector."""
    fields = frozenset[str]().union(*(names_in(example.payload) for example in manifest.examples))
    words, codes = _of_modules(manifest.name)
    return Vocabulary(fields, words | fields, codes)


@cache
def _of_modules(name: str) -> tuple[frozenset[str], frozenset[str]]:
    words: set[str] = set()
    codes: set[str] = set()
    for path in resources.files(f"connectors.{name}").iterdir():
        if not path.name.endswith(".py"):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        words |= {text for text in constants if isinstance(text, str) and _NAME.fullmatch(text)}
        stem = path.name.removesuffix(".py")
        if stem not in _NO_TABLES:
            codes |= set(_codes_of(importlib.import_module(f"connectors.{name}.{stem}")))
    return frozenset(words), frozenset(codes)


def _codes_of(module: ModuleType) -> Iterator[str]:
    """Yield the keys of the module's tables, and the members of its lists and enumerations."""
    for name, value in vars(module).items():
        if name.startswith("__"):
            continue
        for word in _members(value):
            if isinstance(word, str) and 0 < len(word) <= 40:
                yield word


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping | tuple | list | set | frozenset):
        yield from value
    elif isinstance(value, type) and issubclass(value, Enum):
        yield from (member.value for member in value)
