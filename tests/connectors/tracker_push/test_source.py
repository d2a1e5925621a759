"""The suite over the neutral push form, and what is its own."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.source import Accepted, Refused
from tests.connectors.local_context import NOON_US
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.golden import entries_of

OPTIONS = {"token_env": "TRACKER_PUSH_TOKEN"}


def item(h: Happening) -> bytes:
    code = "found" if h.closed else "fix" if h.code is None else h.code
    body = {
        "id": h.number,
        "tracker": h.person_id,
        "type": code,
        "time": h.time_text,
        "lat": h.lat,
        "lon": h.lon,
        "accuracy_m": 20,
        "battery_pct": 60 - h.revision,
        "exercise": h.exercise,
        "wearer": h.person_name,
        "guardian_phone": h.person_phone,
        "memo": h.person_text,
    }
    if h.nulls:
        body = dict.fromkeys(body)
    return json.dumps({**body, **h.extra}, ensure_ascii=False).encode()


HOSTILE = [
    b'{"tracker": {"$ne": 1}, "type": ["sos"]}',
    b'[[[]], 1, null, "sos"]',
    b'{"tracker":"a","type":"sos","hazards":1}',
    b'{"tracker": "\\ud800", "type": "sos"}',
]

TestTrackerPush = connector_suite("tracker_push", Samples(write=item, options=OPTIONS, hostile=HOSTILE))


def read(*items: Any, **options: Any) -> list[Any]:
    return entries_of("tracker_push", json.dumps(list(items)).encode(), options=options)


def alert(**fields: Any) -> dict[str, Any]:
    return {"tracker": "T-1", "type": "sos", "time": "2026-03-01T02:50:00Z", "lat": 37.5, "lon": 127.0, **fields}


def test_the_same_tracker_is_the_same_person_however_its_number_is_written() -> None:
    entries = read(
        *(alert(tracker=text) for text in ("70B3D57ED0049AF1", "70-b3-d5-7e-d0-04-9a-f1", " 70b3d57ed0049af1 "))
    )

    assert len({entry.record.case_id for entry in entries}) == 1


def test_a_call_for_help_is_not_lost_for_a_wrong_clock_or_place() -> None:
    (entry,) = read(alert(time="yesterday", lat=999, lon=None))

    assert isinstance(entry, Accepted)
    assert entry.record is not None
    assert (entry.record.kind, entry.record.location, entry.record.observed_us) == ("sos", None, NOON_US)


def test_an_alert_repeated_by_its_sender_carries_the_same_id_and_another_one_does_not() -> None:
    first, repeat, other = read(alert(id="a"), alert(id="a"), alert(id="b"))

    assert first.record.event_id == repeat.record.event_id != other.record.event_id


@pytest.mark.parametrize("kind", ["safe-zone-exit", "low-battery", "no-contact", "guardian-report", "found", "SOS"])
def test_every_alert_of_the_form_goes_to_the_alerts(kind: str) -> None:
    (entry,) = read(alert(type=kind))

    assert (entry.topic.name, entry.record.kind) == ("wandering-alerts", kind.lower())


@pytest.mark.parametrize("kind", ["night-outing", "wandering-pattern", "returned", "other"])
def test_what_only_detection_of_our_own_says_is_not_taken_from_outside(kind: str) -> None:
    (entry,) = read(alert(type=kind))

    assert isinstance(entry, Refused)


@pytest.mark.parametrize(
    ("word", "quality"), [("gps", "gps"), ("cell", "cell"), ("wifi", "other"), (None, "gps"), ("magic", "gps")]
)
def test_a_place_says_how_it_was_found(word: str | None, quality: str) -> None:
    (entry,) = read(alert(quality=word))

    assert entry.record.location.quality == quality


def test_numbers_that_cannot_be_are_left_out_and_the_fix_stays() -> None:
    (entry,) = read(alert(type="fix", speed_mps=900, course_deg=-1, battery_pct="full", accuracy_m=-5))

    record = entry.record
    assert (record.speed_mps, record.course_deg, record.battery_pct) == (None, None, None)
    assert record.location.accuracy_m == 100


def test_a_batch_may_lie_under_a_name() -> None:
    body = json.dumps({"data": {"items": [alert(), alert(type="unknown")]}}).encode()

    first, second = entries_of("tracker_push", body, options={"items_path": "data.items"})

    assert isinstance(first, Accepted)
    assert isinstance(second, Refused)
    assert (second.reason, second.field) == ("unknown-type", "type")


def test_every_example_of_the_page_is_taken_as_it_stands() -> None:
    page = (Path(__file__).parents[3] / "docs/connectors/tracker_push.md").read_text("utf-8")
    bodies = re.findall(r"^```json\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)

    entries = [entry for body in bodies for entry in entries_of("tracker_push", body.encode())]

    assert [getattr(entry.record, "kind", "fix") for entry in entries if isinstance(entry, Accepted)] == [
        "fix",
        "sos",
        "no-contact",
    ]


@pytest.mark.parametrize("place", [{"lat": 0, "lon": 0}, {"lat": 91, "lon": 0}, {"lat": None, "lon": None}])
def test_a_fix_without_a_position_is_refused(place: dict[str, Any]) -> None:
    (entry,) = read(alert(type="fix", **place))

    assert isinstance(entry, Refused)
    assert entry.reason == "impossible-coordinates"
