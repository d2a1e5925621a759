"""A whole registry file to cameras, refusals and a report, in one call: the bulk way, without Kafka."""

from pathlib import Path

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.parse import RowParser, RowRules
from connectors.cctv_registry.table import Table, read_table
from connectors.kit.cameras.files import Progress, find_file
from connectors.kit.cameras.making import MakingRules, RegistryLoad, parsed_rows, registry_load
from connectors.kit.cameras.positions import Plausible
from connectors.kit.cameras.report import RegistryReport

__all__ = ["SOURCE", "RegistryLoad", "load"]

SOURCE = "cctv_registry"


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
    parser = RowParser(_rules(table, config, now_us))
    rows, refused = parsed_rows(table.rows, table.unreadable, parser.parse, report, progress)
    # The file never says that a position was measured, so each counts as found from an address.
    rules = MakingRules(
        source=SOURCE,
        now_us=now_us,
        file_us=file_us or now_us,
        pile_cameras_max=config.pile_cameras_max,
        pile_accuracy_m=config.pile_accuracy_m,
        position_error_m=config.position_error_m,
    )
    return registry_load(rows, refused, rules, report, table.fingerprint)


def _rules(table: Table, config: Config, now_us: int) -> RowRules:
    layout = table.layout
    lat_name, lon_name = (layout.name_of(axis) for axis in config.AXES)
    return RowRules(
        layout=layout,
        plausible=Plausible(config.country(), config.city(), lat_name, lon_name),
        zone=config.zone(),
        now_us=now_us,
        owner=config.owner,
        purposes=config.default_purposes,
        count_max=config.row_cameras_max,
        damaged=table.damaged,
    )
