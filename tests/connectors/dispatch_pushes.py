"""Pushes to the connectors for dispatch systems, without a server: the body of a request to entries."""

from collections.abc import Mapping
from typing import Any

from connectors.kit.arrival import Arrival
from connectors.kit.manifest import build
from connectors.kit.payloads import PayloadSource
from connectors.kit.source import Entry
from tests.connectors.local_context import NOON_US, a_context

PUSH = {"transport": "http-push", "token_env": "DISPATCH_TOKEN"}


def a_pushed_source(name: str, *, now_us: int = NOON_US, **options: Any) -> PayloadSource:
    source = build(name, {**PUSH, **options}, a_context(now_us=now_us))
    assert isinstance(source, PayloadSource)
    return source


def entries_of_push(
    name: str, body: bytes, *, now_us: int = NOON_US, options: Mapping[str, Any] | None = None
) -> list[Entry]:
    """Return the entries that a fresh source makes of the body of one request."""
    source = a_pushed_source(name, now_us=now_us, **(options or {}))
    return list(source.answers(body, Arrival(now_us, 1, f"/in/{name}")))


class PushedAnswers:
    """For a suite over pushes: a sample is the body of a request, also where the connector reads files as well."""

    name: str

    def answer(self, payload: bytes, *, now_us: int = NOON_US) -> list[Entry]:
        return entries_of_push(self.name, payload, now_us=now_us)
