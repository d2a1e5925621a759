"""Read a map file by the reader that its name asks for."""

from pathlib import Path
from typing import Protocol

from console.errors import ConsoleError
from console.maps.osm import read_osm
from console.maps.sources import FILE_BYTES_MAX, Box, MapPart, Progress
from console.maps.vector import read_geojson, read_geopackage


class Reader(Protocol):
    """A function that reads one kind of file."""

    def __call__(self, path: Path, box_deg: Box, progress: Progress, *, streets: bool, buildings: bool) -> MapPart:
        """Return what a file holds."""


_READERS: dict[str, Reader] = {
    ".osm.pbf": read_osm,
    ".pbf": read_osm,
    ".osm": read_osm,
    ".osm.bz2": read_osm,
    ".gpkg": read_geopackage,
    ".geojson": read_geojson,
    ".json": read_geojson,
}


def is_osm(path: Path) -> bool:
    """Return whether a file is an OpenStreetMap extract, by its name."""
    return _reader(path) is read_osm


def read_map_file(path: Path, box_deg: Box, progress: Progress, *, streets: bool, buildings: bool) -> MapPart:
    """Return what a file holds of streets and buildings, as far as they touch a box.

    Raises:
        ConsoleError: the kind of file is not known, its reader is not installed, or it cannot be read.
    """
    size = path.stat().st_size
    if size > FILE_BYTES_MAX:
        raise ConsoleError(f"{path.name} must have at most {FILE_BYTES_MAX:,} bytes, got {size:,}; cut it to the city")
    try:
        return _reader(path)(path, box_deg, progress, streets=streets, buildings=buildings)
    except OSError as error:
        raise ConsoleError(f"{path.name} cannot be read: {error.strerror or type(error).__name__}") from error


def _reader(path: Path) -> Reader:
    for suffix, reader in _READERS.items():
        if path.name.lower().endswith(suffix):
            return reader
    raise ConsoleError(f"{path.name} must be one of {', '.join(_READERS)}")
