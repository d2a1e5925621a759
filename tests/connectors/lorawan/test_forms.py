"""What recorded-looking messages of both servers become: places, alarms, repeats, and what is passed over."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.manifest import build
from connectors.kit.source import Accepted, Refused
from tests.connectors.local_context import a_context
from tests.support.golden import entries_of

SAMPLES = Path(__file__).parent / "samples"
SERVERS = ("chirpstack", "things-stack")


def sample(form: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SAMPLES / f"{form.replace('-', '_')}_up.json").read_text("utf-8"))
    return loaded


def decoded_of(message: dict[str, Any], form: str) -> dict[str, Any]:
    decoded: dict[str, Any] = (
        message["object"] if form == "chirpstack" else message["uplink_message"]["decoded_payload"]
    )
    return decoded


def with_payload(form: str, payload: dict[str, Any]) -> dict[str, Any]:
    message = sample(form)
    decoded = decoded_of(message, form)
    decoded.clear()
    decoded.update(payload)
    return message


def read(form: str, message: Any, **options: Any) -> list[Any]:
    return entries_of("lorawan", json.dumps(message).encode(), options={"form": form, **options})


@pytest.mark.parametrize("form", SERVERS)
def test_a_position_of_a_tracker_becomes_a_fix_without_anything_about_the_wearer(form: str) -> None:
    (entry,) = read(form, sample(form))

    record = entry.record
    assert (record.location.lat_deg, record.location.lon_deg, record.location.quality) == (37.5665, 126.978, "gps")
    assert record.fix_us == 1_772_333_415_775_023 if form == "chirpstack" else 1_772_333_415_789_585
    assert "invented" not in repr(entry).lower()
    assert record.case_id == record.subject_ref


def test_one_device_is_one_person_on_both_servers() -> None:
    first, second = (read(form, sample(form))[0].record.case_id for form in SERVERS)

    assert first == second


def test_battery_comes_from_the_payload_or_from_what_the_server_knows() -> None:
    assert read("chirpstack", sample("chirpstack"))[0].record.battery_pct == 71
    assert read("things-stack", sample("things-stack"))[0].record.battery_pct == 52.5


def test_a_battery_of_three_point_six_is_taken_for_volts_and_left_out() -> None:
    message = with_payload("chirpstack", {"lat": 37.5, "lon": 127.0, "battery": 3.6})

    assert read("chirpstack", message)[0].record.battery_pct is None


@pytest.mark.parametrize("form", SERVERS)
@pytest.mark.parametrize(
    ("payload", "kinds"),
    [
        ({"sos": True}, ["sos"]),
        ({"ALARM_status": "TRUE"}, ["sos"]),
        ({"status": {"Panic-Button": 1}, "low_battery": "yes"}, ["sos", "low-battery"]),
        ({"geofence": "outside"}, ["safe-zone-exit"]),
        ({"geofence": "inside", "sos": 0, "lowBattery": "no"}, []),
        ({"sos": "unheard-of"}, []),
        ({"temperature": 21.5}, []),
    ],
)
def test_alarms_are_read_by_the_names_that_are_in_use(form: str, payload: dict[str, Any], kinds: list[str]) -> None:
    entries = read(form, with_payload(form, payload))

    assert [entry.record.kind for entry in entries] == kinds


def test_names_of_a_citys_own_decoder_count_instead_of_the_usual_ones() -> None:
    message = with_payload("chirpstack", {"d": {"y": 37.5, "x": 127.0, "k1": 1}, "alarm": 1})
    options = {"latitude_fields": "d.y", "longitude_fields": ["d.x"], "sos_fields": ["d.k2"]}

    (fix,) = read("chirpstack", message, **options)
    (alert,) = read("chirpstack", message, **{**options, "sos_fields": ["d.k1"]})

    assert fix.topic.name == "tracker-fixes"
    assert (alert.record.kind, alert.record.location.lat_deg) == ("sos", 37.5)


def test_an_alarm_without_a_position_has_the_place_of_the_gateway_that_heard_it_best() -> None:
    (alert,) = read("chirpstack", with_payload("chirpstack", {"sos": 1}))

    place = alert.record.location
    assert (place.lat_deg, place.lon_deg, place.accuracy_m, place.quality) == (37.57, 126.98, 1500.0, "cell")


@pytest.mark.parametrize(("when", "entries"), [("alerts", 0), ("never", 0), ("always", 1)])
def test_a_message_without_a_position_has_a_place_only_where_the_city_wants_that(when: str, entries: int) -> None:
    message = with_payload("things-stack", {"battery_level": 50})

    assert len(read("things-stack", message, gateway_places=when)) == entries


@pytest.mark.parametrize(
    ("form", "source", "accuracy_m", "quality"),
    [
        ("chirpstack", "GEO_RESOLVER_TDOA", 200.0, "cell"),
        ("chirpstack", "GEO_RESOLVER_GNSS", 50.0, "gps"),
        ("things-stack", "SOURCE_LORA_RSSI_GEOLOCATION", 1500.0, "cell"),
        ("things-stack", "SOURCE_WIFI_RSSI_GEOLOCATION", 50.0, "other"),
        ("chirpstack", "SOMETHING_NEW", 1500.0, "cell"),
    ],
)
def test_a_place_that_the_network_computed_is_a_fix(form: str, source: str, accuracy_m: float, quality: str) -> None:
    where = {"latitude": 37.56, "longitude": 126.97, "source": source}
    event = {"time": "2026-03-01T02:50:15+00:00", "deviceInfo": {"devEui": "70b3d57ed0049af1"}, "location": where}
    ids = {"dev_eui": "70B3D57ED0049AF1"}
    solved = {"end_device_ids": ids, "received_at": "2026-03-01T02:50:15Z", "location_solved": {"location": where}}

    (fix,) = read(form, event if form == "chirpstack" else solved)
    (exact,) = read(
        form,
        json.loads(
            json.dumps(event if form == "chirpstack" else solved).replace('"latitude"', '"accuracy": 31, "latitude"')
        ),
    )

    assert (fix.record.location.accuracy_m, fix.record.location.quality) == (accuracy_m, quality)
    assert exact.record.location.accuracy_m == 31


def test_where_somebody_once_put_a_device_on_a_map_is_no_fix() -> None:
    where = {"latitude": 37.56, "longitude": 126.97, "source": "CONFIG"}
    event = {"deviceInfo": {"devEui": "70b3d57ed0049af1"}, "location": where}

    assert read("chirpstack", event) == []


def test_where_a_device_was_at_an_earlier_uplink_is_not_taken_for_where_it_is_now() -> None:
    message = with_payload("things-stack", {"battery_level": 50})
    stale = {"latitude": 37.55, "longitude": 126.96, "source": "SOURCE_GPS"}
    message["uplink_message"]["locations"]["frm-payload"] = stale

    assert read("things-stack", message) == []


@pytest.mark.parametrize("form", SERVERS)
def test_a_copy_of_a_message_by_another_way_carries_the_same_id_and_the_next_message_does_not(form: str) -> None:
    first, copy, following = sample(form), sample(form), sample(form)
    if form == "chirpstack":
        copy |= {"deduplicationId": "another", "time": "2026-03-01T02:50:17+00:00", "rxInfo": []}
        following["fCnt"] += 1
    else:
        copy |= {"correlation_ids": ["as:up:another"], "received_at": "2026-03-01T02:50:19Z"}
        following["uplink_message"]["f_cnt"] = 1

    ids = [read(form, message)[0].record.event_id for message in (first, copy, following)]

    assert ids[0] == ids[1] != ids[2]


def test_a_counter_that_begins_anew_hours_later_is_a_new_message() -> None:
    later = {**sample("chirpstack"), "time": "2026-03-01T00:50:15+00:00"}

    assert read("chirpstack", sample("chirpstack"))[0].record.event_id != read("chirpstack", later)[0].record.event_id


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("chirpstack", {"deviceInfo": {"devEui": "a"}, "margin": 7, "batteryLevel": 80.0}),
        ("chirpstack", {"deviceInfo": {"devEui": "a"}, "queueItemId": "q", "acknowledged": True}),
        ("chirpstack", {"deviceInfo": {"devEui": "a"}, "level": "ERROR", "description": "uplink codec"}),
        ("things-stack", {"end_device_ids": {"dev_eui": "a"}, "join_accept": {"session_key_id": "s"}}),
        ("things-stack", {"end_device_ids": {"device_id": "d"}, "downlink_failed": {"error": {}}}),
    ],
)
def test_what_tells_of_nobody_is_passed_over(form: str, message: dict[str, Any]) -> None:
    assert read(form, message) == []


@pytest.mark.parametrize(("form", "other"), [SERVERS, SERVERS[::-1]])
def test_a_message_of_the_other_server_is_refused_and_nothing_of_it_is_kept(form: str, other: str) -> None:
    (entry,) = read(form, sample(other))

    assert isinstance(entry, Refused)
    assert (entry.reason, entry.payload) == ("unknown-form", b"{}")


@pytest.mark.parametrize("place", [{"lat": 0.0, "lon": 0.0}, {"lat": 91, "lon": 200}, {"lat": "x", "lon": 1}])
def test_a_decoded_position_that_cannot_be_is_refused_and_an_alarm_with_it_is_not(place: dict[str, Any]) -> None:
    (refused,) = read("chirpstack", with_payload("chirpstack", place), gateway_places="never")
    (alert,) = read("chirpstack", with_payload("chirpstack", {**place, "sos": 1}), gateway_places="never")

    assert refused.reason == "impossible-coordinates"
    assert isinstance(alert, Accepted)
    assert alert.record is not None
    assert alert.record.location is None


def test_the_form_chooses_what_is_subscribed_to() -> None:
    filters = {}
    for form in SERVERS:
        source: Any = build("lorawan", {"transport": "mqtt", "host": "x", "form": form}, a_context())
        filters[form] = source._transport.topic_filters

    assert filters["chirpstack"] == ("application/+/device/+/event/up", "application/+/device/+/event/location")
    assert filters["things-stack"] == ("v3/+/devices/+/up", "v3/+/devices/+/location/solved")


def test_the_example_of_the_page_is_taken_as_it_stands() -> None:
    page = (Path(__file__).parents[3] / "docs/connectors/lorawan.md").read_text("utf-8")
    (body,) = re.findall(r"^```json\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)

    (fix,) = read("chirpstack", json.loads(body))

    assert fix.record.battery_pct == 71
