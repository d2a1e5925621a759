"""Whole lists of people under protection: who is ended by being left out, and what is not believed."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.manifest import build
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from connectors.kit.source import Accepted
from connectors.welfare_registry.config import Config
from connectors.welfare_registry.parse import Registration
from connectors.welfare_registry.whole_list import ShrinkRule, Standing, WholeList, entries_of_list
from schemas.codec import encode
from schemas.protected_subject import ProtectedSubject
from schemas.topics import PROTECTED_SUBJECTS
from tests.connectors.local_context import NOON_US, StillClock, a_context
from tests.support.golden import assignments_for, entries_of
from tests.support.loopback import served
from tests.support.memory_log import SETTINGS, MemoryCursors, MemoryLog
from tests.support.memory_pictures import MemoryPictures

COMPLETE: dict[str, Any] = {"complete": True, "list_name": "riverside"}
HOUR_US = 3_600_000_000


def ref(person: str, scheme: str = "person") -> str:
    return Pseudonyms(b"k" * 32).of(scheme, person)


def people(*names: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"person": name, "guardian": f"G-{name}", **fields} for name in names]


def many(count: int) -> list[dict[str, Any]]:
    return people(*(f"W-{n}" for n in range(count)))


@dataclass
class City:
    """A folder of lists, the topics, and the cursors, which outlive the runs of instances."""

    folder: Path
    log: MemoryLog = field(default_factory=MemoryLog)
    cursors: dict[str, MemoryCursors] = field(default_factory=dict)
    source: Any = None
    clock: StillClock = field(default_factory=StillClock)

    def drop(self, name: str, items: Sequence[Any]) -> None:
        lines = (item if isinstance(item, str) else json.dumps(item) for item in items)
        (self.folder / name).write_text("".join(line + "\n" for line in lines), "utf-8")

    async def run(self, instance: str = "lists", until: Any = None, **options: Any) -> list[Any]:
        """Run an instance until it ends, or until something holds; return what it published, in order."""
        before = len(self.log.records)
        folder = {} if "transport" in options else {"path": str(self.folder), "once": until is None}
        context = replace(a_context(), pictures=MemoryPictures(self.log), clock=self.clock)
        self.source = build("welfare_registry", {**folder, **options}, context)
        cursors = self.cursors.setdefault(instance, MemoryCursors())
        job = SourceJob(
            name=instance,
            kind="welfare_registry",
            source=self.source,
            backoff=Backoff(first_s=0.01, limit_s=0.05),
            cursor_entries=1,
            cursor_s=0.01,
        )
        stop = asyncio.Event()
        publisher = Publisher(SETTINGS, opener=self.log.opener)
        running = asyncio.create_task(run_source(job, publisher, cursors, stop, self.clock))
        try:
            async with asyncio.timeout(10):
                while not running.done() and not (until is not None and until()):
                    await asyncio.sleep(0.005)
                stop.set()
                await running
        finally:
            running.cancel()
            await publisher.close()
        return self.log.records[before:]

    async def read(self, name: str, items: Sequence[Any], **options: Any) -> list[Any]:
        self.drop(name, items)
        return await self.run(**{**COMPLETE, **options})

    def standing(self) -> set[str]:
        picture = {stored.key.decode(): stored.value for stored in self.log.of("protected-subjects")}
        return {key for key, value in picture.items() if value is not None}

    def letters(self) -> list[str]:
        return [stored.record.reason for stored in self.log.of("protected-subjects-dlq")]


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path)


def told(records: Sequence[Any]) -> dict[str, bool]:
    """Return by pseudonym whether a registration was told (True) or ended."""
    return {s.key.decode(): s.value is not None for s in records if s.topic == "protected-subjects"}


async def test_the_next_list_tells_only_of_who_is_new_or_changed_and_ends_who_is_left_out(city: City) -> None:
    await city.read("1.jsonl", [*many(40), *people("A")])

    changed = [{"person": "W-1", "guardian": "G-other"}]
    records = await city.read("2.jsonl", [*many(1), *changed, *many(40)[2:], *people("B")])

    assert told(records) == {ref("W-1"): True, ref("B"): True, ref("A"): False}
    assert city.source.findings == {"added": 1, "changed": 1, "unchanged": 39, "gone": 1}


async def test_the_same_list_under_another_name_and_in_another_order_tells_nothing(city: City) -> None:
    await city.read("1.jsonl", many(5))

    assert await city.read("2.jsonl", many(5)[::-1]) == []


async def test_a_list_that_was_cut_in_half_is_refused_as_a_whole_and_everybody_stays(city: City) -> None:
    await city.read("1.jsonl", many(40))
    before = city.standing()

    records = await city.read("2.jsonl", [*many(20), *people("NEW")])

    assert told(records) == {}
    assert city.standing() == before
    assert city.letters() == ["suspicious-shrink"]
    assert city.source.findings["suspicious-shrink"] == 1


@pytest.mark.parametrize("left", [0, 3])
async def test_of_four_people_none_may_be_left_out_unseen(city: City, left: int) -> None:
    await city.read("1.jsonl", many(4))
    await city.read("2.csv" if left else "2.jsonl", ["PERSON", "W-0", "W-1", "W-2"] if left else [])

    assert len(city.standing()) == 4
    assert city.letters() == ["suspicious-shrink"]


async def test_a_list_that_a_person_names_as_true_is_taken_after_a_restart(city: City) -> None:
    await city.read("1.jsonl", many(40))
    await city.read("2.jsonl", many(20))
    fingerprint = city.log.of("protected-subjects-dlq")[-1].record.message.rpartition(" ")[2]

    await city.run(**COMPLETE, accept="0" * 16)
    assert len(city.standing()) == 40
    await city.run(**COMPLETE, accept=fingerprint)

    assert city.standing() == {ref(f"W-{n}") for n in range(20)}


async def test_a_row_that_may_be_anybodys_ends_nobody_and_says_so(city: City) -> None:
    await city.read("1.jsonl", many(40))

    records = await city.read("2.jsonl", [*many(39), *people("NEW"), '{"person": "W-39", "trackers": ["T'])

    assert told(records) == {ref("NEW"): True}
    assert city.letters() == ["broken-json", "list-not-whole"]
    assert ref("W-39") in city.standing()


async def test_a_row_that_is_refused_but_says_whose_it_is_leaves_that_person_as_they_were(city: City) -> None:
    await city.read("1.jsonl", [*many(40), *people("A")])

    records = await city.read("2.jsonl", [*many(39), {"person": "W-39", "zones": [{"id": "home"}]}])

    assert told(records) == {ref("A"): False}
    assert ref("W-39") in city.standing()


async def test_nobody_is_ended_whom_another_feed_has_stated_since(city: City) -> None:
    await city.read("1.jsonl", many(40))
    deltas = city.folder / "deltas"
    deltas.mkdir()
    (deltas / "1.jsonl").write_text(json.dumps({"person": "W-7", "guardian": "G-new"}), "utf-8")
    await city.run("deltas", path=str(deltas))

    await city.read("2.jsonl", [item for item in many(40) if item["person"] != "W-7"])

    assert ref("W-7") in city.standing()


async def test_an_older_word_of_a_list_does_not_undo_a_newer_one_of_another_feed(city: City) -> None:
    deltas = city.folder / "deltas"
    deltas.mkdir()
    delta = {"person": "W-1", "guardian": "G-new", "updated": "2026-03-01T02:00:00Z"}
    (deltas / "1.jsonl").write_text(json.dumps(delta), "utf-8")
    await city.run("deltas", path=str(deltas))

    older = await city.read("1.jsonl", people("W-1", updated="2026-02-27T00:00:00Z"))
    newer = await city.read("2.jsonl", people("W-1", updated="2026-03-01T02:30:00Z"))

    assert (told(older), told(newer)) == ({}, {ref("W-1"): True})


async def test_two_lists_do_not_end_each_others_people(city: City) -> None:
    await city.read("1.jsonl", many(3))
    (city.folder / "other").mkdir()
    (city.folder / "other" / "1.jsonl").write_text(json.dumps({"person": "C-1"}), "utf-8")

    await city.run("others", path=str(city.folder / "other"), complete=True, list_name="hillside")

    assert len(city.standing()) == 4
    assert city.letters() == []


async def test_a_tracker_that_is_no_longer_named_is_ended_and_one_that_was_passed_on_is_not(city: City) -> None:
    first = [{"person": "A", "trackers": ["T1"]}, {"person": "B", "trackers": ["T2"]}]
    await city.read("1.jsonl", [*first, *many(40)])
    passed_on = [{"person": "A", "trackers": ["T2"]}, {"person": "B", "former_trackers": ["T2"]}]

    records = await city.read("2.jsonl", [*passed_on, *many(40)])

    assert told(records)[ref("T1", "tracker")] is False
    assert {ref("T2", "tracker"), ref("A"), ref("B")} <= city.standing()


async def test_who_is_listed_as_ended_is_ended_once_whatever_their_number(city: City) -> None:
    await city.read("1.jsonl", many(10))
    ended = [{**item, "state": "ended"} for item in many(10)]

    first, again = await city.read("2.jsonl", ended), await city.read("3.jsonl", ended)

    assert (len(told(first)), told(again), city.standing()) == (10, {}, set())


async def test_registrations_that_had_ended_by_themselves_may_go_in_any_number(city: City) -> None:
    await city.read("1.jsonl", [*many(20), *people("X", "Y", "Z", valid_until="2026-03-01T12:00:00+09:00")])
    city.clock.now += 1

    await city.read("2.jsonl", many(20))

    assert len(city.standing()) == 20


async def test_the_newest_list_counts_however_many_wait_and_an_older_one_that_comes_later_does_not(city: City) -> None:
    city.drop("1.jsonl", people("OLD"))
    await city.read("2.jsonl", many(3))
    await city.read("0.jsonl", people("OLDER"))

    assert city.standing() == {ref(f"W-{n}") for n in range(3)}


async def test_a_list_that_broke_off_on_its_way_to_the_topic_is_finished_after_a_restart(city: City) -> None:
    await city.read("1.jsonl", many(60))
    city.log.fail_at = city.log.sent + 3
    newer = [*many(57), *people("A", "B", "C", "D")]

    await city.read("2.jsonl", newer)

    assert city.standing() == {ref(item["person"]) for item in newer}
    ids = [stored.record.event_id for stored in city.log.of("protected-subjects") if stored.value is not None]
    assert len(ids) == len(set(ids)) == 64


async def test_stopped_in_the_middle_of_a_list_it_tells_only_the_rest(city: City) -> None:
    city.drop("1.jsonl", many(30))
    context = replace(a_context(), pictures=MemoryPictures(city.log))
    source: Any = build("welfare_registry", {"path": str(city.folder), "once": True, **COMPLETE}, context)
    async with aclosing(source.entries(None)) as entries:
        for _ in range(10):  # so far they stand, and the position has not moved
            entry = await anext(entries)
            _append(city.log, entry)

    records = await city.run(**COMPLETE)

    assert len(told(records)) == 20
    assert len(city.standing()) == 30


async def test_a_list_that_is_done_is_not_read_again_after_a_restart(city: City) -> None:
    await city.read("1.jsonl", [*many(3), {"person": ["no id"]}])

    assert city.letters() == ["wrong-type"]
    assert await city.run(**COMPLETE) == []


async def test_a_list_that_is_still_written_to_is_left_until_it_rests(city: City) -> None:
    class Writer(StillClock):
        """A clock by whose hand the file grows while its first row is read."""

        def now_us(self) -> int:
            if self.now == NOON_US:
                self.now += 1
                city.drop("1.jsonl", many(8))
            return self.now

    city.clock = Writer()
    await city.read("1.jsonl", many(4), poll_interval_s=0.01)

    assert len(city.standing()) == 8
    assert city.source.findings["file-is-being-written"] == 1


async def test_the_next_list_waits_until_the_one_before_stands(city: City) -> None:
    city.drop("1.jsonl", people("A"))
    context = replace(a_context(), pictures=MemoryPictures(city.log))
    source: Any = build("welfare_registry", {"path": str(city.folder), "poll_interval_s": 0.01, **COMPLETE}, context)
    async with asyncio.timeout(10), aclosing(source.entries(None)) as entries:
        first = await anext(entries)
        city.drop("2.jsonl", people("A", "B"))
        following = asyncio.ensure_future(anext(entries))
        await asyncio.sleep(0.1)
        assert not following.done()
        _append(city.log, first)
        source.acknowledged(first.cursor)
        second = await following

    assert second.record.case_id == ref("B")


async def test_a_polled_list_is_held_against_who_stands_too(city: City) -> None:
    shown = [json.dumps(many(40))]

    async def show(request: web.BaseRequest) -> web.Response:
        return web.Response(text=shown[0])

    async with served(show) as url:
        options = {"transport": "http-poll", "url": url, "interval_s": 0.01, **COMPLETE}
        await city.run(until=lambda: len(city.standing()) == 40, **options)
        shown[0] = json.dumps([*many(39), *people("NEW")])
        records = await city.run(until=lambda: ref("W-39") not in city.standing(), **options)
        assert told(records) == {ref("NEW"): True, ref("W-39"): False}
        for broken in ("[]", shown[0][:200], '{"error": "away"}'):
            shown[0] = broken
            count = len(city.letters())
            await city.run(until=lambda count=count: len(city.letters()) > count, **options)

    assert len(city.standing()) == 40
    assert city.letters() == ["suspicious-shrink", "broken-json", "missing-field", "suspicious-shrink"]


async def test_what_is_remembered_holds_pseudonyms_and_digests_only(city: City) -> None:
    secret = {"person": "W-1042", "trackers": ["861234567890123"], "name": "홍길동", "phone": "010-0000-1234"}
    await city.read("1.jsonl", [secret])
    await city.read("2.jsonl", [*people("B")])

    everything = repr([(s.key, s.value, s.headers) for s in city.log.records]) + repr(city.cursors["lists"].written)
    assert not any(word in everything for word in ("W-1042", "861234567890123", "홍길동", "010-0000-1234"))
    assert "홍길동".encode() not in b"".join(s.value or b"" for s in city.log.records)


async def test_a_trial_shows_what_a_list_says_and_ends_nobody(city: City) -> None:
    await city.read("1.jsonl", many(3))
    city.drop("2.jsonl", people("A"))
    context = replace(a_context(), pictures=MemoryPictures(city.log), is_trial=True)
    source: Any = build("welfare_registry", {"path": str(city.folder / "2.jsonl"), **COMPLETE}, context)

    entries = [entry async for entry in source.entries(None)]

    assert [entry.record.case_id for entry in entries] == [ref("A")]


def test_half_a_list_does_not_stop_the_engine_from_following_who_is_missing_in_it() -> None:
    home = {"id": "home", "lat": 37.5665, "lon": 126.978, "radius_m": 100}
    listed = [{**item, "trackers": [f"T-{n}"], "zones": [home]} for n, item in enumerate(many(4))]
    fixes = [
        {"tracker": "T-3", "type": "fix", "time": f"2026-03-01T02:{10 + 5 * n}:00Z", "lat": 37.5665 + 0.0009 * n,
         "lon": 126.978, "accuracy_m": 15}
        for n in range(5)
    ]  # fmt: skip
    everybody: list[Any] = entries_of("welfare_registry", _lines(listed), origin="1.jsonl", options=COMPLETE)
    found = WholeList()
    for entry in everybody[:4]:
        found.take(Registration((entry.record,), ()))
    standing = {entry.record.case_id: Standing.of(entry.record) for entry in everybody}
    cut = entries_of_list(found, standing, ShrinkRule(id_prefix="welfare_registry/riverside:"), NOON_US, Counter())
    way = entries_of("tracker_push", json.dumps(fixes).encode())

    run = assignments_for([*everybody, *cut, *way])

    assert run
    assert run[0].kind == "safe-zone-exit"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"complete": True, "path": "x"}, "list_name"),
        ({"complete": True, "path": "x", "list_name": "Riverside: north"}, "list_name"),
        ({"list_name": "riverside", "path": "x"}, "complete"),
        ({**COMPLETE, "transport": "http-push", "token_env": "T"}, "single people"),
        ({**COMPLETE, "path": "x.csv", "follow": True}, "follow"),
        ({**COMPLETE, "path": "x.csv", "shrink_max_pct": 101}, "shrink_max_pct"),
    ],
)
def test_options_of_lists_that_do_not_fit_are_named(options: Mapping[str, Any], named: str) -> None:
    with pytest.raises(ConnectorConfigError, match=named):
        Config.from_options(options)


PREFIX = "welfare_registry/riverside:"
REFS = st.sampled_from([f"p{n:02}" for n in range(40)])
STANDINGS = st.dictionaries(
    REFS,
    st.builds(
        Standing,
        st.sampled_from([PREFIX + "a", PREFIX + "b", "welfare_registry:a", "welfare_registry/riverside-2:a"]),
        st.sampled_from([NOON_US - HOUR_US, NOON_US]),
        st.sampled_from([None, NOON_US - 1, NOON_US + 1]),
    ),
)


@given(STANDINGS, st.lists(REFS), st.lists(REFS), st.lists(REFS), st.integers(0, 2))
def test_who_is_under_protection_is_ended_only_by_a_list_that_can_be_believed(
    standing: dict[str, Standing], listed: list[str], ended: list[str], kept: list[str], unreadable: int
) -> None:
    listing = WholeList(unreadable=unreadable)
    for person in listed:
        listing.take(Registration((_subject(person),), ()))
    for person in ended:
        listing.take(Registration((), (person,)))
    for person in kept:
        listing.refuse((person,))

    entries = entries_of_list(listing, standing, ShrinkRule(id_prefix=PREFIX), NOON_US, Counter())

    gone = {
        entry.key.decode() for entry in entries if isinstance(entry, Accepted) and entry.record is None and entry.key
    }
    assert not gone & {*listed, *kept}
    left_out = gone - set(ended)
    assert not (left_out and unreadable)
    assert all(standing[person].event_id.startswith(PREFIX) for person in left_out)
    protected = [s for s in standing.values() if s.event_id.startswith(PREFIX) and s.until_us != NOON_US - 1]
    lost = [person for person in left_out if standing[person].until_us != NOON_US - 1]
    assert 100 * len(lost) <= 5 * len(protected)


def _subject(person: str) -> ProtectedSubject:
    return ProtectedSubject(
        event_id=PREFIX + "a",
        source="welfare_registry",
        observed_us=NOON_US,
        ingested_us=NOON_US,
        case_id=person,
        subject_ref=person,
    )


def _lines(items: Sequence[Any]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def _append(log: MemoryLog, entry: Any) -> None:
    log.append("protected-subjects", 0, PROTECTED_SUBJECTS.key_of(entry.record), encode(entry.record))
