"""A whole camera list to cameras, refusals and a report, in one call: the bulk way, without Kafka. Pure."""

from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.camera_list.form import Form, form_from
from connectors.camera_list.parse import ListParser, ListRules
from connectors.camera_list.table import read_list
from connectors.kit.cameras.files import Progress
from connectors.kit.cameras.making import MakingRules, RegistryLoad, parsed_rows, registry_load
from connectors.kit.cameras.positions import WORLD, Box, Plausible
from connectors.kit.cameras.report import RegistryReport
from connectors.kit.cameras.rows import ParsedRow
from connectors.kit.context import DefaultPoint
from connectors.kit.reading.forms import read_form_table

SOURCE = "camera_list"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known of the city.

    Attributes:
        time_zone: IANA name of the zone of the list's local times.
        city_box: south, west, north, east in degrees; None does not check.
        default_points: positions that stand for "unknown".
    """

    time_zone: str
    city_box: tuple[float, float, float, float] | None = None
    default_points: tuple[DefaultPoint, ...] = ()


def read_form(name: str, city_folder: Path | None) -> Form:
    """Return the form in a file of the city's folder; the usual one where the name is empty.

    Raises:
        ConnectorConfigError: the file cannot be read, or a field of it is wrong; the message names it.
    """
    return form_from(*read_form_table(name, city_folder, resources.files("connectors.camera_list") / "form.toml"))


def source_of(form: Form) -> str:
    """Return the source of a list's records: two lists of one city take nothing of each other's back."""
    return f"{SOURCE}:{form.system}" if form.system else SOURCE


def load_list(
    data: bytes, name: str, form: Form, around: Surroundings, now_us: int, *, progress: Progress | None = None
) -> RegistryLoad:
    """Return all cameras of a list.

    Args:
        data: the file, or the body of an answer.
        name: of the file, for the report.
        form: how the list writes its cameras.
        around: what is known of the city.
        now_us: the time of ingestion, UTC microseconds.
        progress: called now and then with (rows done, rows in all or None while reading); what it raises ends the load.

    Raises:
        ConnectorConfigError: nothing of the list can be used.
    """
    table = read_list(data, form, progress=progress)
    report = RegistryReport(
        file=name,
        variant=f"{table.format} by {form.name}",
        encoding=table.encoding,
        rows=len(table.rows) + len(table.unreadable),
        blank_rows=table.blank,
        pile_min=form.pile_cameras,
        absent_columns=table.absent,
        ignored_columns=table.ignored,
    )
    plausible = Plausible(
        country=(form.region or WORLD,),
        city=Box(*around.city_box) if around.city_box else None,
        lat_name=form.columns.get("latitude") or form.columns.get("point", "latitude"),
        lon_name=form.columns.get("longitude") or form.columns.get("point", "longitude"),
        default_points=around.default_points,
    )
    parser = ListParser(table, ListRules(form, plausible, ZoneInfo(around.time_zone), now_us))
    rows, refused = parsed_rows(table.rows, table.unreadable, parser.parse, report, progress)
    rules = MakingRules(
        source=source_of(form),
        now_us=now_us,
        file_us=now_us,
        pile_cameras_max=form.pile_cameras,
        pile_accuracy_m=form.pile_error_m,
        position_error_m=form.error_m,
        quality=form.quality,
        numbered_id=partial(_list_id, system=form.system),
    )
    return registry_load(rows, refused, rules, report, table.fingerprint)


def _list_id(row: ParsedRow, system: str) -> str:
    return f"{system}-{row.number}" if system else row.number
