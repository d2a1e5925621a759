"""One message of a network server to fixes and alerts. Pure: no clock, no network; it gives records or a refusal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.kit.errors import EntryRefusedError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reading.dispatch_rows import plausible_us
from connectors.kit.reading.json_bodies import require_object
from connectors.kit.reading.places import PlaceRules, is_absent
from connectors.kit.reading.tracked import (
    SPEED_MPS_MAX,
    Heard,
    Note,
    alert_of,
    fix_of,
    location_of,
    tracker_ref,
)
from connectors.lorawan import chirpstack, things_stack
from connectors.lorawan.payload_fields import Decoded, FieldNames, read_payload
from connectors.lorawan.uplink import NetworkPlace, Uplink, short
from schemas.location import Location
from schemas.tracker_fix import TrackerFix
from schemas.wandering_alert import WanderingAlert

SOURCE = "lorawan"
# Nothing of a message may be kept in a dead letter: names and tags of devices lead to people.
KEPT: tuple[str, ...] = ()
CHIRPSTACK, THINGS_STACK = "chirpstack", "things-stack"
FORMS: Mapping[str, Callable[[Mapping[str, Any]], Uplink | None]] = {
    CHIRPSTACK: chirpstack.uplink_of,
    THINGS_STACK: things_stack.uplink_of,
}
TOPIC_FILTERS = {CHIRPSTACK: chirpstack.TOPIC_FILTERS, THINGS_STACK: things_stack.TOPIC_FILTERS}
# When the place of the best gateway stands for that of a device which gives none.
ALWAYS, ALERTS, NEVER = "always", "alerts", "never"
# Within this time a message with the same counter and payload is the same message, heard or sent again. A counter that
# begins anew without a new session (activation by personalisation) comes later than that.
SAME_WITHIN_US = 600_000_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration and the city say about reading a message.

    Attributes:
        form: :data:`CHIRPSTACK` or :data:`THINGS_STACK`.
        places: what is known of the positions that devices send.
        names: names of a city's own decoders.
        gateway_places: :data:`ALWAYS`, :data:`ALERTS` or :data:`NEVER`.
        gateway_accuracy_m: how far from a gateway a device is with 68 % probability, metres.
        future_tolerance_us: how far a time may lie in the future, microseconds.
        pseudonyms: turns EUIs into keyed pseudonyms.
    """

    form: str
    places: PlaceRules
    names: FieldNames
    gateway_places: str
    gateway_accuracy_m: float
    future_tolerance_us: int
    pseudonyms: Pseudonyms


def parse_message(item: Any, now_us: int, rules: Rules, note: Note) -> list[TrackerFix | WanderingAlert]:
    """Return the alerts of a message, else its fix; nothing where it tells of neither.

    Args:
        item: the server's JSON object.
        now_us: when it was read, UTC microseconds since the epoch.
        rules: how to read it.
        note: called with a kebab-case word for what was noticed.

    Raises:
        EntryRefusedError: it is not of the configured server, or names no device.
    """
    uplink = FORMS[rules.form](require_object(item))
    if uplink is None:
        return []
    decoded = read_payload(uplink.decoded, rules.names, note)
    heard = Heard(
        source=SOURCE,
        subject_ref=tracker_ref({"dev_eui": uplink.dev_eui}, "dev_eui", rules.pseudonyms),
        time_us=plausible_us(uplink.time_us, now_us, rules.future_tolerance_us, note),
        now_us=now_us,
        stated=_stated(uplink),
        exercise=uplink.exercise,
    )
    location = _location(uplink, decoded, rules, note)
    if decoded.alerts:
        return [alert_of(heard, kind, location) for kind in decoded.alerts]
    if location is None:
        return _nothing(decoded)
    return [
        fix_of(
            heard,
            location,
            speed_mps=_within(decoded.speed_mps, SPEED_MPS_MAX),
            course_deg=_within(decoded.course_deg, 360.0),
            battery_pct=_battery(uplink, decoded),
        )
    ]


def _nothing(decoded: Decoded) -> list[TrackerFix | WanderingAlert]:
    """Return nothing for a message without a position; raise for one whose position is unusable."""
    if is_absent(decoded.lat) and is_absent(decoded.lon):
        return []
    raise EntryRefusedError("impossible-coordinates", "latitude", "the decoded position must be a point on Earth")


def _location(uplink: Uplink, decoded: Decoded, rules: Rules, note: Note) -> Location | None:
    """Return where the device was: what it measured, else what the network computed, else its best gateway."""
    if not (is_absent(decoded.lat) and is_absent(decoded.lon)):
        measured = location_of(decoded.lat, decoded.lon, decoded.accuracy, rules.places, note)
        if measured is not None:
            return measured
    if uplink.solved is not None:
        return _of_network(uplink.solved, rules, note)
    may_stand_in = rules.gateway_places == ALWAYS or (rules.gateway_places == ALERTS and decoded.alerts)
    if uplink.gateway is None or not may_stand_in:
        return None
    note("gateway-place")
    return _of_network(uplink.gateway, rules, note)


def _of_network(place: NetworkPlace, rules: Rules, note: Note) -> Location | None:
    rough = replace(rules.places, accuracy_m=rules.gateway_accuracy_m, quality=place.quality)
    return location_of(place.lat, place.lon, place.accuracy_m, rough, note)


def _stated(uplink: Uplink) -> tuple[object, ...]:
    moment = None if uplink.time_us is None else uplink.time_us // SAME_WITHIN_US
    return (*short((uplink.session, uplink.counter, uplink.raw)), moment)


def _battery(uplink: Uplink, decoded: Decoded) -> float | None:
    if decoded.battery_pct is not None:
        return _within(decoded.battery_pct, 100.0)
    known = uplink.battery_pct
    return _within(float(known), 100.0) if isinstance(known, int | float) and not isinstance(known, bool) else None


def _within(value: float | None, most: float) -> float | None:
    return value if value is not None and 0 <= value <= most else None
