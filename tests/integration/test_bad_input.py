"""Bad input through every connector and straight onto the topics: sent = decided + answered, neighbours pass.

Trackers over MQTT have the same test with a real mosquitto in ``test_trackers_over_mqtt``; here their broken records
arrive on the topic itself.
"""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.context import ConnectorContext
from connectors.kit.manifest import build
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from connectors.kit.settings import ConnectorSettings
from schemas.camera_assignment import CameraAssignment
from schemas.clock import SystemClock
from schemas.codec import decode, encode
from schemas.dead_letter import DeadLetter
from schemas.topics import CAMERA_HEALTH, CAMERAS, CASE_INPUTS, Topic, dead_letters_of
from tests.integration.outcomes import get, settled_outcomes
from tests.support.records import (
    LAT_DEG,
    LON_DEG,
    a_camera,
    a_fix,
    a_grant,
    a_refused_view,
    a_registration,
    a_sighting,
    a_view,
    an_alert,
    an_incident,
    an_order,
    at,
)
from tests.topologies.running import read, running_worker, write
from topologies.city_engine import CityEngine
from topologies.city_files import load_city
from topologies.settings import Settings
from topologies.topics import ensure_topics

CITY = load_city(Path(__file__).parents[2] / "cities", "demo")
CALLS = "RECV_NO,RECV_CPLT_DT,RECV_CPLT_TM,RECV_EMG_CD,EVT_STAT_CD,EVT_CL_CD,END_CD,HPPN_X,HPPN_Y"
GOOD_CALL = f"good,20260301,115907,C0,2,102,,{LON_DEG},{LAT_DEG}"
CALL_ROWS = {
    "good": GOOD_CALL,
    "the same again": GOOD_CALL,
    "no place": "zero,20260301,115907,C0,2,102,,0,0",
    "agency default point": "agency,20260301,115907,C0,2,102,,127.4003,37.4003",
    "swapped axes": f"swapped,20260301,115907,C0,2,102,,{LAT_DEG},{LON_DEG}",
    "impossible place": "nowhere,20260301,115907,C0,2,102,,1000,2000",
    "exercise": f"drill,20260301,115907,C1,2,507,,{LON_DEG},{LAT_DEG}",
    "complaint": f"noise,20260301,115907,C4,2,604,,{LON_DEG},{LAT_DEG}",
    "unknown code": f"odd,20260301,115907,C0,2,999,,{LON_DEG},{LAT_DEG}",
    "out of order": f"early,20260301,33,C0,2,102,,{LON_DEG},{LAT_DEG}",
    "too few cells": "?,?",
    "not a call": "x,never,never,?,?,?,?,?,?",
    "good neighbour": GOOD_CALL.replace("good", "last"),
}
DISPATCHES = "OBJT_ID,STTE_DT,EMG_TY_NM1,EMG_TY_NM2,PROGRS_STN,X,Y"
DISPATCH_ROWS = {
    "good": f"1,20260301115900,화재,건물,1차출동,{LON_DEG},{LAT_DEG}",
    "not a dispatch": "?,?,?,?,?,?,?",
    "no place": "2,20260301115900,화재,건물,1차출동,0,0",
    "good neighbour": f"3,20260301115900,화재,건물,1차출동,{LON_DEG},{LAT_DEG}",
}
REGISTRY = "관리번호,관리기관명,설치목적구분,카메라대수,WGS84위도,WGS84경도,데이터기준일자"
REGISTRY_ROWS = {
    "good": f"c1,시험구청,생활방범,1,{LAT_DEG},{LON_DEG},2026-01-01",
    "no place": "c2,시험구청,생활방범,1,0,0,2026-01-01",
    "digit slip": f"c3,시험구청,생활방범,1,{LAT_DEG},172.39,2026-01-01",
    "swapped axes": f"c4,시험구청,생활방범,1,{LON_DEG},{LAT_DEG},2026-01-01",
}


def replay_lines() -> list[str]:
    good = {
        "event_id": "replay-1",
        "source": "test",
        "observed_us": 1_790_000_000_000_000,
        "case_id": "replay-1",
        "incident_id": "replay-1",
        "status": "reported",
        "service": "fire",
        "kind": "structure-fire",
        "occurred_us": 1_790_000_000_000_000,
        "location": {"lat_deg": LAT_DEG, "lon_deg": LON_DEG, "accuracy_m": 10.0, "quality": "gps"},
    }
    place = {"lat_deg": 211, "lon_deg": LON_DEG, "accuracy_m": 10.0, "quality": "gps"}
    fields: list[dict[str, Any]] = [
        good,
        {**good, "case_id": "r2", "incident_id": "r2", "event_id": "r2", "location": place},
        {**good, "observed_us": "yesterday"},
        {key: value for key, value in good.items() if key != "kind"},
    ]
    lines = [json.dumps({"topic": "incidents", "record": record}) for record in fields]
    return [*lines, "{broken", json.dumps({"topic": "no-such-topic", "record": good})]


def garbage() -> dict[Topic, list[tuple[bytes | None, bytes | None]]]:
    """Return rows that are no records of their topics, each list with a good one at its end."""
    fix, alert, incident = a_fix(), an_alert(), an_incident("raw-good")
    bad: list[tuple[bytes | None, bytes | None]] = [
        (b"k", b"not avro"),
        (b"k", b""),
        (b"k", None),
        (b"k", b"\0\0\0\0\x63rest"),
        (b"k", encode(fix)[:40]),
        (b"other-key", encode(incident)),
        (b"other-key", encode(fix)),
        (b"other-key", encode(alert)),
    ]
    places = [at(quality="none"), at(accuracy_m=float("nan")), at(accuracy_m=-1.0)]
    bad_fixes = [(b"s:elder", encode(a_fix(location=place))) for place in places]
    bad_fixes.append((b"s:elder", encode(a_fix(fix_us=4_000_000_000_000_000))))
    look, order, grant = a_sighting(), an_order("s:elder"), a_grant("s:elder")
    incidents, alerts, fixes, sightings, orders, grants, registrations, views = CASE_INPUTS
    return {
        incidents: [*bad, (b"raw-good", encode(incident))],
        alerts: [*bad, (b"s:elder", encode(alert))],
        fixes: [*bad, *bad_fixes, (b"s:elder", encode(fix))],
        sightings: [
            *bad,
            (b"other-key", encode(look)),
            (b"s:elder", encode(a_sighting(result="other"))),
            (b"s:elder", encode(a_sighting(camera_id=None))),
            (b"s:elder", encode(a_sighting(reliability=2.0))),
            (b"s:elder", encode(look)),
        ],
        orders: [
            *bad,
            (b"other-key", encode(order)),
            (b"s:elder", encode(an_order("s:elder", "other"))),
            (b"s:elder", encode(an_order("s:elder", "pin-camera"))),
            (b"s:elder", encode(order)),
        ],
        grants: [
            *bad,
            (b"other-key", encode(grant)),
            (b"s:elder", encode(a_grant("s:elder", "other"))),
            (b"s:elder", encode(grant)),
        ],
        # A tombstone ends a registration, and one without a registration changes nothing.
        registrations: [
            *(row for row in bad if row[1] is not None),
            (b"s:elder", encode(a_registration(quiet_from_min=9_999))),
            (b"s:elder", encode(a_registration())),
        ],
        views: [
            *bad,
            (b"other-key", encode(a_view("s:elder"))),
            (b"s:elder", encode(a_view("s:elder", result="other"))),
            (b"s:elder", encode(a_view("s:elder"))),
            (b"unknown", encode(a_refused_view())),
        ],
        CAMERAS: [*bad[:5], (b"raw-cam", encode(a_camera("raw-cam")))],
        CAMERA_HEALTH: bad[:5],
    }


@pytest.mark.slow
async def test_everything_sent_is_decided_or_answered_and_nothing_stops(
    embedded_broker: str, prefix: str, tmp_path: Path
) -> None:
    settings = Settings(
        bootstrap_servers=(embedded_broker,), city="demo", data_dir=tmp_path, case_partitions=1, session_timeout_s=2
    )
    outside = ConnectorSettings(bootstrap_servers=(embedded_broker,), topic_prefix=prefix)
    await asyncio.to_thread(ensure_topics, settings, prefix)
    sources = _write_sources(tmp_path)
    sent: Counter[str] = Counter()
    async with running_worker(settings, prefix, CityEngine(CITY.policy)) as worker, Publisher(outside) as publisher:
        assert worker.web is not None
        url = f"http://127.0.0.1:{worker.web.port}"
        for kind, (path, rows) in sources.items():
            job = SourceJob(name=kind, kind=kind, source=build(kind, {"path": str(path), **_once(kind)}, _context()))
            counters = await run_source(job, publisher, KafkaCursors(outside, publisher), asyncio.Event())
            assert counters.accepted + counters.refused == rows, kind
            sent["refused by connectors"] += counters.refused
        for topic, raw in garbage().items():
            await write(embedded_broker, f"{prefix}.{topic.name}", raw)
        await write(embedded_broker, f"{prefix}.incidents", [(b"end", encode(an_incident("end")))])
        decided = await _assignments(embedded_broker, prefix, until="end")
        outcomes = await settled_outcomes(url, await _counts(embedded_broker, prefix))
        await asyncio.to_thread(get, url + "/readyz")  # raises unless it is 200: nothing has stopped

    letters = await _letters(embedded_broker, prefix)
    by_worker = [letter for letter in letters if letter.origin_partition >= 0]
    on_topics = await _counts(embedded_broker, prefix)
    # Sent = decided + answered: every record of every input has exactly one outcome, every refusal exactly one letter.
    for topic in CASE_INPUTS:
        assert sum(n for (name, _), n in outcomes.items() if name == topic.name) == on_topics[topic.name]
        refused = [letter for letter in by_worker if letter.origin_topic.removeprefix(prefix + ".") == topic.name]
        assert outcomes[topic.name, "dead-letter"] == len(refused)
        assert len({letter.origin_offset for letter in refused}) == len(refused)
    assert len(letters) - len(by_worker) == sent["refused by connectors"]
    assert all(letter.reason and letter.message for letter in letters)
    _check_answers(decided)


def _check_answers(decided: dict[str, CameraAssignment]) -> None:
    """Check that each bad call has its own kind of answer, and that its neighbours have cameras."""
    status = {case_id.split(":")[-1]: assignment.status for case_id, assignment in decided.items()}
    assert {
        key: status[key] for key in ("good", "last", "swapped", "odd", "early", "raw-good", "end")
    } == dict.fromkeys(("good", "last", "swapped", "odd", "early", "raw-good", "end"), "active")
    assert {status[key] for key in ("zero", "agency", "nowhere")} == {"needs-location"}
    assert status["noise"] == "denied"
    assert [a.exercise for case_id, a in decided.items() if case_id.endswith("drill")] == [True]
    assert not any(a.exercise for case_id, a in decided.items() if not case_id.endswith("drill"))
    assert decided["s:elder"].status == "active"


def _write_sources(folder: Path) -> dict[str, tuple[Path, int]]:
    """Write a file per connector; return where, and how many rows are in it."""
    files = {
        "cctv_registry": (folder / "cctv.csv", [REGISTRY, *REGISTRY_ROWS.values()], "cp949"),
        "police_112": (folder / "112" / "calls.csv", [CALLS, *CALL_ROWS.values()], "cp949"),
        "fire_119": (folder / "119" / "dispatches.csv", [DISPATCHES, *DISPATCH_ROWS.values()], "utf-8"),
        "file_replay": (folder / "events.jsonl", replay_lines(), "utf-8"),
    }
    result = {}
    for kind, (path, lines, encoding) in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes("\n".join([*lines, ""]).encode(encoding))
        dropped = kind in ("police_112", "fire_119")
        result[kind] = (path.parent if dropped else path, len(lines) - (0 if kind == "file_replay" else 1))
    return result


def _once(kind: str) -> dict[str, Any]:
    return {"once": True} if kind in ("police_112", "fire_119") else {}


def _context() -> ConnectorContext:
    return ConnectorContext(clock=SystemClock(), pseudonyms=Pseudonyms(b"k" * 32), city_box=CITY.box_deg)


async def _assignments(broker: str, prefix: str, until: str) -> dict[str, CameraAssignment]:
    """Return the newest version of each case, read until one of them is there."""

    def there(records: list[Any]) -> bool:
        return any(record.key == until.encode() for record in records)

    records = await read(broker, f"{prefix}.camera-assignments", 1, there)
    decided = [decode(CameraAssignment, record.value) for record in records if record.value is not None]
    return {assignment.case_id: assignment for assignment in decided}


async def _letters(broker: str, prefix: str) -> list[DeadLetter]:
    letters: list[DeadLetter] = []
    for topic in (*CASE_INPUTS, CAMERAS, CAMERA_HEALTH):
        records = await _all(broker, f"{prefix}.{dead_letters_of(topic).name}")
        letters += [decode(DeadLetter, record.value) for record in records]
    return letters


async def _counts(broker: str, prefix: str) -> dict[str, int]:
    return {topic.name: len(await _all(broker, f"{prefix}.{topic.name}")) for topic in CASE_INPUTS}


async def _all(broker: str, topic: str) -> list[Any]:
    """Return all records of a topic: until half a second brings no more."""
    seen: list[tuple[float, int]] = []

    def quiet(records: list[Any]) -> bool:
        now_s = asyncio.get_running_loop().time()
        if not seen or seen[-1][1] != len(records):
            seen.append((now_s, len(records)))
        return now_s - seen[-1][0] > 0.5

    return await read(broker, topic, 1, quiet)
