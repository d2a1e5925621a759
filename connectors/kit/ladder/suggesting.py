"""What was meant where an item or a whole payload is refused."""

import json
from collections.abc import Mapping
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.kit.ladder.likeness import nearest
from connectors.kit.ladder.sample_items import names_in
from connectors.kit.reading.json_bodies import BROKEN, decoded_text
from connectors.kit.source import Refused

# How like a name must be that may stand for one that lacks: looser than for names that are merely not known.
LACKING_ALIKE = 0.7
SUGGESTIONS_MAX = 5
_MISSING = "missing-field"
_WRAPPED = "the payload is an object with a list in it: do the items lie there? json_items(payload, path) reads them"
# First bytes of what is no text at all.
_MAGIC = (
    (b"\x1f\x8b", "this is gzip; unpack it first"),
    (b"PK\x03\x04", "this is a zip or xlsx file; a payload must be text"),
    (b"\xff\xfe", "this is UTF-16; write UTF-8"),
    (b"\xfe\xff", "this is UTF-16; write UTF-8"),
    (b"%PDF", "this is a PDF file"),
)


def suggestions_of(answer: Refused, payload: bytes) -> tuple[str, ...]:
    """Return what may have been meant by a refused item, or by a payload that is refused as a whole.

    Args:
        answer: the refusal.
        payload: the sample, in whose names is looked; empty for none.
    """
    wanted = [answer.field.rpartition(".")[2]] if answer.field else _lacking(answer.message)
    names = names_in(payload)
    # Elements of XML are compared without case by those who read them.
    in_xml = payload.lstrip().startswith(b"<")
    there = {name.casefold() for name in names} if in_xml else names
    found = [_meant(name, names) for name in wanted if (name.casefold() if in_xml else name) not in there]
    if answer.reason == _MISSING and _is_wrapped(payload):
        found = [_WRAPPED]
    if not answer.field and not wanted:
        found.append(form_of(payload, expects_json=answer.reason == BROKEN))
    return tuple(text for text in found if text)[:SUGGESTIONS_MAX]


def form_of(payload: bytes, *, expects_json: bool) -> str:
    """Return what is wrong with the form of a payload; empty where nothing is known of it.

    Of the payload itself nothing is shown, only where it breaks off.
    """
    for magic, text in _MAGIC:
        if payload.startswith(magic):
            return text
    try:
        text = decoded_text(payload)
    except EntryRefusedError:
        return "bytes that are neither UTF-8 nor CP949; ask the sender for its encoding"
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype html", "<html")):
        return "this is an HTML page: often the other system's page for errors or for its login"
    if not expects_json:
        return ""
    return "this is XML" if start.startswith("<") else _no_json(text)


def _no_json(text: str) -> str:
    try:
        json.loads(text, parse_constant=_refused_constant)
    except json.JSONDecodeError as error:
        return f"line {error.lineno}, column {error.colno}: {error.msg}"
    except ValueError as error:
        return str(error)
    except RecursionError:
        return "it nests without end"
    return ""


def _refused_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON; write null")


def _lacking(message: str) -> list[str]:
    """Return the columns of a message such as ``the header lacks A, B; none of its rows was read``."""
    _, found, rest = message.partition(" lacks ")
    return [name.strip() for name in rest.split(";")[0].split(",")] if found else []


def _meant(name: str, names: frozenset[str]) -> str:
    close = nearest(name, names, alike=LACKING_ALIKE)
    shown = json.dumps(close, ensure_ascii=False)
    return "" if close is None else f"{name} is not there; did you mean {shown}?"


def _is_wrapped(payload: bytes) -> bool:
    """Return whether a payload is one object with one list of objects in it."""
    try:
        value = json.loads(decoded_text(payload))
    except (ValueError, RecursionError, EntryRefusedError):
        return False
    if not isinstance(value, Mapping):
        return False
    lists = [inner for inner in value.values() if isinstance(inner, list) and inner and isinstance(inner[0], dict)]
    return len(lists) == 1
