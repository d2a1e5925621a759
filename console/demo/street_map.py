"""The story's city as its worker knows it: a copy of the demo city's folder, with the street map of the story."""

import re
import shutil
from pathlib import Path

import numpy as np

from console.demo.city import SyntheticCity
from console.demo.streets import M_PER_DEGREE, Plane, Spot
from pipeline.world.streets import streets_from
from topologies.city_files import City, load_city
from topologies.city_map import MAP_FOLDER, city_plane, write_map

# Half the box around a story elsewhere, metres; with room around the streets.
BOX_M = 3_300.0
ABOUT = {"sources": {"made-up": "the demonstration's own streets"}}


def copy_of_city(cities_dir: Path, name: str, folder: Path, plane: Plane | None, agency: Spot) -> City:
    """Return the city in a copy of its folder, without a map.

    Args:
        cities_dir: where the city's folder is.
        name: its name.
        folder: a temporary folder, for folders of cities.
        plane: where the story plays if that is not the made-up city's place: the box and the default point move there.
        agency: the agency's point on that plane.

    Raises:
        PolicyError: the city's folder is not usable.
    """
    load_city(cities_dir, name)
    shutil.copytree(cities_dir / name, folder / name, ignore=shutil.ignore_patterns(MAP_FOLDER))
    if plane is not None:
        file = folder / name / "city.toml"
        file.write_text(_moved(file.read_text("utf-8"), plane, agency), "utf-8")
    return load_city(folder, name)


def give_streets(place: City, city: SyntheticCity) -> None:
    """Write the story's streets as the city's map; its buildings are known to nobody."""
    degrees = np.array([city.plane.degrees(junction)[::-1] for junction in city.streets.junctions])
    lines = list(degrees[np.array(city.streets.pieces())])
    write_map(place, streets_from(lines, city_plane(place)), None, ABOUT)


def _moved(text: str, plane: Plane, agency: Spot) -> str:
    lat_deg = BOX_M / M_PER_DEGREE
    lon_deg = lat_deg / np.cos(np.radians(plane.centre_lat_deg))
    box = [
        round(float(value), 6)
        for value in (
            plane.centre_lat_deg - lat_deg,
            plane.centre_lon_deg - lon_deg,
            plane.centre_lat_deg + lat_deg,
            plane.centre_lon_deg + lon_deg,
        )
    ]
    agency_lat_deg, agency_lon_deg = plane.degrees(agency)
    text = re.sub(r"(?m)^box_deg = .*$", f"box_deg = {box}", text)
    text = re.sub(r"(?m)^lat_deg = .*$", f"lat_deg = {agency_lat_deg:.4f}", text)
    return re.sub(r"(?m)^lon_deg = .*$", f"lon_deg = {agency_lon_deg:.4f}", text)
