"""A whole registry file to cameras, refusals and a report, in one call: the bulk way, without Kafka.

``load`` reads the file once. Whether a point is a pile and whether a management number is unique is known only when all
rows are parsed, so cameras are made in a second pass over the parsed rows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.faults import Flag, Reason
from connectors.cctv_registry.parse import ParsedRow, RowParser, RowRules
from connectors.cctv_registry.positions import Plausible, accuracy_m
from connectors.cctv_registry.report import RegistryReport
from connectors.cctv_registry.sites import Pile, digest, piles_of, row_ids, site_id
from connectors.cctv_registry.table import PROGRESS_ROWS, Progress, Table, find_file, read_table
from connectors.kit.errors import EntryRefusedError
from connectors.kit.source import Refused
from schemas.camera import Camera
from schemas.location import Location, LocationQuality
from schemas.topics import CAMERAS

SOURCE = "cctv_registry"


@dataclass(frozen=True, slots=True)
class RegistryLoad:
    """A loaded file.

    Attributes:
        cameras: the cameras, in the order of the rows.
        camera_rows: the row number each camera came from; as long as ``cameras``, never falling.
        refused: the refused rows, in their order.
        report: the account of every row.
        fingerprint: 16 digits that stand for the file's content.
    """

    cameras: list[Camera]
    camera_rows: list[int]
    refused: list[Refused]
    report: RegistryReport
    fingerprint: str


def load(
    path: Path,
    config: Config,
    now_us: int,
    *,
    file_us: int | None = None,
    progress: Progress | None = None,
) -> RegistryLoad:
    """Return all cameras of a registry file.

    Args:
        path: the file; CSV or xlsx.
        config: how rows are judged; its ``path`` is not looked at.
        now_us: the time of ingestion, UTC microseconds.
        file_us: when the file was published, for rows without a date of their own; ``now_us`` if not known.
        progress: called now and then with (rows done, rows in all or None while reading); what it raises ends the load.

    Raises:
        ConnectorConfigError: the file or the configuration cannot be used at all.
        SourceUnavailableError: the file cannot be read now.
    """
    path = find_file(path)
    table = read_table(path, progress=progress)
    report = RegistryReport(
        file=path.name,
        variant=table.layout.variant.name,
        encoding=table.encoding,
        rows=table.total,
        blank_rows=table.blank,
        pile_min=config.pile_cameras_max,
        absent_columns=tuple(map(str, table.layout.absent())),
        ignored_columns=table.layout.ignored,
    )
    rows, refused = _parsed(table, config, now_us, report, progress)
    piles = piles_of(rows, config.pile_cameras_max)
    report.piles = piles
    cameras, camera_rows = _CameraMaker(config, now_us, file_us or now_us, piles).all_of(rows, report)
    return RegistryLoad(cameras, camera_rows, refused, report, table.fingerprint)


def _parsed(
    table: Table, config: Config, now_us: int, report: RegistryReport, progress: Progress | None
) -> tuple[list[ParsedRow], list[Refused]]:
    """Return the rows that make sense and the refusals of those that do not; both in the order of the file."""
    layout = table.layout
    plausible = Plausible(config.country(), config.city(), *(layout.names[layout.columns[f]] for f in config.AXES))
    rules = RowRules(
        layout=layout,
        plausible=plausible,
        zone=config.zone(),
        now_us=now_us,
        owner=config.owner,
        purposes=config.default_purposes,
        count_max=config.row_cameras_max,
        damaged=table.damaged,
    )
    parser = RowParser(rules)
    rows: list[ParsedRow] = []
    refused = [_refusal(n, EntryRefusedError(Reason.UNREADABLE_ROW, None, "no CSV record")) for n in table.unreadable]
    for done, (number, cells) in enumerate(table.rows):
        if progress is not None and done % PROGRESS_ROWS == 0:
            progress(done, table.total)
        try:
            rows.append(parser.parse(number, cells))
        except EntryRefusedError as error:
            refused.append(_refusal(number, error))
    refused.sort(key=lambda refusal: refusal.number)
    for refusal in refused:
        report.add_refused(refusal.number, refusal.reason)
    if progress is not None:
        progress(table.total, table.total)
    return rows, refused


def _refusal(number: int, error: EntryRefusedError) -> Refused:
    # Only where it stood and which rule it broke: any other cell of a row may hold a name or a telephone number.
    payload = json.dumps({"row": number, "reason": error.reason, "field": error.field}, ensure_ascii=False)
    return Refused(CAMERAS, str(error.reason), error.field, str(error), payload.encode(), number)


class _CameraMaker:
    """Makes the cameras of all rows; remembers what many rows share."""

    def __init__(self, config: Config, now_us: int, file_us: int, piles: Sequence[Pile]) -> None:
        self._config = config
        self._now_us = now_us
        self._file_us = file_us
        self._piles = {(pile.lat_deg, pile.lon_deg) for pile in piles}
        self._sites: dict[tuple[str, float, float], str] = {}
        self._locations: dict[tuple[float, float, int], Location] = {}

    def all_of(self, rows: Sequence[ParsedRow], report: RegistryReport) -> tuple[list[Camera], list[int]]:
        """Return the cameras and their row numbers; completes the report."""
        cameras: list[Camera] = []
        camera_rows: list[int] = []
        for row, (row_id, id_flags) in zip(rows, row_ids(rows), strict=True):
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
        location = self._location(row, Flag.PILE in flags)
        # The same statement about the same camera is the same event, whenever it is read.
        said = (
            f"{row.owner} {location.lat_deg} {location.lon_deg} {location.accuracy_m} {location.quality} {row.kind} "
            f"{row.azimuth_deg} {row.field_of_view_deg} {row.width_px} {row.purposes} {row.retention_days} "
            f"{row.status} {row.observed_us} {flag_texts}"
        )
        return Camera(
            event_id=f"{camera_id}@{digest(said)}",
            source=SOURCE,
            # A file dated tomorrow was seen today at the latest.
            observed_us=self._file_us if row.observed_us is None else min(row.observed_us, self._now_us),
            ingested_us=self._now_us,
            exercise=row.exercise,
            camera_id=camera_id,
            site_id=self._site(row),
            owner=row.owner,
            location=location,
            kind=row.kind.value,
            azimuth_deg=row.azimuth_deg,
            field_of_view_deg=row.field_of_view_deg,
            width_px=row.width_px,
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

    def _location(self, row: ParsedRow, in_pile: bool) -> Location:
        """Return the position. The file never says that it was measured, so it counts as found from an address."""
        place = (row.lat_deg, row.lon_deg, row.decimals)
        known = self._locations.get(place)
        if known is None:
            error_m = accuracy_m(row.decimals, self._config.position_error_m)
            known = self._locations[place] = Location(
                lat_deg=row.lat_deg,
                lon_deg=row.lon_deg,
                accuracy_m=max(error_m, self._config.pile_accuracy_m) if in_pile else error_m,
                quality=(LocationQuality.DEFAULT if in_pile else LocationQuality.ADDRESS).value,
            )
        return known
