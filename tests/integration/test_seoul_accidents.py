"""The 218 accidents of Seoul through a connector, broker, worker and back; every fourth checked by brute force."""

import asyncio
import csv
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import load
from connectors.kit.context import ConnectorContext
from connectors.kit.manifest import build
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from connectors.kit.settings import ConnectorSettings
from pipeline.geo import Plane
from schemas.camera import Camera
from schemas.camera_assignment import CameraAssignment
from schemas.clock import SystemClock
from schemas.codec import decode
from schemas.topics import CAMERAS
from tests.support import brute_force
from tests.support.brute_force_choice import Case, Spot
from tests.topologies.running import read, running_worker
from topologies.city_engine import CityEngine
from topologies.city_files import City, load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

ROOT = Path(__file__).parents[2]
REGISTRY = ROOT.parent / "shared" / "data" / "seoul_ansimi_cctv_datatoys.csv"
ACCIDENTS = ROOT.parent / "shared" / "data" / "datatoys_accident.csv"
CITY = load_city(ROOT / "cities", "seoul")
# Shares of a degree in which cameras are looked up: a bit over 500 m.
CELL_DEG = 0.01
ACCURACY_M = 25.0
# Loops over all aims take a second an accident: one of so many is checked.
CHECKED_EACH = 4

pytestmark = [
    pytest.mark.skipif(not REGISTRY.exists(), reason="the real camera and accident files are not beside the checkout"),
    pytest.mark.slow,
    pytest.mark.timeout(240),
]


@dataclass(frozen=True)
class Registry:
    """All cameras, and the same by cell for the brute-force search."""

    cameras: tuple[Camera, ...]
    by_cell: dict[tuple[int, int], list[Camera]]
    plane: Plane

    def around(self, lat_deg: float, lon_deg: float) -> list[Camera]:
        row, column = int(lat_deg // CELL_DEG), int(lon_deg // CELL_DEG)
        cells = [(row + r, column + c) for r in (-1, 0, 1) for c in (-1, 0, 1)]
        return [camera for cell in cells for camera in self.by_cell.get(cell, [])]


@pytest.fixture(scope="module")
def registry() -> Registry:
    config = Config(path=str(REGISTRY), city_box=CITY.box_deg, time_zone=CITY.time_zone)
    cameras = load(REGISTRY, config, SystemClock().now_us()).cameras
    by_cell: dict[tuple[int, int], list[Camera]] = defaultdict(list)
    for camera in cameras:
        by_cell[int(camera.location.lat_deg // CELL_DEG), int(camera.location.lon_deg // CELL_DEG)].append(camera)
    first = cameras[0].location  # a table without a plane of the city takes its first camera's
    return Registry(tuple(cameras), by_cell, Plane(first.lat_deg, first.lon_deg))


def accident_lines() -> list[str]:
    """Return the accidents of Seoul as lines for the replay connector."""
    with ACCIDENTS.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["발생지시도"] == "서울"]
    lines = []
    for number, row in enumerate(rows):
        local = datetime.strptime(row["발생년월일시"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZoneInfo("Asia/Seoul"))
        occurred_us = int(local.timestamp()) * 1_000_000
        accident_id = f"accident:{number:03}"
        record = {
            "event_id": accident_id,
            "source": "accident-archive",
            "observed_us": occurred_us,
            "case_id": accident_id,
            "incident_id": accident_id,
            "status": "reported",
            "service": "traffic",
            "kind": "traffic-accident",
            "occurred_us": occurred_us,
            "location": {
                "lat_deg": float(row["위도"]),
                "lon_deg": float(row["경도"]),
                "accuracy_m": ACCURACY_M,
                "quality": "address",
            },
        }
        lines.append(json.dumps({"topic": "incidents", "record": record}))
    return lines


async def test_every_accident_gets_cameras_that_stand_a_brute_force_search(
    broker: str, prefix: str, registry: Registry, tmp_path: Path
) -> None:
    lines = accident_lines()
    (tmp_path / "accidents.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    settings = Settings(
        bootstrap_servers=(broker,), city="seoul", data_dir=tmp_path, session_timeout_s=6, replication_factor=1
    )
    outside = ConnectorSettings(bootstrap_servers=(broker,), topic_prefix=prefix)
    ready: list[str] = []
    await asyncio.to_thread(ensure_topics, settings, prefix)
    async with Publisher(outside) as publisher:
        assert await publisher.publish_all(CAMERAS, registry.cameras, source="cctv_registry") == len(registry.cameras)
        async with running_worker(settings, prefix, CityEngine(CITY.policy), announce=ready.append):
            context = ConnectorContext(clock=SystemClock(), pseudonyms=Pseudonyms(b"k" * 32))
            source = build("file_replay", {"path": str(tmp_path / "accidents.jsonl")}, context)
            job = SourceJob(name="accidents", kind="file_replay", source=source)
            counters = await run_source(job, publisher, KafkaCursors(outside, publisher), asyncio.Event())
            decided = await _first_versions(broker, prefix, settings.case_partitions, len(lines))

    assert len(lines) == 218
    assert (counters.accepted, counters.refused) == (218, 0)
    assert len(decided) == 218
    # Ready with the whole table within 5 s of joining the group, and says so.
    assert ready[0].startswith(f"ready: {len(registry.cameras):,} cameras, 4 partitions, ")
    assert float(ready[0].removesuffix(" s after joining the group").rsplit(" ", 1)[1]) < 5
    checked = [decided[case_id] for case_id in sorted(decided)[::CHECKED_EACH]]
    assert sum(_check(assignment, registry, CITY) for assignment in checked) > len(checked)
    assert sum(a.status == "active" for a in decided.values()) >= 210


async def _first_versions(broker: str, prefix: str, partitions: int, expected: int) -> dict[str, CameraAssignment]:
    def enough(records: list[object]) -> bool:
        return len(records) >= expected

    records = await read(broker, f"{prefix}.camera-assignments", partitions, enough)
    decided = [decode(CameraAssignment, record.value) for record in records if record.value is not None]
    return {assignment.case_id: assignment for assignment in decided if assignment.version == 1}


def _check(assignment: CameraAssignment, registry: Registry, city: City) -> int:
    """Check an assignment against the documented rules, by loops over the registry; return how many look."""
    assert assignment.where is not None
    here = (assignment.where.lat_deg, assignment.where.lon_deg)
    points = brute_force.target_points(ACCURACY_M)
    middle = (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
    margin_m = max(math.dist(middle, point) for point in points)
    rings_m = [ring_m + margin_m for ring_m in city.policy.search.rings_m]
    nearby = registry.around(*here)
    found, ring_m = brute_force.eligible(
        nearby,
        {},
        (),
        here=brute_force.moved(here, *middle),
        rings_m=rings_m,
        enough_sites=city.policy.search.enough_sites,
    )
    assert assignment.where.search_radius_m == pytest.approx(ring_m, abs=0.5)
    by_id = {camera.camera_id: camera for camera in registry.cameras}
    for chosen in assignment.cameras:
        # The distance is told to the middle of what the camera shows, which is somewhere among the places.
        off_m = brute_force.distance_m(here, by_id[chosen.camera_id])
        assert chosen.distance_m == pytest.approx(off_m, abs=margin_m + 1)
        assert chosen.owner == by_id[chosen.camera_id].owner

    def on_plane(camera: Camera) -> tuple[float, float]:
        x_m, y_m = registry.plane.to_metres(camera.location.lat_deg, camera.location.lon_deg)
        return float(x_m), float(y_m)

    x_m, y_m = (float(metres) for metres in registry.plane.to_metres(*here))
    spots = [Spot(x_m + east_m, y_m + north_m, 1 / len(points)) for east_m, north_m in points]
    rules = brute_force.Assumptions(zoom_fields_deg=tuple(city.policy.view.zoom_fields_deg))
    # Where nothing is near, the nearest of the whole city take the places.
    usable = [c for c in (nearby if found else registry.cameras) if brute_force.is_eligible(c, {}, ())]
    cams = brute_force.cams_of(usable, here, rules, on_plane)
    wanted = min(city.policy.selection.cameras_by_rank[assignment.rank], len(assignment.cameras))
    numbers = brute_force.numbers_of(city.policy)
    return brute_force.check_choice(assignment.cameras, Case(cams, spots, numbers, wanted))
