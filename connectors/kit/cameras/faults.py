"""Every flag a row can carry and every reason it can be refused for, each with its meaning in one sentence."""

from collections.abc import Mapping
from enum import StrEnum


class Reason(StrEnum):
    """Why a row becomes no camera."""

    NO_POSITION = "no-position"
    IMPOSSIBLE_POSITION = "impossible-position"
    NO_CAMERAS = "no-cameras"
    WRONG_COLUMNS = "wrong-columns"
    UNREADABLE_ROW = "unreadable-row"
    REPEATED_HEADER = "repeated-header"


class Flag(StrEnum):
    """What is doubtful about an accepted row; goes into ``Camera.quality_flags``."""

    AXES_SWAPPED = "axes-swapped"
    OUTSIDE_CITY = "outside-city"
    COARSE_POSITION = "coarse-position"
    PILE = "pile"
    COUNT_ASSUMED = "count-assumed"
    COUNT_CAPPED = "count-capped"
    PIXELS_UNREADABLE = "pixels-unreadable"
    PIXELS_ZERO = "pixels-zero"
    RETENTION_UNREADABLE = "retention-unreadable"
    RETENTION_ZERO = "retention-zero"
    INSTALL_MONTH_IMPOSSIBLE = "install-month-impossible"
    INSTALL_MONTH_UNREADABLE = "install-month-unreadable"
    BASE_DATE_UNREADABLE = "base-date-unreadable"
    PURPOSE_MISSING = "purpose-missing"
    PURPOSE_UNMAPPED = "purpose-unmapped"
    AZIMUTH_COMPASS = "azimuth-compass"
    SEVERAL_KINDS = "several-kinds"
    KIND_FROM_ADDRESS = "kind-from-address"
    NO_NUMBER = "no-number"
    DUPLICATE_NUMBER = "duplicate-number"
    IDENTICAL_ROWS = "identical-rows"
    NO_OWNER = "no-owner"
    COLUMNS_TRIMMED = "columns-trimmed"
    COLUMNS_MERGED = "columns-merged"
    COLUMNS_PADDED = "columns-padded"
    DAMAGED_TEXT = "damaged-text"
    TEST_ROW = "test-row"
    DELETED_BY_OWNER = "deleted-by-owner"
    DEFAULT_POINT = "default-point"
    KIND_UNLISTED = "kind-unlisted"
    STATUS_UNLISTED = "status-unlisted"
    HEADING_UNREADABLE = "heading-unreadable"
    FIELD_UNREADABLE = "field-unreadable"
    HEIGHT_UNREADABLE = "height-unreadable"


REASON_MEANINGS: Mapping[Reason, str] = {
    Reason.NO_POSITION: "latitude or longitude is empty or 0: nobody knows where the camera is",
    Reason.IMPOSSIBLE_POSITION: "no point of the country (a slipped digit, or no number); which digit cannot be known",
    Reason.NO_CAMERAS: "the row states a count of 0 cameras",
    Reason.WRONG_COLUMNS: "more or fewer cells than the header, and no way to align them that fits",
    Reason.UNREADABLE_ROW: "the line is no CSV record",
    Reason.REPEATED_HEADER: "the header again, as in files put together from several",
}

FLAG_MEANINGS: Mapping[Flag, str] = {
    Flag.AXES_SWAPPED: "repaired: latitude and longitude stood in each other's column",
    Flag.OUTSIDE_CITY: "in the country but outside the city's box: another city's row, or a wrong address",
    Flag.COARSE_POSITION: "4 decimals or fewer: the point is rounded to about 10 m or worse",
    Flag.PILE: "far more cameras on this point than a pole carries: a geocoder's default, never taken as on site",
    Flag.COUNT_ASSUMED: "repaired: the number of cameras is empty or not a number; taken as 1",
    Flag.COUNT_CAPPED: "repaired: the row states more cameras than one place carries; only the cap is kept",
    Flag.PIXELS_UNREADABLE: "the resolution could not be read; left unknown",
    Flag.PIXELS_ZERO: "the resolution is given as 0; left unknown",
    Flag.RETENTION_UNREADABLE: "the days of keeping could not be read; left unknown",
    Flag.RETENTION_ZERO: "the days of keeping are given as 0; left unknown",
    Flag.INSTALL_MONTH_IMPOSSIBLE: "set up before 1980 or in the future (1905-07 is a year typed into a date cell)",
    Flag.INSTALL_MONTH_UNREADABLE: "the month of setting up could not be read",
    Flag.BASE_DATE_UNREADABLE: "the date of the data could not be read or lies in the future; the file's time is used",
    Flag.PURPOSE_MISSING: "no purpose given; unknown",
    Flag.PURPOSE_UNMAPPED: "a purpose that is on no list; other",
    Flag.AZIMUTH_COMPASS: "the bearing is only a compass word, right to within 22.5 degrees",
    Flag.SEVERAL_KINDS: "the text names fixed and turning cameras at once; the kind is left unknown",
    Flag.KIND_FROM_ADDRESS: "the kind was read from a remark in the address",
    Flag.NO_NUMBER: "no usable management number; the id is made from owner, position and address",
    Flag.DUPLICATE_NUMBER: "the management number stands on several rows; the id is made without it",
    Flag.IDENTICAL_ROWS: "several rows alike in every cell: several cameras, or one row twice",
    Flag.NO_OWNER: "no managing body given",
    Flag.COLUMNS_TRIMMED: "repaired: empty cells after the last column",
    Flag.COLUMNS_MERGED: "repaired: a comma without quotes had cut a text cell in pieces",
    Flag.COLUMNS_PADDED: "repaired: the last cells were left out",
    Flag.DAMAGED_TEXT: "bytes that are no text in the file's encoding",
    Flag.TEST_ROW: "a row typed in for a test: marked as exercise and not in service",
    Flag.DELETED_BY_OWNER: "the owner marks the row as deleted: retired",
    Flag.DEFAULT_POINT: "a point that the city lists as standing for no known place; never taken as on site",
    Flag.KIND_UNLISTED: "a kind of camera that the city's form does not list; unknown",
    Flag.STATUS_UNLISTED: "a state that the city's form does not list: taken as not in service",
    Flag.HEADING_UNREADABLE: "the heading is no bearing; left unknown",
    Flag.FIELD_UNREADABLE: "the field of view is no width from 10 to 360 degrees; left unknown",
    Flag.HEIGHT_UNREADABLE: "the height of mounting is no length from 1 to 150 m; left unknown",
}

# Flags that say the row was changed to make sense of it, not only that it is doubtful.
REPAIRS: frozenset[str] = frozenset(flag for flag, meaning in FLAG_MEANINGS.items() if meaning.startswith("repaired:"))
