"""What a decoded event of a case must keep to, and which of its places are none."""

from dataclasses import replace

from pipeline import geo
from pipeline.cases.case import UNUSABLE_QUALITIES
from pipeline.errors import RuleBrokenError
from pipeline.rules.policy import Policy
from pipeline.wandering.protection import ProtectionEnded, check_registration
from schemas.incident import Incident, RespondingUnit
from schemas.location import Location, LocationQuality
from schemas.operator_command import Command, OperatorCommand
from schemas.protected_subject import ProtectedSubject
from schemas.ptz import PtzGrant, PtzResult
from schemas.wandering_alert import WanderingAlert

# What changes a case one record at a time; fixes and sightings come as columns.
CaseEvent = Incident | WanderingAlert | OperatorCommand | PtzGrant | ProtectedSubject | ProtectionEnded

# Cities lie between these latitudes; nearer to the poles the plane of a decision would break down.
LAT_DEG_MAX = 85.0
ACCURACY_M_MAX = 100_000.0
# An area larger than this is a country, not an incident; it would make every camera a candidate.
AREA_POINTS_MAX = 10_000
ROUTE_POINTS_MAX = 10_000
# A fire of the highest response level calls 51 to 80 vehicles; each one's way costs a look of its own.
UNITS_MAX = 100
# Ids that are remembered or written on: bytes of UTF-8.
TEXT_LENGTH_MAX = 512
# A time outside is a slip of a unit or a year; calendars, leases and the windows of metrics would break on it.
TIME_US_MIN, TIME_US_END = 0, 4_102_444_800_000_000  # 2100-01-01T00:00:00Z
# "A word or two of the city's list": no room for a report, in which a person could be named.
ORDER_REASON_LENGTH_MAX = 64
ORDERS = frozenset(Command) - {Command.OTHER}
ORDERS_OF_CAMERAS = frozenset({Command.TAKE_OVER, Command.RESUME, Command.EXCLUDE_CAMERA, Command.PIN_CAMERA})
_GRANTS = frozenset(PtzResult) - {PtzResult.OTHER}


def check_event(record: CaseEvent, key: bytes | None) -> None:
    """Do nothing for a record that keeps the rules of the contract.

    Raises:
        RuleBrokenError: it breaks one; the error names reason and field, and no position.
    """
    _check_text(record.case_id, "case_id")
    if key != record.case_id.encode():
        raise RuleBrokenError("key-mismatch", "case_id", "must equal the Kafka key, which decides the partition")
    if isinstance(record, OperatorCommand):
        _check_order(record)
    elif isinstance(record, PtzGrant):
        _check_grant(record)
    elif isinstance(record, ProtectedSubject):
        check_registration(record)
    elif isinstance(record, Incident | WanderingAlert):
        _check_report(record)


def _check_order(order: OperatorCommand) -> None:
    if order.command not in ORDERS:
        # Not repeated in the message: it could be anything that was written in the wrong field.
        raise RuleBrokenError("unknown-code", "command", f"must be one of {', '.join(sorted(ORDERS))}")
    _check_text(order.event_id, "event_id")
    _check_text(order.actor_ref, "actor_ref")
    if order.command in ORDERS_OF_CAMERAS:
        _check_text(order.camera_id, "camera_id")
    if len(order.reason) > ORDER_REASON_LENGTH_MAX:
        raise RuleBrokenError("too-large", "reason", f"must have at most {ORDER_REASON_LENGTH_MAX} characters")


def _check_grant(grant: PtzGrant) -> None:
    if grant.result not in _GRANTS:
        raise RuleBrokenError("unknown-code", "result", f"must be one of {', '.join(sorted(_GRANTS))}")
    _check_text(grant.camera_id, "camera_id")


def _check_text(text: str | None, name: str) -> None:
    if not text:
        raise RuleBrokenError("missing-value", name, "must not be empty")
    if len(text.encode()) > TEXT_LENGTH_MAX:
        raise RuleBrokenError("too-large", name, f"must have at most {TEXT_LENGTH_MAX} bytes")


def _check_time(time_us: int | None, name: str) -> None:
    if time_us is not None and not TIME_US_MIN <= time_us < TIME_US_END:
        raise RuleBrokenError("out-of-range", name, f"must lie in the years 1970 to 2099, got {time_us}")


def _check_report(record: Incident | WanderingAlert) -> None:
    _check_location(record.location, "location")
    if isinstance(record, WanderingAlert):
        _check_time(record.last_seen_us, "last_seen_us")
    if isinstance(record, Incident):
        _check_time(record.occurred_us, "occurred_us")
        # Before occurred_us it may well lie: clocks differ, and floods are announced.
        _check_time(record.reported_us, "reported_us")
        if record.area and len(record.area.polygon) > AREA_POINTS_MAX:
            raise RuleBrokenError("too-large", "area.polygon", f"at most {AREA_POINTS_MAX} points are read")
        for point in record.area.polygon if record.area else ():
            _check_position(point.lat_deg, point.lon_deg, "area.polygon")
        if len(record.units) > UNITS_MAX:
            raise RuleBrokenError("too-large", "units", f"at most {UNITS_MAX} are followed, got {len(record.units)}")
        for unit in record.units:
            _check_location(unit.position, "units.position")
            if len(unit.route) > ROUTE_POINTS_MAX:
                raise RuleBrokenError("too-large", "units.route", f"at most {ROUTE_POINTS_MAX} points are read")
            for point in unit.route:
                _check_position(point.lat_deg, point.lon_deg, "units.route")


def _check_location(location: Location | None, name: str) -> None:
    if location is None or location.quality in UNUSABLE_QUALITIES:
        return
    _check_position(location.lat_deg, location.lon_deg, name)
    if not 0 <= location.accuracy_m <= ACCURACY_M_MAX:  # NaN compares as False
        raise RuleBrokenError(
            "out-of-range", f"{name}.accuracy_m", f"must be from 0 to {ACCURACY_M_MAX:.0f}, got {location.accuracy_m}"
        )


def _check_position(lat_deg: float, lon_deg: float, name: str) -> None:
    if not geo.in_range(lat_deg, lon_deg) or abs(lat_deg) > LAT_DEG_MAX:
        # The position itself may be a person's: name the rule, not the place.
        raise RuleBrokenError("impossible-position", name, f"must lie within ±{LAT_DEG_MAX:.0f} and ±180 degrees")


def with_known_places(record: CaseEvent, policy: Policy) -> CaseEvent:
    """Return the record with (0,0) and agencies' own addresses marked as no place, whatever the source said.

    A responding unit may well stand at its agency; at (0,0) it is nowhere.
    """
    if not isinstance(record, Incident | WanderingAlert):
        return record
    if isinstance(record, Incident) and any(unit.position and _is_zero(unit.position) for unit in record.units):
        record = replace(record, units=tuple(_with_known_place(unit) for unit in record.units))
    location = record.location
    if location is None or location.quality in UNUSABLE_QUALITIES:
        return record
    default = _is_zero(location)
    for place in policy.default_places:
        off_m = geo.distance_m(place.lat_deg, place.lon_deg, location.lat_deg, location.lon_deg)
        default = default or bool(off_m <= place.radius_m)
    return replace(record, location=replace(location, quality=LocationQuality.DEFAULT)) if default else record


def _with_known_place(unit: RespondingUnit) -> RespondingUnit:
    if unit.position is None or not _is_zero(unit.position):
        return unit
    return replace(unit, position=replace(unit.position, quality=LocationQuality.DEFAULT))


def _is_zero(location: Location) -> bool:
    return location.lat_deg == 0.0 and location.lon_deg == 0.0
