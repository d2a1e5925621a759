"""Make a city's map from files and write it, and sum up what was read, made and left out."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from console.errors import ConsoleError
from console.maps.osm import ATTRIBUTION
from console.maps.reading import is_osm, read_map_file
from console.maps.sources import MapPart
from pipeline.sight.pole_sights import REACH_MAX_M
from pipeline.world.free_space import FreeSpace, box_around, free_space_from_buildings, free_space_from_streets
from pipeline.world.streets import Streets, streets_from
from topologies.city_files import City
from topologies.city_map import city_plane, write_map

# Called with what is being done and how much of it is done.
Report = Callable[[str, int], None]
# Below this the lines of a file mostly do not meet, and people could not walk from one to the next.
CONNECTED_MIN = 0.8


@dataclass(frozen=True, slots=True)
class MapSummary:
    """What a map holds, and what it took.

    Attributes:
        city: name of the city.
        lines: how many lines were taken as streets.
        street_km: how long all of them are.
        nodes: where lines meet, bend or end.
        edges: straight pieces.
        cells: pieces of about 5 m.
        connected: share of the streets' length that hangs together, 0 to 1.
        buildings: how many polygons block sight; 0 if they are unknown.
        pixel_m: side of the free space's pixels.
        blocked: share of its pixels that is blocked, 0 to 1.
        streets_hash: content hash.
        free_space_hash: content hash.
        streets_mb: memory of the streets.
        free_space_mb: memory of the free space.
        seconds: how long reading and building took.
        left_out: how many objects were left out, by reason.
        sources: file names and SHA-256.
        attribution: whom to name where the map is shown.
    """

    city: str
    lines: int
    street_km: float
    nodes: int
    edges: int
    cells: int
    connected: float
    buildings: int
    pixel_m: float
    blocked: float
    streets_hash: str
    free_space_hash: str
    streets_mb: float
    free_space_mb: float
    seconds: float
    left_out: dict[str, int]
    sources: dict[str, str]
    attribution: str

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the summary for people."""
        walls = f"{self.buildings:,}" if self.buildings else "unknown: free is within 8 m of a street"
        rows = {
            "city": self.city,
            "streets": f"{self.lines:,} lines, {self.street_km:,.1f} km, {100 * self.connected:.0f} % connected",
            "graph": f"{self.nodes:,} nodes, {self.edges:,} edges, {self.cells:,} cells of about 5 m",
            "buildings": walls,
            "free space": f"pixels of {self.pixel_m:g} m, {100 * self.blocked:.0f} % blocked",
            "memory": f"streets {self.streets_mb:.1f} MB, free space {self.free_space_mb:.1f} MB",
            "hashes": f"streets {self.streets_hash}, free space {self.free_space_hash}",
            "time": f"{self.seconds:.1f} s",
        }
        rows |= {"left out": ", ".join(f"{n:,} {why}" for why, n in self.left_out.items())} if self.left_out else {}
        rows |= {"attribution": self.attribution} if self.attribution else {}
        lines = [f"{name:<12} {text}" for name, text in rows.items()]
        if self.connected < CONNECTED_MIN:
            lines.append("warning      few streets hang together: lines that meet must share a vertex there")
        return "\n".join(lines)


def build_map(city: City, streets_file: Path, buildings_file: Path | None, report: Report) -> MapSummary:
    """Read the files, write the city's map, and return what it holds.

    An OpenStreetMap extract serves for buildings too, unless another file is given for them.

    Raises:
        ConsoleError: a file cannot be read or holds no street in the city's box.
        pipeline.errors.PolicyError: what it holds breaks a rule, or the map cannot be written.
    """
    began = time.monotonic()
    both = buildings_file == streets_file or (buildings_file is None and is_osm(streets_file))
    part = _read(city, streets_file, report, streets=True, buildings=both)
    if buildings_file is not None and not both:
        more = _read(city, buildings_file, report, streets=False, buildings=True)
        part.buildings.extend(more.buildings)
        for reason, count in more.left_out.items():
            part.leave_out(reason, count)
    if not part.lines:
        raise ConsoleError(f"{streets_file.name} holds no street in the box of {city.name} {list(city.box_deg)}")
    report("building streets", 0)
    streets = streets_from(part.lines, city_plane(city))
    if not len(streets):
        raise ConsoleError(f"{streets_file.name} holds no street that has a length")
    report("building free space", 0)
    free = _free_space(part, streets)
    files = {streets_file} | ({buildings_file} if buildings_file is not None else set())
    report("writing", 0)
    summary = MapSummary(
        city=city.name,
        **_counts(part, streets, free),
        seconds=round(time.monotonic() - began, 2),
        left_out=dict(part.left_out),
        sources={path.name: _sha256(path) for path in sorted(files)},
        attribution=ATTRIBUTION if any(map(is_osm, files)) else "",
    )
    write_map(city, streets, free if part.buildings else None, summary.as_json())
    return summary


def connected_share(streets: Streets) -> float:
    """Return the share of the streets' length in the largest part in which one can walk from anywhere to anywhere."""
    part = np.arange(len(streets.node_x_m))
    while True:
        # Each edge gives both its ends the lower number, and numbers follow each other down until all are equal.
        lower = part.copy()
        least = np.minimum(part[streets.edge_from], part[streets.edge_to])
        np.minimum.at(lower, streets.edge_from, least)
        np.minimum.at(lower, streets.edge_to, least)
        lower = np.minimum(lower, lower[lower])
        if np.array_equal(lower, part):
            break
        part = lower
    lengths_m = np.bincount(part[streets.edge_from], streets.edge_length_m)
    return float(lengths_m.max() / lengths_m.sum())


def _read(city: City, path: Path, report: Report, *, streets: bool, buildings: bool) -> MapPart:
    says = f"reading {path.name}"
    return read_map_file(path, city.box_deg, lambda done: report(says, done), streets=streets, buildings=buildings)


def _free_space(part: MapPart, streets: Streets) -> FreeSpace:
    if not part.buildings:
        return free_space_from_streets(streets)
    buildings = np.empty(len(part.buildings), np.object_)
    buildings[:] = part.buildings
    # Cameras a little outside of the streets look at them past buildings too.
    return free_space_from_buildings(buildings, streets.plane, box_around(streets, float(REACH_MAX_M)))


def _counts(part: MapPart, streets: Streets, free: FreeSpace) -> dict[str, Any]:
    blocked = int(np.bitwise_count(free.bits).sum(dtype=np.int64)) / max(len(free.bits) * free.columns, 1)
    return {
        "lines": len(part.lines),
        "street_km": round(float(streets.edge_length_m.sum(dtype=np.float64)) / 1000, 3),
        "nodes": len(streets.node_x_m),
        "edges": len(streets.edge_from),
        "cells": len(streets),
        "connected": round(connected_share(streets), 4),
        "buildings": len(part.buildings),
        "pixel_m": free.pixel_m,
        "blocked": round(blocked, 4),
        "streets_hash": streets.content_hash,
        "free_space_hash": free.content_hash,
        "streets_mb": round(streets.memory_bytes / 1e6, 2),
        "free_space_mb": round(free.memory_bytes / 1e6, 2),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
