"""Where a row says its camera hangs: read, judged and, where only the axes are swapped, repaired. Pure."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from connectors.kit.cameras.faults import Flag, Reason
from connectors.kit.context import DefaultPoint
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.places import PlaceRules, judged

# Metres of one degree of latitude (WGS 84 mean meridian, 111.1 to 111.7 km).
METRES_PER_DEGREE = 111_320.0
# Four decimals are steps of 11 m: no longer the pole but its surroundings.
COARSE_DECIMALS = 4
DECIMALS_MAX = 7
# A point rounded to a square of side s lies within sqrt(0.68 / pi) * s of its middle with 68 % probability.
ROUNDING_R68 = 0.465
# Five decimals are 1.1 m: cells written for the same pole fall together, and nothing is lost that the data has.
SITE_DECIMALS = 5
TEXT_MAX = 40
_PLAIN = re.compile(r"-?\d{1,3}(?:\.(\d{1,20}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Box:
    """A box of latitudes and longitudes, degrees, borders included."""

    south_deg: float
    west_deg: float
    north_deg: float
    east_deg: float

    def holds(self, lat_deg: float, lon_deg: float) -> bool:
        """Return whether the point lies in the box."""
        return self.south_deg <= lat_deg <= self.north_deg and self.west_deg <= lon_deg <= self.east_deg


WORLD = Box(-90.0, -180.0, 90.0, 180.0)


@dataclass(frozen=True, slots=True)
class Position:
    """A readable position of a row.

    Attributes:
        lat_deg: WGS 84 latitude, rounded to five decimals.
        lon_deg: WGS 84 longitude, rounded to five decimals.
        decimals: decimals the source gave (the more precise of the two axes: a spreadsheet drops trailing zeros).
        flags: what was repaired or is doubtful.
    """

    lat_deg: float
    lon_deg: float
    decimals: int
    flags: tuple[Flag, ...]


@dataclass(frozen=True, slots=True)
class Plausible:
    """Where cameras can be.

    Attributes:
        country: boxes outside of which no camera can be.
        city: box outside of which a camera is doubtful, and by which swapped axes are recognised; None does not check.
        default_points: positions that stand for "unknown".
        lat_name: the source's name of the latitude column, for messages.
        lon_name: the source's name of the longitude column, for messages.
    """

    country: tuple[Box, ...] = (WORLD,)
    city: Box | None = None
    lat_name: str = "latitude"
    lon_name: str = "longitude"
    default_points: tuple[DefaultPoint, ...] = ()

    def in_country(self, lat_deg: float, lon_deg: float) -> bool:
        """Return whether the point lies in the country."""
        return any(box.holds(lat_deg, lon_deg) for box in self.country)

    def in_city(self, lat_deg: float, lon_deg: float) -> bool:
        """Return whether the point surely lies in the city: False where its box is not known."""
        return self.city is not None and self.city.holds(lat_deg, lon_deg)

    def is_default(self, lat_deg: float, lon_deg: float) -> bool:
        """Return whether the point stands for "unknown"."""
        if not self.default_points:
            return False
        rules = PlaceRules(accuracy_m=0.0, default_points=self.default_points)
        return judged(lat_deg, lon_deg, rules, swapped=False).finding == "default-point"


def read_position(lat_text: str, lon_text: str, plausible: Plausible) -> Position:
    """Return the position two cells give.

    Raises:
        EntryRefusedError: ``no-position`` or ``impossible-position``.
    """
    lat, lat_decimals = _degrees(lat_text, plausible.lat_name)
    lon, lon_decimals = _degrees(lon_text, plausible.lon_name)
    if (lat == 0 or lon == 0) and not plausible.in_city(lat, lon):
        field = plausible.lat_name if lat == 0 else plausible.lon_name
        raise EntryRefusedError(Reason.NO_POSITION, field, f"{field} must not be 0: a position is not known")
    flags: tuple[Flag, ...] = ()
    is_turned = plausible.in_city(lon, lat) and not plausible.in_city(lat, lon)
    if is_turned or not plausible.in_country(lat, lon):
        if not plausible.in_country(lon, lat):
            raise EntryRefusedError(
                Reason.IMPOSSIBLE_POSITION,
                plausible.lat_name,
                f"{plausible.lat_name}, {plausible.lon_name} must lie in the country's box, "
                f"got {_shown(lat)}, {_shown(lon)}",
            )
        lat, lon, flags = lon, lat, (Flag.AXES_SWAPPED,)
    if plausible.city is not None and not plausible.city.holds(lat, lon):
        flags = (*flags, Flag.OUTSIDE_CITY)
    if plausible.is_default(lat, lon):
        flags = (*flags, Flag.DEFAULT_POINT)
    decimals = max(lat_decimals, lon_decimals)
    if decimals <= COARSE_DECIMALS:
        flags = (*flags, Flag.COARSE_POSITION)
    return Position(round(lat, SITE_DECIMALS), round(lon, SITE_DECIMALS), decimals, flags)


def accuracy_m(decimals: int, position_error_m: float) -> float:
    """Return the 68 % radius in metres of a position with this many decimals.

    The owner's own error (an address instead of the pole) and the rounding add as independent errors do.
    """
    rounding_m = ROUNDING_R68 * METRES_PER_DEGREE * 10.0 ** -min(decimals, DECIMALS_MAX)
    return round(math.hypot(position_error_m, rounding_m), 1)


def _degrees(text: str, field: str) -> tuple[float, int]:
    """Return the number in a cell and its decimals; a cell without any digit is no position."""
    text = text.strip()
    plain = _PLAIN.fullmatch(text)
    if plain:  # nearly every cell; the rest of the function gives the same for it, four times slower
        return float(text), len(plain.group(1) or "")
    if not any(character.isdigit() for character in text):
        got = "an empty cell" if not text else "text without a number"
        raise EntryRefusedError(Reason.NO_POSITION, field, f"{field} must be degrees, got {got}")
    try:
        # Longer than any coordinate: no use in computing with it.
        number = Decimal(text) if len(text) <= TEXT_MAX else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number.adjusted() > 3:
        raise EntryRefusedError(
            Reason.IMPOSSIBLE_POSITION, field, f"{field} must be degrees, got what is no number below 1000"
        )
    exponent = number.as_tuple().exponent
    return float(number), max(0, -exponent) if isinstance(exponent, int) else 0


def _shown(degrees: float) -> str:
    # A cell out of place may hold a telephone number; only what could be degrees is repeated.
    return f"{degrees:.6g}" if abs(degrees) < 1000 else "a number beyond 1000"
