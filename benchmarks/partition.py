"""One partition's engine with the benchmarks' cameras, open cases and quiet subjects, in this process."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.workload import SEED, Batch, Walkers, camera_slices, city_plane, street_map
from pipeline.cameras.camera_table import CameraTable
from pipeline.choice.scenery import Scenery
from pipeline.reading import intake
from pipeline.reading.batch import RawBatch, StepResult
from pipeline.rules.policy import US_PER_S, Policy
from pipeline.steps import engine
from pipeline.steps.state import PartitionState
from pipeline.world.free_space import free_space_from_streets
from schemas.topics import TRACKER_FIXES, WANDERING_ALERTS
from topologies.city_files import load_city
from topologies.outputs import OutputWriter

T0_US = 1_790_000_000_000_000
CITIES = Path(__file__).resolve().parents[1] / "cities"
# So many cameras are chosen for each case, whatever its rank.
CAMERAS_PER_CASE = 4
_SLICE = 500


class BenchPartition:
    """The engine under measurement, on the synthetic street map or on none.

    Args:
        cameras: size of the table.
        cases: how many cases are open once ``open_cases`` is done.
        quiet: how many subjects without a case are known once ``hear_quiet`` is done.
        walking_share: share of the people who walk.
        streets: whether the street map is known.
    """

    def __init__(self, *, cameras: int, cases: int, quiet: int, walking_share: float, streets: bool) -> None:
        policy = load_city(CITIES, "seoul").policy
        counts = (CAMERAS_PER_CASE,) * len(policy.selection.cameras_by_rank)
        self.policy: Policy = replace(policy, selection=replace(policy.selection, cameras_by_rank=counts))
        self.cameras = CameraTable(city_plane())
        for keys, values in camera_slices(cameras, on_streets=True):
            errors = self.cameras.apply_cameras(keys, values, 0)
            assert not errors, errors[0]
        known = street_map(cameras) if streets else None
        free = None if known is None else free_space_from_streets(known)
        self.scenery = Scenery(self.cameras, self.policy, known, free)
        began_s = time.process_time()
        self.scenery.refresh()
        self.scenery_s = time.process_time() - began_s
        self.state = PartitionState()
        self.walkers = Walkers(cases + quiet, cameras=cameras, walking_share=walking_share, seed=SEED)
        self.writer = OutputWriter(lambda name: name, "bench")
        self.cases = cases
        self.quiet = quiet
        self.now_us = T0_US
        self._offset = 0

    def open_cases(self) -> float:
        """Open all cases; return the CPU-µs per case."""
        alerts = self.walkers.alerts(self.now_us, self.cases)
        spent_s = 0.0
        for start in range(0, self.cases, _SLICE):
            part = slice(start, start + _SLICE)
            raw = self.raw(WANDERING_ALERTS.name, alerts.keys[part], alerts.values[part])
            began_s = time.process_time()
            self.step(self.read(raw))
            spent_s += time.process_time() - began_s
        return spent_s / self.cases * 1e6

    def hear_quiet(self) -> None:
        """Let every subject without a case send a fix."""
        for start in range(0, self.quiet, 10_000):
            self.step(self.read(self.fixes(self.cases + np.arange(start, min(start + 10_000, self.quiet)))))

    def fixes(self, subjects: NDArray[np.intp]) -> RawBatch:
        """Return the next fix of each of these people, measured now."""
        taken: Batch = self.walkers.fixes(subjects, self.now_us, 1)
        return self.raw(TRACKER_FIXES.name, taken.keys, taken.values)

    def raw(self, topic: str, keys: Sequence[bytes], values: Sequence[bytes]) -> RawBatch:
        """Return records as they come from a topic."""
        offsets = list(range(self._offset, self._offset + len(keys)))
        self._offset += len(keys)
        self.now_us += 1
        return RawBatch(topic, 0, offsets, list(keys), list(values), [self.now_us + 1_000] * len(keys))

    def pass_time(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        self.now_us += int(seconds * US_PER_S)

    def read(self, batch: RawBatch) -> intake.Intake:
        """Decode and check records."""
        taken = intake.read([batch], self.policy)
        assert not taken.refusals, taken.refusals[0]
        return taken

    def step(self, taken: intake.Intake, tick_us: int | None = None) -> StepResult:
        """Advance the partition."""
        result = engine.step(self.state, taken, self.scenery, self.policy, tick_us)
        assert not result.refusals, result.refusals[0]
        return result
