"""The form of a city's CAD: which column holds what, and what its codes mean. Pure: a parsed table in, a form out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.reading.forms import CODE_CHARACTERS_MAX, codes_of, subtable
from connectors.kit.toml_fields import flag_field, one_of_field, refuse_unknown_fields, text_field
from schemas.incident import IncidentStatus, Service

COLUMNS = (
    "number", "nature", "received", "received_time", "changed", "priority", "status", "disposition", "parent",
    "exercise", "lat", "lon", "occurred",
)  # fmt: skip
REQUIRED_COLUMNS = ("number", "nature")
FORMATS_MAX = 10
_TABLES = frozenset({"columns", "times", "natures", "priorities", "statuses", "dispositions", "unlisted"})
_STATUSES = tuple(s.value for s in IncidentStatus if s not in (IncidentStatus.MERGED, IncidentStatus.OTHER))
_ENDS = (IncidentStatus.CLOSED.value, IncidentStatus.CANCELLED.value, IncidentStatus.MERGED.value)
_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_DIRECTIVES = frozenset("YymdHIMSfpzbB%")


@dataclass(frozen=True, slots=True)
class Nature:
    """What a nature code means: kind and service of the contract, and whether it is a drill."""

    kind: str
    service: str
    exercise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How a city's CAD writes its calls. Codes and columns are in upper case with single spaces.

    Attributes:
        columns: name of the column by what it holds; what is not there is not in it.
        formats: of local times, in the directives of ``strptime``.
        offsets_s: seconds east of UTC by the letters of a zone.
        natures: nature by code.
        beginnings: nature by the beginning of a code, longest first.
        priorities: urgency by code.
        statuses: status of the contract by code.
        dispositions: how the call ended by code.
        service: of calls whose nature is not listed.
    """

    columns: Mapping[str, str]
    formats: tuple[str, ...] = ()
    offsets_s: Mapping[str, int] = field(default_factory=dict)
    natures: Mapping[str, Nature] = field(default_factory=dict)
    beginnings: tuple[tuple[str, Nature], ...] = ()
    priorities: Mapping[str, str] = field(default_factory=dict)
    statuses: Mapping[str, str] = field(default_factory=dict)
    dispositions: Mapping[str, str] = field(default_factory=dict)
    service: str = Service.POLICE.value

    def nature_of(self, code: str) -> Nature | None:
        """Return what a code in plain form means; None where the form does not list it."""
        exact = self.natures.get(code)
        if exact is not None:
            return exact
        return next((nature for beginning, nature in self.beginnings if code.startswith(beginning)), None)


def form_from(where: str, table: Mapping[str, Any]) -> Form:
    """Return the form that a parsed file describes.

    Args:
        where: name of the file, for messages.
        table: the file.

    Raises:
        ConnectorConfigError: a field is wrong, missing or unknown; the message names file and field.
    """
    refuse_unknown_fields(where, table, _TABLES)
    times = subtable(where, table, "times")
    refuse_unknown_fields(f"{where} [times]", times, frozenset({"formats", "offsets"}))
    unlisted = subtable(where, table, "unlisted")
    refuse_unknown_fields(f"{where} [unlisted]", unlisted, frozenset({"service"}))
    natures = {code: _nature(f"{where} [natures] {code}", entry) for code, entry in codes_of(where, table, "natures")}
    beginnings = [(code.rstrip("*").rstrip(), nature) for code, nature in natures.items() if code.endswith("*")]
    return Form(
        columns=_columns(where, table),
        formats=_formats(where, times),
        offsets_s={
            letters: _offset_s(where, offset) for letters, offset in codes_of(f"{where} [times]", times, "offsets")
        },
        natures={code: nature for code, nature in natures.items() if not code.endswith("*")},
        beginnings=tuple(sorted(beginnings, key=lambda item: (-len(item[0]), item[0]))),
        priorities=_words(where, table, "priorities", None),
        statuses=_words(where, table, "statuses", _STATUSES),
        dispositions=_words(where, table, "dispositions", _ENDS),
        service=_service(f"{where} [unlisted]", {"service": Service.POLICE.value, **unlisted}),
    )


def _columns(where: str, table: Mapping[str, Any]) -> dict[str, str]:
    fields, label = subtable(where, table, "columns"), f"{where} [columns]"
    refuse_unknown_fields(label, fields, frozenset(COLUMNS))
    columns = {name: text_field(label, fields, name, "").strip().upper() for name in COLUMNS}
    for name in REQUIRED_COLUMNS:
        if not columns[name]:
            raise ConnectorConfigError(f"{label}: {name} must name a column, got nothing")
    if bool(columns["lat"]) != bool(columns["lon"]):
        raise ConnectorConfigError(f"{label}: lat and lon must both name a column, or neither")
    return {name: column for name, column in columns.items() if column}


def _formats(where: str, times: Mapping[str, Any]) -> tuple[str, ...]:
    formats = times.get("formats", [])
    if not isinstance(formats, list) or len(formats) > FORMATS_MAX or not all(isinstance(f, str) for f in formats):
        raise ConnectorConfigError(f"{where} [times]: formats must be a list of at most {FORMATS_MAX} texts")
    for text in formats:
        unknown = sorted(set(re.findall(r"%(.?)", text)) - _DIRECTIVES)
        if unknown:
            raise ConnectorConfigError(f"{where} [times]: formats must not have %{unknown[0]}, got {text!r}")
    return tuple(formats)


def _offset_s(where: str, value: Any) -> int:
    match = _OFFSET.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > 14 or int(match[3]) > 59:
        raise ConnectorConfigError(f"{where} [times.offsets]: an offset must be like -05:00, got {value!r}")
    return (-1 if match[1] == "-" else 1) * (int(match[2]) * 3600 + int(match[3]) * 60)


def _nature(where: str, entry: Any) -> Nature:
    if not isinstance(entry, dict):
        raise ConnectorConfigError(f"{where} must be a table with kind and service, got {type(entry).__name__}")
    refuse_unknown_fields(where, entry, frozenset({"kind", "service", "exercise"}))
    kind = text_field(where, entry, "kind")
    if not _KEBAB.fullmatch(kind) or len(kind) > CODE_CHARACTERS_MAX:
        raise ConnectorConfigError(f"{where}: kind must be small letters, digits and hyphens, got {kind!r}")
    return Nature(kind, _service(where, entry), flag_field(where, entry, "exercise"))


def _service(where: str, entry: Mapping[str, Any]) -> str:
    return one_of_field(where, "service", text_field(where, entry, "service"), tuple(s.value for s in Service))


def _words(where: str, table: Mapping[str, Any], name: str, allowed: tuple[str, ...] | None) -> dict[str, str]:
    words = {}
    for code, value in codes_of(where, table, name):
        if not isinstance(value, str) or not 0 < len(value) <= CODE_CHARACTERS_MAX:
            raise ConnectorConfigError(
                f"{where} [{name}]: {code} must be a text of 1 to {CODE_CHARACTERS_MAX} characters"
            )
        words[code] = value if allowed is None else one_of_field(f"{where} [{name}]", code, value, allowed)
    return words
