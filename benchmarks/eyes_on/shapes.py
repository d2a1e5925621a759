"""Three seeded shapes of synthetic city: a dense grid, an irregular old town, a winding suburb."""

import numpy as np
import shapely

from benchmarks.eyes_on.maps import SIDE_M, CityMap, Floats, blocks_around, graph_from
from pipeline.geo import Plane

# Any place at Seoul's latitude; nothing stands there.
PLANE = Plane(37.4, 127.42)
MAP_SEED = 4_100


def dense_grid(seed: int = MAP_SEED) -> CityMap:
    """Return blocks of about 95 by 65 m: crossings off by some metres, a tenth of the pieces missing, some parks."""
    rng = np.random.default_rng(seed)
    segments = grid_segments(rng, across_m=95.0, along_m=65.0, jitter_m=5.0, missing=0.1)
    parks = _parks(rng, count=14, radius_m=45.0)
    return _city("grid", "dense grid", segments, blocks_around(segments, 6.0, parks), 6.0)


def grid_segments(
    rng: np.random.Generator, *, across_m: float, along_m: float, jitter_m: float, missing: float
) -> Floats:
    """Return the pieces of an irregular grid over the whole square, shape (e, 4)."""
    columns, rows = _uneven(rng, across_m), _uneven(rng, along_m)
    x_m, y_m = np.meshgrid(columns, rows, indexing="ij")
    x_m, y_m = (axis + rng.normal(0, jitter_m, axis.shape) for axis in (x_m, y_m))
    points = np.stack([x_m, y_m], axis=-1)
    along = np.concatenate([points[:-1], points[1:]], axis=-1).reshape(-1, 4)
    across = np.concatenate([points[:, :-1], points[:, 1:]], axis=-1).reshape(-1, 4)
    segments = np.concatenate([along, across])
    return segments[rng.random(len(segments)) >= missing]


def old_town(seed: int = MAP_SEED + 1) -> CityMap:
    """Return narrow streets along the borders of Voronoi cells, about 60 m wide and of any shape, some squares."""
    rng = np.random.default_rng(seed)
    spacing_m = 62.0
    steps = np.arange(-SIDE_M / 2, SIDE_M / 2 + spacing_m, spacing_m)
    x_m, y_m = (axis.ravel() for axis in np.meshgrid(steps, steps))
    points = shapely.multipoints(np.column_stack([x_m, y_m]) + rng.normal(0, spacing_m * 0.33, (len(x_m), 2)))
    lines = shapely.get_parts(shapely.voronoi_polygons(points, only_edges=True))
    whole = [np.asarray(shapely.get_coordinates(line)) for line in lines]
    segments = np.concatenate([np.column_stack([line[:-1], line[1:]]) for line in whole])
    segments = _merged_ends(segments[(np.abs(segments) < SIDE_M / 2).all(axis=1)], 9.0)
    segments = segments[rng.random(len(segments)) >= 0.06]
    parks = _parks(rng, count=18, radius_m=28.0)
    return _city("old-town", "irregular old town", segments, blocks_around(segments, 4.0, parks), 4.0)


def suburb(seed: int = MAP_SEED + 2) -> CityMap:
    """Return winding roads 150 to 250 m apart with dead ends, and single houses along them."""
    rng = np.random.default_rng(seed)
    roads = grid_segments(rng, across_m=210.0, along_m=170.0, jitter_m=28.0, missing=0.16)
    winding = np.concatenate([_winding(rng, road, 16.0) for road in roads])
    dead_ends = []
    for road in winding[rng.random(len(winding)) < 0.17]:
        heading = np.arctan2(*(road[2:] - road[:2])[::-1]) + rng.choice([-1, 1]) * np.pi / 2 + rng.normal(0, 0.3)
        length_m = rng.uniform(40, 75)
        end = road[2:] + length_m * np.array([np.cos(heading), np.sin(heading)])
        dead_ends.append(_winding(rng, np.concatenate([road[2:], end]), 6.0))
    segments = np.concatenate([winding, *dead_ends])
    return _city("suburb", "sparse suburb", segments, _houses(rng, segments), 7.0)


def _city(name: str, title: str, segments: Floats, buildings: object, half_width_m: float) -> CityMap:
    x_m, y_m, start, end = graph_from(segments)
    return CityMap(name, title, PLANE, x_m, y_m, start, end, np.asarray(buildings), half_width_m)


def _uneven(rng: np.random.Generator, step_m: float) -> Floats:
    """Return places of parallel streets over the square, their distances varying by a quarter."""
    steps = rng.normal(step_m, step_m / 4, int(SIDE_M / step_m) + 1).clip(step_m / 2, step_m * 2)
    places = np.cumsum(steps)
    return np.asarray(places - places.mean())


def _parks(rng: np.random.Generator, *, count: int, radius_m: float) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    middles = shapely.points(rng.uniform(-SIDE_M / 2, SIDE_M / 2, (count, 2)))
    return np.asarray(shapely.buffer(middles, radius_m * rng.uniform(0.6, 1.6, count), quad_segs=3))


def _merged_ends(segments: Floats, within_m: float) -> Floats:
    """Return the pieces with those shorter than this drawn together into one crossing."""
    ends = segments.reshape(-1, 2).copy()
    short = np.hypot(*(segments[:, 2:] - segments[:, :2]).T) < within_m
    for piece in segments[short]:
        for point in (piece[:2], piece[2:]):
            near = np.hypot(*(ends - point).T) < 0.01
            ends[near] = (piece[:2] + piece[2:]) / 2
    return ends.reshape(-1, 4)


def _winding(rng: np.random.Generator, road: Floats, bend_m: float) -> Floats:
    """Return a road as four pieces that bend to one side or as an S, shape (4, 4)."""
    start, end = road[:2], road[2:]
    along = (end - start) / max(float(np.hypot(*(end - start))), 1.0)
    aside = np.array([-along[1], along[0]])
    at = np.linspace(0, 1, 5)
    bend = rng.normal(0, bend_m) * np.sin(np.pi * at) + rng.normal(0, bend_m / 2) * np.sin(2 * np.pi * at)
    points = start + at[:, None] * (end - start) + bend[:, None] * aside
    return np.column_stack([points[:-1], points[1:]])


def _houses(rng: np.random.Generator, segments: Floats) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    """Return houses of about 10 by 9 m on both sides of the streets, 9 of 10 lots built on."""
    streets = shapely.union_all(shapely.buffer(shapely.linestrings(segments.reshape(-1, 2, 2)), 7.0, quad_segs=2))
    shapely.prepare(streets)
    houses = []
    for start, end in segments.reshape(-1, 2, 2):
        length_m = float(np.hypot(*(end - start)))
        along = (end - start) / max(length_m, 1e-9)
        aside = np.array([-along[1], along[0]])
        for at_m in np.arange(8.0, max(length_m, 9.0), 17.0):
            for side in (-1, 1):
                if rng.random() < 0.9:
                    middle = start + along * at_m + aside * side * rng.uniform(14, 18)
                    half = (along * rng.uniform(4.5, 6.5), aside * rng.uniform(4, 6))
                    houses.append([middle + i * half[0] + j * half[1] for i, j in ((1, 1), (1, -1), (-1, -1), (-1, 1))])
    polygons = shapely.polygons(np.array(houses))
    return np.asarray(polygons[~shapely.intersects(polygons, streets)])
