"""What can be set about reading a registry file, checked when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from connectors.cctv_registry.headers import Field
from connectors.cctv_registry.positions import SOUTH_KOREA, box_of_outline
from connectors.kit.cameras.belonging import FOREIGN_PCT, Belonging, district_named
from connectors.kit.cameras.positions import Box
from connectors.kit.context import Outline
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import names_option, number_option, refuse_unknown, text_option
from schemas.camera import CameraPurpose

OPTIONS = frozenset(
    {
        "path",
        "city_box",
        "districts",
        "country_boxes",
        "time_zone",
        "owner",
        "default_purposes",
        "row_cameras_max",
        "pile_cameras_max",
        "pile_accuracy_m",
        "position_error_m",
        "every_s",
        "owners",
        "shrink_max_pct",
        "accept",
        "district",
        "foreign_max_pct",
    }
)
ROW_CAMERAS_LIMIT = 1000
PILE_LIMIT = 1_000_000
PILE_ACCURACY_LIMIT_M = 100_000.0
POSITION_ERROR_LIMIT_M = 10_000.0
# A month; a registry that is looked at more rarely is imported by hand.
EVERY_LIMIT_S = 2_678_400.0

# The owner of rows that name none, where nobody was told.
NOBODY = "unknown"

BoxDeg = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Options of the connector. Boxes are (south, west, north, east) in degrees.

    Attributes:
        path: the file to read.
        city_box: a camera outside is flagged ``outside-city``; None: the city's own box, if the deployment has one.
        districts: GeoJSON file of the city's districts, whose outline gives the box where ``city_box`` is None.
        country_boxes: a position in none of them is refused; empty: South Korea.
        time_zone: IANA name of the zone of the file's dates; empty: the deployment's, else Asia/Seoul.
        owner: owner of rows that name none.
        default_purposes: purposes of the cameras of a file without a purpose column.
        row_cameras_max: most cameras taken from one row, 1 to 1,000. A count of 104 is met in real files; whether it
            is a slip or a whole building, the cameras of one row cannot be told apart, and 50 fill any assignment.
        pile_cameras_max: a point with more cameras is a pile, 1 or more. In Seoul's file two points carry 58
            and 1,221, both with cameras of other addresses; the next busiest carries 28.
        pile_accuracy_m: 68 % radius of a pile's cameras, metres: that of a Seoul district, which is all one knows.
        position_error_m: 68 % error of an address against the pole, metres, before rounding is added.
        every_s: how often it is looked for a newer file, seconds; 0 reads the file once and ends.
        owners: whose cameras the file lists completely: those of them that it no longer lists are taken back. Empty:
            the owners whom it names, and ``owner``.
        shrink_max_pct: a file that takes back more of the standing cameras is refused as a whole, percent.
        accept: fingerprint of a file that is true, however much it shrinks the registry or looks like another's.
        district: the city's district in which the file's cameras must lie; empty: the one whose name ``owner`` holds,
            else those that the rows' owners hold.
        foreign_max_pct: a file with more cameras elsewhere, or of others, is refused as a whole, percent.
    """

    AXES: ClassVar[tuple[Field, Field]] = (Field.LATITUDE, Field.LONGITUDE)

    path: str = ""
    city_box: BoxDeg | None = None
    districts: str = ""
    country_boxes: tuple[BoxDeg, ...] = ()
    time_zone: str = ""
    owner: str = NOBODY
    default_purposes: tuple[str, ...] = (CameraPurpose.UNKNOWN.value,)
    row_cameras_max: int = 50
    pile_cameras_max: int = 50
    pile_accuracy_m: float = 2500.0
    position_error_m: float = 10.0
    every_s: float = 0.0
    owners: tuple[str, ...] = ()
    shrink_max_pct: float = 20.0
    accept: str = ""
    district: str = ""
    foreign_max_pct: float = FOREIGN_PCT

    def __post_init__(self) -> None:
        _within("row_cameras_max", self.row_cameras_max, 1, ROW_CAMERAS_LIMIT)
        _within("pile_cameras_max", self.pile_cameras_max, 1, PILE_LIMIT)
        _within("pile_accuracy_m", self.pile_accuracy_m, 0, PILE_ACCURACY_LIMIT_M)
        _within("position_error_m", self.position_error_m, 0, POSITION_ERROR_LIMIT_M)
        for box in (*self.country_boxes, *((self.city_box,) if self.city_box is not None else ())):
            _check_box(box)
        unknown = [word for word in self.default_purposes if word not in {p.value for p in CameraPurpose}]
        if unknown or not self.default_purposes:
            raise ConnectorConfigError(
                f"default_purposes must be of {', '.join(p.value for p in CameraPurpose)}; got {unknown or 'none'}"
            )
        if not self.owner.strip():
            raise ConnectorConfigError("owner must not be empty: somebody answers for every camera")
        self.zone()

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make; boxes are lists of numbers or text with commas.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, OPTIONS)

        def number(name: str, default: float, least: float, most: float) -> float:
            return number_option(options, name, default, least=least, most=most)

        return cls(
            path=text_option(options, "path"),
            city_box=_box_option("city_box", options.get("city_box") or None),
            districts=text_option(options, "districts", ""),
            country_boxes=tuple(_box("country_boxes", box) for box in options.get("country_boxes") or ()),
            time_zone=text_option(options, "time_zone", ""),
            owner=text_option(options, "owner", NOBODY),
            default_purposes=names_option(options, "default_purposes") or (CameraPurpose.UNKNOWN.value,),
            row_cameras_max=int(number("row_cameras_max", 50, 1, ROW_CAMERAS_LIMIT)),
            pile_cameras_max=int(number("pile_cameras_max", 50, 1, PILE_LIMIT)),
            pile_accuracy_m=number("pile_accuracy_m", 2500.0, 0, PILE_ACCURACY_LIMIT_M),
            position_error_m=number("position_error_m", 10.0, 0, POSITION_ERROR_LIMIT_M),
            every_s=number("every_s", 0.0, 0, EVERY_LIMIT_S),
            owners=names_option(options, "owners"),
            shrink_max_pct=number("shrink_max_pct", 20.0, 0, 100),
            accept=text_option(options, "accept", ""),
            district=text_option(options, "district", ""),
            foreign_max_pct=number("foreign_max_pct", FOREIGN_PCT, 0, 100),
        )

    def zone(self) -> ZoneInfo:
        """Return the zone of the file's dates.

        Raises:
            ConnectorConfigError: there is no such zone.
        """
        try:
            return ZoneInfo(self.time_zone or "Asia/Seoul")
        # A name that is a folder or leads out of the database gives other errors than one that is not there.
        except (KeyError, ValueError, OSError) as error:
            raise ConnectorConfigError(
                f"time_zone must be an IANA name such as Asia/Seoul, got {self.time_zone!r}"
            ) from error

    def country(self) -> tuple[Box, ...]:
        """Return the boxes in which cameras can be."""
        return tuple(Box(*box) for box in self.country_boxes) or SOUTH_KOREA

    def city(self) -> Box | None:
        """Return the city's box, from the districts' outline where only that is given.

        Raises:
            ConnectorConfigError: the outline cannot be read.
        """
        if self.city_box is not None:
            return Box(*self.city_box)
        return box_of_outline(Path(self.districts)) if self.districts else None

    def belonging(self, outlines: Mapping[str, Outline]) -> Belonging:
        """Return whose the file is said to be.

        Args:
            outlines: the city's districts by name.

        Raises:
            ConnectorConfigError: the district is none of the city's.
        """
        if self.district and self.district not in outlines:
            known = ", ".join(outlines) or "none: the city has no districts.geojson"
            raise ConnectorConfigError(f"district must be one of the city's, got {self.district!r}; known: {known}")
        told = "" if self.owner == NOBODY else self.owner
        district = self.district or district_named(told, outlines)
        return Belonging(outlines, district, told, self.owners, self.foreign_max_pct)


def _box_option(name: str, value: Any) -> BoxDeg | None:
    return None if value is None else _box(name, value)


def _box(name: str, value: Any) -> BoxDeg:
    parts = value.split(",") if isinstance(value, str) else value
    try:
        south, west, north, east = (float(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise ConnectorConfigError(
            f"option {name} must be south, west, north, east in degrees, got {value!r}"
        ) from error
    return south, west, north, east


def _within(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise ConnectorConfigError(f"{name} must be {lowest} to {highest}, got {value}")


def _check_box(box: BoxDeg) -> None:
    ordered = len(box) == 4 and -90 <= box[0] < box[2] <= 90 and -180 <= box[1] < box[3] <= 180
    if not ordered:
        raise ConnectorConfigError(f"a box must be south, west, north, east in degrees, got {box}")
