"""A city's map on disk: ``cities/<name>/map/`` with streets, free space and where they come from; and kept sightlines.

``streets.npz`` holds nodes and edges, ``free-space.npz`` the map of bits (only where buildings are known) and
``about.json`` the sources. Everything else is made from them when they are read. Arrays are read without pickle, under
limits, and their content hash is reckoned again: a damaged file is an error that names it, never a wrong map.
"""

import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import PolicyError
from pipeline.geo import Plane
from pipeline.sight.pole_sights import KINDS, PoleSights
from pipeline.sight.sightlines import Sightlines
from pipeline.world.free_space import FreeSpace, free_space_from_streets, free_space_of
from pipeline.world.streets import Streets, graph_of, streets_of_graph
from topologies.city_files import City

MAP_FOLDER = "map"
STREETS_FILE = "streets.npz"
FREE_SPACE_FILE = "free-space.npz"
ABOUT_FILE = "about.json"
# A city of 605 square kilometres has some megabytes of streets and, at 1 m, 76 MB of bits before they are packed.
FILE_BYTES_MAX = 512 * 1024 * 1024
CONTENT_BYTES_MAX = 1024 * 1024 * 1024
ABOUT_BYTES_MAX = 64 * 1024
# Raised when files of the form before cannot be read any more.
FORM = 1
_STREETS_ARRAYS = {
    "plane": "float64",
    "node_x_cm": "int32",
    "node_y_cm": "int32",
    "edge_from": "int32",
    "edge_to": "int32",
}
_FREE_ARRAYS = {"origin_m": "float64", "pixel_m": "float64", "columns": "int64", "bits": "uint8"}
# Kept sightlines of other maps and policies; the newest so many stay.
CACHE_FILES_MAX = 4


@dataclass(frozen=True, slots=True)
class CityMap:
    """What a city's map folder holds.

    Attributes:
        streets: the streets.
        free: the free space around buildings, or around street lines where there are no buildings.
        about: where it comes from, as it was written.
    """

    streets: Streets
    free: FreeSpace
    about: Mapping[str, Any]


def city_plane(city: City) -> Plane:
    """Return the plane of a city: around the middle of its box. The camera table must be on it too."""
    south_deg, west_deg, north_deg, east_deg = city.box_deg
    return Plane((south_deg + north_deg) / 2, (west_deg + east_deg) / 2)


def write_map(city: City, streets: Streets, free: FreeSpace | None, about: Mapping[str, Any]) -> Path:
    """Write a city's map, each file whole or not at all; return the folder.

    Args:
        city: whose map.
        streets: on the city's plane.
        free: the free space around buildings; None where they are unknown, which removes an older one.
        about: where it comes from; JSON values.

    Raises:
        PolicyError: the streets are on another plane, or the folder cannot be written.
    """
    if streets.plane != city_plane(city):
        raise PolicyError(f"streets must be on the plane of {city.name}")
    folder = city.folder / MAP_FOLDER
    x_cm, y_cm, start, end = graph_of(streets)
    plane = np.array([streets.plane.lat_deg, streets.plane.lon_deg])
    try:
        folder.mkdir(exist_ok=True)
        arrays = {"plane": plane, "node_x_cm": x_cm, "node_y_cm": y_cm, "edge_from": start, "edge_to": end}
        _write_arrays(folder / STREETS_FILE, arrays, streets.content_hash)
        if free is None:
            (folder / FREE_SPACE_FILE).unlink(missing_ok=True)
        else:
            origin = np.array([free.origin_x_m, free.origin_y_m])
            size = {"pixel_m": np.array([free.pixel_m]), "columns": np.array([free.columns], np.int64)}
            _write_arrays(folder / FREE_SPACE_FILE, {"origin_m": origin, "bits": free.bits} | size, free.content_hash)
        text = json.dumps(about, ensure_ascii=False, indent=2)
        _replace(folder / ABOUT_FILE, lambda path: path.write_text(text + "\n", "utf-8"))
    except OSError as error:
        raise PolicyError(f"{MAP_FOLDER} of {city.name} cannot be written: {error.strerror}") from error
    return folder


def read_map(city: City) -> CityMap | None:
    """Return a city's map; None if it has none.

    Raises:
        PolicyError: a file is damaged, too large, of another form, or of another plane than the city's.
    """
    folder = city.folder / MAP_FOLDER
    if not (folder / STREETS_FILE).exists():
        return None
    arrays, kept_hash = _read_arrays(folder / STREETS_FILE, _STREETS_ARRAYS)
    plane = city_plane(city)
    if arrays["plane"].tolist() != [plane.lat_deg, plane.lon_deg]:
        raise PolicyError(f"{STREETS_FILE} was built for another box of {city.name}: build the map again")
    streets = streets_of_graph(plane, *(arrays[n] for n in ("node_x_cm", "node_y_cm", "edge_from", "edge_to")))
    _check_hash(STREETS_FILE, kept_hash, streets.content_hash)
    return CityMap(streets, _free_space(folder, streets), _about(folder / ABOUT_FILE))


def keep_sightlines(sightlines: Sightlines, cache_dir: Path) -> Path:
    """Write what was computed, whole or not at all, and drop the oldest files of the folder; return the file.

    Raises:
        OSError: the folder cannot be written.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    path = _cache_file(sightlines, cache_dir)
    sights = sightlines.sights()
    _write_arrays(path, {name: getattr(sights, name) for name in KINDS}, sightlines.cache_key)
    by_age = sorted(cache_dir.glob("sightlines-*.npz"), key=lambda p: p.stat().st_mtime_ns, reverse=True)
    for old in by_age[CACHE_FILES_MAX:]:
        old.unlink(missing_ok=True)
    return path


def recall_sightlines(sightlines: Sightlines, cache_dir: Path) -> int:
    """Let sightlines remember what was kept for just these streets, free space and error; return how many poles.

    A file that is damaged is removed and counts as none: all of it can be computed again.
    """
    path = _cache_file(sightlines, cache_dir)
    if not path.exists():
        return 0
    try:
        arrays, kept_hash = _read_arrays(path, KINDS)
        _check_hash(path.name, kept_hash, sightlines.cache_key)
        sights = PoleSights(**arrays)
        sightlines.remember(sights)
    except PolicyError:
        path.unlink(missing_ok=True)
        return 0
    return len(sights)


def _free_space(folder: Path, streets: Streets) -> FreeSpace:
    path = folder / FREE_SPACE_FILE
    if not path.exists():
        return free_space_from_streets(streets)
    arrays, kept_hash = _read_arrays(path, _FREE_ARRAYS)
    if [arrays[name].shape for name in ("origin_m", "pixel_m", "columns")] != [(2,), (1,), (1,)]:
        raise PolicyError(f"{path.name} must have one origin, one size of pixels and one number of columns")
    (x_m, y_m), pixel_m, columns = arrays["origin_m"].tolist(), float(arrays["pixel_m"][0]), int(arrays["columns"][0])
    free = free_space_of(x_m, y_m, pixel_m, columns, arrays["bits"], buildings_known=True)
    _check_hash(path.name, kept_hash, free.content_hash)
    return free


def _about(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > ABOUT_BYTES_MAX:
            raise PolicyError(f"{path.name} must have at most {ABOUT_BYTES_MAX} bytes")
        about = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise PolicyError(f"{path.name} must be JSON: {type(error).__name__}") from error
    if not isinstance(about, dict):
        raise PolicyError(f"{path.name} must be a JSON object, got {type(about).__name__}")
    return about


def _cache_file(sightlines: Sightlines, cache_dir: Path) -> Path:
    return cache_dir / f"sightlines-{sightlines.cache_key}.npz"


def _check_hash(name: str, kept: str, found: str) -> None:
    if kept != found:
        raise PolicyError(f"{name} is damaged: its content does not have the hash it was written with")


def _write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], content_hash: str) -> None:
    form, digest = np.array([FORM], np.int64), np.frombuffer(content_hash.encode(), np.uint8)
    members: dict[str, Any] = {**arrays, "form": form, "content_hash": digest}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **members)

    _replace(path, write)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file beside its place and move it there at once, so that no reader finds half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        write(Path(name))
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _read_arrays(path: Path, kinds: Mapping[str, str]) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the arrays of a file, checked for number, kind and size, and the hash it was written with."""
    expected = {**kinds, "form": "int64", "content_hash": "uint8"}
    try:
        _check_sizes(path, {f"{name}.npy" for name in expected})
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in expected}
    # What numpy and zipfile raise depends on where in a damaged file they stumble.
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, MemoryError, NotImplementedError) as error:
        if isinstance(error, PolicyError):
            raise
        raise PolicyError(f"{path.name} is damaged: {type(error).__name__}") from error
    for name, kind in expected.items():
        if arrays[name].dtype != kind:
            raise PolicyError(f"{path.name}: {name} must be {kind}, got {arrays[name].dtype}")
    if arrays.pop("form").tolist() != [FORM]:
        raise PolicyError(f"{path.name} must be of form {FORM}: build it again")
    return arrays, arrays.pop("content_hash").tobytes().decode("ascii", "replace")


def _check_sizes(path: Path, members: set[str]) -> None:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise PolicyError(f"{path.name} must have at most {FILE_BYTES_MAX} bytes, got {path.stat().st_size}")
    with zipfile.ZipFile(path) as archive:
        found = archive.infolist()
    if {member.filename for member in found} != members or len(found) != len(members):
        raise PolicyError(f"{path.name} must hold {', '.join(sorted(members))} and nothing else")
    if sum(member.file_size for member in found) > CONTENT_BYTES_MAX:
        raise PolicyError(f"{path.name} must hold at most {CONTENT_BYTES_MAX} bytes of arrays")
