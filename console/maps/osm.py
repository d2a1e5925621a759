"""Read streets and buildings from an OpenStreetMap extract (``.osm.pbf``, ``.osm``, ``.osm.bz2``) with pyosmium."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from console.errors import ConsoleError
from console.maps.sources import (
    BUILDINGS_MAX,
    LINES_MAX,
    PROGRESS_EVERY,
    Box,
    Line,
    MapPart,
    Progress,
    has_walls,
    in_box,
    is_walked,
)

ATTRIBUTION = "© OpenStreetMap contributors, ODbL 1.0"
HOW_TO_INSTALL = "reading OpenStreetMap extracts needs pyosmium: pip install 'osmium>=4,<5'"


def read_osm(path: Path, box_deg: Box, progress: Progress, *, streets: bool, buildings: bool) -> MapPart:
    """Return the walked ways and the buildings of an extract, as far as they touch a box.

    Args:
        path: the extract.
        box_deg: what lies outside is left out.
        progress: called now and then with how many objects were read.
        streets: whether to read ways.
        buildings: whether to read closed ways and multipolygons that are buildings.

    Raises:
        ConsoleError: pyosmium is missing, or the file cannot be read or holds too much.
    """
    osmium = _osmium()
    keys = [key for key, wanted in (("highway", streets), ("building", buildings)) if wanted]
    objects = osmium.FileProcessor(str(path)).with_filter(osmium.filter.KeyFilter(*keys))
    objects = objects.with_areas(osmium.filter.KeyFilter("building")) if buildings else objects.with_locations()
    part = MapPart()
    try:
        _read(objects, osmium.geom.WKBFactory(), part, box_deg, progress)
    except RuntimeError as error:  # pyosmium's only class for files it cannot read
        raise ConsoleError(f"{path.name} cannot be read as an OpenStreetMap file: {error}") from error
    return part


def _osmium() -> Any:
    try:
        for name in ("osmium.filter", "osmium.geom"):
            importlib.import_module(name)
        return importlib.import_module("osmium")
    except ImportError as error:
        raise ConsoleError(HOW_TO_INSTALL) from error


def _read(objects: Any, shapes: Any, part: MapPart, box_deg: Box, progress: Progress) -> None:
    outlines: list[str] = []
    for number, thing in enumerate(objects):
        if number % PROGRESS_EVERY == 0:
            progress(number)
        if thing.is_way():
            if "highway" in thing.tags:
                _take_way(thing, part, box_deg)
        elif thing.is_area() and has_walls(thing.tags):
            try:
                outlines.append(shapes.create_multipolygon(thing))
            except RuntimeError:  # the ring is not closed: a relation cut by the extract's edge
                part.leave_out("buildings with a broken outline")
        if len(part.lines) > LINES_MAX or len(outlines) > BUILDINGS_MAX:
            raise ConsoleError(f"a map must have at most {LINES_MAX:,} streets and {BUILDINGS_MAX:,} buildings")
    part.buildings.extend(_in_box(outlines, part, box_deg))


def _take_way(way: Any, part: MapPart, box_deg: Box) -> None:
    if not is_walked(way.tags):
        part.leave_out("ways that nobody walks on")
        return
    taken = [piece for line in _lines(way) for piece in in_box(line, box_deg)]
    part.lines.extend(taken)
    if not taken:
        part.leave_out("ways outside the city's box")


def _lines(way: Any) -> list[Line]:
    """Return the runs of a way's nodes that the extract holds; at its edge some are missing."""
    runs: list[list[tuple[float, float]]] = [[]]
    for node in way.nodes:
        place = node.location
        if place.valid():
            runs[-1].append((place.lon, place.lat))
        elif runs[-1]:
            runs.append([])
    return [np.array(run) for run in runs if len(run) > 1]


def _in_box(outlines: list[str], part: MapPart, box_deg: Box) -> list[shapely.Geometry]:
    south, west, north, east = box_deg
    polygons = shapely.from_wkb(np.array(outlines, np.object_))
    near = shapely.intersects(polygons, shapely.box(west, south, east, north))
    part.leave_out("buildings outside the city's box", int((~near).sum()))
    return list(polygons[near])
