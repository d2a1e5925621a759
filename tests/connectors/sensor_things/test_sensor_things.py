"""Observations of a SensorThings server: pages in order, thresholds of the city, places of things."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.kit.arrival import Arrival
from connectors.kit.context import ConnectorContext
from connectors.kit.manifest import build
from connectors.kit.sensors.source import SensorSource
from connectors.kit.source import Accepted, Entry, Refused
from schemas.topics import CONNECTOR_CURSORS
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.golden import assignments_for, entries_of
from tests.support.loopback import served
from tests.support.memory_log import MemoryLog
from tests.support.restarts import keep, remembering

MINUTE_US = 60_000_000


def observation(h: Happening) -> dict[str, Any]:
    """Return an observation of a water level, two metres and more unless it is over."""
    place = None if h.nulls else {"type": "Point", "coordinates": [h.lon, h.lat]}
    return {
        "@iot.id": f"o-{h.number}-{h.revision}",
        "phenomenonTime": h.time_text,
        "result": None if h.nulls else 0.4 if h.closed else 2.0 + h.revision / 10,
        "parameters": {"operator": h.person_name, "phone": h.person_phone},
        "Datastream": {
            "@iot.id": h.number,
            "name": h.person_text,
            "unitOfMeasurement": None if h.nulls else {"symbol": "m"},
            "ObservedProperty": {"name": "WaterLevel"},
            "Thing": {"@iot.id": 1, "name": h.person_id, "Locations": [{"location": place}]},
        },
        "FeatureOfInterest": {"feature": place},
        **h.extra,
    }


def page(happenings: Sequence[Happening], link: str | None = None) -> bytes:
    body = {"value": [observation(h) for h in happenings]} | ({"@iot.nextLink": link} if link else {})
    return json.dumps(body, ensure_ascii=False).encode()


TestSensorThings = connector_suite(
    "sensor_things",
    Samples(
        write=lambda h: page([h]),
        write_many=page,
        hostile=[
            b'{"value": 7}',
            b'{"value": [7, null, "x", [], {}]}',
            b'{"result": {"a": [1]}, "Datastream": {"@iot.id": {"a": 1}}}',
            b'{"value": [{"result": 3, "Datastream": {"@iot.id": "010-4857-2961"}}]}',
            b'{"@iot.nextLink": 5}',
        ],
    ),
)
TestSensorThingsMqtt = connector_suite(
    "sensor_things",
    Samples(
        write=lambda h: json.dumps(observation(h), ensure_ascii=False).encode(),
        options={"transport": "mqtt"},
        origin="v1.1/Observations",
    ),
)


def level(minutes: float, metres: Any, **changes: Any) -> dict[str, Any]:
    item = observation(Happening(number="31", time_us=NOON_US + int(minutes * MINUTE_US)))
    return {**item, "@iot.id": minutes, "result": metres, **changes}


def a_source(**options: Any) -> SensorSource:
    source = build("sensor_things", {"url": "http://127.0.0.1:9/Observations", **options}, a_context())
    assert isinstance(source, SensorSource)
    return source


def told(source: SensorSource, *items: dict[str, Any], now_us: int = NOON_US + 60 * MINUTE_US) -> list[Entry]:
    return list(source.answers(json.dumps({"value": items}).encode(), Arrival(now_us)))


def statuses(entries: Sequence[Entry]) -> list[str]:
    return [entry.record.status for entry in entries if isinstance(entry, Accepted) and entry.record is not None]


def test_a_level_that_swings_about_the_mark_is_one_alarm() -> None:
    levels = [1.9, 2.1, 1.9, 2.2, 1.7, 2.05]
    entries = told(a_source(), *(level(n, metres) for n, metres in enumerate(levels)))
    assert statuses(entries) == ["reported"]


def test_it_is_over_when_it_has_been_below_long_enough() -> None:
    source = a_source()
    entries = told(source, level(0, 2.5), level(1, 1.0), level(6, 1.0), level(10.5, 1.0), level(11, 1.0))
    assert statuses(entries) == ["reported", "closed"]
    assert [entry.record.observed_us for entry in entries if isinstance(entry, Accepted) and entry.record] == [
        NOON_US, NOON_US + 11 * MINUTE_US,
    ]  # fmt: skip


def test_observations_count_in_the_order_of_their_times() -> None:
    entries = told(a_source(), level(11, 1.0), level(0, 2.5), level(30, 2.5), level(0.5, 1.0))
    assert statuses(entries) == ["reported", "closed", "reported"]


def test_what_a_page_shows_again_tells_nothing_again() -> None:
    source = a_source()
    told(source, level(0, 2.5), level(1, 1.0), level(11, 1.0))
    assert told(source, level(0, 2.5), level(1, 1.0), level(11, 1.0), level(12, 0.9)) == []


def test_observations_that_are_too_old_tell_nothing() -> None:
    source = a_source(max_age_s=600)
    assert told(source, level(0, 2.5)) == []
    assert source.findings["too-old"] == 1


def test_a_unit_that_is_not_the_tables_is_refused() -> None:
    item = level(0, 210)
    item["Datastream"]["unitOfMeasurement"]["symbol"] = "cm"
    (entry,) = told(a_source(), item)
    assert isinstance(entry, Refused)
    assert entry.reason == "wrong-unit"


def test_properties_that_the_table_does_not_name_are_passed_over() -> None:
    source = a_source()
    item = level(0, 39.5)
    item["Datastream"]["ObservedProperty"]["name"] = "AirTemperature"
    assert told(source, item) == []
    assert source.findings["unknown-kind"] == 1


@pytest.mark.parametrize(
    "feature",
    [
        {"type": "Feature", "geometry": {"type": "Point", "coordinates": [126.978, 37.5665]}},
        {"type": "Polygon", "coordinates": [[[126.977, 37.566], [126.979, 37.566], [126.979, 37.567]]]},
    ],
)  # fmt: skip
def test_places_come_as_points_features_and_polygons(feature: dict[str, Any]) -> None:
    (entry,) = told(a_source(), level(0, 2.5, FeatureOfInterest={"feature": feature}))
    assert isinstance(entry, Accepted)
    assert entry.record is not None
    place = entry.record.location
    assert (round(place.lat_deg, 4), round(place.lon_deg, 4)) == (37.5665, 126.978)


def test_the_table_places_sensors_that_say_nothing_of_themselves(tmp_path: Path) -> None:
    table = Path(__file__).parents[3] / "connectors" / "sensor_things" / "sensors.toml"
    row = '\n[[sensor]]\nid = "31"\nkind = "water-level"\nlat = 37.5\nlon = 127.0\naccuracy_m = 5\nexercise = true\n'
    (tmp_path / "sensors.toml").write_text(table.read_text("utf-8") + row, "utf-8")
    options = {"transport": "mqtt", "table": str(tmp_path / "sensors.toml")}
    payload = json.dumps({"phenomenonTime": "2026-03-01T02:59:00Z", "result": 2.2}).encode()
    (entry,) = entries_of("sensor_things", payload, options=options, origin="v1.1/Datastreams(31)/Observations")
    assert isinstance(entry, Accepted)
    assert entry.record is not None
    assert (entry.record.location.lat_deg, entry.record.location.accuracy_m) == (37.5, 5.0)
    assert entry.record.exercise


class Server:
    """A SensorThings server that shows observations newest first, two on a page."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self.asked: list[str] = []

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.asked.append(request.path_qs)
        skip = int(request.query.get("$skip", 0))
        newest_first = self.items[::-1]
        link = f"{request.url.with_query({'$skip': skip + 2})}" if skip + 2 < len(newest_first) else None
        body = {"value": newest_first[skip : skip + 2]} | ({"@iot.nextLink": link} if link else {})
        return web.json_response(body)


async def read_until_told(log: MemoryLog, url: str, context: ConnectorContext, cursor: str | None) -> Accepted:
    """Return the first event of a fresh source, with the cursor after the look that told it."""
    source: Any = build("sensor_things", {"url": url, "interval_s": 0.01}, remembering(log, context))
    event: Accepted | None = None
    async with asyncio.timeout(5), aclosing(source.entries(cursor)) as entries:
        async for entry in entries:
            assert isinstance(entry, Accepted)
            if entry.topic is CONNECTOR_CURSORS:
                keep(log, entry)
            else:
                event = entry
            if event is not None and entry.cursor not in ("", cursor):
                return replace(event, cursor=entry.cursor)
    raise AssertionError("the source ended")


async def test_pages_newest_first_are_read_back_to_what_is_known_and_alarms_survive_a_restart() -> None:
    server = Server()
    context = a_context(now_us=NOON_US + 60 * MINUTE_US)
    async with served(server.answer) as loopback:
        url = f"{loopback}/v1.1/Observations"
        server.items = [level(n, 1.0) for n in range(3)] + [level(3, 2.5), level(4, 2.6)]
        log = MemoryLog()
        begun = await read_until_told(log, url, context, None)
        assert server.asked[:3] == ["/v1.1/Observations", *(f"/v1.1/Observations?$skip={n}" for n in (2, 4))]
        assert begun.cursor is not None

        server.items += [level(20, 1.0), level(31, 1.0), level(32, 1.0)]
        server.asked.clear()
        ended = await read_until_told(log, url, context, begun.cursor)
    assert statuses([begun, ended]) == ["reported", "closed"]
    # The page of minutes 20 and 4 reaches back to what is known: the pages after it are not asked for.
    assert server.asked[:2] == ["/v1.1/Observations", "/v1.1/Observations?$skip=2"]
    assert server.asked[2:3] in ([], ["/v1.1/Observations"], ["/v1.1/Observations?$skip=4"])


def test_a_river_over_its_mark_has_cameras_until_it_falls() -> None:
    source = a_source()
    entries = told(source, level(0, 2.5), level(1, 1.0), level(11.5, 0.9))
    decided = assignments_for(entries)
    assert decided[0].status == "active"
    assert decided[0].cameras
    assert (decided[0].kind, decided[0].services) == ("flood", ("iot",))
    assert decided[-1].status == "released"
