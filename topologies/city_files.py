"""Read a city's folder: the only place that opens its files."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from shapely.errors import ShapelyError
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.validation import explain_validity

from pipeline.errors import PolicyError
from pipeline.rules.policy import DefaultPlace, District, Policy, policy_from
from pipeline.rules.policy_fields import PolicyFields

# Outlines of a city's districts have some megabytes; far more is a file of something else.
FILE_BYTES_MAX = 64 * 1024 * 1024
DISTRICTS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class City:
    """A city as its folder describes it.

    Attributes:
        name: name of the folder.
        title: name for people.
        prefix: prefix of its topics, without the dot.
        time_zone: IANA name, for sources that write local times.
        box_deg: south, west, north, east in degrees.
        policy: every number and rule that decides, the default places among them.
        folder: where its files are.
    """

    name: str
    title: str
    prefix: str
    time_zone: str
    box_deg: tuple[float, float, float, float]
    policy: Policy
    folder: Path


def load_city(cities_dir: Path, name: str) -> City:
    """Return the city in ``cities_dir/name``.

    Raises:
        PolicyError: the folder or a file is missing, or a field is wrong; the message names it.
    """
    folder = cities_dir / name
    if not folder.is_dir():
        known = sorted(p.name for p in cities_dir.glob("*") if (p / "city.toml").exists())
        raise PolicyError(f"no city {name!r} in {cities_dir.name}/; known: {', '.join(known) or 'none'}")
    fields = PolicyFields("city.toml", _toml(folder / "city.toml"))
    time_zone = _time_zone(fields)
    default_places = tuple(_default_place(table) for table in fields.tables("default_point"))
    policy = policy_from(
        policy=_toml(folder / "policy.toml"),
        ranks=_toml(folder / "ranks.toml"),
        purposes=_toml(folder / "purposes.toml"),
        agencies=_toml(folder / "agencies.toml"),
        districts=_districts(folder / "districts.geojson"),
        default_places=default_places,
        time_zone=ZoneInfo(time_zone),
    )
    box = fields.numbers("box_deg", -180, 180)
    if len(box) != 4 or box[0] >= box[2] or box[1] >= box[3]:
        raise fields.error("box_deg", f"must be south, west, north, east in degrees, got {list(box)}")
    city = City(
        name=fields.text("name"),
        title=fields.text("title"),
        prefix=fields.text("topic_prefix"),
        time_zone=time_zone,
        box_deg=(box[0], box[1], box[2], box[3]),
        policy=policy,
        folder=folder,
    )
    fields.done()
    return city


def _default_place(fields: PolicyFields) -> DefaultPlace:
    place = DefaultPlace(
        fields.text("name"),
        fields.number("lat_deg", -90, 90),
        fields.number("lon_deg", -180, 180),
        fields.number("radius_m", 1, 5_000),
    )
    fields.done()
    return place


def _time_zone(fields: PolicyFields) -> str:
    name = fields.text("time_zone")
    try:
        ZoneInfo(name)
    # Unknown names are KeyErrors, impossible ones ValueErrors, and "Asia" is a folder of the zone files.
    except (KeyError, ValueError, OSError) as error:
        raise fields.error("time_zone", f"must be an IANA name such as Asia/Seoul, got {name!r}") from error
    return name


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise PolicyError(f"{path.name} must have at most {FILE_BYTES_MAX} bytes, got {path.stat().st_size}")
        return path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise PolicyError(f"{path.name} is missing in cities/{path.parent.name}") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{path.name} must be UTF-8, got another encoding at byte {error.start}") from error
    except OSError as error:
        raise PolicyError(f"{path.name} cannot be read: {error.strerror or type(error).__name__}") from error


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path.name}: {error}") from error


def _districts(path: Path) -> tuple[District, ...]:
    """Return the districts of an optional GeoJSON file of polygons with a ``name`` property."""
    if not path.exists():
        return ()
    try:
        body = json.loads(_text(path))
    # Nesting that is deeper than any outline ends in a RecursionError.
    except (json.JSONDecodeError, RecursionError) as error:
        raise PolicyError(f"{path.name} must be JSON: {error}") from error
    features = body.get("features") if isinstance(body, dict) else None
    if not isinstance(features, list) or len(features) > DISTRICTS_MAX:
        raise PolicyError(f"{path.name}: features must be a list of at most {DISTRICTS_MAX} districts")
    return tuple(_district(f"{path.name}: features[{number}]", feature) for number, feature in enumerate(features))


def _district(where: str, feature: Any) -> District:
    if not isinstance(feature, dict):
        raise PolicyError(f"{where} must be a GeoJSON feature, got {type(feature).__name__}")
    properties = feature.get("properties")
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or not name.strip():
        raise PolicyError(f"{where}: properties.name must be a text, got {name!r}")
    try:
        polygon = shape(feature.get("geometry"))
    # What shapely raises depends on where in a wrong geometry it stumbles.
    except (ShapelyError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise PolicyError(f"{where} ({name}): geometry must be a GeoJSON polygon, got none ({error})") from error
    if not isinstance(polygon, Polygon | MultiPolygon):
        raise PolicyError(f"{where} ({name}): geometry must be a polygon, got {polygon.geom_type}")
    west, south, east, north = polygon.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # no bounds: an empty polygon, or NaN in it
        raise PolicyError(f"{where} ({name}): geometry must have longitudes and latitudes in degrees")
    if not polygon.is_valid:
        raise PolicyError(f"{where} ({name}): geometry must not cross itself: {explain_validity(polygon)}")
    return District(name, polygon)
