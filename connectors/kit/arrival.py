"""What a transport hands to a connector's reading of payloads, and what it gets back."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from connectors.kit.source import Entry


@dataclass(frozen=True, slots=True)
class Arrival:
    """The circumstances of a payload.

    Attributes:
        now_us: when it was received, UTC microseconds since the epoch.
        number: its number since the connector began.
        origin: where it came from: the MQTT topic, the path it was pushed to, or the polled URL without its query.
        attributes: headers that say what it is, by name in lower case; ``content-type`` where the sender gave it.
    """

    now_us: int
    number: int = 1
    origin: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


class AnswersPayloads(Protocol):
    """A connector as its transport sees it."""

    def answers(self, payload: bytes, arrival: Arrival) -> Sequence[Entry]:
        """Return the entries of a payload without cursors; never raises for what is in it."""

    def next_url(self, payload: bytes, arrival: Arrival) -> str | None:
        """Return where the rest of a polled answer lies; None where this is all."""

    def note(self, finding: str) -> None:
        """Count a finding, a kebab-case word."""


class Link(Protocol):
    """A transport at work for one connector."""

    @property
    def is_connected(self) -> bool:
        """Return whether the other system was reached and can be heard now."""

    def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries of all payloads after ``cursor``; see :class:`connectors.kit.source.Source`."""

    def acknowledged(self, cursor: str) -> None:
        """Take note that every entry up to ``cursor`` stands in Kafka."""


def with_cursor(entries: Sequence[Entry], cursor: str | None, before: str | None = None) -> list[Entry]:
    """Return the entries of one payload with the cursor on the last, so that a resume never loses half a payload.

    Args:
        entries: the entries, in order.
        cursor: the position after all of them.
        before: the position before them, which the others get: a failure among them is read again from there.
    """
    placed = [replace(entry, cursor=before) for entry in entries]
    if placed:
        placed[-1] = replace(placed[-1], cursor=cursor)
    return placed
