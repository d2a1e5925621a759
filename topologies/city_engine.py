"""The real engine, bound to a city's policy and map: cases and cameras of a partition side by side."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.cameras.camera_columns import HEALTH_STATES, HEALTH_UNKNOWN
from pipeline.cameras.camera_table import CameraTable
from pipeline.choice.scenery import Scenery
from pipeline.compiled import IS_COMPILED
from pipeline.geo import Plane
from pipeline.heads import camera_desk
from pipeline.heads.camera_desk import DeskIntake, DeskState
from pipeline.reading import intake
from pipeline.reading.batch import RawBatch, StepResult
from pipeline.rules.policy import Policy
from pipeline.steps import engine
from pipeline.steps.state import PartitionState
from pipeline.world.free_space import FreeSpace
from pipeline.world.streets import Streets
from schemas.camera_assignment import CaseStatus
from schemas.topics import CAMERA_INPUTS, CAMERA_KNOWLEDGE, PTZ_HEADS
from topologies.city_files import City
from topologies.city_map import city_plane, keep_sightlines, read_map, recall_sightlines
from topologies.rehearsal import rehearse

log = logging.getLogger(__name__)
SIGHTLINES_FOLDER = "sightlines"
DESK_TOPICS = frozenset(topic.name for topic in CAMERA_INPUTS)


@dataclass(slots=True)
class CityState:
    """What a worker remembers of one partition: its cases, and the cameras that hash to it."""

    cases: PartitionState
    desk: DeskState


@dataclass(slots=True)
class CityIntake:
    """One unit of work, read: what speaks of cases and what speaks of cameras."""

    cases: intake.Intake
    desk: DeskIntake

    @property
    def records(self) -> int:
        """How many records the unit has."""
        return self.cases.records + self.desk.records


class CityEngine:
    """``pipeline.steps.engine`` in the form the topologies ask for (``topologies.decisions.DecisionEngine``).

    Args:
        policy: the city's policy.
        plane: the plane on which the city's distances are reckoned; the first camera's if None.
        streets: the city's street map, if there is one.
        free: where one can look through, if the streets are known.
        cache_dir: where computed lines of sight are kept; None for nowhere.
    """

    def __init__(
        self,
        policy: Policy,
        plane: Plane | None = None,
        streets: Streets | None = None,
        free: FreeSpace | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        self._policy = policy
        self._plane = plane
        self._streets = streets
        self._free = free
        self._cache_dir = cache_dir
        self._scenery: Scenery | None = None

    @property
    def has_streets(self) -> bool:
        """Whether the engine has a street map."""
        return self._streets is not None

    def warm_up(self) -> None:
        """Compile the kernels, or load them where they were compiled before; without numba there are none."""
        if IS_COMPILED:
            rehearse(self._policy, with_map=self.has_streets)

    def prepare(self, cameras: CameraTable) -> None:
        """Bring optics, grid and lines of sight up to date; the first time with what is kept on disk."""
        is_first = self._scenery is None or self._scenery.cameras is not cameras
        scenery = self._scenery_of(cameras)
        sightlines = scenery.world.sightlines if is_first else None
        if sightlines is not None and self._cache_dir is not None:
            recall_sightlines(sightlines, self._cache_dir / SIGHTLINES_FOLDER)
        scenery.refresh()
        if sightlines is not None and self._cache_dir is not None and sightlines.computed:
            try:
                keep_sightlines(sightlines, self._cache_dir / SIGHTLINES_FOLDER)
            except OSError as error:
                log.warning("lines of sight cannot be kept: %s", error.strerror)

    def new_cameras(self) -> CameraTable:
        """Return an empty camera table."""
        return CameraTable(self._plane)

    def camera_counts(self, cameras: CameraTable) -> Mapping[str, int]:
        """Return how many cameras are out of service, and how many of the others are in which state of health."""
        alive, in_service = cameras.alive, cameras.in_service
        health = cameras.health[alive & in_service].astype(np.int64) - HEALTH_UNKNOWN
        counts = np.bincount(health, minlength=len(HEALTH_STATES) + 1).tolist()
        by_status = dict(zip(("unknown", *(state.value for state in HEALTH_STATES)), counts, strict=True))
        return {**by_status, "out-of-service": int(np.count_nonzero(alive & ~in_service))}

    def restore(self, partition: int, rows: Mapping[str, Mapping[bytes, bytes]]) -> CityState:
        """Return the state of a partition from its rows in the wire format, by topic name."""
        cases = PartitionState.restored(rows, self._policy)
        cases.partition = partition
        desk = DeskState.restored(rows.get(PTZ_HEADS.name, {}), rows.get(CAMERA_KNOWLEDGE.name, {}), self._policy)
        return CityState(cases, desk)

    def open_cases(self, state: CityState) -> Mapping[tuple[str, str], int]:
        """Return how many cases are open by (service, status)."""
        return state.cases.open_cases()

    def oldest_assignment_us(self, state: CityState) -> int | None:
        """Return when the newest version of that active case was decided which has waited longest; None without."""
        decided = (case.decided_us for case in state.cases.cases.values() if case.status == CaseStatus.ACTIVE)
        return min(decided, default=None)

    def read(self, batches: Sequence[RawBatch]) -> CityIntake:
        """Decode and validate the records of a unit and put them into the order of decision."""
        of_cases = [batch for batch in batches if batch.topic not in DESK_TOPICS]
        of_cameras = [batch for batch in batches if batch.topic in DESK_TOPICS]
        return CityIntake(intake.read(of_cases, self._policy), camera_desk.read(of_cameras))

    def step(self, state: CityState, taken: CityIntake, cameras: CameraTable, tick_us: int | None) -> StepResult:
        """Decide on the records and then on what time alone brings; changes ``state``.

        Cases and cameras know of each other only through topics, so the order of the two does not matter.
        """
        result = engine.step(state.cases, taken.cases, self._scenery_of(cameras), self._policy, tick_us)
        return camera_desk.step(state.desk, taken.desk, self._policy, tick_us, result)

    def _scenery_of(self, cameras: CameraTable) -> Scenery:
        if self._scenery is None or self._scenery.cameras is not cameras:
            self._scenery = Scenery(cameras, self._policy, self._streets, self._free)
        return self._scenery


def engine_for(city: City, cache_dir: Path | None = None) -> CityEngine:
    """Return the engine of a city with its map, if it has one; worker and replay must have the same.

    Args:
        city: whose.
        cache_dir: where computed lines of sight are kept; None for nowhere.

    Raises:
        pipeline.errors.PolicyError: the map is damaged.
    """
    city_map = read_map(city)
    if city_map is None:
        return CityEngine(city.policy, city_plane(city))
    return CityEngine(city.policy, city_plane(city), city_map.streets, city_map.free, cache_dir)
