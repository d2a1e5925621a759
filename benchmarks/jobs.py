"""What is measured on a broker: pass-through twice, the real job, and how soon a worker is ready."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer

from benchmarks.feed import pace, publish, publish_backlog
from benchmarks.measured import CITIES, CITY
from benchmarks.processes import Measured, window
from benchmarks.workload import Walkers, camera_slices
from schemas.topics import CAMERAS, WANDERING_ALERTS
from topologies.settings import Settings
from topologies.topics import ensure_topics

# Figures are taken after this share of a backlog, when caches are warm, and before its end, when partitions run dry.
WARM_SHARE, END_SHARE = 0.2, 0.95
READY_TIMEOUT_S = 180.0
DONE_TIMEOUT_S = 240.0

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured.

    Attributes:
        stock_records: backlog of the per-message agent.
        batch_records: backlog of the agent of batches.
        cameras: table of the real job.
        cases: open cases of the real job.
        backlog: its backlog of fixes.
        walking_share: share of the people who walk; 6 % make about 1 % of the fixes change a camera set.
        rate: fixes a second of the paced run.
        paced_s: how long it runs.
        many_cameras: table of the second look at readiness; 0 for none.
    """

    stock_records: int
    batch_records: int
    cameras: int
    cases: int
    backlog: int
    walking_share: float
    rate: int
    paced_s: float
    many_cameras: int


FULL = Scale(30_000, 400_000, 84_000, 10_000, 400_000, 0.06, 1_000, 60.0, 2_000_000)
QUICK = Scale(6_000, 300_000, 20_000, 2_000, 40_000, 0.06, 500, 6.0, 0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where to measure: a broker and a producer to it."""

    bootstrap_servers: str
    producer: AIOKafkaProducer

    def create_topics(self, prefix: str) -> None:
        """Create the topics of a job."""
        settings = Settings(bootstrap_servers=(self.bootstrap_servers,), city=CITY, cities_dir=CITIES)
        ensure_topics(settings, prefix)

    def measured(self, kind: str, prefix: str) -> Measured:
        """Return a measured process that is not started yet."""
        return Measured(kind, prefix=prefix, bootstrap_servers=self.bootstrap_servers)


async def pass_through(place: Place, kind: str, records: int) -> Figures:
    """Return the figures of a pass-through (``stock`` or ``batches``) over a backlog."""
    prefix = f"bench-{kind}"
    place.create_topics(prefix)
    walkers = Walkers(10_000, cameras=84_000, walking_share=0.0)
    await publish_backlog(place.producer, prefix, walkers, records)
    with place.measured(kind, prefix) as process:
        await process.wait_until_ready(READY_TIMEOUT_S)
        await process.wait_until_done(records, DONE_TIMEOUT_S)
        return window(process.lines(), records * WARM_SHARE, records * END_SHARE)


async def real_job(place: Place, scale: Scale) -> Figures:
    """Return the figures of the real job: ready, opening cases, a backlog of fixes, and fixes at a steady rate."""
    prefix = "bench-job"
    place.create_topics(prefix)
    await publish(place.producer, CAMERAS, prefix, camera_slices(scale.cameras))
    walkers = Walkers(scale.cases, cameras=scale.cameras, walking_share=scale.walking_share)
    figures: Figures = {}
    with place.measured("worker", prefix) as process:
        figures["ready"] = {
            **(await process.wait_until_ready(READY_TIMEOUT_S)),
            "rss_mb": process.lines()[-1]["rss_mb"],
        }
        alerts = walkers.alerts(time.time_ns() // 1000)
        await publish(place.producer, WANDERING_ALERTS, prefix, [(alerts.keys, alerts.values)])
        await process.wait_until_done(scale.cases, DONE_TIMEOUT_S)
        figures["opening"] = window(process.lines(), 1, scale.cases)
    # The backlog of a worker that was away: it comes back, restores its cases, and works off what has gathered.
    await publish_backlog(place.producer, prefix, walkers, scale.backlog)
    with place.measured("worker", prefix) as process:
        figures["ready_again"] = await process.wait_until_ready(READY_TIMEOUT_S)
        await process.wait_until_done(scale.backlog, DONE_TIMEOUT_S)
        figures["backlog"] = window(process.lines(), scale.backlog * WARM_SHARE, scale.backlog * END_SHARE)
        latencies = await pace(
            place.producer, place.bootstrap_servers, prefix, walkers, rate=scale.rate, seconds=scale.paced_s
        )
        await process.wait_until_done(scale.backlog + latencies.sent, DONE_TIMEOUT_S)
        begin, end = scale.backlog + 0.05 * latencies.sent, scale.backlog + END_SHARE * latencies.sent
        figures["paced"] = {**window(process.lines(), begin, end), **_percentiles(latencies.milliseconds())}
    return figures


def _percentiles(latency_ms: Any) -> Figures:
    if not len(latency_ms):
        raise ValueError("no fix of the paced run led to an assignment")
    p50, p99 = np.percentile(latency_ms, (50, 99)).tolist()
    return {"p50_ms": p50, "p99_ms": p99, "max_ms": float(latency_ms[-1]), "assignments": len(latency_ms)}


async def many_cameras(place: Place, cameras: int) -> Figures:
    """Return how soon a worker is ready with so many cameras, and how much memory it takes."""
    prefix = "bench-many"
    place.create_topics(prefix)
    await publish(place.producer, CAMERAS, prefix, camera_slices(cameras))
    with place.measured("worker", prefix) as process:
        ready = await process.wait_until_ready(READY_TIMEOUT_S)
        return {**ready, "rss_mb": process.lines()[-1]["rss_mb"], "cameras": cameras}
