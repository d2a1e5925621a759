"""From the outside's bytes to the assignment, without a broker: entries of a sample, and the pure engine over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.kit.ladder.checking import folder_of
from connectors.kit.ladder.sampling import entries_of_sample
from connectors.kit.manifest import read_manifest
from connectors.kit.source import Accepted, Entry
from pipeline.cameras.camera_table import CameraTable
from pipeline.choice.scenery import Scenery
from pipeline.geo import Plane
from pipeline.reading.batch import RawBatch
from pipeline.reading.intake import read
from pipeline.rules.policy import Policy
from pipeline.steps.engine import step
from pipeline.steps.state import PartitionState
from schemas.camera import Camera
from schemas.camera_assignment import CameraAssignment
from schemas.codec import encode
from schemas.location import Location
from schemas.topics import CAMERA_HEALTH, CAMERAS, TOPICS, Topic
from tests.connectors.local_context import NOON_US, a_context
from tests.support.policies import DEMO

GRID_SIDE = 9
GRID_STEP_M = 30.0
_SECOND_US = 1_000_000


def entries_of(
    name: str, payload: bytes, *, options: Mapping[str, Any] | None = None, origin: str = "", context: Any = None
) -> list[Entry]:
    """Return the entries that a connector makes of a payload or file."""
    manifest = read_manifest(folder_of(name))
    return entries_of_sample(manifest, options or {}, payload, context or a_context(), origin=origin)


def camera_grid(lat_deg: float, lon_deg: float, *, side: int = GRID_SIDE, step_m: float = GRID_STEP_M) -> list[Camera]:
    """Return all-round cameras on a grid of poles around a place."""
    plane = Plane(lat_deg, lon_deg)
    cameras = []
    for i in range(side):
        for j in range(side):
            x_m, y_m = step_m * (i - (side - 1) / 2), step_m * (j - (side - 1) / 2)
            lat, lon = plane.to_degrees(x_m, y_m)
            cameras.append(
                Camera(
                    event_id=f"cam-{i}-{j}",
                    source="grid",
                    observed_us=NOON_US,
                    ingested_us=NOON_US,
                    camera_id=f"cam-{i}-{j}",
                    site_id=f"pole-{i}-{j}",
                    owner="Riverside",
                    location=Location(lat_deg=float(lat), lon_deg=float(lon), accuracy_m=3.0, quality="gps"),
                    kind="all-round",
                    purposes=("crime-prevention", "disaster", "child-protection", "multipurpose"),
                )
            )
    return cameras


def assignments_for(
    entries: Sequence[Any],
    *,
    cameras: Sequence[Camera] | None = None,
    policy: Policy = DEMO,
    every_s: float | None = None,
    ticks_s: Sequence[float] = (),
) -> list[CameraAssignment]:
    """Return every version of every assignment, in order, that the real engine decides on.

    Alerts that the engine finds itself, e.g. that a safe zone was left, come back as inputs before the next record.

    Args:
        entries: entries of a source, or records; refusals are passed over. Cameras and health among them go into the
            camera table before anything is decided.
        cameras: further cameras; where there are none at all, a grid of 81 lies around the first place.
        policy: the city's policy.
        every_s: seconds between two records; None appends each at its own ``observed_us``, never back in time.
        ticks_s: seconds after the last record at which time alone decides.
    """
    records = [_Input.of(entry) for entry in entries if isinstance(entry, Accepted) or hasattr(entry, "event_id")]
    table = CameraTable()
    known = [given.record for given in records if given.topic is CAMERAS and given.record] + list(cameras or ())
    inputs = [given for given in records if given.topic not in (CAMERAS, CAMERA_HEALTH)]
    if not known:
        lat_deg, lon_deg = _first_place([given.record for given in inputs])
        known = camera_grid(lat_deg, lon_deg)
    assert not table.apply_cameras([CAMERAS.key_of(c) for c in known], [encode(c) for c in known], len(known) - 1)
    for health in [given for given in records if given.topic is CAMERA_HEALTH]:
        assert not table.apply_health([health.key], [encode(health.record)], 0)
    run = _Run(Scenery(table, policy), policy)
    now_us = 0
    for given in inputs:
        observed_us = now_us if given.record is None else given.record.observed_us
        now_us = max(now_us, observed_us) if every_s is None or not now_us else now_us + int(every_s * _SECOND_US)
        run.take(given, now_us)
    for tick_s in ticks_s:
        run.tick(now_us + int(tick_s * _SECOND_US))
    return run.decided


@dataclass(frozen=True, slots=True)
class _Input:
    """A record for the engine; None is a tombstone."""

    topic: Topic
    key: bytes
    record: Any | None

    @classmethod
    def of(cls, entry: Any) -> "_Input":
        """Return the input that an entry of a source, or a record, is."""
        if not isinstance(entry, Accepted):
            topic = next(topic for topic in TOPICS if topic.record is type(entry))
            return cls(topic, topic.key_of(entry), entry)
        return cls(entry.topic, entry.key or entry.topic.key_of(entry.record), entry.record)


class _Run:
    """The engine over one partition. Its own alerts come back to it as inputs, as a worker's do over their topic."""

    def __init__(self, scenery: Scenery, policy: Policy) -> None:
        self.decided: list[CameraAssignment] = []
        self._scenery = scenery
        self._policy = policy
        self._state = PartitionState()
        self._offset = 0

    def take(self, given: _Input, now_us: int) -> None:
        """Give the engine an input, then the alerts that it found from it."""
        value = None if given.record is None else encode(given.record)
        batch = RawBatch(given.topic.name, 0, [self._offset], [given.key], [value], [now_us])
        self._offset += 1
        self._step([batch], now_us)

    def tick(self, now_us: int) -> None:
        """Let time alone decide."""
        self._step([], now_us)

    def _step(self, batches: list[RawBatch], now_us: int) -> None:
        result = step(
            self._state, read(batches, self._policy), self._scenery, self._policy, None if batches else now_us
        )
        self.decided += result.assignments
        for alert in result.alerts:
            self.take(_Input.of(alert), now_us)


def _first_place(records: Sequence[Any]) -> tuple[float, float]:
    for record in records:
        location = getattr(record, "location", None)
        if location is not None and location.quality not in ("none", "default"):
            return location.lat_deg, location.lon_deg
        area = getattr(record, "area", None)
        if area is not None and area.polygon:
            points = area.polygon
            return sum(p.lat_deg for p in points) / len(points), sum(p.lon_deg for p in points) / len(points)
    return 37.5665, 126.978
