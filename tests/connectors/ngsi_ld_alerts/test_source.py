"""What ngsi_ld_alerts makes of a broker's notifications."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from connectors.kit.source import Accepted, Refused
from connectors.ngsi_ld_alerts.parse import OWN_IDS
from schemas.incident import Incident
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.connector_suite.happenings import MINUTE_US, USUAL_US
from tests.support.golden import assignments_for, entries_of

OPTIONS = {"token_env": "NGSI_TOKEN"}


def entity(h: Happening) -> dict[str, Any]:
    def of(value: Any) -> dict[str, Any]:
        return {"type": "Property", "value": value}

    location = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [h.lon, h.lat]}}
    body: dict[str, Any] = {
        "category": of("traffic"),
        "subCategory": of("carAccident" if h.code is None else h.code),
        "severity": of("critical" if h.revision > 1 else "high"),
        "dateIssued": of({"@type": "DateTime", "@value": h.time_text}),
        "location": location,
        "description": of(h.person_text),
        "owner": of([h.person_name]),
        "name": of(h.person_name),
        "data": of({"phone": h.person_phone}),
        "alertSource": {"type": "Relationship", "object": f"urn:person:{h.person_id}"},
    }
    if h.nulls:
        body = dict.fromkeys(body) | {"description": of(h.person_text)}
    if h.exercise:
        body["exercise"] = of(True)
    if h.closed:
        body["deletedAt"] = h.time_text
    number = f"urn:ngsi-ld:Alert:TrafficCentre:{h.number}" if h.number else ""
    return {"id": number, "type": "Alert", **body, **h.extra}


def notification(happenings: Sequence[Happening]) -> bytes:
    data = [entity(h) for h in happenings]
    body = {"id": "urn:ngsi-ld:Notification:1", "type": "Notification", "subscriptionId": "urn:s:1", "data": data}
    return json.dumps(body, ensure_ascii=False).encode()


HOSTILE = [
    b'{"type": "Notification"}',
    b'{"type": "Notification", "data": [null, 7, [], {"id": 7, "type": {}}]}',
    b'{"id": "urn:a:b", "type": "Alert", "location": {"type": "Polygon", "coordinates": 7}}',
    b'{"id": "urn:a:b", "type": "Alert", "location": {"type": "MultiPolygon", "coordinates": [[[[1]]]]}}',
    b'{"id": "urn:a:b", "type": ["Alert"], "severity": [[]], "category": [{}], "dateIssued": {"value": {"@value": 7}}}',
]
SAMPLES = Samples(write=lambda h: notification([h]), write_many=notification, options=OPTIONS, hostile=HOSTILE)

TestNgsiLdAlerts = connector_suite("ngsi_ld_alerts", SAMPLES)


def records(payload: Any) -> list[Incident]:
    entries = entries_of("ngsi_ld_alerts", json.dumps(payload).encode(), options=OPTIONS)
    assert all(isinstance(entry, Accepted) for entry in entries), entries
    return [entry.record for entry in entries]  # type: ignore[union-attr, misc]


def one(payload: Any) -> Incident:
    (record,) = records(payload)
    return record


USUAL = entity(Happening())


def test_normalised_concise_and_simplified_entities_are_the_same_alert() -> None:
    simplified = {
        "id": USUAL["id"],
        "type": "Alert",
        "category": "traffic",
        "subCategory": "carAccident",
        "severity": "high",
        "dateIssued": Happening().time_text,
        "location": USUAL["location"]["value"],
    }
    concise = {
        name: {"value": value} if name not in ("id", "type", "location") else value
        for name, value in simplified.items()
    }
    assert one(USUAL) == one(simplified) == one(concise) == one([simplified])


def test_names_may_be_written_as_uris() -> None:
    base = "https://smartdatamodels.org/dataModel.Alert/"
    expanded = {
        (name if name in ("id", "type", "location") else base + name): value for name, value in USUAL.items()
    } | {"type": [base + "Alert"]}
    assert one(expanded) == one(USUAL)


@pytest.mark.parametrize(
    ("category", "sub_category", "service", "kind"),
    [
        ("traffic", "carAccident", "traffic", "traffic-accident"),
        ("weather", "snow/ice", "disaster", "heavy-snow"),
        ("naturalDisaster", "earthquake", "disaster", "earthquake"),
        ("environment", "buildingFire", "fire", "structure-fire"),
        ("security", "robbery", "security", "robbery"),
        ("health", "heartAttack", "fire", "cardiac-arrest"),
        ("space", "meteor", "other", "other-alert"),
    ],
)
def test_categories_become_services_and_kinds(category: str, sub_category: str, service: str, kind: str) -> None:
    record = one({**USUAL, "category": category, "subCategory": sub_category})
    assert (record.service, record.kind) == (service, kind)


def test_what_is_no_alert_or_nothing_for_cameras_is_passed_over() -> None:
    assert records({**USUAL, "type": "Device"}) == []
    assert records({**USUAL, "category": "agriculture"}) == []
    assert records({**USUAL, "id": OWN_IDS + "17"}) == []
    assert records({**USUAL, "dateIssued": "2026-02-20T00:00:00Z"}) == []


def test_an_alert_ends_with_its_validity_and_with_its_entity() -> None:
    over = one({**USUAL, "validTo": "2026-03-01T02:55:00Z"})
    deleted = one({"id": USUAL["id"], "type": "Alert", "deletedAt": "2026-03-01T02:58:00Z"})
    assert (over.status, deleted.status, over.case_id) == ("closed", "closed", deleted.case_id)
    assert one({**USUAL, "validTo": "2026-03-01T09:00:00Z"}).status == "reported"


def test_a_polygon_is_an_area_and_of_several_the_largest_is_taken() -> None:
    small = [[[127.0, 37.5], [127.01, 37.5], [127.01, 37.51], [127.0, 37.5]]]
    large = [[[126.9, 37.5], [127.0, 37.5], [127.0, 37.6], [126.9, 37.6], [126.9, 37.5]]]
    drawn = one({**USUAL, "location": {"type": "MultiPolygon", "coordinates": [small, large]}})
    assert drawn.location is None
    assert drawn.area is not None
    assert [(p.lon_deg, p.lat_deg) for p in drawn.area.polygon] == [tuple(pair) for pair in large[0]]


def test_an_area_that_becomes_a_point_gives_its_cameras_back_and_a_part_of_an_entity_takes_nothing_back() -> None:
    ring = [[126.973, 37.562], [126.983, 37.562], [126.983, 37.571], [126.973, 37.571], [126.973, 37.562]]
    words: list[dict[str, Any]] = [
        {"location": {"type": "Polygon", "coordinates": [ring]}},
        {"location": {"type": "Point", "coordinates": [126.978, 37.5665]}, "severity": "critical"},
        {"location": None, "severity": "high"},
    ]
    told = [one({**USUAL, **word}) for word in words]
    assert [record.replaces for record in told] == [True, True, False]

    area, point, kept = assignments_for(told, every_s=10)
    roles = [{c.role for c in a.cameras if c.role != "ending"} for a in (area, point, kept)]
    assert roles == [{"area"}, {"view"}, {"view"}]
    assert {c.camera_id for c in area.cameras} - {c.camera_id for c in kept.cameras}
    assert point.where is not None
    assert max(c.distance_m for c in point.cameras if c.role == "view") < 100


def test_a_notification_without_entities_is_refused() -> None:
    (entry,) = entries_of("ngsi_ld_alerts", b'{"type": "Notification"}', options=OPTIONS)
    assert isinstance(entry, Refused)
    assert (entry.reason, entry.field) == ("missing-field", "data")


def test_an_alert_gets_cameras_and_its_end_lets_them_go() -> None:
    told = notification([Happening(), Happening(closed=True, time_us=USUAL_US + 5 * MINUTE_US)])
    first, last = assignments_for(entries_of("ngsi_ld_alerts", told, options=OPTIONS))
    assert (first.status, first.kind, first.services) == ("active", "traffic-accident", ("traffic",))
    assert first.cameras
    assert (last.status, last.cameras) == ("released", ())
