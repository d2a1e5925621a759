"""Pushed connectors killed again and again on a real Kafka: what they remember of cases tells the story to its end."""

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors.kit.arrival import Arrival
from connectors.kit.context import ConnectorContext
from connectors.kit.manifest import build
from connectors.kit.payloads import PayloadSource
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.source import Accepted
from schemas.clock import SystemClock
from schemas.incident import Incident
from tests.integration.test_connectors_on_kafka_sources import records
from tests.support.connector_process import ConnectorCity, ConnectorProcess, until
from tests.support.kafka_server import free_port

pytestmark = [pytest.mark.slow, pytest.mark.kafka, pytest.mark.timeout(120)]
KILLS = 5
CALLS, WORDS_OF_CALLS, DISPATCHES, WORDS_OF_DISPATCHES = 12, 45, 4, 40
TOKEN = "token-of-the-rooms-17c2"
# The story's times: all in the last half hour, as a room tells them.
BEGAN_S = time.time() - 1_800
BOX_DEG = (37.37, 127.36, 37.43, 127.44)  # of the demonstration's city
SOUTH, WEST = 37.38, 127.37
Row = dict[str, Any]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def local(at_s: float) -> str:
    """Return a time as Korean exports write it, from seconds after the story's beginning."""
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(BEGAN_S + at_s + 9 * 3600))


def a_place(dice: random.Random) -> tuple[float, float]:
    """Return longitude and latitude of a place in the city."""
    return round(WEST + dice.uniform(0, 0.06), 6), round(SOUTH + dice.uniform(0, 0.04), 6)


def story_of_calls(dice: random.Random) -> list[list[Row]]:
    """Return the bodies that the 112 room pushes: calls, and words of them that leave most cells blank."""
    places = [a_place(dice) for _ in range(CALLS)]
    said = [[(number, "new")] for number in range(CALLS)]
    said += [
        [(dice.randrange(CALLS), dice.choice(("update", "urgency", "drill", "link", "clear"))) for _ in range(count)]
        for count in (dice.choice((1, 1, 2)) for _ in range(WORDS_OF_CALLS))
    ]
    bodies = []
    for at_s, words in enumerate(said):
        body = []
        for number, word in words:
            x, y = places[number]
            row: Row = {"RECV_NO": number + 1, "RECV_CPLT_DT": local(number), "HPPN_X": x, "HPPN_Y": y}
            row |= {"EVT_CL_CD": 507 if word == "drill" else 102}
            row |= {"EVT_STAT_CD": 2, "RECV_EMG_CD": dice.choice(("C0", "C1"))} if word == "new" else {"EVT_STAT_CD": 4}
            row |= {"UPD_DT": local(at_s * 10)} if word != "new" and dice.random() < 0.8 else {}
            row |= {"RECV_EMG_CD": dice.choice(("C0", "C1", "C2"))} if word == "urgency" else {}
            row |= {"END_CD": 708, "RLT_RECV_NO": dice.randrange(CALLS) + 1} if word == "link" else {}
            row |= {"EVT_STAT_CD": 10, "END_CD": 1} if word == "clear" else {}
            body.append(row)
        bodies.append(body)
    return bodies


def story_of_dispatches(dice: random.Random) -> list[list[Row]]:
    """Return the bodies that the 119 room pushes: dispatches, levels, withdrawals, and vehicles on their way."""
    places = [a_place(dice) for _ in range(DISPATCHES)]
    at = {f"P-{number}{side}": place for number, place in enumerate(places) for side in "12"}

    def about(number: int, at_s: int, **changes: Any) -> Row:
        x, y = places[number]
        row = {"OBJT_ID": 500 + number, "STTE_DT": local(number), "EMG_TY_NM1": "화재", "EMG_TY_NM2": "건물", "X": x}
        return row | {"Y": y, "PROGRS_STN": "1차출동", "UPD_DT": local(at_s * 10)} | changes

    def where(name: str, at_s: int) -> Row:
        x, y = at[name] = (round(at[name][0] + 0.001, 6), at[name][1])
        return {"VHCL_ID": name, "VHCL_X": x, "VHCL_Y": y, "VHCL_DT": local(at_s * 10)}

    bodies, halved = [], set[int]()
    for number in range(DISPATCHES):
        x, y = places[number]
        way = ";".join(f"{x + step * 0.002:.6f} {y:.6f}" for step in range(12))
        units = [{"VHCL_ID": f"P-{number}{side}", "VHCL_X": x, "VHCL_Y": y, "VHCL_ROUTE": way} for side in "12"]
        bodies.append([about(number, number, UNITS=units)])
    for at_s in range(DISPATCHES, DISPATCHES + WORDS_OF_DISPATCHES):
        number, word = dice.randrange(DISPATCHES), dice.random()
        # A position need not name its dispatch where the vehicle is known to belong to it.
        side = dice.choice("12")
        moved = where(f"P-{number}{side}", at_s) | ({"OBJT_ID": 500 + number} if number in halved else {})
        if word < 0.7:
            bodies.append([moved])
        elif word < 0.8:
            bodies.append([about(number, at_s, PROGRS_STN="대응2단계")])
        elif word < 0.9:
            bodies.append([about(number, at_s, UNITS=[moved])])  # the other vehicle is withdrawn
            halved.add(number)
        else:
            bodies.append([about(number, at_s, PROGRS_STN="귀소")])
    return bodies


def told_at_once(kind: str, options: dict[str, Any], bodies: Iterable[Any]) -> list[Incident]:
    """Return the events of a story that one source tells without an end between, in memory."""
    clock = SystemClock()
    context = ConnectorContext(clock=clock, pseudonyms=Pseudonyms(b"k" * 32), city_box=BOX_DEG)
    source = build(kind, options, context)
    assert isinstance(source, PayloadSource)
    found: list[Incident] = []
    for number, body in enumerate(bodies, start=1):
        for entry in source.answers(json.dumps(body).encode(), Arrival(clock.now_us(), number)):
            assert isinstance(entry, Accepted), entry
            assert isinstance(entry.record, Incident)
            found.append(entry.record)
    return found


def by_case(events: Iterable[Incident]) -> dict[str, list[Incident]]:
    """Return the events of each case in order, each once, without the time at which it was taken."""
    cases: dict[str, dict[str, Incident]] = defaultdict(dict)
    for event in events:
        cases[event.case_id].setdefault(event.event_id, replace(event, ingested_us=0))
    return {case_id: list(told.values()) for case_id, told in cases.items()}


class Rooms:
    """Two rooms that push their stories, each word again until it is safe or can never be.

    Attributes:
        safe: how many words are.
        waiting: how many words are sent and not answered.
        answers: how many answers there were, by their status; 0 for none.
    """

    def __init__(self, port: int) -> None:
        self.safe = self.waiting = 0
        self.answers: dict[int, int] = defaultdict(int)
        self._url = f"http://127.0.0.1:{port}/in/"

    async def tell(self, name: str, bodies: Sequence[Any]) -> None:
        """Push bodies in their order."""
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
            for body in bodies:
                while await self._pushed(session, name, body) not in (202, 400):
                    await asyncio.sleep(0.02)
                self.safe += 1

    async def _pushed(self, session: aiohttp.ClientSession, name: str, body: Any) -> int:
        status = 0
        self.waiting += 1
        try:
            async with session.post(self._url + name, json=body) as answer:
                await answer.read()
                status = answer.status
        except aiohttp.ClientError:
            pass  # the process was killed, or is not there yet
        finally:
            self.waiting -= 1
        self.answers[status] += 1
        return status


async def kill_again_and_again(process: ConnectorProcess, rooms: Rooms, words: int, dice: random.Random) -> int:
    """Kill a process at moments of the story and start it again; return how often words were on their way."""
    cut = 0
    for moment in sorted(dice.sample(range(CALLS, words - 10), KILLS)):
        await until(lambda: rooms.safe >= moment and rooms.waiting > 0, says=lambda: process.output[-2000:])  # noqa: B023
        await asyncio.sleep(dice.uniform(0, 0.03))
        cut += rooms.waiting > 0
        process.kill()
        process.start()
    return cut


async def test_rooms_whose_connectors_are_killed_again_and_again_are_told_as_if_they_had_never_been(
    kafka_broker: str, prefix: str, tmp_path: Path, stack: ExitStack
) -> None:
    dice = random.Random(19)
    calls, dispatches = story_of_calls(dice), story_of_dispatches(dice)
    city = ConnectorCity(tmp_path, kafka_broker, prefix)
    port, token = free_port(), city.secret("rooms.token", TOKEN)
    options: dict[str, Any] = {
        "transport": "http-push",
        "listen": f"127.0.0.1:{port}",
        "token_file": token,
        "rate_per_s": 1000,
    }
    police = city.connector("112-room", "police_112", **options)
    fire = city.connector("119-room", "fire_119", **options)
    wanted = told_at_once("police_112", options, calls) + told_at_once("fire_119", options, dispatches)
    process = city.process(police, fire)
    stack.callback(process.kill)
    process.start()
    await process.wait_until(lambda state: len(state) == 2 and all(s["state"] == "running" for s in state.values()))
    rooms, began_s = Rooms(port), time.monotonic()
    telling = asyncio.gather(rooms.tell("police_112", calls), rooms.tell("fire_119", dispatches))
    stack.callback(telling.cancel)
    cut = await kill_again_and_again(process, rooms, len(calls) + len(dispatches), dice)
    await telling
    took_s = time.monotonic() - began_s
    process.kill()

    found = records(kafka_broker, prefix)
    repeats = len(found) - len({event.event_id for event in found})
    print(f"{rooms.safe} words in {took_s:.1f} s, {KILLS} kills, {cut} with words on their way, {repeats} repeats,")
    print(f"answers {dict(rooms.answers)}; {len(wanted)} events of {len(by_case(wanted))} cases")
    assert by_case(found) == by_case(wanted)
    assert cut > 0
    assert not {400, 404} & rooms.answers.keys()
