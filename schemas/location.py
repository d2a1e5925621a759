"""Positions and areas, shared by all records. WGS 84, degrees, metres."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.record import Codes


class LocationQuality(StrEnum):
    """How a position was obtained, which decides whether cameras may be chosen from it."""

    GPS = "gps"
    ADDRESS = "address"
    CELL = "cell"
    AREA = "area"
    DEFAULT = "default"
    NONE = "none"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A position with its uncertainty."""

    lat_deg: Annotated[float, "WGS 84 latitude in degrees, -90 to 90."]
    lon_deg: Annotated[float, "WGS 84 longitude in degrees, -180 to 180."]
    accuracy_m: Annotated[float, "Radius in metres that holds the true position with 68 % probability; 0 or more."]
    quality: Annotated[
        str,
        "How the position was obtained. default is an agency's own address or (0,0), none is no position: no cameras.",
        Codes(LocationQuality),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A bare point of a line or polygon."""

    lat_deg: Annotated[float, "WGS 84 latitude in degrees, -90 to 90."]
    lon_deg: Annotated[float, "WGS 84 longitude in degrees, -180 to 180."]


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The extent of an incident: a polygon, or the names of districts that the city's district file resolves."""

    polygon: Annotated[tuple[Point, ...], "Outer ring, closed or not, in either direction; empty when named only."] = ()
    district_names: Annotated[tuple[str, ...], "Districts by name, as the source wrote them."] = ()
