"""An OwnTracks message becomes a fix or an alert under a pseudonym, or an answer that tells nothing of the person."""

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kit.arrival import Arrival
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.source import Accepted, Refused
from connectors.kit.transports.mqtt_session import MqttConfig, MqttSession
from connectors.owntracks.config import Config
from connectors.owntracks.source import OwntracksSource
from schemas.codec import decode, encode
from schemas.topics import TRACKER_FIXES, WANDERING_ALERTS
from tests.connectors.local_context import NOON_US, a_context

NOON_S = NOON_US // 1_000_000
TOPIC = "owntracks/kim-younghee/watch-7"
KIM = a_context().pseudonyms.of("tracker", "kim-younghee/watch-7")


def a_source(**options):
    return OwntracksSource(Config.from_options({"host": "broker.example", **options}), a_context())


def a_location(**fields):
    """Return a location message as the app sends it, a minute ago, at the City Hall."""
    body = {
        "_type": "location",
        "tid": "yh",
        "lat": 37.5665,
        "lon": 126.978,
        "tst": NOON_S - 60,
        "acc": 12,
        "batt": 81,
        "vel": 36,
        "cog": 270,
        "SSID": "Kim home",
        "BSSID": "aa:bb:cc:dd:ee:ff",
        "inregions": ["Kim home"],
        "t": "u",
    }
    return {name: value for name, value in (body | fields).items() if value is not ...}


def entry_of(body, *, topic=TOPIC, source=None):
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    entries = (source or a_source()).answers(payload, Arrival(NOON_US, 1, topic))
    assert len(entries) <= 1
    return entries[0] if entries else None


def record_of(body, **options):
    entry = entry_of(body, source=a_source(**options))
    assert isinstance(entry, Accepted), entry
    return entry.record


def test_a_location_becomes_a_fix():
    entry = entry_of(a_location())

    assert entry.topic is TRACKER_FIXES
    fix = entry.record
    assert (fix.case_id, fix.subject_ref) == (KIM, KIM)
    assert fix.fix_us == fix.observed_us == (NOON_S - 60) * 1_000_000
    assert fix.ingested_us == NOON_US
    assert (fix.location.lat_deg, fix.location.lon_deg, fix.location.accuracy_m) == (37.5665, 126.978, 12.0)
    assert fix.location.quality == "gps"
    assert fix.speed_mps == pytest.approx(10.0)
    assert (fix.course_deg, fix.battery_pct) == (270.0, 81.0)
    assert not fix.exercise


def test_a_bare_location_is_a_fix_too():
    fix = record_of({"_type": "location", "lat": 37.5665, "lon": 126.978, "tst": NOON_S})

    assert fix.location.accuracy_m == 100.0
    assert (fix.speed_mps, fix.course_deg, fix.battery_pct) == (None, None, None)


@pytest.mark.parametrize("word", ["sos", "guardian-report", "low-battery", "found", "no-contact", "safe-zone-exit"])
def test_the_field_alert_makes_an_alert(word):
    entry = entry_of(a_location(alert=word, hazards=["water", "cold", "김영희"]))

    assert entry.topic is WANDERING_ALERTS
    alert = entry.record
    assert (alert.kind, alert.case_id, alert.hazards) == (word, KIM, ("cold", "water"))
    assert alert.location.lat_deg == 37.5665
    assert alert.last_seen_us == (NOON_S - 60) * 1_000_000


@pytest.mark.parametrize("word", ["help", 7, None, ["sos"], {"sos": 1}])
def test_an_alert_of_an_unknown_kind_is_still_an_alert(word):
    assert record_of(a_location(alert=word)).kind == "other"


@pytest.mark.parametrize(
    "fields",
    [{"lat": 211}, {"lat": ...}, {"acc": -1}, {"lat": 0, "lon": 0}, {"tst": "x"}, {"tst": NOON_S + 9999}, {"tst": 5}],
)
def test_a_call_for_help_is_not_lost_for_a_wrong_clock_or_place(fields):
    source = a_source()

    entry = entry_of(a_location(alert="sos", **fields), source=source)

    assert entry.record.kind == "sos"
    assert entry.record.observed_us <= NOON_US
    assert sum(source.findings.values()) == 1


def test_two_calls_for_help_without_a_time_are_two():
    payload = json.dumps(a_location(alert="sos", tst=...)).encode()
    source = a_source()
    (first,) = source.answers(payload, Arrival(NOON_US, 1, TOPIC))
    (second,) = source.answers(payload, Arrival(NOON_US + 60_000_000, 2, TOPIC))

    assert first.record.event_id != second.record.event_id


def a_transition(event="leave", **fields):
    return a_location(_type="transition", event=event, desc="Home of Kim Younghee", rid="6da9cf", **fields)


def test_leaving_a_safe_zone_is_an_alert():
    entry = entry_of(a_transition(), topic=TOPIC + "/event")

    assert entry.topic is WANDERING_ALERTS
    assert (entry.record.kind, entry.record.subject_ref) == ("safe-zone-exit", KIM)


@pytest.mark.parametrize("zone", ["home of kim younghee", "6DA9CF"])
def test_safe_zones_may_be_named(zone):
    assert record_of(a_transition(), safe_zones=(zone,)).kind == "safe-zone-exit"


def test_leaving_another_region_or_entering_one_is_a_fix():
    assert entry_of(a_transition(), source=a_source(safe_zones=("school",))).topic is TRACKER_FIXES
    assert entry_of(a_transition("enter")).topic is TRACKER_FIXES


def test_a_last_will_says_that_contact_is_lost():
    entry = entry_of({"_type": "lwt", "tst": NOON_S - 9000})

    assert entry.topic is WANDERING_ALERTS
    assert (entry.record.kind, entry.record.location, entry.record.last_seen_us) == ("no-contact", None, None)
    assert entry.record.observed_us == NOON_US
    assert entry_of({"_type": "lwt", "tst": 1}, source=a_source(no_contact_alerts=False)) is None


@pytest.mark.parametrize("message_type", ["waypoint", "waypoints", "card", "cmd", "status", "steps"])
def test_messages_that_tell_of_no_person_are_passed_over(message_type):
    source = a_source()

    assert entry_of({"_type": message_type, "desc": "Kim", "face": "…"}, source=source) is None
    assert source.findings == Counter({"other-type": 1})


def test_drills_are_marked():
    assert record_of(a_location(exercise=True)).exercise
    assert record_of(a_location(exercise=True, alert="sos")).exercise
    assert not record_of(a_location(exercise="no")).exercise


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b"", "broken-json", None),
        (b"\xff\xfe\x00", "broken-json", None),
        (b'{"_type": "location", ', "broken-json", None),
        (b"[1, 2]", "broken-json", None),
        (b"null", "broken-json", None),
        (b"[" * 16_000, "broken-json", None),
        (b'{"_type": "location", "lat": NaN, "lon": 1, "tst": 1}', "broken-json", None),
        (b'{"a": ' + b"1" * 10_000 + b"}", "broken-json", None),
        (json.dumps(a_location(pad="x" * 20_000)).encode(), "too-large", None),
        (a_location(_type=...), "unknown-type", "_type"),
        (a_location(_type="Kim Younghee"), "unknown-type", "_type"),
        (a_location(_type=["location"]), "unknown-type", "_type"),
        (a_location(_type="encrypted"), "encrypted", "_type"),
        (a_location(lat=...), "missing-field", "lat"),
        (a_location(lon=None), "missing-field", "lon"),
        (a_location(tst=...), "missing-field", "tst"),
        (a_location(lat="37.5665"), "wrong-type", "lat"),
        (a_location(lon=[126]), "wrong-type", "lon"),
        (a_location(lat=True), "wrong-type", "lat"),
        (a_location(tst="now"), "wrong-type", "tst"),
        (a_location(lat=10**400), "wrong-type", "lat"),
        (b'{"_type": "location", "lat": 1e999, "lon": 1, "tst": %d}' % NOON_S, "wrong-type", "lat"),
        (a_location(lat=126.978, lon=37.5665), "impossible-coordinates", "lat"),
        (a_location(lon=-181), "impossible-coordinates", "lon"),
        (a_location(lat=0, lon=0), "default-point", "lat"),
        (a_location(acc=-1), "absurd-accuracy", "acc"),
        (a_location(acc=1e7), "absurd-accuracy", "acc"),
        (a_location(acc="12"), "wrong-type", "acc"),
        (a_location(tst=0), "impossible-time", "tst"),
        (a_location(tst=NOON_S * 1000), "impossible-time", "tst"),
        (a_location(tst=NOON_S + 301), "clock-skew", "tst"),
        (a_transition("pass"), "unknown-event", "event"),
        (a_transition("enter", lat=...), "missing-field", "lat"),
    ],
)
def test_a_message_that_breaks_a_rule_is_answered(body, reason, field):
    entry = entry_of(body)

    assert isinstance(entry, Refused)
    assert (entry.reason, entry.field) == (reason, field)
    kept = json.loads(entry.payload)
    assert kept["subject_ref"] == KIM
    assert set(kept) == {"subject_ref", "type", "bytes"}


@pytest.mark.parametrize(
    ("field", "value", "finding"),
    [
        ("vel", 5000, "unusable-vel"),
        ("vel", "fast", "unusable-vel"),
        ("vel", -1, None),
        ("cog", 361, "unusable-cog"),
        ("batt", 300, "unusable-batt"),
        ("batt", -1, None),
        ("batt", None, None),
    ],
)
def test_an_unusable_extra_is_left_out_and_the_fix_stays(field, value, finding):
    source = a_source()

    fix = entry_of(a_location(**{field: value}), source=source).record

    assert {"vel": fix.speed_mps, "cog": fix.course_deg, "batt": fix.battery_pct}[field] is None
    assert source.findings == (Counter({finding: 1}) if finding else Counter())


@pytest.mark.parametrize(
    "topic", ["owntracks", "owntracks/kim", "owntracks//watch", "other/kim/watch", "owntracks/a/b/c/d"]
)
def test_a_foreign_topic_is_answered_without_its_name(topic):
    entry = entry_of(a_location(), topic=topic)

    assert isinstance(entry, Refused)
    assert entry.reason == "unknown-topic"
    assert json.loads(entry.payload)["subject_ref"] is None
    assert "kim" not in repr(entry)


def test_a_message_sent_twice_has_the_same_event_id():
    assert record_of(a_location()).event_id == record_of(a_location(SSID="other")).event_id
    assert record_of(a_location()).event_id != record_of(a_location(tst=NOON_S - 59)).event_id


def test_devices_have_pseudonyms_of_their_own():
    assert entry_of(a_location(), topic="owntracks/kim-younghee/phone").record.subject_ref != KIM


PERSONAL = ("kim", "Kim", "younghee", "watch-7", "010-1234-5678", "aa:bb", "home", "김영희", '"yh"')


@pytest.mark.parametrize(
    "body",
    [
        a_location(name="김영희", phone="010-1234-5678", desc="Kim home"),
        a_location(alert="sos", note="김영희 010-1234-5678"),
        a_transition(),
        a_location(lat="김영희"),
        a_location(tst="010-1234-5678"),
        a_location(_type="김영희"),
        b'{"_type": "location", "name": "\xea\xb9\x80\xec\x98\x81\xed\x9d\xac 010-1234-5678", ',
        {"_type": "lwt", "name": "김영희"},
        {"_type": "encrypted", "data": "김영희"},
    ],
)
def test_nothing_of_a_person_leaves_the_connector(body):
    entry = entry_of(body)

    kept = repr(entry)
    if isinstance(entry, Accepted):
        kept += encode(entry.record).decode("utf-8", "replace")
    else:
        kept += entry.payload.decode() + entry.message
    assert not [word for word in PERSONAL if word in kept.replace("no-contact", "")]


any_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=5,
)
any_message = st.one_of(
    st.binary(max_size=80),
    any_json.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(
        st.sampled_from(["lat", "lon", "tst", "acc", "batt", "vel", "cog", "event", "alert", "hazards", "desc"]),
        st.one_of(any_json, st.sampled_from([37.5, 126.9, NOON_S, "leave", "sos"])),
    ).flatmap(
        lambda body: st.sampled_from(["location", "transition", "lwt", "waypoint"]).map(
            lambda kind: json.dumps(body | {"_type": kind}).encode()
        )
    ),
)


@settings(deadline=None, derandomize=True)
@given(any_message, st.sampled_from([TOPIC, TOPIC + "/event"]))
def test_any_message_gives_a_record_that_fits_the_contract_an_answer_or_is_passed_over(payload, topic):
    entry = entry_of(payload, topic=topic)

    if isinstance(entry, Accepted):
        assert decode(entry.topic.record, encode(entry.record)) == entry.record
    else:
        assert entry is None or (isinstance(entry, Refused) and entry.message)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "host"),
        ({"host": "h", "port": 0}, "port"),
        ({"host": "h", "qos": 2}, "qos"),
        ({"host": "h", "topic_root": "a/+"}, "topic_root"),
        ({"host": "h", "acknowledge": "never"}, "acknowledge"),
        ({"host": "h", "safe_zones": 7}, "safe_zones"),
        ({"host": "h", "password_file": "/x", "password_env": "Y", "username": "u"}, "password_env"),
        ({"host": "h", "password_file": "/x"}, "username"),
        ({"host": "h", "ca_file": "/x"}, "ca_file"),
        ({"host": "h", "ca_file": "/nonexistent", "tls": True}, "ca_file"),
        ({"host": "h", "colour": "red"}, "colour"),
    ],
)
def test_wrong_options_are_named(options, named):
    with pytest.raises(ConnectorConfigError, match=named):
        Config.from_options(options)


def test_options_have_sensible_defaults():
    plain = Config.from_options({"host": "h"})
    assert (plain.mqtt.port, plain.mqtt.qos, plain.mqtt.client_id) == (1883, 1, "goldentime-owntracks")
    assert plain.mqtt.topic_filters == ("owntracks/+/+", "owntracks/+/+/event")
    assert Config.from_options({"host": "h", "tls": "true"}).mqtt.port == 8883
    assert Config.from_options({"host": "h", "safe_zones": "home, school"}).safe_zones == ("home", "school")


def test_the_password_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    (tmp_path / "secret").write_text("from file\n")
    monkeypatch.setenv("GOLDENTIME_TEST_PASSWORD", "from environment")

    from_file = Config.from_options({"host": "h", "username": "u", "password_file": str(tmp_path / "secret")})
    from_environment = Config.from_options({"host": "h", "username": "u", "password_env": "GOLDENTIME_TEST_PASSWORD"})

    assert (from_file.mqtt.password.read(), from_environment.mqtt.password.read()) == ("from file", "from environment")
    assert "from file" not in repr(from_file)


def test_without_a_pseudonym_key_the_connector_does_not_start():
    context = a_context()
    keyless = type(context)(clock=context.clock, pseudonyms=type(context.pseudonyms).without_key())

    with pytest.raises(ConnectorConfigError, match="pseudonym key"):
        OwntracksSource(Config.from_options({"host": "h"}), keyless)


@pytest.mark.parametrize(
    "options",
    [
        {"password_env": "GOLDENTIME_TEST_UNSET", "username": "u"},
        {"password_file": "/nonexistent", "username": "u"},
    ],
)
def test_a_password_that_is_not_there_is_named_when_it_is_read(options):
    config = Config.from_options({"host": "h", **options})

    with pytest.raises(ConnectorConfigError, match="password_"):
        config.mqtt.password.read()


async def test_the_mqtt_client_still_lets_us_acknowledge_by_hand():
    session = MqttSession(MqttConfig.from_options({"host": "broker.example"}, client_id="c", topic_filters=("#",)))

    assert session._client._manual_ack is True
    assert callable(session._client.ack)
