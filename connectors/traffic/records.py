"""What happens on a road to records: an incident, and a condition where the road is closed. Pure: no clock."""

from collections.abc import Callable
from dataclasses import dataclass

from connectors.kit.reading.dispatch_rows import digest, plausible_us
from connectors.kit.source import Accepted
from connectors.traffic.parse import RoadEvent
from connectors.traffic.roads import RoadOf
from schemas.condition import Condition, ConditionKind
from schemas.incident import Incident, IncidentStatus, Service
from schemas.location import LocationQuality, Point
from schemas.topics import CONDITIONS, INCIDENTS

SOURCE = "traffic"
_DAY_US = 86_400_000_000
# Without a line a closure is the road within this of its point: about a city block on either side, degrees of latitude.
_STUB_DEG = 0.0005
_NO_PLACE = (LocationQuality.NONE, LocationQuality.DEFAULT)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says of events.

    Attributes:
        future_tolerance_us: how far a time may lie in the future before the time of reading is taken, microseconds.
        news_us: what began longer ago opens no incident, microseconds.
        road_width_m: width of a closed road, metres.
        road_of: the line of a road link; empty where it is not known.
    """

    future_tolerance_us: int
    news_us: int
    road_width_m: float
    road_of: RoadOf


def is_to_come(event: RoadEvent, now_us: int, rules: Rules) -> bool:
    """Return whether an event is planned and has not begun; what nobody plans has a wrong clock instead."""
    return not event.is_sudden and event.begun_us is not None and event.begun_us > now_us + rules.future_tolerance_us


def records_of(
    event: RoadEvent, now_us: int, rules: Rules, note: Callable[[str], None], *, is_gone: bool = False
) -> list[Accepted]:
    """Return the records of an event: at most an incident and a condition; none where nobody needs to know.

    Args:
        event: what happens.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: what the configuration says.
        note: called with what was noticed, kebab-case.
        is_gone: True where its feed shows it no longer.
    """
    if is_to_come(event, now_us, rules):
        note("not-begun")
        return []
    ended = is_gone or event.is_over
    begun_us = plausible_us(event.begun_us, now_us, rules.future_tolerance_us, note)
    records = []
    if (event.is_sudden or event.closes_road) and now_us - begun_us <= rules.news_us:
        records.append(Accepted(INCIDENTS, _incident(event, begun_us, now_us, ended=ended)))
    if event.closes_road or event.line:
        line = event.line or rules.road_of(event.link_id) or _stub(event)
        if line:
            records.append(Accepted(CONDITIONS, _condition(event, line, begun_us, now_us, rules, ended=ended)))
        else:
            note("closure-without-place")
    return records


def _incident(event: RoadEvent, begun_us: int, now_us: int, *, ended: bool) -> Incident:
    incident_id = f"{SOURCE}:{event.number}"
    status = IncidentStatus.CLOSED if ended else IncidentStatus.REPORTED
    told = (status.value, event.kind, event.native_code, event.begun_us, event.closes_road, event.lanes)
    is_works = event.closes_road and not event.is_sudden
    return Incident(
        event_id=f"{incident_id}:{digest(*told, event.place.location)}",
        source=SOURCE,
        observed_us=begun_us,
        ingested_us=now_us,
        case_id=incident_id,
        incident_id=incident_id,
        status=status.value,
        service=Service.TRAFFIC.value,
        kind="road-closure" if is_works else event.kind,
        native_code=event.native_code,
        urgency_native="all-lanes" if event.closes_road else None,
        occurred_us=begun_us,
        location=event.place.location,
    )


def _condition(
    event: RoadEvent, line: tuple[Point, ...], begun_us: int, now_us: int, rules: Rules, *, ended: bool
) -> Condition:
    condition_id = f"{SOURCE}:{event.number}"
    # Without an end in sight a closure is believed to the end of tomorrow, and told again every day.
    has_end = event.end_us is not None and event.end_us > now_us
    until_us = event.end_us if has_end and event.end_us is not None else (now_us // _DAY_US + 2) * _DAY_US
    told = ("ended",) if ended else ("closed", line, rules.road_width_m, until_us)
    return Condition(
        event_id=f"{condition_id}:{digest(event.begun_us, *told)}",
        source=SOURCE,
        observed_us=begun_us,
        ingested_us=now_us,
        condition_id=condition_id,
        kind=ConditionKind.CLOSURE.value,
        line=line,
        width_m=rules.road_width_m,
        valid_until_us=now_us if ended else until_us,
    )


def _stub(event: RoadEvent) -> tuple[Point, ...]:
    """Return a short line through the place of a closure whose road is not known; empty without a place."""
    place = event.place.location
    if place is None or place.quality in _NO_PLACE:
        return ()
    lats = (place.lat_deg - _STUB_DEG / 2, place.lat_deg + _STUB_DEG / 2)
    return tuple(Point(lat_deg=round(lat_deg, 7), lon_deg=place.lon_deg) for lat_deg in lats)
