"""Plain MQTT sensors: topics by pattern, bells without an end, alarms that survive a restart."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from connectors.kit.arrival import Arrival
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.manifest import build
from connectors.kit.sensors.source import SensorSource
from connectors.kit.source import Accepted, Entry, Refused
from schemas.topics import CONNECTOR_CURSORS
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.golden import assignments_for
from tests.support.memory_log import MemoryLog
from tests.support.mosquitto_server import mosquitto_binary, running_mosquitto
from tests.support.restarts import Lives, keep, remembering

SECOND_US = 1_000_000


def flood(h: Happening) -> bytes:
    """Return a message of an underpass with 60 cm of water and more."""
    body = {
        "id": h.number,
        "level": None if h.nulls else 0.1 if h.closed else 0.5 + h.revision / 10,
        "unit": None if h.nulls else "m",
        "time": None if h.nulls else h.time_text,
        "lat": h.lat,
        "lon": h.lon,
        "test": h.exercise,
        "keeper": {"name": h.person_name, "phone": h.person_phone, "memo": h.person_text, "id": h.person_id},
    }
    return json.dumps({**body, **h.extra}, ensure_ascii=False).encode()


TestMqttSensors = connector_suite(
    "mqtt_sensors",
    Samples(
        write=flood,
        origin="sensors/17/flood",
        hostile=[
            b"pressed", b"[0.7]", b'{"level": {"level": 1}}', b'{"level": "deep"}', b'{"level": 0.9}', b"\xff" * 99,
        ],
    ),
)  # fmt: skip


def a_source(**options: Any) -> SensorSource:
    source = build("mqtt_sensors", {"host": "127.0.0.1", **options}, a_context())
    assert isinstance(source, SensorSource)
    return source


def told(source: SensorSource, topic: str, payload: str, after_s: float = 0.0) -> list[Entry]:
    return list(source.answers(payload.encode(), Arrival(NOON_US + int(after_s * SECOND_US), 1, topic)))


def statuses(entries: list[Entry]) -> list[str]:
    return [entry.record.status for entry in entries if isinstance(entry, Accepted) and entry.record is not None]


AT = '"lat": 37.5665, "lon": 126.978'


def test_a_bell_that_is_pushed_again_and_again_is_one_call_for_help() -> None:
    source = a_source()
    pushes = [told(source, "sensors/b/bell", f'{{"state": "Pressed", {AT}}}', after_s) for after_s in (0, 5, 300, 700)]
    assert [statuses(entries) for entries in pushes] == [["reported"], [], [], ["reported"]]


def test_a_flame_must_be_seen_for_a_while_and_is_told_again_only_after_a_pause() -> None:
    source = a_source()
    seen = [(0, "true"), (2, "false"), (3, "true"), (9, "true"), (10, "false"), (131, "false"), (135, "true"),
            (145, "true"), (195, "true"), (201, "true")]  # fmt: skip
    changes = {
        after_s: statuses(told(source, "sensors/f/flame", f'{{"flame": {flame}, {AT}}}', after_s))
        for after_s, flame in seen
    }
    assert {after_s: found for after_s, found in changes.items() if found} == {
        9: ["reported"], 131: ["closed"], 201: ["reported"],
    }  # fmt: skip


def test_a_bare_value_is_a_reading_of_the_sensor_that_the_topic_names() -> None:
    (entry,) = told(a_source(), "sensors/u-9/flood", "0.75")
    assert isinstance(entry, Refused)
    assert entry.reason == "missing-place"


def test_low_values_are_the_alarm_where_the_end_is_higher(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(
        '[[kind]]\nname = "pressure"\ntopic = "mains/+/{id}"\nthreshold_on = 2\nthreshold_off = 3\n'
        'incident = "burst-main"\n[[sensor]]\nid = "7"\nlat = 37.5\nlon = 127.0\n'
    )
    source = a_source(table=str(tmp_path / "t.toml"))
    values = {n: statuses(told(source, "mains/west/7", str(n), -n)) for n in (5, 2.5, 1.9)}
    assert values == {5: [], 2.5: [], 1.9: ["reported"]}
    assert statuses(told(source, "mains/west/7", "2.5", 0)) == []
    assert statuses(told(source, "mains/west/7", "3.1", 1)) == ["closed"]


def test_subscriptions_follow_the_table() -> None:
    source: Any = a_source()
    assert source._transport.topic_filters == ("sensors/+/flood", "sensors/+/flame", "sensors/+/bell")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one"),
        ('[[kind]]\nname = "a"', "threshold_on"),
        ('[[kind]]\nname = "a"\nthreshold_on = 1\nthreshold_off = 1\nincident = "x"', "threshold_off must differ"),
        ('[[kind]]\nname = "A B"\nthreshold_on = 1\nthreshold_off = 0\nincident = "x"', "kebab-case"),
        ('[[kind]]\nname = "a"\ntreshold = 1', "'treshold' is not known"),
        ('[[sensor]]\nid = "7"\nlat = 1', "belong together"),
        ('[[sensor]]\nid = "7"\nkind = "none"', "is not in the table"),
        ("[[kind", "t.toml"),
    ],
)
def test_what_is_wrong_in_a_table_is_named(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(text)
    with pytest.raises(ConnectorConfigError, match=message):
        a_source(table=str(tmp_path / "t.toml"))


async def test_an_alarm_that_was_on_before_a_restart_ends_after_it() -> None:
    lives = Lives("mqtt_sensors", {"host": "127.0.0.1"}, "sensors/u/flood")
    words = [
        f'{{"level": {level}, "time": {1_772_333_000 + after_s}, {AT}}}'.encode()
        for after_s, level in ((0, 0.9), (10, 0.1), (400, 0.1))
    ]

    told = [record for word in words for record in await lives.told([word])]

    assert [record.status for record in told] == ["reported", "closed"]


@pytest.mark.slow
async def test_with_a_real_broker_an_alarm_that_was_on_before_a_restart_ends_after_it(tmp_path: Path) -> None:
    if mosquitto_binary() is None:
        pytest.skip("mosquitto is not installed")
    with running_mosquitto(tmp_path) as broker:
        log = MemoryLog()
        begun = await heard(log, broker.port, [(0, 0.9)])
        ended = await heard(log, broker.port, [(10, 0.1), (400, 0.1)])
    assert statuses([begun, ended]) == ["reported", "closed"]


async def heard(log: MemoryLog, port: int, levels: list[tuple[int, float]]) -> Entry:
    """Return the first event that a fresh source makes of levels; it is acknowledged with what is remembered of it."""
    source: Any = build("mqtt_sensors", {"host": "127.0.0.1", "port": port}, remembering(log, a_context()))
    entries = source.entries(None)
    coming = asyncio.ensure_future(anext(entries))
    async with asyncio.timeout(10):
        while not source.is_connected:
            await asyncio.sleep(0.01)
        async with aiomqtt.Client("127.0.0.1", port) as client:
            for after_s, level in levels:
                time = 1_772_333_000 + after_s
                await client.publish("sensors/u/flood", f'{{"level": {level}, "time": {time}, {AT}}}', qos=1)
        entry = await coming
        while entry.topic is CONNECTOR_CURSORS:
            keep(log, entry)
            source.acknowledged(entry.cursor)
            entry = await anext(entries)
        remembered = await anext(entries)
    keep(log, remembered)
    source.acknowledged(remembered.cursor)
    await entries.aclose()
    assert isinstance(entry, Accepted)
    return entry


def test_a_panic_bell_has_cameras() -> None:
    decided = assignments_for(told(a_source(), "sensors/b/bell", f'{{"state": "pressed", {AT}}}'))
    assert decided[-1].status == "active"
    assert decided[-1].cameras
    assert decided[-1].kind == "panic-bell"
