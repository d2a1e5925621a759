"""The second step: does what the outside sends fit, and if not, which field of which item and what was meant."""

import csv
import difflib
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.json_bodies import decoded_text, json_items
from connectors.kit.source import Accepted, Entry, Refused
from schemas.codec import encode
from schemas.errors import RecordEncodeError

EXAMPLES_PER_FAULT = 3
# How like a name must be to be suggested, 0 to 1.
LIKENESS = 0.5


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which items do not fit.

    Attributes:
        topic: where they would have gone.
        reason: class of failure.
        field: the field that broke the rule, if one did.
        message: rule and what was got, of the first such item.
        count: how many items have it.
        numbers: numbers of the first of them, from 1.
        suggestion: what may have been meant; empty where nothing is alike.
    """

    topic: str
    reason: str
    field: str | None
    message: str
    count: int
    numbers: tuple[int, ...]
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Validation:
    """What became of a sample.

    Attributes:
        accepted: how many records each topic would get.
        faults: what did not fit, the most frequent first.
    """

    accepted: Mapping[str, int]
    faults: tuple[Fault, ...]


def validate(entries: Sequence[Entry], payload: bytes = b"") -> Validation:
    """Return what became of a sample.

    Args:
        entries: what a source made of it.
        payload: the sample, in whose names suggestions are looked for; empty for none.
    """
    accepted: Counter[str] = Counter()
    refused: dict[tuple[str, str, str | None], list[Refused]] = {}
    for number, entry in enumerate(entries, start=1):
        answer = _unless_it_fits(entry, number)
        if answer is None:
            accepted[entry.topic.name] += 1
        else:
            refused.setdefault((answer.topic.name, answer.reason, answer.field), []).append(answer)
    names = names_in(payload)
    faults = [
        Fault(
            topic=topic,
            reason=reason,
            field=field,
            message=same[0].message,
            count=len(same),
            numbers=tuple(answer.number for answer in same[:EXAMPLES_PER_FAULT]),
            suggestion=_suggestion(same[0], names),
        )
        for (topic, reason, field), same in refused.items()
    ]
    return Validation(dict(accepted), tuple(sorted(faults, key=lambda fault: -fault.count)))


def names_in(payload: bytes) -> frozenset[str]:
    """Return the names of fields or columns in a sample; none where it is neither JSON nor CSV."""
    if not payload:
        return frozenset()
    names: set[str] = set()
    try:
        for item in json_items(payload)[:100]:
            _collect(item, names)
    except EntryRefusedError:
        pass
    if names:
        return frozenset(names)
    try:
        first = decoded_text(payload.split(b"\n", 1)[0])
        return frozenset(cell.strip() for cell in next(csv.reader(io.StringIO(first)), []) if cell.strip())
    except (EntryRefusedError, csv.Error):
        return frozenset()


def _unless_it_fits(entry: Entry, number: int) -> Refused | None:
    """Return None for a record that fits its schema, else the refusal."""
    if not isinstance(entry, Accepted):
        return entry
    try:
        if entry.record is not None:
            encode(entry.record)
    except RecordEncodeError as error:
        return Refused(entry.topic, "does-not-fit-schema", None, str(error), b"", number)
    return None


def _collect(item: Any, names: set[str], depth: int = 0) -> None:
    if isinstance(item, Mapping) and depth < 8:
        for name, value in item.items():
            names.add(str(name))
            _collect(value, names, depth + 1)
    elif isinstance(item, list):
        for value in item[:20]:
            _collect(value, names, depth)


def _suggestion(answer: Refused, names: frozenset[str]) -> str:
    wanted = [answer.field.rpartition(".")[2]] if answer.field else _lacking(answer.message)
    for name in wanted:
        if name in names:
            continue
        by_plain = {_plain(given): given for given in sorted(names)}
        close = difflib.get_close_matches(_plain(name), by_plain, n=1, cutoff=LIKENESS)
        if close:
            return f"{name} is not there; did you mean {json.dumps(by_plain[close[0]], ensure_ascii=False)}?"
    return ""


def _lacking(message: str) -> list[str]:
    _, found, rest = message.partition(" lacks ")
    return [name.strip() for name in rest.split(";")[0].split(",")] if found else []


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
