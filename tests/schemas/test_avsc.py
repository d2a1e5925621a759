"""A record class without words, or of a type that the contract does not use, becomes no schema."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import pytest

from schemas.avsc import avro_schema
from schemas.record import Codes


class Colour(StrEnum):
    RED = "red"
    OTHER = "other"


@dataclass(frozen=True)
class Inner:
    """Inside."""

    x: Annotated[float, "A number."]


@dataclass(frozen=True)
class Sample:
    """A sample."""

    colour: Annotated[str, "Its colour.", Codes(Colour)]
    inner: Annotated[Inner, "First."]
    again: Annotated[Inner | None, "Second."] = None
    names: Annotated[tuple[str, ...], "Names."] = ()
    terms: Annotated[dict[str, float], "Terms."] = field(default_factory=dict)
    raw: Annotated[bytes | None, "Bytes."] = None


def test_a_class_becomes_a_schema_with_docs_defaults_and_codes():
    by_name = {f["name"]: f for f in avro_schema(Sample)["fields"]}
    assert by_name["colour"] == {"name": "colour", "type": "string", "doc": "Its colour. One of: red, other."}
    assert by_name["again"] == {
        "name": "again",
        "type": ["null", "goldentime.Inner"],
        "doc": "Second.",
        "default": None,
    }
    assert by_name["names"] == {
        "name": "names",
        "type": {"type": "array", "items": "string"},
        "doc": "Names.",
        "default": [],
    }
    assert by_name["terms"]["type"] == {"type": "map", "values": "double"}
    assert by_name["terms"]["default"] == {}
    assert by_name["raw"]["type"] == ["null", "bytes"]


@dataclass
class Bare:
    x: int


@dataclass
class Wordless:
    x: Annotated[int, Codes(Colour)]


@dataclass
class Strange:
    x: Annotated[set[int], "A set."]


@pytest.mark.parametrize(
    ("record_type", "words"),
    [(Bare, "Bare.x has no documentation"), (Wordless, "Wordless.x has no doc"), (Strange, "Strange.x has type")],
)
def test_fields_that_the_contract_does_not_know_are_refused(record_type, words):
    with pytest.raises(TypeError, match=words):
        avro_schema(record_type)
