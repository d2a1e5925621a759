"""The engine's own assignments, camera by camera, against the documented rules in plain Python.

Random small worlds are driven through the whole engine, from the bytes of a report to the assignment.
"""

import csv
import math
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from schemas.camera import Camera
from schemas.camera_assignment import CameraAssignment
from schemas.location import Location
from tests.pipeline.engine_runs import DEMO, EngineRun, only
from tests.support import brute_force
from tests.support.brute_force_choice import Case, Spot
from tests.support.records import LAT_DEG, LON_DEG, a_camera, a_health, a_table, an_incident, at

HERE = (LAT_DEG, LON_DEG)
REAL_ACCIDENTS = Path(__file__).parents[4] / "shared" / "data" / "datatoys_accident.csv"
RULES = brute_force.Assumptions(zoom_fields_deg=tuple(DEMO.view.zoom_fields_deg))
NUMBERS = brute_force.numbers_of(DEMO)
# No camera farther from all places than this is chosen, not even for a left-over place.
FAR_M = 10_000.0
CRIME_PURPOSES = [
    "crime-prevention",
    "child-protection",
    "vehicle-crime",
    "facility",
    "multipurpose",
    "traffic-information",
    "unknown",
]


@dataclass(frozen=True)
class World:
    """A small district: cameras, what is broken, and how well the place is known."""

    cameras: list[Camera]
    health: dict[str, str]
    accuracy_m: float
    here: tuple[float, float] = HERE

    @property
    def rings_m(self) -> list[float]:
        points = brute_force.target_points(self.accuracy_m)
        middle = (sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points))
        spread_m = max(math.dist(middle, point) for point in points)
        return [ring + spread_m for ring in (150.0, 300.0, 500.0)]


def a_world(seed: int) -> World:
    """Return a world of poles with one to four cameras of all kinds, with every fault a registry has."""
    rng = random.Random(seed)
    reach_m = rng.choice([60, 150, 400, 700])
    cameras: list[Camera] = []
    for pole in range(rng.randint(0, 25)):
        place = at(rng.uniform(-reach_m, reach_m), rng.uniform(-reach_m, reach_m), quality="address")
        mates = range(rng.choice([1, 1, 1, 2, 4]))
        cameras += [_camera(rng, f"cam-{pole}-{m}", site_id=f"pole-{pole}", location=place) for m in mates]
    states = ["up", "down", "maintenance", "obstructed"]
    health = {c.camera_id: rng.choice(states) for c in cameras if rng.random() < 0.2}
    return World(cameras, health, rng.choice([0.0, 5.0, 20.0, 60.0, 150.0]))


def _camera(rng: random.Random, camera_id: str, **where: Any) -> Camera:
    return a_camera(
        camera_id,
        kind=rng.choice(["fixed", "fixed", "ptz", "all-round", "unknown", "other"]),
        azimuth_deg=rng.choice([None, None, float(rng.randrange(0, 361))]),
        field_of_view_deg=rng.choice([None, float(rng.randrange(20, 120))]),
        width_px=rng.choice([None, None, 1920, 3840]),
        purposes=tuple(rng.sample(["crime-prevention", "waste", "disaster", "facility"], rng.randint(0, 2))),
        status=rng.choice(["active"] * 8 + ["planned", "retired"]),
        quality_flags=rng.choice([()] * 9 + [("pile",)]),
        **where,
    )


def engine_of(world: World) -> EngineRun:
    health = [a_health(camera_id, state) for camera_id, state in world.health.items()]
    return EngineRun(a_table(*world.cameras, *health))


def check(world: World, run: EngineRun, made: CameraAssignment, purposes: list[str], count: int) -> int:
    """Check an assignment against the rules; return how many cameras were chosen for what they see."""
    # Rings are drawn around the middle of the places, which lies a little beside the place told.
    points = brute_force.target_points(world.accuracy_m)
    middle = brute_force.moved(world.here, *(sum(column) / len(points) for column in zip(*points, strict=True)))
    found, ring_m = brute_force.eligible(
        world.cameras, world.health, purposes, here=middle, rings_m=world.rings_m, enough_sites=12
    )
    assert made.where is not None
    assert made.where.search_radius_m == pytest.approx(ring_m if run.cameras.plane else 0.0, abs=0.5)
    in_ring = [c for c in world.cameras if brute_force.distance_m(middle, c) <= ring_m]
    assert sum(made.excluded.values()) == len(in_ring) - len(found)

    def on_plane(lat_deg: float, lon_deg: float) -> tuple[float, float]:
        x_m, y_m = run.scenery.plane.to_metres(lat_deg, lon_deg)
        return float(x_m), float(y_m)

    x_m, y_m = on_plane(*world.here)
    spots = [Spot(x_m + east_m, y_m + north_m, 1 / len(points)) for east_m, north_m in points]
    usable = [c for c in world.cameras if brute_force.is_eligible(c, world.health, purposes)]
    cams = brute_force.cams_of(usable, world.here, RULES, lambda c: on_plane(c.location.lat_deg, c.location.lon_deg))
    margin_m = max(math.dist((x_m, y_m), (s.x_m, s.y_m)) for s in spots)
    near = [c for c in cams if math.dist((x_m, y_m), (c.x_m, c.y_m)) <= FAR_M + margin_m]
    return brute_force.check_choice(made.cameras, Case(near, spots, NUMBERS, min(count, len(made.cameras))))


@pytest.mark.parametrize("block", range(4))
def test_a_robberys_cameras_follow_the_rules(block: int) -> None:
    looking = 0
    for seed in range(block * 15, block * 15 + 15):
        world = a_world(seed)
        report = an_incident("i", location=at(accuracy_m=world.accuracy_m, quality="address"))
        run = engine_of(world)
        looking += check(world, run, only(run.tell(report, now_s=0)), CRIME_PURPOSES, 8)
    assert looking > 15


@pytest.mark.slow
def test_at_real_accidents_the_real_cameras_of_seoul_are_chosen_by_the_rules(
    real_positions: dict[str, tuple[float, float]],
) -> None:
    places = [p for p in _accidents() if 37.42 < p.lat_deg < 37.70 and 126.77 < p.lon_deg < 127.18][::10]
    cameras = [
        a_camera(i, site_id=f"{lat},{lon}", kind="unknown", location=replace(at(), lat_deg=lat, lon_deg=lon))
        for i, (lat, lon) in real_positions.items()
    ]
    run = EngineRun(a_table(*cameras))
    assert len(places) >= 15
    looking = 0
    for n, place in enumerate(places):
        made = only(
            run.tell(an_incident(f"accident-{n}", service="traffic", kind="collision", location=place), now_s=n)
        )
        here = (place.lat_deg, place.lon_deg)
        near = [c for c in cameras if abs(c.location.lat_deg - here[0]) < 0.01 > abs(c.location.lon_deg - here[1])]
        looking += check(World(near, {}, place.accuracy_m, here), run, made, [], 4)
    assert looking > len(places)


def _accidents() -> list[Location]:
    if not REAL_ACCIDENTS.exists():
        pytest.skip(f"the real accidents are not there: ../shared/data/{REAL_ACCIDENTS.name}")
    with REAL_ACCIDENTS.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return [replace(at(accuracy_m=20.0), lat_deg=float(r["위도"]), lon_deg=float(r["경도"])) for r in rows]


def test_the_check_itself_refuses_a_worse_choice() -> None:
    world = World([a_camera("near", location=at(10)), a_camera("far", location=at(30))], {}, 5.0)
    run = engine_of(world)
    made = only(run.tell(an_incident("i", location=at(accuracy_m=5.0)), now_s=0))
    assert check(world, run, made, [], 4) == 2
    turned = CameraAssignment(**{n: getattr(made, n) for n in made.__slots__} | {"cameras": made.cameras[::-1]})
    with pytest.raises(AssertionError):
        check(world, run, turned, [], 4)
