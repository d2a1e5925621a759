"""A person with a tracker leaves home: mosquitto, connector, broker, worker, cameras; bad messages and a kill between.

Sent = decided + answered, no fix is lost when the connector is killed, and no name of a person or device is on any
topic.
"""

import asyncio
import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from connectors.kit.context import ConnectorContext
from connectors.kit.manifest import build
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.running.cursors import KafkaCursors
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from connectors.owntracks.source import OwntracksSource
from pipeline.geo import distance_m
from schemas.camera_assignment import CameraAssignment
from schemas.clock import Clock, SystemClock
from schemas.codec import decode
from schemas.topics import CAMERA_ASSIGNMENTS, TRACKER_FIXES, WANDERING_ALERTS
from schemas.tracker_fix import TrackerFix
from tests.integration.outcomes import settled_outcomes
from tests.integration.tracker_street import (
    CITY,
    KEY,
    LIMIT_S,
    POLE_STEP_M,
    TRACKER,
    Connectors,
    HandClock,
    S,
    Street,
    a_street,
    message,
    subject_of,
)
from tests.support.mosquitto_server import mosquitto_binary
from tests.support.records import at

pytestmark = [
    pytest.mark.slow,
    pytest.mark.mosquitto,
    pytest.mark.skipif(mosquitto_binary() is None, reason="mosquitto is not installed"),
]

PERSONAL = (
    "younghee",
    "kim-minsu",
    "watch-7",
    "kim home",
    "김영희",
    "010-1234-5678",
    "park-jisoo",
    "pager-3",
    "aa:bb:cc",
)
MINUTES = 8
METRES_A_MINUTE = 60


@dataclass(frozen=True)
class Bad:
    """A message that must not become a fix of the case, and where it ends: a dead letter's reason, or an outcome."""

    sent: tuple[str, bytes]
    letter: str | None = None
    outcome: str | None = None


def bad_messages(east_m: float, now_s: int) -> list[list[Bad]]:
    """Return what is sent between two good fixes, a list for each minute; the last good fix was at ``east_m``."""

    def bad(letter: str | None, outcome: str | None = None, tst: Any = now_s, **changes: Any) -> Bad:
        return Bad(message(changes.pop("east_m", east_m), tst, **changes), letter, outcome)

    place = at(east_m)
    return [
        [
            Bad((TRACKER, b'{"_type": "location", "name": "\xea\xb9\x80\xec\x98\x81\xed\x9d\xac", '), "broken-json"),
            Bad((TRACKER, b"\xff\xfe\x00"), "broken-json"),
            Bad((TRACKER, b"[" * 9_000), "broken-json"),
        ],
        [bad("wrong-type", lat="37.4"), bad("wrong-type", lon=[127]), bad("wrong-type", tst="now")],
        [bad("missing-field", tst=...), bad("missing-field", lat=...)],
        [
            bad("impossible-coordinates", lat=place.lon_deg, lon=place.lat_deg),
            bad("impossible-coordinates", lat=211),
            bad("default-point", lat=0, lon=0),
            bad("implausible-jump", tst=now_s + 1, east_m=100_000),
        ],
        [bad("clock-skew", tst=now_s + 9_999), bad("impossible-time", tst=5), bad("absurd-accuracy", acc=-1)],
        [
            bad("too-large", note="x" * 20_000),
            bad("unknown-type", _type="김영희"),
            bad("encrypted", _type="encrypted", data="김영희"),
            bad("unknown-topic", topic="owntracks//watch-7"),
        ],
        [
            bad("exercise-mix", tst=now_s + 1, exercise=True),
            bad("exercise-mix", exercise=True, alert="sos"),
            bad(None, "exercise-without-case", topic="owntracks/kim-minsu/pager-3", exercise=True),
        ],
        [
            bad(None, "duplicate"),
            bad(None, "late", tst=now_s - 30),
            bad(None, "passed-over", _type="waypoint", desc="Kim home"),
        ],
    ]


async def test_a_walk_is_followed_from_camera_to_camera_whatever_else_is_sent(
    embedded_broker: str, prefix: str, tmp_path: Path
) -> None:
    clock, kim, drill = HandClock(), subject_of(TRACKER), "owntracks/park-jisoo/pager-3"
    stop, sent, bad = asyncio.Event(), 0, []
    async with (
        a_street(embedded_broker, prefix, tmp_path, clock, 800) as street,
        Publisher(street.outside) as publisher,
    ):
        source = _source(street, clock)
        job = SourceJob(name="trackers", kind="owntracks", source=source)
        cursors = KafkaCursors(street.outside, publisher)
        running = asyncio.create_task(run_source(job, publisher, cursors, stop, clock))
        await street.subscribed()

        await street.send(message(0, clock.now_s, TRACKER + "/event", _type="transition", event="leave", desc="Kim"))
        await street.send(message(0, clock.now_s, drill, alert="sos", exercise=True))
        versions = [await street.assignment(kim, lambda a: a.status == "active")]
        sent += 2
        for minute in range(1, MINUTES + 1):
            between = bad_messages(METRES_A_MINUTE * (minute - 1), clock.now_s)[minute - 1]
            await street.send(*(message.sent for message in between))
            clock.advance(60)
            await street.send(message(METRES_A_MINUTE * minute, clock.now_s))
            versions.append(await _newest_after_fix(street, kim, clock.now_s))
            sent, bad = sent + len(between) + 1, bad + between
        await street.send(message(METRES_A_MINUTE * MINUTES, clock.now_s, alert="found"))
        released = await street.assignment(kim, lambda a: a.status == "released")
        rehearsal = await street.assignment(subject_of(drill), lambda a: True)
        stop.set()
        counters = await running
        counts = {topic.name: len(street.records(topic)) for topic in (WANDERING_ALERTS, TRACKER_FIXES)}
        outcomes = await settled_outcomes(street.url, counts)
        letters = street.letters()
        everything = street.everything()

    _check_walk(versions)
    assert (released.reason, released.cameras, released.where) == ("found", (), None)
    assert {c.camera_id for c in versions[-1].cameras if c.role != "ending"} & set(released.released)
    assert rehearsal.exercise
    assert not any(version.exercise for version in versions)

    # Sent = decided + answered: by the connector, by the worker, one for each.
    assert sent + 1 == counters.accepted + counters.refused + source.findings["other-type"]
    assert sum(counts.values()) == counters.accepted
    by_worker = sum(n for (_, outcome), n in outcomes.items() if outcome == "dead-letter")
    assert len(letters) == counters.refused + by_worker
    assert Counter(letter.reason for letter in letters) == Counter(b.letter for b in bad if b.letter)
    for outcome in ("exercise-without-case", "duplicate", "late"):
        assert outcomes[TRACKER_FIXES.name, outcome] == sum(b.outcome == outcome for b in bad)
    # A fix that finds the cameras right, because time has moved them already, makes no version.
    assert outcomes[TRACKER_FIXES.name, "decided"] + outcomes[TRACKER_FIXES.name, "kept"] == MINUTES
    assert not _names_in(everything)


def _source(street: Street, clock: Clock) -> OwntracksSource:
    context = ConnectorContext(clock=clock, pseudonyms=Pseudonyms(KEY.encode()), city_box=CITY.box_deg)
    source = build("owntracks", {"host": "127.0.0.1", "port": street.mosquitto.port}, context)
    assert isinstance(source, OwntracksSource)
    return source


def _measured_at(moment_s: int) -> Callable[[CameraAssignment], bool]:
    return lambda a: a.where is not None and a.where.position_us == moment_s * S


async def _newest_after_fix(street: Street, subject_ref: str, moment_s: int) -> CameraAssignment:
    """Return the version that stands once the worker has taken the fix of a moment; it need not have made a new one."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            fixes = [decode(TrackerFix, r.value) for r in await asyncio.to_thread(street.records, TRACKER_FIXES)]
            if any(fix.fix_us == moment_s * S for fix in fixes):
                break
    topics = (WANDERING_ALERTS, TRACKER_FIXES)
    await settled_outcomes(street.url, {topic.name: len(street.records(topic)) for topic in topics})
    return street.assignments(subject_ref)[-1]


def _check_walk(versions: list[CameraAssignment]) -> None:
    """Check that the cameras go with the person: the nearest pole is among them, the first ones are let go."""
    for minute, version in enumerate(versions):
        chosen = {camera.camera_id for camera in version.cameras}
        nearest = round(METRES_A_MINUTE * minute / POLE_STEP_M) * POLE_STEP_M
        assert version.status == "active"
        assert f"cam-{nearest:04}" in chosen, (minute, sorted(chosen))
    first, last = ({c.camera_id for c in version.cameras} for version in (versions[0], versions[-1]))
    assert not first & last
    assert len({tuple(c.camera_id for c in version.cameras) for version in versions}) > len(versions) / 2


def _names_in(everything: dict[str, bytes]) -> list[tuple[str, str]]:
    assert everything[TRACKER_FIXES.name]
    assert everything[CAMERA_ASSIGNMENTS.name]
    return [
        (topic, name)
        for topic, content in everything.items()
        for name in PERSONAL
        if name.encode() in content.lower() or json.dumps(name).strip('"').encode() in content
    ]


async def test_a_connector_that_is_killed_in_the_middle_loses_no_fix(
    embedded_broker: str, prefix: str, tmp_path: Path
) -> None:
    kim, began_s = subject_of(TRACKER), int(time.time()) - 3_600
    sent = 0

    async def walk(street: Street, goes_on: Callable[[], bool]) -> None:
        """Send a fix for every metre."""
        nonlocal sent
        async with aiomqtt.Client("127.0.0.1", street.mosquitto.port) as client:
            while goes_on():
                sent += 1
                await client.publish(*message(sent, began_s + sent), qos=1)
                await asyncio.sleep(0.002)

    async with a_street(embedded_broker, prefix, tmp_path, SystemClock(), 3_600) as street:
        connectors = Connectors(street, tmp_path)
        try:
            connectors.start()
            await street.subscribed()
            await street.send(message(0, began_s, TRACKER + "/event", _type="transition", event="leave"))
            goal = 3_000
            walking = asyncio.create_task(walk(street, lambda: sent < goal))
            await _arrived(street, 100)
            assert connectors.send(signal.SIGKILL) == -signal.SIGKILL
            goal = sent + 200
            await walking
            connectors.start()
            await walk(street, lambda: sent < goal + 200)
            sent += 1
            # A minute later and 60 m on, so that the case moves to where the walk ends.
            end_m = sent + 60
            await street.send(message(end_m, began_s + end_m))
            await _arrived(street, sent)
            last = await street.assignment(kim, _measured_at(began_s + end_m))
            counts = {topic.name: len(street.records(topic)) for topic in (WANDERING_ALERTS, TRACKER_FIXES)}
            outcomes = await settled_outcomes(street.url, counts)
            assert connectors.send(signal.SIGINT) == 0
        finally:
            connectors.end()
        everything, letters = street.everything(), street.letters()

    assert last.status == "active"
    assert last.where is not None
    end = at(end_m)
    off_m = float(distance_m(last.where.lat_deg, last.where.lon_deg, end.lat_deg, end.lon_deg))
    assert off_m < 2 * last.where.accuracy_m + 20.0  # an hour old: they walk on in the belief
    repeats = counts[TRACKER_FIXES.name] - sent
    assert 0 <= repeats <= 100  # what mosquitto had sent ahead, 20 at a time, and had not heard of yet
    assert outcomes[TRACKER_FIXES.name, "late"] + outcomes[TRACKER_FIXES.name, "duplicate"] == repeats
    assert letters == []
    assert not _names_in(everything)


async def _arrived(street: Street, count: int) -> None:
    """Wait until so many different fixes are on the topic."""
    async with asyncio.timeout(LIMIT_S):
        while len(await asyncio.to_thread(_fixes, street)) < count:
            pass


def _fixes(street: Street) -> set[str]:
    return {decode(TrackerFix, record.value).event_id for record in street.records(TRACKER_FIXES)}
