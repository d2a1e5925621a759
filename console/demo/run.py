"""``goldentime demo``: starts everything, plays the story, shows what is decided, and leaves nothing behind."""

import asyncio
import logging
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.kit.instances import instances_of
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_sources
from connectors.kit.settings import ConnectorSettings
from console.connector_setup import context_of, jobs_of
from console.demo.eyes import Watch
from console.demo.figures import Figures
from console.demo.ground import Ground, break_ground
from console.demo.listener import Listener
from console.demo.player import Player
from console.demo.screen import Screen
from console.demo.story import STORY_LENGTH_S, Drop, build_story
from console.demo.tasks import STOP_S, beside, until_signal
from console.demo.truth import moments_of
from console.demo.worker_process import WorkerProcess, variables_of
from console.embedded_broker import EmbeddedBroker
from console.golden_times import GoldenTimes
from console.registry_files import publish_registry
from schemas.camera_assignment import CameraAssignment
from schemas.clock import ScaledClock
from schemas.dead_letter import DeadLetter
from schemas.topics import CAMERA_ASSIGNMENTS, prefixed
from topologies.city_files import City, load_city
from topologies.connection import client_options
from topologies.settings import Settings
from topologies.topics import ensure_topics

CITY = "demo"
US_PER_S = 1_000_000
# The story's day: a Wednesday in June; its clock starts here when the demonstration does.
STORY_DAY = datetime(2026, 6, 17, 13, 50, tzinfo=ZoneInfo("Asia/Seoul"))
# Real seconds between two ticks of the worker, but no more of the story's than the engine takes to look anew.
TICK_S = 0.5
TICK_STORY_S_MAX = 10.0
# The embedded broker lets a group's first member wait for half of this, and a dead member's partitions for all of it.
SESSION_TIMEOUT_S = 5.0
# After the last drop: how long decisions may still come (real seconds).
QUIET_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """How to run the demonstration.

    Attributes:
        cities_dir: where the folder of the demo city is.
        seed: chooses the city and its story.
        speed: how many times faster than life the story runs.
        stay: begin a new story when one has ended, until Ctrl-C.
        registry: a real registry file to play among the cameras of; None plays in the made-up city.
        streets: whether the worker knows the story's streets.
        broker_port: loopback port of the broker; None takes a free one.
        web_port: loopback port of the worker's endpoints; None takes a free one.
    """

    cities_dir: Path
    seed: int = 1
    speed: float = 60.0
    stay: bool = False
    registry: Path | None = None
    streets: bool = True
    broker_port: int | None = None
    web_port: int | None = None


def run_demo(options: DemoOptions) -> int:
    """Run the demonstration; return the exit code: 0 played to the end, 130 Ctrl-C, 143 SIGTERM.

    Raises:
        ConsoleError: a part could not be started or stopped by itself.
        PolicyError: the folder of the demo city is not usable.
    """
    # What the parts log goes nowhere here: what matters is shown, and a worker that fails tells why in its own log.
    logging.getLogger().addHandler(logging.NullHandler())
    return asyncio.run(until_signal(_Demo(options).play))


@dataclass(frozen=True, slots=True)
class _Stage:
    """What stands while stories are played.

    Attributes:
        folder: temporary, for everything.
        ground: where the story plays.
        settings: how the parts reach the broker.
        connectors: the same for connectors.
        publisher: what connectors write with.
        worker: the worker's process.
        keeping: the task that keeps the worker running; ends only with an error.
    """

    folder: Path
    ground: Ground
    settings: Settings
    connectors: ConnectorSettings
    publisher: Publisher
    worker: WorkerProcess
    keeping: "asyncio.Task[None]"


class _Demo:
    """One run of the demonstration."""

    def __init__(self, options: DemoOptions) -> None:
        self._options = options
        # A folder that cannot be used is refused before anything is started.
        self._place: City = load_city(options.cities_dir, CITY)
        self._screen = Screen(ZoneInfo(self._place.time_zone))
        self._clock = ScaledClock(time.time_ns() // 1_000, int(STORY_DAY.timestamp()) * US_PER_S, options.speed)
        self._figures = Figures(options.speed, golden=GoldenTimes(ZoneInfo(self._place.time_zone)))
        self._started_s = time.monotonic()

    async def play(self) -> None:
        """Start, play, show, stop."""
        kind = "A made-up city" if self._options.registry is None else "Real cameras, made-up streets"
        self._screen.line(f"Goldentime: alarms in, camera assignments out. {kind}, the real worker.\n", "bold")
        with tempfile.TemporaryDirectory(prefix="goldentime-demo-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            ground = await asyncio.to_thread(self._break_ground, folder)
            self._place = ground.place
            with EmbeddedBroker(self._options.broker_port) as broker:
                self._screen.done("broker", f"at {broker.bootstrap_servers}, in memory: its log ends with the demo")
                settings = self._settings(broker.bootstrap_servers, ground, folder)
                report = await asyncio.to_thread(ensure_topics, settings, self._place.prefix)
                self._screen.done("topics", f"{len(report.created)} created, {self._place.prefix}.*")
                variables = variables_of(settings, self._clock)
                log, port = folder / "worker.log", self._options.web_port
                with WorkerProcess(variables, log, self._screen.line, web_port=port) as worker:
                    await self._with_worker(worker, ground, settings, folder)

    def _break_ground(self, folder: Path) -> Ground:
        options = self._options
        return break_ground(
            options.cities_dir,
            CITY,
            folder,
            self._clock.now_us(),
            seed=options.seed,
            registry=options.registry,
            streets=options.streets,
        )

    async def _with_worker(self, worker: WorkerProcess, ground: Ground, settings: Settings, folder: Path) -> None:
        keeping = asyncio.create_task(worker.keep_running())
        connectors = ConnectorSettings(
            bootstrap_servers=settings.bootstrap_servers,
            topic_prefix=self._place.prefix,
            clock=self._clock,
            pseudonyms=Pseudonyms.ephemeral(),
        )
        publisher = Publisher(connectors)
        stage = _Stage(folder, ground, settings, connectors, publisher, worker, keeping)
        try:
            await beside([keeping], self._load_cameras(stage))
            with self._screen.waiting("worker") as waiting:
                await beside([keeping], worker.ready(waiting.missing, self._tell_long))
            seconds = time.monotonic() - self._started_s
            self._screen.done("worker", f"ready {seconds:.1f} s after the start; {worker.url}/metrics")
            topic = prefixed(self._place.prefix)(CAMERA_ASSIGNMENTS.name)
            where = f"--broker {settings.bootstrap_servers[0]} --registry {worker.url} --topic {topic}"
            self._screen.done("consumers", f"read along, as docs/consumers.md says: {where}")
            await self._play_stories(stage)
        finally:
            keeping.cancel()
            worker.ask_to_stop()
            await asyncio.wait([keeping, asyncio.create_task(publisher.close())], timeout=STOP_S)

    async def _load_cameras(self, stage: _Stage) -> None:
        registry = stage.ground.registry
        await stage.publisher.start()
        with self._screen.bar("cameras", len(registry.cameras)) as move:
            count = await publish_registry(stage.publisher, registry, move)
        if stage.ground.is_real:
            poles = len({camera.site_id for camera in registry.cameras})
            self._screen.done("cameras", f"{count:,} on {poles:,} poles, of a real registry; streets made up")
            return
        report = registry.report
        self._screen.done("cameras", f"{count:,} on {report.sites:,} poles of {len(report.owners)} districts, made up")
        doubts = ", ".join(f"{n} {flag}" for flag, n in report.flags.most_common(3))
        self._screen.done("", f"{report.refused_rows} rows of their registry refused, doubtful: {doubts}, ..")

    async def _play_stories(self, stage: _Stage) -> None:
        jobs, paths = self._connector_jobs(stage)
        self._screen.done("connectors", ", ".join(job.kind for job in jobs) + "\n")
        listener = Listener(
            client_options(stage.settings),
            prefixed(self._place.prefix),
            case_partitions=stage.settings.case_partitions,
            clock=self._clock,
            figures=self._figures,
            tell=self._show,
        )
        stop = asyncio.Event()
        cursors = KafkaCursors(stage.connectors, stage.publisher)
        parts = [
            asyncio.create_task(listener.run()),
            asyncio.create_task(run_sources(jobs, stage.publisher, cursors, stop, self._clock)),
        ]
        player = Player(paths, self._clock, self._tell_drop)
        try:
            number = 0
            while number == 0 or self._options.stay:
                await beside([stage.keeping, *parts], self._play_story(stage, player, listener, number))
                number += 1
        finally:
            stage.keeping.cancel()
            stage.worker.ask_to_stop()
            stop.set()
            parts[0].cancel()
            # The connectors end by themselves within 2 s; what is left then is given up.
            _, left = await asyncio.wait(parts, timeout=STOP_S)
            for part in left:
                part.cancel()

    async def _play_story(self, stage: _Stage, player: Player, listener: Listener, number: int) -> None:
        """Play one story, wait until what it caused is decided, and sum up."""
        minute_us = 60 * US_PER_S
        start_us = (self._clock.now_us() // minute_us + 1) * minute_us
        ground, seed = stage.ground, self._options.seed + number
        story = build_story(ground.city, seed, start_us, self._place.time_zone)
        listener.watch = watch = Watch(ground.truth, story.start_us, story.walker.case_id)
        await player.play(story)
        decisions = -1
        while decisions != self._figures.decisions:
            decisions = self._figures.decisions
            await asyncio.sleep(QUIET_S)
        self._figures.restarts = stage.worker.restarts
        moments = await asyncio.to_thread(moments_of, story.walker, ground.truth, ground.city.streets, seed)
        self._figures.eyes = watch.eyes_on(moments, story.reported)
        self._screen.summary(self._figures, STORY_LENGTH_S * (number + 1) / 60)
        self._screen.next_steps(
            stays=self._options.stay,
            case_id=next(iter(self._figures.viewed), ""),
            url=stage.worker.url,
            variables={
                "GOLDENTIME_BOOTSTRAP_SERVERS": stage.settings.bootstrap_servers[0],
                "GOLDENTIME_CITY": CITY,
                "GOLDENTIME_CITIES_DIR": str(ground.cities_dir),
                "GOLDENTIME_CLOCK": self._clock.setting(),
                "GOLDENTIME_TICK_S": str(stage.settings.tick_s),
            },
        )

    def _connector_jobs(self, stage: _Stage) -> tuple[list[SourceJob], dict[str, Path]]:
        """Return the connectors of the demo city with their paths put into the temporary folder, and these paths."""
        instances, paths = [], {}
        for instance in instances_of(self._options.cities_dir, CITY):
            path = stage.folder / str(instance.options["path"])
            if path.suffix:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
            else:
                path.mkdir(parents=True)
            paths[instance.kind] = path
            instances.append(replace(instance, options={**instance.options, "path": str(path)}))
        return jobs_of(instances, context_of(self._place, stage.connectors)), paths

    def _settings(self, bootstrap_servers: str, ground: Ground, folder: Path) -> Settings:
        return Settings(
            bootstrap_servers=(bootstrap_servers,),
            city=CITY,
            cities_dir=ground.cities_dir,
            clock=self._clock,
            tick_s=min(TICK_S * self._options.speed, TICK_STORY_S_MAX),
            # The story's lines of sight are computed in a second; nothing is to be left behind.
            cache_dir=folder / "cache",
            session_timeout_s=SESSION_TIMEOUT_S,
            data_dir=folder / "worker",
        )

    def _tell_long(self, what: str) -> None:
        self._screen.done("worker", what)

    def _tell_drop(self, drop: Drop) -> None:
        if drop.says:
            self._screen.happens(drop.at_us, drop.says)

    def _show(self, record: CameraAssignment | DeadLetter) -> None:
        if isinstance(record, CameraAssignment):
            self._screen.decision(record)
        else:
            self._screen.dead_letter(record)
