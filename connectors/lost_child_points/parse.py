"""A report at a lost-child point, and the list of points."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.errors import EntryRefusedError as Refusal
from connectors.kit.option_values import number_option, refuse_unknown, text_option
from connectors.kit.reading.dispatch_rows import digest, text_of
from connectors.kit.reading.items import is_true, plain_id, time_us_of, word_of
from connectors.kit.reading.json_bodies import require_object
from connectors.kit.reading.places import PlaceRules, place_at
from schemas.incident import Incident, IncidentStatus, Service
from schemas.location import Location, LocationQuality

NAME = "lost_child_points"
KIND = "missing-child"
KEPT = ("report", "booth", "state")
STATES = {
    "missing": IncidentStatus.REPORTED,
    "seen": IncidentStatus.UPDATED,
    "found": IncidentStatus.CLOSED,
    "cancelled": IncidentStatus.CANCELLED,
}
BOOTHS_MAX = 5_000
# A child of six walks about a metre a second; the booth hears of it some minutes late.
ACCURACY_M = 150.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How reports are read.

    Attributes:
        booths: the places of booths by id.
        default_points: positions that stand for "unknown".
        city_box: south, west, north, east in degrees; None does not check.
        zone: what a time without an offset means.
        tolerance_us: how far a booth's clock may be ahead, microseconds.
    """

    booths: Mapping[str, Location]
    default_points: tuple[Any, ...]
    city_box: tuple[float, float, float, float] | None
    zone: ZoneInfo
    tolerance_us: int


def booths_from(text: str) -> dict[str, Location]:
    """Return the booths of a TOML text by id.

    Raises:
        ConnectorConfigError: it is none, or a field is wrong; the message names booth and field.
    """
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConnectorConfigError(f"option booths: {error}") from error
    tables = fields.get("booth")
    if set(fields) != {"booth"} or not isinstance(tables, list) or len(tables) > BOOTHS_MAX:
        raise ConnectorConfigError(f"option booths: 1 to {BOOTHS_MAX} [[booth]] and nothing else must be given")
    booths = {}
    for number, table in enumerate(tables, start=1):
        try:
            refuse_unknown(table, frozenset({"id", "lat", "lon", "accuracy_m"}))
            booths[text_option(table, "id")] = Location(
                lat_deg=number_option(table, "lat", float("nan"), least=-90, most=90),
                lon_deg=number_option(table, "lon", float("nan"), least=-180, most=180),
                accuracy_m=number_option(table, "accuracy_m", ACCURACY_M, least=1, most=5_000),
                quality=LocationQuality.ADDRESS.value,
            )
        except ConnectorConfigError as error:
            raise ConnectorConfigError(f"option booths: booth {number}: {error}") from error
    return booths


def incident_of(item: Any, now_us: int, rules: Rules, note: Callable[[str], None]) -> Incident:
    """Return the incident of a report; where the child was last seen counts more than where the booth is.

    Args:
        item: the report.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.
        note: counts a finding.

    Raises:
        EntryRefusedError: it has no number, or its booth is not in the file.
    """
    item = require_object(item)
    number = plain_id(item, "report")
    booth = rules.booths.get(text_of(item, "booth"))
    if booth is None:
        raise Refusal("unknown-booth", "booth", "booth: the file of booths has no such id")
    status = word_of(item, "state", STATES, IncidentStatus.OTHER, note)
    if status is IncidentStatus.OTHER:
        raise Refusal("unknown-code", "state", f"state: must be one of {', '.join(STATES)}")
    observed_us = time_us_of(item, "at", now_us=now_us, tolerance_us=rules.tolerance_us, note=note, zone=rules.zone)
    case_id = f"{NAME}:{number}"
    location = _last_seen(item, booth, rules, note)
    return Incident(
        event_id=digest(case_id, status.value, observed_us, location.lat_deg, location.lon_deg),
        source=NAME,
        observed_us=observed_us,
        ingested_us=now_us,
        exercise=is_true(item, "exercise"),
        case_id=case_id,
        incident_id=case_id,
        status=status.value,
        service=Service.CHILD.value,
        kind=KIND,
        native_code=text_of(item, "state").lower(),
        occurred_us=observed_us,
        location=location,
    )


def _last_seen(item: Mapping[str, Any], booth: Location, rules: Rules, note: Callable[[str], None]) -> Location:
    """Return where the child was last seen, where the report says so and it can be; else the booth."""
    place_rules = PlaceRules(accuracy_m=booth.accuracy_m, default_points=rules.default_points, city_box=rules.city_box)
    place = place_at(item.get("lat"), item.get("lon"), place_rules)
    if place.finding is not None:
        note(place.finding)
    usable = place.location is not None and place.location.quality == LocationQuality.ADDRESS
    return place.location if usable and place.location is not None else booth
