"""What every connector is handed: the outside, injected, so that a test hands in its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from connectors.kit.pictures import Pictures
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.transports.http_listener import HttpListeners
from schemas.clock import Clock


@dataclass(frozen=True, slots=True)
class DefaultPoint:
    """A position that stands for "unknown" in a source, such as an agency's own address.

    Attributes:
        lat_deg: WGS 84 latitude in degrees.
        lon_deg: WGS 84 longitude in degrees.
        radius_m: how far around it a position still counts as this default, metres.
        name: what is there, for messages.
    """

    lat_deg: float
    lon_deg: float
    radius_m: float
    name: str = ""


class Outline(Protocol):
    """The area of a district."""

    def holds(self, lat_deg: float, lon_deg: float) -> bool:
        """Return whether a WGS 84 position lies in it."""


@dataclass(frozen=True, slots=True)
class ConnectorContext:
    """What a connector may know of its surroundings.

    Attributes:
        clock: where ``ingested_us`` comes from.
        pseudonyms: turns person and tracker ids into keyed pseudonyms.
        time_zone: IANA name of the city's zone, for sources that write local times.
        default_points: positions that stand for "unknown"; (0, 0) always does.
        city_box: south, west, north, east of the city in degrees; None does not check.
        districts: names of the city's districts.
        outlines: the area of each of them, by name; empty where a city has none, as in examples.
        is_trial: whether this is a dry run, after which no trace may stay with the other system.
        listeners: the HTTP servers that the connectors of this process share.
        pictures: reads what stands on topics; None where there is no broker, as in examples and trials.
        instance: name of the instance that is run, under which its position and its memory are kept; empty where
            nothing is to be kept, as in examples.
        city_folder: the city's folder, where tables of a connector may lie that belong to the city; None without one.
    """

    clock: Clock
    pseudonyms: Pseudonyms
    time_zone: str = "Asia/Seoul"
    default_points: tuple[DefaultPoint, ...] = ()
    city_box: tuple[float, float, float, float] | None = None
    districts: tuple[str, ...] = ()
    outlines: Mapping[str, Outline] = field(default_factory=dict)
    is_trial: bool = False
    listeners: HttpListeners = field(default_factory=HttpListeners)
    pictures: Pictures | None = None
    city_folder: Path | None = None
    instance: str = ""
