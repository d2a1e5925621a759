"""A camera list as rows of text cells by what they hold, whatever its format, delimiter and encoding."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.camera_list.form import AUTO, COLUMNS, INDEX, Form
from connectors.kit.cameras.encoding import REPLACEMENT, decode, decode_as
from connectors.kit.cameras.faults import Flag
from connectors.kit.cameras.files import PROGRESS_ROWS, ROWS_MAX, Progress, csv_records, fingerprint_of
from connectors.kit.cameras.workbook import ZIP_MAGIC, refuse_old_excel, workbook_rows
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.reading.forms import plain
from connectors.kit.reading.json_bodies import strict_loads

CSV, JSON, GEOJSON, XLSX = "csv", "json", "geojson", "xlsx"
# What files abroad are in where they are not UTF-8: the code page of Western spreadsheets.
WESTERN = "windows-1252"
DEPTH_MAX = 4
ITEM_FIELDS_MAX = 500
SHOWN_COLUMNS, SHOWN_CHARACTERS = 30, 24
# Names under which coordinate systems are WGS 84 with longitude first; GeoJSON without any is.
_WGS_84 = ("CRS84", "EPSG::4326", "EPSG:4326")
Cells = list[str]


@dataclass(slots=True)
class ListTable:
    """The rows of a camera list.

    Attributes:
        format: ``csv``, ``json``, ``geojson`` or ``xlsx``.
        encoding: of the file; ``xlsx`` of a workbook.
        fingerprint: 16 hexadecimal digits of its content.
        rows: row number and a cell per column of :data:`~.form.COLUMNS`; what the list does not have is empty. Of CSV
            and workbooks numbers are those a spreadsheet shows, the header being the first row; else items are counted.
        flags: what was repaired in a row, by row number.
        misfits: numbers of the rows with more cells than the header.
        unreadable: numbers of the rows that are no records.
        blank: how many rows had nothing in them.
        damaged: whether bytes did not decode; they stand as U+FFFD in the cells.
        absent: columns of the form that the list does not have.
        ignored: columns of the list that the form does not name.
    """

    format: str
    encoding: str
    fingerprint: str
    rows: list[tuple[int, Cells]] = field(default_factory=list)
    flags: dict[int, Flag] = field(default_factory=dict)
    misfits: set[int] = field(default_factory=set)
    unreadable: list[int] = field(default_factory=list)
    blank: int = 0
    damaged: bool = False
    absent: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def read_list(data: bytes, form: Form, *, progress: Progress | None = None) -> ListTable:
    """Return the rows of a list.

    Args:
        data: the file, or the body of an answer.
        form: which column holds what.
        progress: called every thousand rows with the rows read so far and None; what it raises ends the reading.

    Raises:
        ConnectorConfigError: nothing of it can be used: it is empty, in another encoding or format, lacks the column
            of ids or positions, or says itself that it is only a part of the list.
    """
    refuse_old_excel(data, "the list")
    if data.startswith(ZIP_MAGIC):
        table = ListTable(XLSX, XLSX, fingerprint_of(data))
        columns = ListTable(XLSX, XLSX, "")  # of sheets that are tried; what is noted of them is not kept
        rows = workbook_rows(data, lambda header: _judge_columns(columns, _header(header), form))
        _fill_from_rows(table, rows, form, progress)
        return _not_empty(table)
    if form.encoding == AUTO:
        text, encoding = decode(data, WESTERN)
    else:
        text, encoding = decode_as(data, form.encoding).removeprefix("\ufeff"), form.encoding
    table = ListTable(CSV, encoding, fingerprint_of(data), damaged=REPLACEMENT in text)
    if text.lstrip()[:1] in ("{", "["):
        _fill_from_items(table, _items(table, text, form), form, progress)
    else:
        _fill_from_rows(table, csv_records(text, form.delimiter), form, progress)
    return _not_empty(table)


def _not_empty(table: ListTable) -> ListTable:
    if not table.rows and not table.unreadable:
        raise ConnectorConfigError("the list has no rows; a list without a camera is a mistake")
    return table


def _fill_from_rows(table: ListTable, records: Iterable[Cells | None], form: Form, progress: Progress | None) -> None:
    header: Cells | None = None
    sources: list[tuple[int, int]] = []
    for number, cells in enumerate(records, start=1):
        _tell(progress, number)
        if cells is not None and not any(map(str.strip, cells)):
            table.blank += header is not None
        elif header is None:
            header = _header(cells or [])
            _judge_columns(table, header, form)
            sources = [(header.index(name), INDEX[key]) for key, name in form.columns.items() if name in header]
        elif cells is None:
            table.unreadable.append(number)
        else:
            table.rows.append((number, _picked(table, number, cells, len(header), sources)))
    if header is None:
        raise ConnectorConfigError("the list is empty; a header row was expected")


def _header(cells: Cells) -> Cells:
    """Return the names of the columns in the form in which they are compared, without empty ones at the end."""
    header = [plain(cell.strip("\ufeff")) for cell in cells]
    while header and not header[-1]:
        header.pop()
    return header


def _picked(table: ListTable, number: int, cells: Cells, width: int, sources: Sequence[tuple[int, int]]) -> Cells:
    """Return the cells that the form names; a row that is too short has lost its last ones, one too long is shifted."""
    if len(cells) > width:
        if any(map(str.strip, cells[width:])):
            table.misfits.add(number)
        else:
            table.flags[number] = Flag.COLUMNS_TRIMMED
    elif len(cells) < width:
        table.flags[number] = Flag.COLUMNS_PADDED
        cells = cells + [""] * (width - len(cells))
    picked = [""] * len(COLUMNS)
    for source, target in sources:
        picked[target] = cells[source]
    return picked


def _fill_from_items(table: ListTable, items: Iterable[Any], form: Form, progress: Progress | None) -> None:
    seen: set[str] = set()
    wanted = [(name, INDEX[key]) for key, name in form.columns.items()]
    for number, item in enumerate(items, start=1):
        _tell(progress, number)
        if not isinstance(item, Mapping):
            table.unreadable.append(number)
            continue
        fields = _fields_of(item)
        seen |= fields.keys()
        cells = [""] * len(COLUMNS)
        for name, target in wanted:
            cells[target] = fields.get(name, "")
        if table.format == GEOJSON:
            # The geometry is the place; a column of the same kind may hold another system's coordinates.
            cells[INDEX["latitude"]], cells[INDEX["longitude"]] = _axes(item)
            cells[INDEX["id"]] = cells[INDEX["id"]] or _text(item.get("id"))
        table.rows.append((number, cells))
    if table.rows:
        _judge_columns(table, sorted(seen), form)


def _judge_columns(table: ListTable, names: Sequence[str], form: Form) -> None:
    """Note which columns are absent and which are not read.

    Raises:
        ConnectorConfigError: a column is absent without which no camera can be told from another, or placed.
    """
    absent = [key for key, name in form.columns.items() if name not in names]
    placed: tuple[str, ...] = ("latitude", "longitude") if "latitude" in form.columns else ("point",)
    if table.format == GEOJSON:
        absent = [key for key in absent if key not in ("id", *placed)]
        placed = ()
    for key in ("id", *placed):
        if key in absent or (key in placed and key not in form.columns):
            raise ConnectorConfigError(
                f"the list has no column for {key}: the form {form.name} names "
                f"{form.columns.get(key, 'none')!r}. Columns found: {_shown(names)}"
            )
    table.absent = tuple(absent)
    known = set(form.columns.values())
    table.ignored = tuple(name for name in names if name and name not in known)


def _items(table: ListTable, text: str, form: Form) -> Iterator[Any]:
    """Yield the items of JSON: an array, an array within an object, the features of GeoJSON, or a line each."""
    table.format = JSON
    try:
        value = strict_loads(text)
    except RecursionError as error:
        raise ConnectorConfigError("the list nests without end") from error
    except ValueError:
        yield from _lines(text)
        return
    if isinstance(value, Mapping):
        if value.get("exceededTransferLimit") or (_object(value.get("properties"))).get("exceededTransferLimit"):
            raise ConnectorConfigError("the list says that it is only a part (exceededTransferLimit); ask for all")
        if value.get("type") == "FeatureCollection":
            table.format = GEOJSON
            _require_whole(value)
            value = value.get("features")
        for name in filter(None, form.items.split(".")) if table.format == JSON else ():
            value = _object(value).get(name)
    if not isinstance(value, list):
        where = f"at {form.items}" if form.items else "as a whole"
        raise ConnectorConfigError(f"the list must be an array of cameras {where}, got {type(value).__name__}")
    if len(value) > ROWS_MAX:
        raise ConnectorConfigError(f"the list has more than {ROWS_MAX} rows")
    yield from value


def _require_whole(collection: Mapping[str, Any]) -> None:
    """Make sure that a GeoJSON collection is in WGS 84 and not one page of several.

    Raises:
        ConnectorConfigError: it is not.
    """
    crs = str(_object(_object(collection.get("crs")).get("properties")).get("name", _WGS_84[0]))
    if not crs.endswith(_WGS_84):
        raise ConnectorConfigError("the list's positions must be WGS 84 degrees; it names another coordinate system")
    links = collection.get("links")
    if isinstance(links, list) and any(_object(link).get("rel") == "next" for link in links):
        raise ConnectorConfigError("the list says that it is only a part (a link to the next page); ask for all")


def _lines(text: str) -> Iterator[Any]:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        raise ConnectorConfigError(f"the list begins like JSON but is none, got {len(text)} characters")
    for line in lines:
        try:
            yield strict_loads(line)
        except (ValueError, RecursionError):
            yield None


def _fields_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of an item by plain name, those of objects in it with dots; properties of a feature without."""
    fields: dict[str, str] = {}
    waiting: list[tuple[str, Any, int]] = [("", item, 0)]
    if item.get("type") == "Feature":
        waiting = [("", _object(item.get("properties")), 0)]
    while waiting and len(fields) < ITEM_FIELDS_MAX:
        before, value, depth = waiting.pop()
        for key, inner in value.items():
            name = plain(f"{before}{key}")
            if isinstance(inner, Mapping) and inner.get("type") != "Point" and depth < DEPTH_MAX:
                waiting.append((f"{name}.", inner, depth + 1))
            else:
                fields[name] = _text(inner)
    return fields


def _text(value: Any) -> str:
    """Return a value as the text that a table would hold."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)[:64]
    if isinstance(value, Mapping):
        lat, lon = _axes({"geometry": value})
        return f"POINT ({lon} {lat})" if lat else ""
    if isinstance(value, list):
        return "; ".join(_text(part) for part in value[:20] if not isinstance(part, list | Mapping))
    return ""


def _axes(feature: Mapping[str, Any]) -> tuple[str, str]:
    """Return (latitude, longitude) of a point; empty where there is none."""
    geometry = _object(feature.get("geometry"))
    at = geometry.get("coordinates")
    if geometry.get("type") == "MultiPoint" and isinstance(at, list) and len(at) == 1:
        at = at[0]
    elif geometry.get("type") != "Point":
        return "", ""
    if not isinstance(at, list) or len(at) < 2:
        return "", ""
    return _text(at[1]), _text(at[0])


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _tell(progress: Progress | None, number: int) -> None:
    if number > ROWS_MAX:
        raise ConnectorConfigError(f"the list has more than {ROWS_MAX} rows")
    if progress is not None and number % PROGRESS_ROWS == 0:
        progress(number, None)


def _shown(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:SHOWN_CHARACTERS]) for name in names[:SHOWN_COLUMNS])
