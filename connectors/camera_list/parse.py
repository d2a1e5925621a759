"""One row of a camera list to what it says about its cameras. Pure: no file, no clock, no order of rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from connectors.camera_list.cells import (
    FIELD_MAX_DEG,
    bearing_deg,
    degrees_text,
    field_deg,
    height_m,
    moment_us,
    point_texts,
    resolution_px,
)
from connectors.camera_list.form import INDEX, ROW_CAMERAS_MAX, Form
from connectors.camera_list.table import Cells, ListTable
from connectors.kit.cameras.cells import INSTALL_YEAR_MIN, camera_count, install_month, retention_days, tidy
from connectors.kit.cameras.encoding import REPLACEMENT
from connectors.kit.cameras.faults import Flag, Reason
from connectors.kit.cameras.names import ADDRESS_CHARACTERS_MAX, is_test, owner_name
from connectors.kit.cameras.positions import Plausible, Position, read_position
from connectors.kit.cameras.rows import ParsedRow
from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import looks_like_phone
from connectors.kit.reading.forms import plain
from schemas.camera import CameraKind, CameraPurpose, CameraStatus

DAY_US = 86_400_000_000
# No row is older; 1970 is a clock that was never set.
YEAR_2000_US = 946_684_800_000_000
CELL_CHARACTERS_MAX = 200
PURPOSES_MAX = 10
# What may be an id: it begins with a letter or digit; a hash sign tells the cameras of one row apart.
_ID = re.compile(r"\w[\w ./:()-]{0,63}")
# Ten digits in a row, dashes and brackets aside, are a telephone number of North America.
_TELEPHONE = re.compile(r"\(?\d{3}\)?[ -]\d{3}[ -]?\d{4}")
_SEVERAL = re.compile(r"[;,/|+&]")


@dataclass(frozen=True, slots=True)
class ListRules:
    """What a row is judged by.

    Attributes:
        form: how the city's list writes its cameras.
        plausible: where cameras can be.
        zone: zone of the list's local times.
        now_us: the time of the reading; data from later than a day after it is a slip.
    """

    form: Form
    plausible: Plausible
    zone: ZoneInfo
    now_us: int


class ListParser:
    """Parses the rows of one list."""

    def __init__(self, table: ListTable, rules: ListRules) -> None:
        self._table = table
        self._rules = rules
        self._form = rules.form
        columns = rules.form.columns
        self._has = {name: name in columns and name not in table.absent for name in INDEX}
        self._year_max = datetime.fromtimestamp(rules.now_us / 1_000_000, UTC).year

    def parse(self, row: int, cells: Cells) -> ParsedRow:
        """Return what the row says.

        Args:
            row: its number in the list.
            cells: a cell per column of :data:`~.form.COLUMNS`.

        Raises:
            EntryRefusedError: it can become no camera; ``reason`` is a ``faults.Reason``.
        """
        if row in self._table.misfits:
            raise EntryRefusedError(Reason.WRONG_COLUMNS, None, "a row must not have more cells than the header")
        flags: list[Flag] = [self._table.flags[row]] if row in self._table.flags else []
        position = self._placed(cells)
        flags.extend(position.flags)
        if self._table.damaged and any(REPLACEMENT in text for text in cells):
            flags.append(Flag.DAMAGED_TEXT)
        count, stated = self._counted(cells, flags)
        owner = self._owned(cells, flags)
        kind, azimuth_deg, width_deg = self._covered(cells, count, flags)
        address = tidy(cells[INDEX["place"]][:ADDRESS_CHARACTERS_MAX])
        for_test = is_test(address) or is_test(owner)
        if for_test:
            flags.append(Flag.TEST_ROW)
        self._judge_age(cells, flags)
        return ParsedRow(
            row=row,
            cells=cells,
            scope=self._form.system,
            number=self._identified(cells, flags),
            owner=owner,
            address=address.upper(),
            lat_deg=position.lat_deg,
            lon_deg=position.lon_deg,
            decimals=position.decimals,
            cameras=count,
            cameras_stated=stated,
            kind=kind,
            azimuth_deg=azimuth_deg,
            field_of_view_deg=width_deg,
            width_px=self._resolved(cells, flags),
            purposes=self._purposed(cells, flags),
            retention_days=self._kept(cells, flags),
            status=self._status(cells, for_test, flags),
            exercise=for_test,
            observed_us=self._observed(cells, flags),
            height_m=self._height(cells, flags),
            # Last, when every column has been judged.
            flags=tuple(dict.fromkeys(flags)),
        )

    def _placed(self, cells: Cells) -> Position:
        decimal = self._form.decimal
        if "point" in self._form.columns and not cells[INDEX["latitude"]]:
            lat, lon = point_texts(cells[INDEX["point"]][:CELL_CHARACTERS_MAX], self._form.order, decimal)
        else:
            lat = degrees_text(cells[INDEX["latitude"]][:CELL_CHARACTERS_MAX], decimal)
            lon = degrees_text(cells[INDEX["longitude"]][:CELL_CHARACTERS_MAX], decimal)
        return read_position(lat, lon, self._rules.plausible)

    def _counted(self, cells: Cells, flags: list[Flag]) -> tuple[int, int]:
        """Return the cameras to make of the row, and the number it states; one where the list does not count."""
        if not self._has["count"]:
            return 1, 1
        stated = camera_count(self._short(cells, "count"))
        if stated is None:
            flags.append(Flag.COUNT_ASSUMED)
            return 1, 1
        if stated == 0:
            column = self._form.columns["count"]
            raise EntryRefusedError(Reason.NO_CAMERAS, column, f"{column} must be 1 or more, got 0")
        if stated > ROW_CAMERAS_MAX:
            flags.append(Flag.COUNT_CAPPED)
        return min(stated, ROW_CAMERAS_MAX), stated

    def _owned(self, cells: Cells, flags: list[Flag]) -> str:
        owner = owner_name(cells[INDEX["owner"]][:CELL_CHARACTERS_MAX])
        if not owner and self._has["owner"]:
            flags.append(Flag.NO_OWNER)
        return owner or self._form.owner

    def _identified(self, cells: Cells, flags: list[Flag]) -> str:
        text = tidy(cells[INDEX["id"]][:CELL_CHARACTERS_MAX]).removesuffix(".0")
        if not _ID.fullmatch(text) or looks_like_phone(text) or _TELEPHONE.fullmatch(text):
            flags.append(Flag.NO_NUMBER)
            return ""
        return text

    def _covered(self, cells: Cells, count: int, flags: list[Flag]) -> tuple[CameraKind, float | None, float | None]:
        """Return kind, bearing and width of field; a bearing cannot be that of a turning head or of several cameras."""
        kind = self._kind(cells, flags)
        width_deg: float | None = None
        if text := self._short(cells, "field_of_view"):
            width_deg = field_deg(text)
            if width_deg is None:
                flags.append(Flag.FIELD_UNREADABLE)
            elif width_deg > FIELD_MAX_DEG:
                width_deg = None
                kind = CameraKind.ALL_ROUND if kind is CameraKind.UNKNOWN else kind
        bearing: float | None = None
        if text := self._short(cells, "heading"):
            word = self._form.headings.get(plain(text))
            bearing, by_compass = (word, True) if word is not None else bearing_deg(text)
            if bearing is None:
                flags.append(Flag.HEADING_UNREADABLE)
            elif count > 1 or kind not in (CameraKind.FIXED, CameraKind.UNKNOWN):
                bearing = None
            elif by_compass:
                flags.append(Flag.AZIMUTH_COMPASS)
        return kind, bearing, width_deg

    def _kind(self, cells: Cells, flags: list[Flag]) -> CameraKind:
        kind, word = CameraKind.UNKNOWN, plain(self._short(cells, "kind"))
        if word in self._form.kinds:
            kind = CameraKind(self._form.kinds[word])
        elif word:
            flags.append(Flag.KIND_UNLISTED)
        turns = plain(self._short(cells, "ptz"))
        if turns in self._form.yes:
            if kind not in (CameraKind.UNKNOWN, CameraKind.PTZ):
                flags.append(Flag.SEVERAL_KINDS)
                return CameraKind.UNKNOWN
            return CameraKind.PTZ
        if turns in self._form.no and kind in (CameraKind.UNKNOWN, CameraKind.PTZ):
            if kind is CameraKind.PTZ:
                flags.append(Flag.SEVERAL_KINDS)
                return CameraKind.UNKNOWN
            return CameraKind.UNKNOWN if word else CameraKind.FIXED
        return kind

    def _purposed(self, cells: Cells, flags: list[Flag]) -> tuple[str, ...]:
        word = plain(self._short(cells, "purpose"))
        if not word:
            if self._has["purpose"]:
                flags.append(Flag.PURPOSE_MISSING)
            return self._form.default_purposes
        listed = self._form.purposes
        words = [word] if word in listed else [plain(part) for part in _SEVERAL.split(word)][:PURPOSES_MAX]
        found: list[str] = []
        for part in filter(None, words):
            if part not in listed:
                flags.append(Flag.PURPOSE_UNMAPPED)
            found.extend(listed.get(part, (CameraPurpose.OTHER.value,)))
        return _in_order(found) or (CameraPurpose.OTHER.value,)

    def _resolved(self, cells: Cells, flags: list[Flag]) -> int | None:
        text = self._short(cells, "resolution")
        width = resolution_px(text, self._form.resolution) if text else None
        if text and width is None:
            flags.append(Flag.PIXELS_UNREADABLE)
        return width

    def _height(self, cells: Cells, flags: list[Flag]) -> float | None:
        text = self._short(cells, "height")
        if self._form.decimal == ",":
            text = text.replace(",", ".")
        height = height_m(text, self._form.metres_per_height) if text else None
        if text and height is None:
            flags.append(Flag.HEIGHT_UNREADABLE)
        return height

    def _kept(self, cells: Cells, flags: list[Flag]) -> int | None:
        text = self._short(cells, "retention_days")
        days = retention_days(text) if text else None
        if text and not days:
            flags.append(Flag.RETENTION_UNREADABLE if days is None else Flag.RETENTION_ZERO)
        return days or None

    def _status(self, cells: Cells, for_test: bool, flags: list[Flag]) -> CameraStatus:
        """Return whether it is in service; a word that nobody has listed may mean anything, so it is not."""
        word = plain(self._short(cells, "status"))
        if word and word not in self._form.statuses:
            flags.append(Flag.STATUS_UNLISTED)
            return CameraStatus.OTHER
        if for_test:
            return CameraStatus.OTHER
        return CameraStatus(self._form.statuses[word]) if word else CameraStatus.ACTIVE

    def _judge_age(self, cells: Cells, flags: list[Flag]) -> None:
        """Flag a date of setting up that cannot be; the record does not carry it."""
        text = self._short(cells, "installed")
        if not text:
            return
        moment = moment_us(text, self._form.formats, self._rules.zone)
        month = install_month(text)
        if moment is None and month is None:
            flags.append(Flag.INSTALL_MONTH_UNREADABLE)
            return
        year = datetime.fromtimestamp(moment / 1_000_000, UTC).year if moment is not None else month[0] if month else 0
        if not INSTALL_YEAR_MIN <= year <= self._year_max:
            flags.append(Flag.INSTALL_MONTH_IMPOSSIBLE)

    def _observed(self, cells: Cells, flags: list[Flag]) -> int | None:
        """Return when the row is from, None if it does not say."""
        text = self._short(cells, "updated")
        if not text:
            return None
        moment = moment_us(text, self._form.formats, self._rules.zone)
        if moment is None or not YEAR_2000_US <= moment <= self._rules.now_us + DAY_US:
            flags.append(Flag.BASE_DATE_UNREADABLE)
            return None
        return moment

    def _short(self, cells: Cells, name: str) -> str:
        return tidy(cells[INDEX[name]][:CELL_CHARACTERS_MAX])


def _in_order(purposes: Sequence[str]) -> tuple[str, ...]:
    """Return the purposes once each, in the order of the contract, so that the order of words makes no difference."""
    return tuple(purpose.value for purpose in CameraPurpose if purpose.value in purposes)
