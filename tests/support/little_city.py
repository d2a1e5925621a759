"""A little synthetic city: a grid of streets, buildings in its blocks, cameras at their corners."""

import numpy as np
import shapely

from pipeline.cameras.camera_table import CameraTable
from pipeline.geo import Plane
from tests.pipeline.camera_records import a_camera, put

PLANE = Plane(37.55, 126.99)
BLOCK_M = 80.0


def lines_deg(lines_m, plane=PLANE):
    """Return lines of (x, y) metres as lines of (longitude, latitude)."""
    made = []
    for line in lines_m:
        x_m, y_m = np.array(line, float).T
        lat_deg, lon_deg = plane.to_degrees(x_m, y_m)
        made.append(np.column_stack((lon_deg, lat_deg)))
    return made


def grid_lines_m(blocks, block_m=BLOCK_M):
    """Return the lines of a grid of so many blocks each way, with a vertex at each crossing; its middle is (0, 0)."""
    at_m = (np.arange(blocks + 1) - blocks / 2) * block_m
    return [[(x, y) for x in at_m] for y in at_m] + [[(x, y) for y in at_m] for x in at_m]


def polygons_deg(polygons_m, plane=PLANE):
    """Return shapely polygons of metres as an array of polygons of degrees."""
    made = np.empty(len(polygons_m), object)
    made[:] = polygons_m
    turned = [shapely.transform(p, lambda xy: np.column_stack(plane.to_degrees(*xy.T)[::-1])) for p in made]
    made[:] = turned
    return made


def block_buildings_m(blocks, setback_m=8.0, block_m=BLOCK_M):
    """Return a square building in each block of the grid, so far from the middle of its streets."""
    low_m = (np.arange(blocks) - blocks / 2) * block_m
    return [
        shapely.box(x + setback_m, y + setback_m, x + block_m - setback_m, y + block_m - setback_m)
        for x in low_m
        for y in low_m
    ]


def camera_at(camera_id, x_m, y_m, plane=PLANE, **fields):
    """Return a camera at a point of the plane."""
    lat_deg, lon_deg = plane.to_degrees(x_m, y_m)
    return a_camera(camera_id, float(lat_deg), float(lon_deg), **fields)


def table_of(points_m, plane=PLANE):
    """Return a table with a camera at each point; row = place in the list."""
    table = CameraTable(plane)
    assert not put(table, *(camera_at(f"cam-{i:05d}", x, y, plane) for i, (x, y) in enumerate(points_m)))
    return table
