"""One row of text cells to what it says about its cameras. Pure: no file, no clock, no order of rows."""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from connectors.cctv_registry.addresses import local_address
from connectors.cctv_registry.alignment import align
from connectors.cctv_registry.coverage import coverage_of, is_known_purpose, kind_from_address, purposes_of
from connectors.cctv_registry.headers import Field, Layout
from connectors.kit.cameras import cells as cell
from connectors.kit.cameras.encoding import REPLACEMENT
from connectors.kit.cameras.faults import Flag, Reason
from connectors.kit.cameras.names import ADDRESS_CHARACTERS_MAX, is_test, owner_name
from connectors.kit.cameras.positions import Plausible, read_position
from connectors.kit.cameras.rows import ParsedRow
from connectors.kit.errors import EntryRefusedError
from schemas.camera import CameraKind, CameraPurpose, CameraStatus

DAY_US = 86_400_000_000
# Beyond this a cell of a typed or descriptive column says nothing more.
CELL_CHARACTERS_MAX = 200
# A count, a resolution or a number of days is not longer ("1920x1080").
TYPED_CHARACTERS_MAX = 12
# What may be a management number or an authority's code; anything else is a slip.
_NUMBER = re.compile(r"[0-9A-Za-z가-힣][0-9A-Za-z가-힣_./-]{0,63}")
_DELETED = frozenset({"D", "DELETE", "삭제"})


@dataclass(frozen=True, slots=True)
class RowRules:
    """What a row is judged by.

    Attributes:
        layout: the file's columns.
        plausible: where cameras can be.
        zone: zone of the file's local times.
        now_us: the time of the reading; data from later than a day after it is a slip.
        owner: the owner of rows that name none.
        purposes: the purposes of rows in a file without a purpose column.
        count_max: most cameras taken from one row.
        damaged: whether the file had bytes that did not decode, so that rows are searched for them.
    """

    layout: Layout
    plausible: Plausible
    zone: ZoneInfo
    now_us: int
    owner: str
    purposes: tuple[str, ...]
    count_max: int
    damaged: bool = True


class RowParser:
    """Parses the rows of one file; made once, because where each column stands does not change."""

    def __init__(self, rules: RowRules) -> None:
        self._rules = rules
        self._width = rules.layout.width
        self._header = rules.layout.names
        index = rules.layout.index_of
        self._authority, self._number, self._owner = index(Field.AUTHORITY), index(Field.NUMBER), index(Field.OWNER)
        self._addresses = tuple(
            i for f in (Field.ROAD_ADDRESS, Field.LOT_ADDRESS, Field.ADDRESS) if (i := index(f)) >= 0
        )
        self._purpose, self._direction = index(Field.PURPOSE), index(Field.DIRECTION)
        self._count, self._pixels, self._retention = index(Field.COUNT), index(Field.PIXELS), index(Field.RETENTION)
        self._lat, self._lon = index(Field.LATITUDE), index(Field.LONGITUDE)
        self._month, self._update_kind = index(Field.INSTALL_MONTH), index(Field.UPDATE_KIND)
        # The newest statement first: when the row was changed, then when its data is from.
        self._times = tuple(i for f in (Field.UPDATED, Field.MODIFIED, Field.BASE_DATE) if (i := index(f)) >= 0)

    def parse(self, row: int, cells: list[str]) -> ParsedRow:
        """Return what the row says.

        Args:
            row: its number in the file.
            cells: its cells.

        Raises:
            EntryRefusedError: it can become no camera; ``reason`` is one of :class:`~.faults.Reason`.
        """
        flags: list[Flag] = []
        if len(cells) != self._width:
            cells, aligned = align(cells, self._rules.layout, self._fits)
            flags.extend(aligned)
        if cells[self._lat].strip() == self._header[self._lat]:
            raise EntryRefusedError(Reason.REPEATED_HEADER, None, "the row repeats the header")
        position = read_position(cells[self._lat], cells[self._lon], self._rules.plausible)
        flags.extend(position.flags)
        if self._rules.damaged and any(REPLACEMENT in text for text in cells):
            flags.append(Flag.DAMAGED_TEXT)
        count, stated = self._counted(cells, flags)
        owner = self._owned(cells, flags)
        addresses = [text for i in self._addresses if (text := cells[i])]
        kind, azimuth_deg, field_deg = self._covered(cells, addresses, count, flags)
        address = cell.tidy(addresses[0][:ADDRESS_CHARACTERS_MAX]) if addresses else ""
        for_test = is_test(address) or is_test(owner)
        if for_test:
            flags.append(Flag.TEST_ROW)
        scope, number = self._identified(cells, flags)
        return ParsedRow(
            row=row,
            cells=cells,
            scope=scope,
            number=number,
            owner=owner,
            address=local_address(address),
            lat_deg=position.lat_deg,
            lon_deg=position.lon_deg,
            decimals=position.decimals,
            cameras=count,
            cameras_stated=stated,
            kind=kind,
            azimuth_deg=azimuth_deg,
            field_of_view_deg=field_deg,
            width_px=self._resolved(cells, flags),
            purposes=self._purposed(cells, flags),
            retention_days=self._kept(cells, flags),
            status=self._status(cells, for_test, flags),
            exercise=for_test,
            observed_us=self._observed(cells, flags),
            flags=tuple(flags),
        )

    def _fits(self, cells: list[str]) -> bool:
        """Return whether typed columns hold what they should, so that no cell is out of place."""
        try:
            read_position(cells[self._lat], cells[self._lon], self._rules.plausible)
        except EntryRefusedError:
            return False
        readers = (
            (self._count, cell.camera_count),
            (self._pixels, cell.width_px),
            (self._retention, cell.retention_days),
        )
        for index, read in readers:
            text = _short(cells, index)
            if text and (read(text) is None or len(text) > TYPED_CHARACTERS_MAX):
                return False
        month = _short(cells, self._month)
        if month and cell.install_month(month) is None:
            return False
        times = (_short(cells, i) for i in self._times)
        return all(not text or cell.local_time_us(text, self._rules.zone) is not None for text in times)

    def _counted(self, cells: list[str], flags: list[Flag]) -> tuple[int, int]:
        """Return the cameras to make of the row, and the number it states."""
        stated = cell.camera_count(_short(cells, self._count))
        if stated is None:
            flags.append(Flag.COUNT_ASSUMED)
            return 1, 1
        if stated == 0:
            field = self._header[self._count]
            raise EntryRefusedError(Reason.NO_CAMERAS, field, f"{field} must be 1 or more, got 0")
        if stated > self._rules.count_max:
            flags.append(Flag.COUNT_CAPPED)
        return min(stated, self._rules.count_max), stated

    def _owned(self, cells: list[str], flags: list[Flag]) -> str:
        owner = owner_name(cells[self._owner][:CELL_CHARACTERS_MAX])
        if owner:
            return owner
        flags.append(Flag.NO_OWNER)
        return self._rules.owner

    def _identified(self, cells: list[str], flags: list[Flag]) -> tuple[str, str]:
        """Return (authority's code, management number), each empty where there is none that can be used."""
        if self._number < 0:
            return "", ""
        number = cells[self._number].strip()
        if not _NUMBER.fullmatch(number):
            flags.append(Flag.NO_NUMBER)
            return "", ""
        scope = cells[self._authority].strip() if self._authority >= 0 else ""
        return (scope if _NUMBER.fullmatch(scope) else ""), number

    def _covered(
        self, cells: list[str], addresses: list[str], count: int, flags: list[Flag]
    ) -> tuple[CameraKind, float | None, float | None]:
        """Return kind, bearing and width of field; a bearing cannot be that of all the cameras of one row."""
        text = _short(cells, self._direction)
        coverage = coverage_of(text)
        kind = coverage.kind
        flags.extend(f for f in coverage.flags if count == 1 or f is not Flag.AZIMUTH_COMPASS)
        if kind is CameraKind.UNKNOWN and not coverage.flags and addresses:
            kind, hints = kind_from_address(" ".join(addresses)[:ADDRESS_CHARACTERS_MAX])
            flags.extend(hints)
        azimuth_deg = coverage.azimuth_deg if count == 1 else None
        return kind, azimuth_deg, coverage.field_of_view_deg

    def _resolved(self, cells: list[str], flags: list[Flag]) -> int | None:
        text = _short(cells, self._pixels)
        if not text:
            return None
        width = cell.width_px(text)
        if not width:
            flags.append(Flag.PIXELS_UNREADABLE if width is None else Flag.PIXELS_ZERO)
        return width or None

    def _purposed(self, cells: list[str], flags: list[Flag]) -> tuple[str, ...]:
        if self._purpose < 0:
            return self._rules.purposes
        text = _short(cells, self._purpose)
        purposes = purposes_of(text)
        if purposes == (CameraPurpose.UNKNOWN.value,):
            flags.append(Flag.PURPOSE_MISSING)
        elif not is_known_purpose(text):
            flags.append(Flag.PURPOSE_UNMAPPED)
        return purposes

    def _kept(self, cells: list[str], flags: list[Flag]) -> int | None:
        text = _short(cells, self._retention)
        if not text:
            return None
        days = cell.retention_days(text)
        if not days:
            flags.append(Flag.RETENTION_UNREADABLE if days is None else Flag.RETENTION_ZERO)
        return days or None

    def _status(self, cells: list[str], for_test: bool, flags: list[Flag]) -> CameraStatus:
        """Return whether it is in service; judges the month of setting up, which the record does not carry."""
        if text := _short(cells, self._month):
            month = cell.install_month(text)
            if month is None:
                flags.append(Flag.INSTALL_MONTH_UNREADABLE)
            elif not cell.INSTALL_YEAR_MIN <= month[0] <= _year_of(self._rules.now_us):
                flags.append(Flag.INSTALL_MONTH_IMPOSSIBLE)
        if _short(cells, self._update_kind).upper() in _DELETED:
            flags.append(Flag.DELETED_BY_OWNER)
            return CameraStatus.RETIRED
        return CameraStatus.OTHER if for_test else CameraStatus.ACTIVE

    def _observed(self, cells: list[str], flags: list[Flag]) -> int | None:
        """Return when the row is from, None if it does not say."""
        for index in self._times:
            text = _short(cells, index)
            if not text:
                continue
            observed_us = cell.local_time_us(text, self._rules.zone)
            if observed_us is not None and observed_us <= self._rules.now_us + DAY_US:
                return observed_us
            if Flag.BASE_DATE_UNREADABLE not in flags:
                flags.append(Flag.BASE_DATE_UNREADABLE)
        return None


def _short(cells: list[str], index: int) -> str:
    """Return the beginning of a cell in one line, empty where the file has no such column."""
    return cell.tidy(cells[index][:CELL_CHARACTERS_MAX]) if index >= 0 else ""


def _year_of(time_us: int) -> int:
    # 365.2425 days; a day's error at New Year does not matter for a month of setting up.
    return 1970 + int(time_us / (365.2425 * DAY_US))
