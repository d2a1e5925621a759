"""A loaded registry as entries for the topic of cameras: only what is news, then what is gone."""

import heapq
from collections.abc import Iterator
from dataclasses import replace

from connectors.kit.cameras.changes import Changes, Standing
from connectors.kit.cameras.making import RegistryLoad
from connectors.kit.pictures import Pictures
from connectors.kit.reading.standing import standing_on
from connectors.kit.source import Accepted, Entry, Refused, removed
from schemas.topics import CAMERAS


async def standing_cameras(pictures: Pictures, source: str) -> dict[str, Standing]:
    """Return the cameras that stand of one kind of registry, by camera id.

    Args:
        pictures: where topics are read.
        source: the source of their records.

    Raises:
        SourceUnavailableError: the broker does not answer, or the topic is not there.
    """
    return await standing_on(pictures, CAMERAS, lambda c: Standing.of(c) if c.source == source else None)


def is_news(entry: Entry, changes: Changes | None) -> bool:
    """Return whether an entry must be told: it is a refusal, or no camera that stands just so."""
    if changes is None or not isinstance(entry, Accepted) or entry.record is None:
        return True
    return entry.record.camera_id not in changes.unchanged


def goodbyes(changes: Changes | None) -> list[Entry]:
    """Return the removals of the cameras that are gone; after all others, so that no place is without its new one."""
    return [] if changes is None else [removed(CAMERAS, camera_id) for camera_id in changes.gone]


def in_row_order(loaded: RegistryLoad) -> Iterator[tuple[int, Entry]]:
    """Yield (row, entry) of all cameras and refusals; the last entry of a row carries its cursor."""
    refused: Iterator[tuple[int, Refused]] = (
        (r.number, replace(r, cursor=f"{r.number}@{loaded.fingerprint}")) for r in loaded.refused
    )
    return heapq.merge(_accepted(loaded), refused, key=lambda numbered: numbered[0])


def row_of(cursor: str | None, fingerprint: str) -> int:
    """Return the last row that is done; 0 when there is no cursor or it is of another file."""
    row, _, file = (cursor or "").partition("@")
    return int(row) if file == fingerprint and row.isdecimal() else 0


def _accepted(loaded: RegistryLoad) -> Iterator[tuple[int, Entry]]:
    rows = loaded.camera_rows
    for index, camera in enumerate(loaded.cameras):
        row = rows[index]
        is_last = index + 1 == len(rows) or rows[index + 1] != row
        yield row, Accepted(CAMERAS, camera, f"{row}@{loaded.fingerprint}" if is_last else None)
