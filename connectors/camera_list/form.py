"""The form of a city's camera list: which column holds what, and what its codes mean. Pure: a table in, a form out."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.kit.cameras.making import PILE_ACCURACY_M, PILE_CAMERAS_MAX
from connectors.kit.cameras.positions import Box
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.option_values import number_option
from connectors.kit.reading.forms import codes_of, plain, subtable
from connectors.kit.toml_fields import one_of_field, refuse_unknown_fields, text_field
from schemas.camera import CameraKind, CameraPurpose, CameraStatus
from schemas.location import LocationQuality

COLUMNS = (
    "id", "owner", "latitude", "longitude", "point", "kind", "ptz", "purpose", "heading", "field_of_view", "resolution",
    "height", "count", "retention_days", "status", "installed", "updated", "place",
)  # fmt: skip
INDEX = {name: index for index, name in enumerate(COLUMNS)}
AUTO = "auto"
LONGITUDE_FIRST, LATITUDE_FIRST = "longitude-first", "latitude-first"
FORMATS_MAX = 10
WORDS_MAX = 50
NAME_CHARACTERS_MAX = 100
# A count of 104 was met in real lists; 50 fill any assignment.
ROW_CAMERAS_MAX = 50
_TABLES = frozenset(
    {"list", "file", "columns", "position", "units", "times", "words", "kinds", "purposes", "statuses", "headings"}
)
_KINDS = (CameraKind.FIXED.value, CameraKind.PTZ.value, CameraKind.ALL_ROUND.value)
_STATUSES = (CameraStatus.ACTIVE.value, CameraStatus.PLANNED.value, CameraStatus.RETIRED.value)
_PURPOSES = tuple(purpose.value for purpose in CameraPurpose)
_QUALITIES = (LocationQuality.ADDRESS.value, LocationQuality.GPS.value)
_SYSTEM = re.compile(r"[a-z0-9]{1,20}")
_DIRECTIVES = frozenset("YymdHIMSfpzbB%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a city's list writes its cameras. Codes and columns are in upper case with single spaces.

    Attributes:
        name: of the file, for reports.
        columns: name of the column by what it holds; what is not there is not in it.
        owner: of rows that name none.
        system: before the ids; empty for one list.
        default_purposes: of rows that name none.
        encoding: ``auto``, or the name of an encoding.
        delimiter: between the cells of CSV; None takes the most frequent.
        decimal: point or comma of numbers.
        items: dotted way to the array within a JSON object.
        order: of the numbers in the column point.
        quality: how positions were obtained, one of ``LocationQuality``.
        error_m: 68 % error of a position, metres.
        region: outside of it no camera can be; None refuses nothing.
        pile_cameras: a point with more is a pile.
        pile_error_m: 68 % radius of a pile's cameras, metres.
        metres_per_height: metres in the unit of heights.
        resolution: what a bare number means: ``megapixels`` or ``width``.
        formats: of local times, in the directives of ``strptime``.
        yes: words for yes.
        no: words for no.
        kinds: kind by code.
        purposes: purposes by code.
        statuses: state by code.
        headings: bearing in degrees by word.
    """

    name: str
    columns: Mapping[str, str]
    owner: str = "unknown"
    system: str = ""
    default_purposes: tuple[str, ...] = (CameraPurpose.UNKNOWN.value,)
    encoding: str = AUTO
    delimiter: str | None = None
    decimal: str = "."
    items: str = ""
    order: str = LONGITUDE_FIRST
    quality: str = LocationQuality.ADDRESS.value
    error_m: float = 10.0
    region: Box | None = None
    pile_cameras: int = PILE_CAMERAS_MAX
    pile_error_m: float = PILE_ACCURACY_M
    metres_per_height: float = 1.0
    resolution: str = "megapixels"
    formats: tuple[str, ...] = ()
    yes: frozenset[str] = frozenset()
    no: frozenset[str] = frozenset()
    kinds: Mapping[str, str] = field(default_factory=dict)
    purposes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    headings: Mapping[str, float] = field(default_factory=dict)


def form_from(name: str, table: Mapping[str, Any]) -> Form:
    """Return the form that a parsed file describes.

    Args:
        name: of the file, for messages.
        table: the file.

    Raises:
        ConnectorConfigError: a field is wrong, missing or unknown; the message names file and field.
    """
    refuse_unknown_fields(name, table, _TABLES)
    headings = {c: _number(f"{name} [headings]", {c: v}, c, (0, 0, 360)) for c, v in codes_of(name, table, "headings")}
    return Form(
        name=name,
        columns=_columns(name, table),
        kinds=_meanings(name, table, "kinds", _KINDS),
        purposes={c: _purposes(f"{name} [purposes]", c, v) for c, v in codes_of(name, table, "purposes")},
        statuses=_meanings(name, table, "statuses", _STATUSES),
        headings=headings,
        formats=_formats(name, table),
        **_of_list(name, table),
        **_of_file(name, table),
        **_of_position(name, table),
        **_of_units(name, table),
        **_of_words(name, table),
    )


def _columns(name: str, table: Mapping[str, Any]) -> dict[str, str]:
    where, fields = _fields(name, table, "columns", COLUMNS)
    columns = {column: plain(text_field(where, fields, column, "")) for column in COLUMNS}
    if bool(columns["latitude"]) != bool(columns["longitude"]):
        raise ConnectorConfigError(f"{where}: latitude and longitude must both name a column, or neither")
    if columns["latitude"] and columns["point"]:
        raise ConnectorConfigError(f"{where}: either latitude and longitude or point must name a column, got both")
    return {column: text for column, text in columns.items() if text}


def _of_list(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    where, fields = _fields(name, table, "list", ("owner", "system", "purposes"))
    owner, system = text_field(where, fields, "owner", "unknown"), text_field(where, fields, "system", "")
    if not 0 < len(owner) <= NAME_CHARACTERS_MAX:
        raise ConnectorConfigError(f"{where}: owner must have 1 to {NAME_CHARACTERS_MAX} characters")
    if system and not _SYSTEM.fullmatch(system):
        raise ConnectorConfigError(f"{where}: system must be up to 20 small letters and digits, got {system!r}")
    purposes = _purposes(where, "purposes", fields.get("purposes", [CameraPurpose.UNKNOWN.value]))
    return {"owner": owner, "system": system, "default_purposes": purposes}


def _of_file(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    where, fields = _fields(name, table, "file", ("encoding", "delimiter", "decimal", "items"))
    encoding = text_field(where, fields, "encoding", AUTO).lower()
    if encoding != AUTO and not _is_encoding(encoding):
        raise ConnectorConfigError(f"{where}: encoding must be auto or the name of an encoding, got {encoding!r}")
    delimiter = fields.get("delimiter", "")
    if not isinstance(delimiter, str) or len(delimiter) > 1 or delimiter in ('"', "\n", "\r"):
        raise ConnectorConfigError(f"{where}: delimiter must be one character, or empty")
    decimal = one_of_field(where, "decimal", text_field(where, fields, "decimal", "."), (".", ","))
    items = text_field(where, fields, "items", "")
    return {"encoding": encoding, "delimiter": delimiter or None, "decimal": decimal, "items": items}


def _of_position(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    known = ("order", "quality", "error_m", "region", "pile_cameras", "pile_error_m")
    where, fields = _fields(name, table, "position", known)
    orders = (LONGITUDE_FIRST, LATITUDE_FIRST)
    return {
        "order": one_of_field(where, "order", text_field(where, fields, "order", LONGITUDE_FIRST), orders),
        "quality": one_of_field(where, "quality", text_field(where, fields, "quality", _QUALITIES[0]), _QUALITIES),
        "error_m": _number(where, fields, "error_m", (10.0, 0, 10_000)),
        "region": _box(where, fields.get("region") or None),
        "pile_cameras": int(_number(where, fields, "pile_cameras", (PILE_CAMERAS_MAX, 1, 1_000_000))),
        "pile_error_m": _number(where, fields, "pile_error_m", (PILE_ACCURACY_M, 0, 100_000)),
    }


def _of_units(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    where, fields = _fields(name, table, "units", ("height", "resolution"))
    height = one_of_field(where, "height", text_field(where, fields, "height", "m"), ("m", "ft"))
    choices = ("megapixels", "width")
    resolution = one_of_field(where, "resolution", text_field(where, fields, "resolution", choices[0]), choices)
    return {"metres_per_height": 0.3048 if height == "ft" else 1.0, "resolution": resolution}


def _of_words(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    where, fields = _fields(name, table, "words", ("yes", "no"))
    yes = frozenset(map(plain, _texts(where, "yes", fields.get("yes", []), WORDS_MAX)))
    no = frozenset(map(plain, _texts(where, "no", fields.get("no", []), WORDS_MAX)))
    if yes & no:
        raise ConnectorConfigError(f"{where}: {sorted(yes & no)[0]} must not be yes and no at once")
    return {"yes": yes | {"Y", "YES", "TRUE", "T", "1"} - no, "no": no | {"N", "NO", "FALSE", "F", "0"} - yes}


def _formats(name: str, table: Mapping[str, Any]) -> tuple[str, ...]:
    where, fields = _fields(name, table, "times", ("formats",))
    formats = _texts(where, "formats", fields.get("formats", []), FORMATS_MAX)
    for text in formats:
        unknown = sorted(set(re.findall(r"%(.?)", text)) - _DIRECTIVES)
        if unknown:
            raise ConnectorConfigError(f"{where}: formats must not have %{unknown[0]}, got {text!r}")
    return formats


def _fields(name: str, table: Mapping[str, Any], part: str, known: tuple[str, ...]) -> tuple[str, Mapping[str, Any]]:
    fields, where = subtable(name, table, part), f"{name} [{part}]"
    refuse_unknown_fields(where, fields, frozenset(known))
    return where, fields


def _number(where: str, fields: Mapping[str, Any], name: str, limits: tuple[float, float, float]) -> float:
    """Return a number; ``limits`` are what holds where it is not given, the least and the most."""
    default, least, most = limits
    try:
        return number_option(fields, name, default, least=least, most=most)
    except ConnectorConfigError as error:
        raise ConnectorConfigError(f"{where}: {error}") from error


def _meanings(name: str, table: Mapping[str, Any], part: str, allowed: tuple[str, ...]) -> dict[str, str]:
    where, meanings = f"{name} [{part}]", {}
    for code, value in codes_of(name, table, part):
        if not isinstance(value, str):
            raise ConnectorConfigError(f"{where}: {code} must be text, got {type(value).__name__}")
        meanings[code] = one_of_field(where, code, value, allowed)
    return meanings


def _texts(where: str, name: str, value: Any, most: int) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > most or not all(isinstance(text, str) for text in value):
        raise ConnectorConfigError(f"{where}: {name} must be a list of at most {most} texts")
    return tuple(value)


def _purposes(where: str, code: str, value: Any) -> tuple[str, ...]:
    words = _texts(where, code, [value] if isinstance(value, str) else value, len(_PURPOSES))
    if not words:
        raise ConnectorConfigError(f"{where}: {code} must name at least one purpose")
    return tuple(one_of_field(where, code, word, _PURPOSES) for word in words)


def _box(where: str, value: Any) -> Box | None:
    if value is None:
        return None
    is_box = isinstance(value, list) and len(value) == 4 and all(isinstance(part, int | float) for part in value)
    if not is_box or not (-90 <= value[0] < value[2] <= 90 and -180 <= value[1] < value[3] <= 180):
        raise ConnectorConfigError(f"{where}: region must be south, west, north, east in degrees")
    return Box(*map(float, value))


def _is_encoding(name: str) -> bool:
    """Return whether Python knows an encoding of text under a name, UTF-16 and the like aside."""
    try:
        info = codecs.lookup(name)
        # The header must be found by lines, so a line break must be one byte; codecs of bytes give no text.
        return isinstance("a\n".encode(info.name), bytes) and "a\n".encode(info.name) == b"a\n"
    except (LookupError, ValueError, TypeError):
        return False
