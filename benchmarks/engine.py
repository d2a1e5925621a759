"""What a fix costs inside the engine, in this process and without a broker: ``python -m benchmarks.engine``.

Prints CPU-µs per fix for decode (``intake.read``), engine (``step``) and encode (output records), the µs of one
decision, and with ``--profile`` where they go.
"""

import argparse
import cProfile
import json
import pstats
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.workload import SEED, Walkers, camera_slices
from pipeline import engine, intake
from pipeline.assignment import Occasion
from pipeline.batch import RawBatch, StepResult
from pipeline.camera_table import CameraTable
from pipeline.decision import conclude, deliberate
from pipeline.policy import Policy
from pipeline.state import PartitionState
from schemas.topics import TRACKER_FIXES, WANDERING_ALERTS
from topologies.city_files import load_city
from topologies.outputs import OutputWriter

T0_US = 1_790_000_000_000_000
DECISIONS = 2_000
CITIES = Path(__file__).resolve().parents[1] / "cities"


@dataclass(slots=True)
class Costs:
    """What was spent, in CPU-seconds by stage, and what came out of it."""

    stage_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("decode", "engine", "encode"), 0.0))
    fixes: int = 0
    decisions_s: list[float] = field(default_factory=list)
    versions: int = 0
    changed_sets: int = 0

    def figures(self) -> dict[str, float]:
        """Return the figures that are printed."""
        per_fix = {f"{stage}_us_per_fix": seconds / self.fixes * 1e6 for stage, seconds in self.stage_s.items()}
        decisions_us = np.array(self.decisions_s) * 1e6
        return {
            "fixes": self.fixes,
            **per_fix,
            "total_us_per_fix": sum(per_fix.values()),
            "versions_per_100_fixes": 100 * self.versions / self.fixes,
            "changed_sets_per_100_fixes": 100 * self.changed_sets / self.fixes,
            "decision_us_p50": float(np.percentile(decisions_us, 50)),
            "decision_us_p95": float(np.percentile(decisions_us, 95)),
        }


class Bench:
    """One partition's engine with its cameras and open cases."""

    def __init__(self, *, cameras: int, cases: int, walking_share: float, seed: int = SEED) -> None:
        self.policy: Policy = load_city(CITIES, "seoul").policy
        self.cameras = CameraTable()
        for keys, values in camera_slices(cameras, seed):
            errors = self.cameras.apply_cameras(keys, values, 0)
            assert not errors, errors[0]
        self.cameras.near(37.55, 126.99, 10.0)
        self.state = PartitionState()
        self.walkers = Walkers(cases, cameras=cameras, walking_share=walking_share, seed=seed)
        self.writer = OutputWriter(lambda name: name, "bench")
        self._offset = 0
        self._now_us = T0_US

    def open_cases(self) -> float:
        """Open all cases; return the CPU-µs per case."""
        alerts = self.walkers.alerts(self._now_us)
        began = time.process_time()
        self._work(self._batch(WANDERING_ALERTS.name, alerts.keys, alerts.values), Costs())
        return (time.process_time() - began) / len(self.walkers) * 1e6

    def run(self, fixes: int, batch: int) -> Costs:
        """Work off so many fixes in batches; every person has one before anyone has the next."""
        costs = Costs()
        order = np.random.default_rng(SEED).permutation(len(self.walkers))
        at = 0
        while costs.fixes < fixes:
            subjects = np.take(order, np.arange(at, at + batch), mode="wrap")
            at = (at + batch) % len(order)
            self._now_us += 1_000_000
            taken = self.walkers.fixes(subjects, self._now_us, 1)
            self._work(self._batch(TRACKER_FIXES.name, taken.keys, taken.values), costs)
            costs.fixes += len(subjects)
        return costs

    def decide_on_open_cases(self, count: int) -> list[float]:
        """Return the CPU-seconds of one decision each on so many cases, with the new version built."""
        taken_s = []
        for key, case in list(self.state.cases.items())[:count]:
            track = self.state.subjects.track(self.state.subjects.slot_of[key])
            occasion = Occasion(self._now_us, "measured", (), self.cameras.version)
            began = time.process_time()
            deliberation = deliberate(case, track, self.cameras, self.policy, occasion=occasion, must=True)
            ((_, assignment),) = conclude([deliberation], self.cameras, self.policy)
            taken_s.append(time.process_time() - began)
            assert assignment is not None
        return taken_s

    def _batch(self, topic: str, keys: list[bytes], values: list[bytes]) -> RawBatch:
        offsets = list(range(self._offset, self._offset + len(keys)))
        self._offset += len(keys)
        self._now_us += 1
        return RawBatch(topic, 0, offsets, list(keys), list(values), [self._now_us + 1_000] * len(keys))

    def _work(self, batch: RawBatch, costs: Costs) -> StepResult:
        clock = time.process_time
        began = clock()
        taken = intake.read([batch], self.policy)
        read = clock()
        result = engine.step(self.state, taken, self.cameras, self.policy, None)
        stepped = clock()
        self.writer.outgoing(result, self._now_us)
        costs.stage_s["decode"] += read - began
        costs.stage_s["engine"] += stepped - read
        costs.stage_s["encode"] += clock() - stepped
        costs.versions += len(result.assignments)
        costs.changed_sets += sum(1 for a in result.assignments if a.added or a.released)
        assert not result.refusals, result.refusals[0]
        return result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cameras", type=int, default=84_000)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--fixes", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--walking-share", type=float, default=0.06)
    parser.add_argument("--profile", type=int, metavar="LINES", help="print the costliest functions")
    options = parser.parse_args()
    bench = Bench(cameras=options.cameras, cases=options.cases, walking_share=options.walking_share)
    opening_us = bench.open_cases()
    bench.run(options.fixes // 5, options.batch)  # warm
    if options.profile:
        profiler = cProfile.Profile()
        profiler.runcall(bench.run, options.fixes, options.batch)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(options.profile)
        return
    costs = bench.run(options.fixes, options.batch)
    costs.decisions_s = bench.decide_on_open_cases(DECISIONS)
    print(json.dumps({"opening_us_per_case": opening_us, **costs.figures()}, indent=2))


if __name__ == "__main__":
    main()
