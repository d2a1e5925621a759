"""A message as CAP 1.2 XML. Pure. The order of the elements is that of the standard's schema."""

import re
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from connectors.cap_out.messages import Message
from connectors.kit.reading.iso_times import utc_moment
from schemas.camera_assignment import CameraAssignment, Target

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
# Characters that no XML document may hold, not even escaped (XML 1.0, 2.2).
_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Nobody can act on a circle smaller than this, and nothing is known that well, km.
RADIUS_KM_MIN = 0.05
# Rank to severity and urgency.
_SEVERITIES = ("Extreme", "Severe", "Moderate", "Minor", "Unknown")
_URGENCIES = ("Immediate", "Immediate", "Expected", "Unknown", "Unknown")
_CATEGORIES: dict[str, str] = {
    "disaster": "Safety",
    "fire": "Fire",
    "traffic": "Transport",
    "iot": "Infra",
    "police": "Security",
    "security": "Security",
    "child": "Rescue",
    "dementia": "Rescue",
}
_WEATHER = frozenset({"flood", "heavy-rain", "heavy-snow", "strong-wind", "typhoon", "tornado", "heat-wave"})
_GROUND = frozenset({"earthquake", "landslide", "tsunami"})


@dataclass(frozen=True, slots=True)
class Sender:
    """What every message says of us.

    Attributes:
        name: CAP's sender, unique in the world; no spaces, commas, ``<`` or ``&``.
        scope: ``Public`` or ``Restricted``.
        restriction: with ``Restricted``, to whom.
        language: language tag of the infos.
    """

    name: str
    scope: str
    restriction: str
    language: str


def xml_of(message: Message, sender: Sender) -> bytes:
    """Return a message as a document in UTF-8."""
    alert = Element("alert", {"xmlns": NAMESPACE})
    _text(alert, "identifier", message.identifier)
    _text(alert, "sender", sender.name)
    _text(alert, "sent", time_text(message.sent_us))
    _text(alert, "status", "Exercise" if message.is_exercise else "Actual")
    _text(alert, "msgType", message.kind)
    _text(alert, "scope", sender.scope)
    if sender.scope == "Restricted":
        _text(alert, "restriction", sender.restriction)
    if message.is_exercise:
        _text(alert, "note", "Exercise")
    if message.references:
        words = (f"{sender.name},{identifier},{time_text(sent_us)}" for identifier, sent_us in message.references)
        _text(alert, "references", " ".join(words))
    _text(alert, "incidents", message.case_ref)
    if message.assignment is not None:
        _info(alert, message, message.assignment, sender)
    document: bytes = tostring(alert, encoding="utf-8", xml_declaration=True)
    return document


def time_text(time_us: int) -> str:
    """Return a time as CAP writes it: whole seconds, and ``-00:00`` for UTC (CAP 1.2, 3.3.2)."""
    return utc_moment(time_us).strftime("%Y-%m-%dT%H:%M:%S-00:00")


def _info(alert: Element, message: Message, assignment: CameraAssignment, sender: Sender) -> None:
    rank = min(max(assignment.rank, 0), len(_SEVERITIES) - 1)
    is_over = message.kind == "Cancel"
    info = SubElement(alert, "info")
    _text(info, "language", sender.language)
    _text(info, "category", _category(assignment))
    _text(info, "event", assignment.kind.replace("-", " "))
    _text(info, "responseType", "AllClear" if is_over else "Monitor")
    _text(info, "urgency", "Past" if is_over else _URGENCIES[rank])
    _text(info, "severity", _SEVERITIES[rank])
    _text(info, "certainty", "Observed")
    code = SubElement(info, "eventCode")
    _text(code, "valueName", "goldentime:kind")
    _text(code, "value", assignment.kind)
    _text(info, "effective", time_text(assignment.valid_from_us))
    _text(info, "onset", time_text(assignment.occurred_us))
    if not is_over:
        _text(info, "expires", time_text(assignment.valid_until_us))
        if assignment.where is not None:
            _area(info, assignment.where)


def _area(info: Element, where: Target) -> None:
    # The place of an area is its middle, known exactly; what was searched is its extent.
    radius_m = where.accuracy_m if where.accuracy_m > 0 else where.search_radius_m
    area = SubElement(info, "area")
    _text(area, "areaDesc", where.district or "around the place")
    _text(area, "circle", f"{where.lat_deg:.5f},{where.lon_deg:.5f} {max(radius_m / 1000, RADIUS_KM_MIN):.3f}")


def _category(assignment: CameraAssignment) -> str:
    if assignment.kind in _WEATHER:
        return "Met"
    if assignment.kind in _GROUND:
        return "Geo"
    return next((_CATEGORIES[service] for service in assignment.services if service in _CATEGORIES), "Other")


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _NOT_IN_XML.sub("", text)
