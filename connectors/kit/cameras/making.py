"""From the parsed rows of a camera registry to its cameras, refusals and report. Pure.

Whether a point is a pile and whether a number is unique is known only when all rows are parsed, so cameras are made in
a second pass over the parsed rows.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from connectors.kit.cameras.faults import Flag, Reason
from connectors.kit.cameras.files import PROGRESS_ROWS, Progress
from connectors.kit.cameras.positions import accuracy_m
from connectors.kit.cameras.report import RegistryReport
from connectors.kit.cameras.rows import ParsedRow
from connectors.kit.cameras.sites import Pile, authority_id, digest, piles_of, row_ids, site_id
from connectors.kit.errors import EntryRefusedError
from connectors.kit.source import Refused
from schemas.camera import Camera
from schemas.location import Location, LocationQuality
from schemas.topics import CAMERAS

# Far more than any pole carries, in the registries that were met; see the options of the same names.
PILE_CAMERAS_MAX = 50
PILE_ACCURACY_M = 2500.0
# Flags of a position that stands for "unknown".
_DEFAULTS = frozenset({Flag.PILE, Flag.DEFAULT_POINT})


@dataclass(frozen=True, slots=True, kw_only=True)
class MakingRules:
    """How rows become cameras.

    Attributes:
        source: name of the connector, for the records.
        now_us: the time of ingestion, UTC microseconds.
        file_us: when the file was published, for rows without a date of their own.
        pile_cameras_max: a point with more cameras is a pile.
        pile_accuracy_m: 68 % radius of a pile's cameras, metres.
        position_error_m: 68 % error of a registered position against the pole, metres, before rounding is added.
        quality: how the registry obtains its positions.
        numbered_id: gives the id of a row that has a number.
    """

    source: str
    now_us: int
    file_us: int
    pile_cameras_max: int = PILE_CAMERAS_MAX
    pile_accuracy_m: float = PILE_ACCURACY_M
    position_error_m: float
    quality: str = LocationQuality.ADDRESS.value
    numbered_id: Callable[[ParsedRow], str] = authority_id


@dataclass(frozen=True, slots=True)
class RegistryLoad:
    """A loaded file.

    Attributes:
        source: the source of the cameras' records.
        cameras: the cameras, in the order of the rows.
        camera_rows: the row number each camera came from; as long as ``cameras``, never falling.
        refused: the refused rows, in their order.
        report: the account of every row.
        fingerprint: 16 digits that stand for the file's content.
    """

    source: str
    cameras: list[Camera]
    camera_rows: list[int]
    refused: list[Refused]
    report: RegistryReport
    fingerprint: str


def parsed_rows(
    numbered: Sequence[tuple[int, list[str]]],
    unreadable: Iterable[int],
    parse: Callable[[int, list[str]], ParsedRow],
    report: RegistryReport,
    progress: Progress | None = None,
) -> tuple[list[ParsedRow], list[Refused]]:
    """Return the rows that make sense and the refusals of those that do not; both in the order of the file.

    Args:
        numbered: row number and cells.
        unreadable: numbers of the rows that are no records.
        parse: reads a row, or raises ``EntryRefusedError``.
        report: gets the refusals.
        progress: called now and then with rows done and rows in all; what it raises ends the reading.
    """
    rows: list[ParsedRow] = []
    refused = [_refusal(n, EntryRefusedError(Reason.UNREADABLE_ROW, None, "no record")) for n in unreadable]
    total = len(numbered) + len(refused)
    for done, (number, cells) in enumerate(numbered):
        if progress is not None and done % PROGRESS_ROWS == 0:
            progress(done, total)
        try:
            rows.append(parse(number, cells))
        except EntryRefusedError as error:
            refused.append(_refusal(number, error))
    refused.sort(key=lambda refusal: refusal.number)
    for refusal in refused:
        report.add_refused(refusal.number, refusal.reason)
    if progress is not None:
        progress(total, total)
    return rows, refused


def registry_load(
    rows: Sequence[ParsedRow], refused: list[Refused], rules: MakingRules, report: RegistryReport, fingerprint: str
) -> RegistryLoad:
    """Return what the parsed rows of a file make; completes the report.

    Args:
        rows: the rows that make sense, in the order of the file.
        refused: the others.
        rules: how rows become cameras.
        report: the account so far.
        fingerprint: stands for the file's content.
    """
    piles = report.piles = piles_of(rows, rules.pile_cameras_max)
    cameras, camera_rows = _CameraMaker(rules, piles).all_of(rows, report)
    return RegistryLoad(rules.source, cameras, camera_rows, refused, report, fingerprint)


def _refusal(number: int, error: EntryRefusedError) -> Refused:
    # Only where it stood and which rule it broke: any other cell of a row may hold a name or a telephone number.
    payload = json.dumps({"row": number, "reason": error.reason, "field": error.field}, ensure_ascii=False)
    return Refused(CAMERAS, str(error.reason), error.field, str(error), payload.encode(), number)


class _CameraMaker:
    """Makes the cameras of all rows; remembers what many rows share."""

    def __init__(self, rules: MakingRules, piles: Sequence[Pile]) -> None:
        self._rules = rules
        self._piles = {(pile.lat_deg, pile.lon_deg) for pile in piles}
        self._sites: dict[tuple[str, float, float], str] = {}
        self._locations: dict[tuple[float, float, int, bool], Location] = {}

    def all_of(self, rows: Sequence[ParsedRow], report: RegistryReport) -> tuple[list[Camera], list[int]]:
        """Return the cameras and their row numbers; completes the report."""
        cameras: list[Camera] = []
        camera_rows: list[int] = []
        for row, (row_id, id_flags) in zip(rows, row_ids(rows, self._rules.numbered_id), strict=True):
            flags: tuple[Flag, ...] = (*row.flags, *id_flags)
            if (row.lat_deg, row.lon_deg) in self._piles:
                flags = (*flags, Flag.PILE)
            report.add_accepted(row.row, flags)
            report.owners[row.owner] += row.cameras
            report.kinds[row.kind] += row.cameras
            report.cameras_cut += row.cameras_stated - row.cameras
            for ordinal in range(1, row.cameras + 1):
                camera_id = row_id if ordinal == 1 else f"{row_id}#{ordinal}"
                cameras.append(self._camera(row, camera_id, flags))
                camera_rows.append(row.row)
        report.cameras = len(cameras)
        report.sites = len(self._sites)
        return cameras, camera_rows

    def _camera(self, row: ParsedRow, camera_id: str, flags: tuple[Flag, ...]) -> Camera:
        flag_texts = tuple(flag.value for flag in flags)
        location = self._location(row, not _DEFAULTS.isdisjoint(flags))
        # The same statement about the same camera is the same event, whenever it is read.
        said = (
            f"{row.owner} {location.lat_deg} {location.lon_deg} {location.accuracy_m} {location.quality} {row.kind} "
            f"{row.azimuth_deg} {row.field_of_view_deg} {row.width_px} {row.purposes} {row.retention_days} "
            f"{row.status} {row.observed_us} {flag_texts}{'' if row.height_m is None else f' {row.height_m}'}"
        )
        return Camera(
            event_id=f"{camera_id}@{digest(said)}",
            source=self._rules.source,
            # A file dated tomorrow was seen today at the latest.
            observed_us=self._rules.file_us if row.observed_us is None else min(row.observed_us, self._rules.now_us),
            ingested_us=self._rules.now_us,
            exercise=row.exercise,
            camera_id=camera_id,
            site_id=self._site(row),
            owner=row.owner,
            location=location,
            kind=row.kind.value,
            azimuth_deg=row.azimuth_deg,
            field_of_view_deg=row.field_of_view_deg,
            width_px=row.width_px,
            height_m=row.height_m,
            purposes=row.purposes,
            retention_days=row.retention_days,
            status=row.status.value,
            quality_flags=flag_texts,
        )

    def _site(self, row: ParsedRow) -> str:
        place = (row.owner, row.lat_deg, row.lon_deg)
        known = self._sites.get(place)
        if known is None:
            known = self._sites[place] = site_id(*place)
        return known

    def _location(self, row: ParsedRow, is_default: bool) -> Location:
        place = (row.lat_deg, row.lon_deg, row.decimals, is_default)
        known = self._locations.get(place)
        if known is None:
            rules = self._rules
            error_m = accuracy_m(row.decimals, rules.position_error_m)
            known = self._locations[place] = Location(
                lat_deg=row.lat_deg,
                lon_deg=row.lon_deg,
                accuracy_m=max(error_m, rules.pile_accuracy_m) if is_default else error_m,
                quality=LocationQuality.DEFAULT.value if is_default else rules.quality,
            )
        return known
