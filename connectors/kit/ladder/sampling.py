"""From the outside's bytes to entries, without a server or a broker."""

import asyncio
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.kit.arrival import Arrival
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.examples import EXAMPLE_NOW_US
from connectors.kit.manifest import Manifest, build
from connectors.kit.payloads import PayloadSource
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.source import Entry, Source

# A file on the ladder is looked at whole.
SAMPLE_BYTES_MAX = 256 * 1024 * 1024
_FILE_NAME = "sample.csv"
# What a transport requires and a sample does not need.
_NOT_NEEDED: dict[str, dict[str, str]] = {
    "http-push": {"token_env": "NOT_NEEDED_FOR_A_SAMPLE"},
    "http-poll": {"url": "http://sample.example"},
    "mqtt": {"host": "sample.example"},
    "file-drop": {"folder": "not-needed-for-a-sample"},
}
_SENDERS = frozenset({"token_file", "token_env", "hmac_file", "hmac_env"})


@dataclass(frozen=True, slots=True)
class StillClock:
    """A clock that stands still.

    Attributes:
        standing_us: what it shows, UTC microseconds since the epoch.
    """

    standing_us: int = EXAMPLE_NOW_US

    def now_us(self) -> int:
        """Return the one time it shows."""
        return self.standing_us


def example_context() -> ConnectorContext:
    """Return the surroundings of examples: noon in Seoul on 2026-03-01, and a key that is no secret."""
    return ConnectorContext(clock=StillClock(), pseudonyms=Pseudonyms(b"the key of the examples, no secret"))


def takes_samples(manifest: Manifest) -> bool:
    """Return whether bytes can be handed to a source: it maps payloads, or it reads files by the option ``path``."""
    return manifest.source is not None and (bool(manifest.transports) or "path" in manifest.options)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source made of a payload.

    Attributes:
        entries: the entries, in order.
        findings: how often it noticed what, by kebab-case word.
    """

    entries: list[Entry]
    findings: Mapping[str, int]


def entries_of_sample(
    manifest: Manifest, options: Mapping[str, Any], payload: bytes, context: ConnectorContext, *, origin: str = ""
) -> list[Entry]:
    """Return the entries of :func:`reading_of_sample`, whose arguments and errors these are."""
    return reading_of_sample(manifest, options, payload, context, origin=origin).entries


def reading_of_sample(
    manifest: Manifest, options: Mapping[str, Any], payload: bytes, context: ConnectorContext, *, origin: str = ""
) -> Reading:
    """Return what a source makes of a payload.

    Args:
        manifest: the connector.
        options: its options; those that lead to the other system, and ``path`` for a source of files, may lack.
        payload: a payload, or what a file holds.
        context: the surroundings.
        origin: the MQTT topic or path of the payload; for a source of files the name of the file.

    Raises:
        ConnectorConfigError: an option is wrong, or bytes cannot be handed to this source.
    """
    if len(payload) > SAMPLE_BYTES_MAX:
        raise ConnectorConfigError(f"a sample has at most {SAMPLE_BYTES_MAX} bytes, got {len(payload)}")
    if "path" not in manifest.options or options.get("transport") in manifest.transports:
        source = build(manifest.name, sample_options(manifest, options), context)
        if not isinstance(source, PayloadSource):
            raise ConnectorConfigError(f"{manifest.name} cannot be handed a sample; use a dry run")
        entries = list(source.answers(payload, Arrival(context.clock.now_us(), 1, origin)))
        return Reading(entries, findings_of(source))
    with tempfile.TemporaryDirectory(prefix="goldentime-") as folder:
        path = Path(folder) / (Path(origin).name or _FILE_NAME)
        path.write_bytes(payload)
        from_file = build(manifest.name, {**options, "path": str(path)}, context)
        return Reading(_finished(from_file), findings_of(from_file))


def findings_of(source: Source) -> dict[str, int]:
    """Return how often a source noticed what; empty for one that counts nothing."""
    return dict(getattr(source, "findings", {}))


def sample_options(manifest: Manifest, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with what the chosen transport requires and a sample does not need."""
    chosen = options.get("transport") or next(iter(manifest.transports), "")
    added = dict(_NOT_NEEDED.get(str(chosen), {}))
    if chosen == "http-push" and _SENDERS & set(options):
        added = {}
    return {**added, **options}


def _finished(source: Source) -> list[Entry]:
    """Return all entries of a source that ends; also from within a running event loop."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, _all_entries(source)).result()


async def _all_entries(source: Source) -> list[Entry]:
    stream = source.entries(None)
    async with aclosing(stream):  # type: ignore[type-var]
        return [entry async for entry in stream]
