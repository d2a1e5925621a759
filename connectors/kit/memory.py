"""Keeps what a connector remembers of cases in Kafka, beside its position, so that a restart forgets nothing.

Every part of a case is a small record on ``connector-cursors`` under ``<instance>/<case>#<part>``. What a payload has
changed goes out when its events are safe, as the last entries of the same payload: who sent it is answered when both
are. A payload whose memory was not kept is not answered, comes again, and is read with the memory before it; its events
then come twice, with the ids they had.
"""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.kit.case_book import Parts, Remembers
from connectors.kit.context import ConnectorContext
from connectors.kit.reading.standing import standing_on
from connectors.kit.source import Accepted, removed
from schemas.connector_cursor import ConnectorCursor
from schemas.topics import CONNECTOR_CURSORS

logger = logging.getLogger(__name__)

# Far beyond a route through a city; a larger part is not kept.
PART_BYTES_MAX = 100_000
# No connector keeps a case for longer than 60 days: what is older belongs to an instance that is run no more, under
# another name perhaps, and may tell of places.
LEFT_BEHIND_US = 90 * 86_400_000_000
# After so many records others of the process have their turn: ten thousand cases take a second.
_YIELD_EVERY = 500


@dataclass(slots=True)
class _Stored:
    """What Kafka holds of a case: since when at the latest, and a hash of each part's text."""

    updated_us: int
    parts: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Found:
    """What is read of a case: its parts, and when the newest of them was kept."""

    updated_us: int
    parts: dict[str, Any] = field(default_factory=dict)


class Memory:
    """The kept memory of one source. Where a connector runs under no name, or for a trial, nothing is kept.

    Args:
        book: what the connector remembers.
        context: the surroundings.
        note: counts a finding, a kebab-case word.
    """

    def __init__(self, book: Remembers, context: ConnectorContext, note: Callable[[str], None]) -> None:
        self._book = book
        self._context = context
        self._note = note
        self._is_kept = bool(context.instance) and context.pictures is not None and not context.is_trial
        # By name, the one kept longest ago first.
        self._stored: OrderedDict[str, _Stored] = OrderedDict()
        # Whether nothing has changed since it was recalled: then it is what is kept, however often reading begins anew.
        self._is_as_kept = False

    async def recall(self) -> list[Accepted]:
        """Let the connector remember what is kept, and nothing else; return the ends of what is of no use any more.

        Raises:
            SourceUnavailableError: the broker does not answer.
        """
        pictures, now_us = self._context.pictures, self._context.clock.now_us()
        if self._is_as_kept:
            self.entries()  # what changed may have been on its way to be told when reading broke off
        if not self._is_kept or pictures is None or self._is_as_kept:
            return []
        beginning = f"{self._context.instance}/"

        def keep(record: ConnectorCursor) -> ConnectorCursor | None:
            is_left = "/" in record.connector and record.updated_us < now_us - LEFT_BEHIND_US
            return record if is_left or record.connector.startswith(beginning) else None

        standing = await standing_on(pictures, CONNECTOR_CURSORS, keep)
        useless, cases = [], dict[str, _Found]()
        in_time = sorted(standing.items(), key=lambda item: item[1].updated_us)
        for number, (key, record) in enumerate(in_time):
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
            named = _part_of(record.cursor, self._book.form) if key.startswith(beginning) else None
            if named is None:
                useless.append(key)
                continue
            name, part, value = named
            case = cases.pop(name, None) or _Found(0)
            case.updated_us, case.parts[part] = record.updated_us, value
            cases[name] = case
        fresh = {name: case.parts for name, case in cases.items() if case.updated_us >= now_us - self._book.kept_us}
        unreadable = set(await asyncio.to_thread(self._book.recall, fresh, is_kept=True))
        self._stored.clear()
        for number, (name, case) in enumerate(cases.items()):
            if number % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
            if name in unreadable or name not in fresh:
                useless += [self._key(name, part) for part in case.parts]
                continue
            hashes = {part: hash(_text(self._book.form, name, part, value)) for part, value in case.parts.items()}
            self._stored[name] = _Stored(case.updated_us, hashes)
        if useless:
            logger.info("%s: %d parts of its memory are old and forgotten", self._context.instance, len(useless))
        self._is_as_kept = not useless
        return [removed(CONNECTOR_CURSORS, key) for key in useless]

    def entries(self) -> list[Accepted]:
        """Return what has changed since the last call, to be published behind the events that it belongs to."""
        if not self._is_kept:
            return []
        now_us = self._context.clock.now_us()
        for name, stored in self._stored.items():
            if stored.updated_us >= now_us - self._book.kept_us:
                break
            self._book.forget(name)
        made: list[Accepted] = []
        for name, parts in self._book.changed().items():
            made += self._changes(name, parts or {}, now_us)
        self._is_as_kept = self._is_as_kept and not made
        return made

    def _changes(self, name: str, parts: Parts, now_us: int) -> list[Accepted]:
        """Return the parts of a case that are other than what is kept, and the ends of those that it no longer has."""
        stored = self._stored.get(name) or _Stored(now_us)
        texts = self._texts(name, parts)
        made = [
            Accepted(
                CONNECTOR_CURSORS,
                ConnectorCursor(connector=self._key(name, part), cursor=text, accepted=0, refused=0, updated_us=now_us),
            )
            for part, text in texts.items()
            if stored.parts.get(part) != hash(text)
        ]
        made += [removed(CONNECTOR_CURSORS, self._key(name, part)) for part in stored.parts if part not in texts]
        if made:
            self._stored[name] = _Stored(now_us, {part: hash(text) for part, text in texts.items()})
            self._stored.move_to_end(name)
        if not texts:
            self._stored.pop(name, None)
        return made

    def _texts(self, name: str, parts: Parts) -> dict[str, str]:
        texts = {part: _text(self._book.form, name, part, value) for part, value in parts.items()}
        fitting = {part: text for part, text in texts.items() if len(text.encode()) <= PART_BYTES_MAX}
        if len(fitting) < len(texts):
            self._note("memory-too-large")
        return fitting

    def _key(self, name: str, part: str) -> str:
        # Half a character in a name must not stop anybody.
        return f"{self._context.instance}/{name}#{part}".encode("utf-8", "backslashreplace").decode()


def _text(form: int, name: str, part: str, value: Any) -> str:
    """Return what is kept of a part: plain JSON, ASCII only."""
    return json.dumps({"form": form, "case": name, "part": part, "is": value}, separators=(",", ":"))


def _part_of(text: str, form: int) -> tuple[str, str, Any] | None:
    """Return name, part and value of what is kept; None where it is of another form."""
    try:
        kept: Mapping[str, Any] = json.loads(text)
        return (str(kept["case"]), str(kept["part"]), kept["is"]) if kept["form"] == form else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
