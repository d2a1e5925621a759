"""A video wall as its page asks for one: it does a call once per idempotency key."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.support.loopback import served

IDEMPOTENCY_HEADER = "Idempotency-Key"


@dataclass(frozen=True)
class Told:
    """A call that the wall has answered with 200.

    Attributes:
        key: its idempotency key.
        case_id: its case; ``version`` is the assignment's.
        version: see there.
        by: last part of the path, by which a test tells the callers apart.
        run: how often a caller was killed or put to sleep before.
    """

    key: str
    case_id: str
    version: int
    by: str
    run: int


@dataclass
class VideoWall:
    """What a wall was told.

    Attributes:
        url: where it listens; what a test appends tells the callers apart.
        calls: all calls that it answered with 200, repeats too, in order.
        done: how often each key was done; a repeat is not.
        came: how many calls came, answered or not.
        run: see :class:`Told`; the test counts.
        is_down: whether it answers 503 now.
        takes_s: how long it takes for a call, seconds.
    """

    url: str = ""
    calls: list[Told] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    came: int = 0
    run: int = 0
    is_down: bool = False
    takes_s: float = 0.0

    @property
    def newest(self) -> dict[str, int]:
        """Return the version of each case that was told last, repeats too: what the wall shows in the end."""
        return {told.case_id: told.version for told in list(self.calls)}

    @property
    def repeats(self) -> int:
        """Return how many calls were told again."""
        return len(self.calls) - len(self.done)

    def backward(self) -> list[Told]:
        """Return the calls that came after a newer version of their case in the same run of the same caller."""
        newest: dict[tuple[str, str, int], int] = {}
        wrong = []
        for told in self.calls:
            place = (told.case_id, told.by, told.run)
            if told.version < newest.get(place, 0):
                wrong.append(told)
            newest[place] = max(told.version, newest.get(place, 0))
        return wrong

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Answer a call."""
        body, key = json.loads(await request.read()), request.headers[IDEMPOTENCY_HEADER]
        self.came += 1
        if self.takes_s:
            await asyncio.sleep(self.takes_s)
        if self.is_down:
            return web.Response(status=503)
        self.calls.append(Told(key, body["case_id"], body["version"], request.path.rpartition("/")[2], self.run))
        if key not in self.done:
            self.done[key] += 1
        return web.json_response({})


@asynccontextmanager
async def video_wall(**options: Any) -> AsyncIterator[VideoWall]:
    """Give a wall that listens for as long as the block runs."""
    wall = VideoWall(**options)
    async with served(wall.answer) as url:
        wall.url = url + "/hook"
        yield wall
