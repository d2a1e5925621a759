"""The processes that are measured, each a program: ``python -m benchmarks.measured KIND '{"prefix": …}'``.

- ``stock``: pass-through by a per-message agent of stock Faust, the way its documentation shows.
- ``batches``: pass-through by the product's own worker with an engine that decides nothing.
- ``worker``: the product's worker, as ``goldentime worker`` runs it.

All three run on uvloop, so that their ratio is not uvloop's.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import faust
import uvloop

from benchmarks.meter import Meter
from benchmarks.workload import city_plane
from pipeline.cameras.camera_table import CameraTable
from pipeline.reading.batch import RawBatch, StepResult
from schemas.topics import CAMERA_ASSIGNMENTS, TRACKER_FIXES, WANDERING_ALERTS, prefixed
from topologies.city_engine import CityEngine, CityIntake, CityState
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.worker import run_worker

CITIES = Path(__file__).resolve().parents[1] / "cities"
CITY = "seoul"


class PassThrough:
    """An engine that hands every record on as it came (``topologies.decisions.DecisionEngine``)."""

    def __init__(self) -> None:
        self.records = 0

    def new_cameras(self) -> CameraTable:
        """Return an empty table."""
        return CameraTable()

    def warm_up(self) -> None:
        """Compile nothing."""

    def prepare(self, cameras: CameraTable) -> None:
        """Work out nothing."""

    def restore(self, partition: int, rows: Mapping[str, Mapping[bytes, bytes]]) -> None:
        """Return no state."""

    def oldest_assignment_us(self, state: None) -> None:
        """Return none."""

    def open_cases(self, state: None) -> dict[tuple[str, str], int]:
        """Return none."""
        return {}

    def camera_counts(self, cameras: CameraTable) -> dict[str, int]:
        """Return none."""
        return {}

    def read(self, batches: Sequence[RawBatch]) -> Sequence[RawBatch]:
        """Return the records as they are."""
        return batches

    def step(self, state: None, batches: Sequence[RawBatch], cameras: CameraTable, tick_us: int | None) -> StepResult:
        """Return the records for the topic that takes finished rows."""
        result = StepResult()
        for batch in batches:
            result.tracks += [(key or b"", value) for key, value in zip(batch.keys, batch.values, strict=True)]
            self.records += len(batch.offsets)
        return result

    def counts(self) -> dict[str, int]:
        """Return what the meter writes down."""
        return {"records": self.records}


class CountingEngine(CityEngine):
    """The real engine, which also counts what it decided."""

    records = versions = changed_sets = 0

    def step(self, state: CityState, taken: CityIntake, cameras: CameraTable, tick_us: int | None) -> StepResult:
        """Decide as the real engine does."""
        result = super().step(state, taken, cameras, tick_us)
        # Only what the benchmark sends: requests and grants of heads are the city's own, and a part of the price.
        fixes, alerts = taken.cases.fixes, (e for e in taken.cases.events if e.topic == WANDERING_ALERTS.name)
        self.records += (0 if fixes is None else len(fixes)) + sum(1 for _ in alerts)
        self.versions += len(result.assignments)
        self.changed_sets += sum(1 for assignment in result.assignments if assignment.added or assignment.released)
        return result

    def counts(self) -> dict[str, int]:
        """Return what the meter writes down."""
        return {"records": self.records, "versions": self.versions, "changed_sets": self.changed_sets}


def run_stock(options: dict[str, Any], lines: Path) -> int:
    """Pass fixes on with stock Faust until the process is ended."""
    count = 0

    async def main() -> None:
        full_name = prefixed(options["prefix"])
        # Lingering 20 ms halves the cost of a send; without it the comparison would flatter the agent of batches.
        app = faust.App(
            f"{options['prefix']}-stock",
            broker=f"kafka://{options['bootstrap_servers']}",
            store="memory://",
            producer_linger=0.02,
            # The embedded broker holds a first member back for this long.
            broker_session_timeout=10,
            broker_rebalance_timeout=30,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            datadir=options["data_dir"],
        )
        raw = {"key_type": bytes, "value_type": bytes, "key_serializer": "raw", "value_serializer": "raw"}
        source = app.topic(full_name(TRACKER_FIXES.name), **raw)
        sink = app.topic(full_name(CAMERA_ASSIGNMENTS.name), **raw)

        async def pass_on(stream: Any) -> Any:
            nonlocal count
            async for value in stream:
                count += 1
                yield value

        app.agent(source, sink=[sink])(pass_on)

        await app.start()
        print("ready", flush=True)
        await asyncio.Event().wait()

    logging.disable(logging.DEBUG)
    Meter(lines, lambda: {"records": count}).start()
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(main())
    return 0


def run_product(options: dict[str, Any], lines: Path, engine: Any) -> int:
    """Run the product's worker with an engine until SIGTERM."""
    settings = Settings(
        bootstrap_servers=(options["bootstrap_servers"],),
        city=CITY,
        worker_id="bench",
        cities_dir=CITIES,
        data_dir=Path(options["data_dir"]),
    )
    Meter(lines, engine.counts).start()
    return run_worker(settings, prefix=options["prefix"], city=CITY, engine=engine)


def main(kind: str, options: dict[str, Any]) -> int:
    """Run one of the processes; ``options``: prefix, bootstrap_servers, data_dir, lines (the meter's file)."""
    lines = Path(options["lines"])
    if kind == "stock":
        return run_stock(options, lines)
    engine = PassThrough() if kind == "batches" else CountingEngine(load_city(CITIES, CITY).policy, city_plane())
    return run_product(options, lines, engine)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2])))
