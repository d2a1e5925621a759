"""What every connector is handed: the outside, injected, so that a test hands in its own."""

from dataclasses import dataclass

from connectors.pseudonyms import Pseudonyms
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
    """

    clock: Clock
    pseudonyms: Pseudonyms
    time_zone: str = "Asia/Seoul"
    default_points: tuple[DefaultPoint, ...] = ()
    city_box: tuple[float, float, float, float] | None = None
    districts: tuple[str, ...] = ()
