"""Where a story plays: the city and its streets, the registry as it was read, and the cameras as they truly are."""

from dataclasses import dataclass, replace
from pathlib import Path

from connectors.cctv_registry.registry import RegistryLoad
from console.demo.city import SyntheticCity, synthetic_city
from console.demo.real_city import near_by, real_city, typical_place
from console.demo.scenes import AGENCY
from console.demo.street_map import copy_of_city, give_streets
from console.demo.truth import TrueCameras, true_cameras
from console.registry_files import read_registry
from topologies.city_files import City, load_city

CITIES = "cities"
REGISTRY = "cctv.csv"
# The registry's first row with a camera, below the header.
FIRST_ROW = 2


@dataclass(frozen=True, slots=True)
class Ground:
    """What a story needs to be played and judged.

    Attributes:
        cities_dir: the folder of cities that the worker is given.
        place: the city in it.
        city: streets, and where the cameras are.
        registry: what the connector read.
        truth: the cameras as they truly are.
        is_real: whether the cameras' places are of a real registry.
    """

    cities_dir: Path
    place: City
    city: SyntheticCity
    registry: RegistryLoad
    truth: TrueCameras
    is_real: bool


def break_ground(
    cities_dir: Path, name: str, folder: Path, now_us: int, *, seed: int, registry: Path | None, streets: bool
) -> Ground:
    """Return the ground of a story.

    Args:
        cities_dir: where the demo city's folder is.
        name: the demo city's name.
        folder: temporary; gets a registry file and a folder of cities.
        now_us: the time of reading the registry, UTC microseconds since the epoch.
        seed: chooses the city.
        registry: a real registry file; None for the made-up one.
        streets: whether the worker is given the streets.

    Raises:
        ConsoleError: the registry has too few cameras.
        ConnectorError: the registry cannot be read.
        PolicyError: the demo city's folder is not usable.
    """
    cities = folder / CITIES
    cities.mkdir()
    if registry is None:
        city = synthetic_city(seed)
        city.write_registry(folder / REGISTRY)
        place = copy_of_city(cities_dir, name, cities, None, AGENCY)
        loaded = read_registry(folder / REGISTRY, place, now_us)
        spots = [city.spots[row - FIRST_ROW] for row in loaded.camera_rows]
    else:
        everywhere = read_registry(registry, load_city(cities_dir, name), now_us)
        plane = typical_place(everywhere.cameras)
        place = copy_of_city(cities_dir, name, cities, plane, AGENCY)
        loaded = read_registry(registry, place, now_us)
        city, cameras = real_city(near_by(loaded.cameras, plane), plane, seed)
        loaded = replace(loaded, cameras=cameras, camera_rows=[], refused=[])
        spots = list(city.spots)
    if streets:
        give_streets(place, city)
    truth = true_cameras(loaded.cameras, spots, city.streets, seed)
    return Ground(cities, place, city, loaded, truth, registry is not None)
