"""A worker from start to stop: topics, guarantee, app, web server; SIGTERM and SIGINT end it after the running unit."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from schemas.clock import Clock
from schemas.topics import CAMERA_HEALTH, CAMERAS
from topologies.app import WorkerApp, create_app, group_of
from topologies.camera_assignment import CameraAssignmentTopology, add_to
from topologies.decisions import DecisionEngine
from topologies.errors import FencedError, UnitFailedError
from topologies.golden_time import NO_TERMS, CityTerms
from topologies.guarantee import unit_of_work_for
from topologies.projection_files import CityAccess
from topologies.settings import Settings
from topologies.topics import ensure_topics
from topologies.web import WorkerWeb

log = logging.getLogger(__name__)
# Python looks for cycles after every 700 new objects; a fetch makes thousands, and there are hardly any cycles in them.
# With ten thousand cases in memory the search takes a tenth of the engine's time.
GARBAGE_THRESHOLDS = (100_000, 50, 1_000)
# A stop that takes longer than this is given up; the group notices the missing heartbeats then.
STOP_TIMEOUT_S = 10.0
CAMERA_METRICS_S = 1.0
# What is written from outside; its age tells whether the registry's connector lives.
REGISTRY = (CAMERAS, CAMERA_HEALTH)
# A city without a file of projections has none.
NO_ACCESS = CityAccess()


class Worker:
    """One worker of a city.

    Args:
        settings: how to run.
        prefix: the city's topic prefix.
        city: the city's name.
        engine: decides.
        announce: gets the line that says that the worker is ready.
        access: whose projections it writes beside the assignments.
        terms: the city's words for the labels of its metrics.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        prefix: str,
        city: str,
        engine: DecisionEngine,
        announce: Callable[[str], None] = print,
        access: CityAccess = NO_ACCESS,
        terms: CityTerms = NO_TERMS,
    ) -> None:
        self._settings = settings
        self._prefix = prefix
        self._city = city
        self._engine = engine
        self._announce = announce
        self._access = access
        self._terms = terms
        self._stopping = asyncio.Event()
        self.ready = asyncio.Event()
        self.app: WorkerApp | None = None
        self.topology: CameraAssignmentTopology | None = None
        self.web: WorkerWeb | None = None

    def stop(self) -> None:
        """Ask the worker to stop; ``run`` returns when it has."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until asked to stop.

        Raises:
            TopologyError: the worker could not start or had to give up; the message says why.
            Exception: whatever unexpected error ended it, unchanged.
        """
        settings = self._settings
        if settings.create_topics:
            await asyncio.to_thread(ensure_topics, settings, self._prefix, self._access.topics())
        unit_of_work = await unit_of_work_for(settings, group_of(self._prefix))
        self.app = app = create_app(settings, self._prefix)
        failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        app.failed = failed
        self.topology = topology = add_to(
            app,
            settings,
            prefix=self._prefix,
            city=self._city,
            engine=self._engine,
            unit_of_work=unit_of_work,
            failed=failed,
            projections=self._access.projections,
            terms=self._terms,
        )
        self.web = WorkerWeb(topology, self._prefix, settings.web_host, settings.web_port)
        await self.web.start()
        helpers = _helpers(topology, settings.clock, failed)
        try:
            await self._run_app(app, topology, failed)
        finally:
            for helper in helpers:
                helper.cancel()
            await self._stop_all(app, topology, self.web)
        if failed.done():
            _count(topology, failed.result())
            raise failed.result()

    async def _run_app(
        self, app: WorkerApp, topology: CameraAssignmentTopology, failed: "asyncio.Future[BaseException]"
    ) -> None:
        starting: asyncio.Future[None] = asyncio.ensure_future(self._start(app, topology))
        stopping: asyncio.Future[bool] = asyncio.ensure_future(self._stopping.wait())
        ends: list[asyncio.Future[Any]] = [stopping, failed]
        try:
            await asyncio.wait([starting, *ends], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (starting, stopping):
                task.cancel()
            await asyncio.gather(starting, stopping, return_exceptions=True)

    async def _start(self, app: WorkerApp, topology: CameraAssignmentTopology) -> None:
        # Before the group hears of this worker: nobody must wait for a member that is not prepared.
        await topology.preparation.run(topology.feeds, self._announce)
        await app.start()
        await topology.crew.running.wait()
        joined_s = topology.crew.joined_s or time.monotonic()
        partitions = len(topology.crew.pumps)
        self._announce(
            f"ready: {len(topology.cameras):,} cameras, {partitions} partition{'s' * (partitions != 1)}, "
            f"{time.monotonic() - joined_s:.1f} s after joining the group"
        )
        self.ready.set()

    async def _stop_all(self, app: WorkerApp, topology: CameraAssignmentTopology, web: WorkerWeb) -> None:
        for what, step in (
            ("the running units", topology.crew.pause()),
            ("the consumer group", app.stop()),
            ("the producers", topology.crew.close()),
            ("the web server", web.stop()),
        ):
            await _bounded(what, step)


async def _bounded(what: str, step: Awaitable[None]) -> None:
    try:
        await asyncio.wait_for(step, STOP_TIMEOUT_S)
    except Exception as error:
        # The worker ends in any case; what was not committed is decided again by the next owner.
        log.warning("stopping %s failed: %r", what, error)


def _helpers(
    topology: CameraAssignmentTopology, clock: Clock, failed: "asyncio.Future[BaseException]"
) -> list["asyncio.Task[None]"]:
    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and not failed.done():
            failed.set_result(task.exception() or RuntimeError(f"{task.get_name()} ended by itself"))

    tasks = [asyncio.create_task(feed.run(), name=f"feed-{feed.topic.name}") for feed in topology.feeds]
    tasks.append(asyncio.create_task(topology.refusals.run(), name="camera-refusals"))
    tasks.append(asyncio.create_task(topology.dead_letters.run(), name="dead-letter-watch"))
    tasks.append(asyncio.create_task(_show_cameras(topology, clock), name="camera-metrics"))
    for task in tasks:
        task.add_done_callback(ended)
    return tasks


async def _show_cameras(topology: CameraAssignmentTopology, clock: Clock) -> None:
    version = ""
    while True:
        if topology.cameras.version != version:
            version = topology.cameras.version
            topology.metrics.cameras(topology.engine.camera_counts(topology.cameras))
        newest_us = max(feed.newest_us for feed in topology.feeds if feed.topic in REGISTRY)
        age_s = (clock.now_us() - newest_us) / 1e6 if newest_us else 0.0
        topology.metrics.camera_table_age(age_s)
        await asyncio.sleep(CAMERA_METRICS_S)


def _count(topology: CameraAssignmentTopology, error: BaseException) -> None:
    if isinstance(error, FencedError):
        topology.metrics.fenced()
    elif isinstance(error, UnitFailedError):
        topology.metrics.aborted()


def run_worker(
    settings: Settings,
    *,
    prefix: str,
    city: str,
    engine: DecisionEngine,
    access: CityAccess = NO_ACCESS,
    terms: CityTerms = NO_TERMS,
) -> int:
    """Run a worker in this process until SIGTERM or SIGINT; return the exit code: 0 stopped, 1 gave up."""

    async def main() -> None:
        worker = Worker(
            settings, prefix=prefix, city=city, engine=engine, announce=_print_line, access=access, terms=terms
        )
        with _stop_on_signals(worker.stop):
            await worker.run()

    _quiet_libraries()
    try:
        _fast_loops()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        asyncio.run(main())
    except Exception:
        log.exception("the worker gave up")
        return 1
    return 0


def _quiet_libraries() -> None:
    """Let the libraries speak of errors only: the steady state logs nothing.

    aiokafka's sender would warn of every retry, and a broker with transactions asks for one in many units.
    """
    for name in ("mode", "faust", "kafka", "aiokafka.producer.sender"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _print_line(line: str) -> None:
    print(line, flush=True)


def _fast_loops() -> None:
    """Use uvloop where it is installed: about a sixth less CPU, in Faust's consumer thread as well."""
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 - optional, and absent on Windows

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


@contextlib.contextmanager
def _stop_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT) if sys.platform != "win32" else ()
    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
