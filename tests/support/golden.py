"""From the outside's bytes to the assignment, without a broker: entries of a sample, and the pure engine over them."""

from collections.abc import Mapping, Sequence
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
from schemas.topics import CAMERA_HEALTH, CAMERAS
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

    Args:
        entries: entries of a source, or records; refusals are passed over. Cameras and health among them go into the
            camera table before anything is decided.
        cameras: further cameras; where there are none at all, a grid of 81 lies around the first place.
        policy: the city's policy.
        every_s: seconds between two records; None appends each at its own ``observed_us``, never back in time.
        ticks_s: seconds after the last record at which time alone decides.
    """
    records = [_pair(entry) for entry in entries if isinstance(entry, Accepted) or hasattr(entry, "event_id")]
    table = CameraTable()
    known = [record for topic, record in records if topic is CAMERAS] + list(cameras or ())
    inputs = [(topic, record) for topic, record in records if topic not in (CAMERAS, CAMERA_HEALTH)]
    if not known:
        lat_deg, lon_deg = _first_place([record for _, record in inputs])
        known = camera_grid(lat_deg, lon_deg)
    assert not table.apply_cameras([CAMERAS.key_of(c) for c in known], [encode(c) for c in known], len(known) - 1)
    for health in [record for topic, record in records if topic is CAMERA_HEALTH]:
        assert not table.apply_health([CAMERA_HEALTH.key_of(health)], [encode(health)], 0)
    scenery, state = Scenery(table, policy), PartitionState()
    decided: list[CameraAssignment] = []
    now_us = 0
    for offset, (topic, record) in enumerate(inputs):
        now_us = (
            max(now_us, record.observed_us) if every_s is None or not now_us else now_us + int(every_s * _SECOND_US)
        )
        batch = RawBatch(topic.name, 0, [offset], [topic.key_of(record)], [encode(record)], [now_us])
        decided += step(state, read([batch], policy), scenery, policy, None).assignments
    for tick_s in ticks_s:
        decided += step(state, read([], policy), scenery, policy, now_us + int(tick_s * _SECOND_US)).assignments
    return decided


def _pair(entry: Any) -> tuple[Any, Any]:
    if isinstance(entry, Accepted):
        return entry.topic, entry.record
    from schemas.topics import TOPICS

    return next(topic for topic in TOPICS if topic.record is type(entry)), entry


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
