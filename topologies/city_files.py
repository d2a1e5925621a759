"""Read a city's folder: the only place that opens its files."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shapely.geometry import shape

from pipeline.errors import PolicyError
from pipeline.policy import DefaultPlace, District, Policy, policy_from
from pipeline.policy_fields import PolicyFields


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
    default_places = tuple(_default_place(table) for table in fields.tables("default_point"))
    policy = policy_from(
        policy=_toml(folder / "policy.toml"),
        ranks=_toml(folder / "ranks.toml"),
        purposes=_toml(folder / "purposes.toml"),
        agencies=_toml(folder / "agencies.toml"),
        districts=_districts(folder / "districts.geojson"),
        default_places=default_places,
    )
    box = fields.numbers("box_deg", -180, 180)
    if len(box) != 4 or box[0] >= box[2] or box[1] >= box[3]:
        raise fields.error("box_deg", f"must be south, west, north, east in degrees, got {list(box)}")
    city = City(
        name=fields.text("name"),
        title=fields.text("title"),
        prefix=fields.text("topic_prefix"),
        time_zone=fields.text("time_zone"),
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


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise PolicyError(f"{path.name} is missing in cities/{path.parent.name}") from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path.name}: {error}") from error


def _districts(path: Path) -> tuple[District, ...]:
    """Return the districts of an optional GeoJSON file of polygons with a ``name`` property."""
    if not path.exists():
        return ()
    features = json.loads(path.read_text("utf-8"))["features"]
    return tuple(District(feature["properties"]["name"], shape(feature["geometry"])) for feature in features)
