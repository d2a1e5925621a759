"""What a worker does before it joins its group: it compiles, loads the camera table and looks along the streets.

All of it may take a minute on a new machine, and other workers must not wait for that: a group stands still while a
member that has joined restores. The work that holds the processor runs in a thread of its own, so that health
endpoints answer meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread

from topologies.decisions import CameraView, DecisionEngine
from topologies.table_feed import Apply, TableFeed

log = logging.getLogger(__name__)
# What is done within this time is not worth a line.
SILENT_S = 3.0
COMPILING = "compiling the kernels: about a minute the first time, then seconds"
LOOKING = "looking along the streets from {cameras:,} cameras, once per map and registry"


class Preparation:
    """Prepares an engine and then keeps it prepared.

    Attributes:
        stage: what is being done; empty when the engine is prepared.

    Args:
        engine: what is prepared.
        cameras: its camera table.
    """

    def __init__(self, engine: DecisionEngine, cameras: CameraView) -> None:
        self.stage = "not begun"
        self._engine = engine
        self._cameras = cameras

    def applying(self, apply: Apply) -> Apply:
        """Return ``apply`` with the preparation of what it changed, once the worker is prepared.

        A feed applies rows in slices of bounded time, so a registry that is imported later cannot hold decisions up.
        """

        def apply_and_prepare(
            keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int
        ) -> Sequence[tuple[int, Exception]]:
            refused = apply(keys, values, last_offset)
            if not self.stage:
                self._engine.prepare(self._cameras)
            return refused

        return apply_and_prepare

    async def run(self, feeds: Sequence[TableFeed], announce: Callable[[str], None]) -> None:
        """Compile, load the tables, and look along the streets; announce what takes long."""
        self.stage = COMPILING
        compiling = asyncio.create_task(self._long(self._warm_up, announce))
        try:
            for feed in feeds:
                await feed.catch_up()
            await compiling
        finally:
            compiling.cancel()
        self.stage = LOOKING.format(cameras=len(self._cameras))
        await self._long(lambda: self._engine.prepare(self._cameras), announce)
        self.stage = ""

    def _warm_up(self) -> None:
        try:
            self._engine.warm_up()
        except Exception:
            # It only saves time: what was not compiled here is compiled with the first case.
            log.warning("the kernels could not be compiled in advance", exc_info=True)

    async def _long(self, work: Callable[[], None], announce: Callable[[str], None]) -> None:
        done = _in_thread(work)
        finished, _ = await asyncio.wait([done], timeout=SILENT_S)
        if not finished:
            announce(self.stage)
        await done


def _in_thread(work: Callable[[], None]) -> "asyncio.Future[None]":
    """Run work in a thread that the process does not wait for when it ends, unlike those of asyncio."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            work()
        except BaseException as raised:
            error = raised
        with suppress(RuntimeError):  # the loop is closed: the worker has ended meanwhile
            loop.call_soon_threadsafe(settle, error)

    Thread(target=run, name="preparation", daemon=True).start()
    return done
