"""Plays a story: drops its files when their time has come."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from console.demo.story import Drop, Story
from schemas.clock import ScaledClock


class Player:
    """Drops files the way outside systems do: under another name first, then renamed, so that none is read half.

    Args:
        paths: where each connector looks, by its kind: a folder, or the one file it follows.
        clock: the story's clock.
        tell: called with each drop as it is made.
    """

    def __init__(self, paths: Mapping[str, Path], clock: ScaledClock, tell: Callable[[Drop], None]) -> None:
        self._paths = paths
        self._clock = clock
        self._tell = tell

    async def play(self, story: Story) -> None:
        """Play a story to its end."""
        for drop in story.drops:
            await self._until(drop.at_us)
            self._tell(drop)
            self._write(drop)
        await self._until(story.end_us)

    async def _until(self, at_us: int) -> None:
        left_s = (at_us - self._clock.now_us()) / 1_000_000 / self._clock.factor
        if left_s > 0:
            await asyncio.sleep(left_s)

    def _write(self, drop: Drop) -> None:
        path = self._paths[drop.connector]
        if not drop.file_name:
            with path.open("ab") as file:
                file.write(drop.content)
            return
        part = path / f"{drop.file_name}.part"
        part.write_bytes(drop.content)
        part.rename(path / drop.file_name)
