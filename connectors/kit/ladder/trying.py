"""The third step: connect to the live system, read a few entries, write nothing and leave no trace."""

import asyncio
from contextlib import aclosing

from connectors.kit.source import Entry, Source


async def dry_run(source: Source, *, most: int, within_s: float) -> list[Entry]:
    """Return the first entries of a live source, as many as came within a time.

    Nothing is acknowledged: a push is answered with 503, an MQTT broker keeps its messages, a cursor is not stored.

    Args:
        source: the source, made with a context whose ``is_trial`` is set.
        most: at most so many entries.
        within_s: how long to wait for them, seconds.

    Raises:
        SourceUnavailableError: the system does not answer.
        ConnectorConfigError: something that a person must mend.
    """
    entries: list[Entry] = []
    stream = source.entries(None)
    try:
        async with asyncio.timeout(within_s), aclosing(stream):  # type: ignore[type-var]
            async for entry in stream:
                entries.append(entry)
                if len(entries) >= most:
                    break
    except TimeoutError:
        pass
    return entries
