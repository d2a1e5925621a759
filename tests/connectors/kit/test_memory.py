"""What connectors remember of cases: kept in Kafka behind the events it belongs to, bounded, and without persons."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit import memory as module
from connectors.kit.case_book import MAIN, Books, CaseBook
from connectors.kit.errors import SourceUnavailableError
from connectors.kit.memory import Memory
from connectors.kit.source import Accepted
from schemas.codec import encode
from schemas.topics import CONNECTOR_CURSORS
from tests.connectors.local_context import NOON_US, StillClock, a_context
from tests.support.memory_log import MemoryLog
from tests.support.memory_pictures import MemoryPictures

DAY_US = 86_400_000_000


def a_book(most: int = 100, form: int = 1) -> CaseBook[dict[str, Any]]:
    return CaseBook(most, write=lambda case: case, read=dict, form=form)


class Kept:
    """A memory on a log that outlives it."""

    def __init__(self, log: MemoryLog | None = None, *, now_us: int = NOON_US, **changes: Any) -> None:
        self.log = log or MemoryLog()
        self.clock = StillClock(now_us)
        self.noted: list[str] = []
        context = replace(a_context(), clock=self.clock, instance="one", pictures=MemoryPictures(self.log))
        self.context = replace(context, **changes)

    async def recalled(self, book: Any) -> Memory:
        """Return a memory of a book that remembers what is kept."""
        memory = Memory(book, self.context, self.noted.append)
        self.publish(await memory.recall())
        return memory

    def publish(self, entries: Iterable[Accepted]) -> int:
        """Put entries on the log; return how many there were."""
        count = 0
        for entry in entries:
            key = entry.key or entry.topic.key_of(entry.record)
            self.log.append(entry.topic.name, 0, key, None if entry.record is None else encode(entry.record))
            count += 1
        return count

    def keys(self) -> list[str]:
        """Return the keys that stand."""
        return sorted(key for key, value in newest(self.log).items() if value is not None)


def newest(log: MemoryLog) -> dict[str, bytes | None]:
    return {stored.key.decode(): stored.value for stored in log.of(CONNECTOR_CURSORS.name)}


async def test_only_the_parts_that_changed_are_kept_anew() -> None:
    kept, book = Kept(), a_book()
    memory = await kept.recalled(book)
    book.put("a", {MAIN: [1, 2], "way": [3]})
    first = kept.publish(memory.entries())
    book.put("a", {MAIN: [1, 5], "way": [3]})
    second = kept.publish(memory.entries())
    book.put("a", {MAIN: [1, 5], "way": [3]})

    assert (first, second, kept.publish(memory.entries())) == (2, 1, 0)
    assert kept.keys() == ["one/a#", "one/a#way"]


async def test_what_is_forgotten_leaves_nothing_behind() -> None:
    kept, book = Kept(), a_book(most=2)
    memory = await kept.recalled(book)
    for name in ("a", "b", "c"):
        book.put(name, {MAIN: name, "way": 1})
    book.put("c", {MAIN: "c"})
    book.forget("b")
    kept.publish(memory.entries())
    book.forget("c")
    kept.publish(memory.entries())

    assert kept.keys() == []


async def test_what_is_kept_longer_than_reports_lie_is_forgotten_by_both_sides() -> None:
    kept, book = Kept(), a_book()
    memory = await kept.recalled(book)
    book.put("old", {MAIN: 1})
    kept.publish(memory.entries())
    kept.clock.now += 5 * DAY_US
    book.put("young", {MAIN: 2})
    kept.publish(memory.entries())
    kept.clock.now += 3 * DAY_US

    # A process that goes on, and one that starts.
    later, fresh = Kept(kept.log, now_us=kept.clock.now), a_book()
    kept.publish(memory.entries())
    await later.recalled(fresh)

    assert [name for name, _ in book.items()] == [name for name, _ in fresh.items()] == ["young"]
    assert later.keys() == ["one/young#"]


@pytest.mark.parametrize(
    "text", ["[", "[" * 50_000, "7", '{"form": 2, "case": "a", "part": "", "is": 1}', '{"form": 1, "case": "a"}']
)
async def test_what_was_kept_in_another_form_is_forgotten_and_stops_nobody(text: str) -> None:
    kept, book = Kept(), a_book()
    memory = await kept.recalled(book)
    book.put("a", {MAIN: 1})
    (entry,) = memory.entries()
    kept.publish([replace(entry, record=replace(entry.record, cursor=text))])

    fresh = a_book()
    await kept.recalled(fresh)

    assert (len(fresh), kept.keys()) == (0, [])


async def test_a_case_that_its_connector_cannot_read_is_forgotten_alone() -> None:
    kept, book = Kept(), a_book()
    memory = await kept.recalled(book)
    book.put("a", {MAIN: 1})
    book.put("b", {"other": 2})
    kept.publish(memory.entries())

    fresh: CaseBook[int] = CaseBook(5, write=lambda case: {MAIN: case}, read=lambda parts: int(parts[MAIN]))
    await kept.recalled(fresh)

    assert fresh.items() == [("a", 1)]
    assert kept.keys() == ["one/a#"]


@pytest.mark.parametrize("damaged", [float("inf"), float("nan"), {}, None, "x", 10**400])
async def test_a_case_that_is_damaged_is_forgotten_alone(damaged: Any) -> None:
    kept, book = Kept(), a_book()
    memory = await kept.recalled(book)
    book.put("a", {MAIN: damaged})
    book.put("b", {MAIN: 2})
    kept.publish(memory.entries())

    fresh: CaseBook[float] = CaseBook(5, write=lambda case: {MAIN: case}, read=lambda parts: int(parts[MAIN]) / 1)
    await kept.recalled(fresh)

    assert fresh.items() == [("b", 2)]
    assert kept.keys() == ["one/b#"]


async def test_what_an_instance_left_behind_that_is_run_no_more_is_forgotten_in_the_end() -> None:
    kept = Kept(instance="before")
    memory = await kept.recalled(book := a_book())
    book.put("a", {MAIN: 1})
    (entry,) = memory.entries()
    position = replace(entry, record=replace(entry.record, connector="before", cursor="17"))
    kept.publish([entry, position])

    for days in (60, 91):
        await Kept(kept.log, now_us=NOON_US + days * DAY_US).recalled(a_book())
        assert kept.keys() == (["before", "before/a#"] if days == 60 else ["before"])


async def test_a_part_that_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_BYTES_MAX", 1_000)
    kept, book = Kept(), a_book()
    memory = await kept.recalled(book)
    book.put("a", {MAIN: 1, "way": [1] * 300})
    kept.publish(memory.entries())
    book.put("a", {MAIN: 1, "way": [1] * 3_000})
    kept.publish(memory.entries())

    assert kept.keys() == ["one/a#"]
    assert kept.noted == ["memory-too-large"]


async def test_it_is_read_again_only_where_something_has_changed_since() -> None:
    kept, book = Kept(), a_book()
    memory = await kept.recalled(book)
    kept.context.pictures.is_away = True  # type: ignore[union-attr]
    assert await memory.recall() == []
    book.put("a", {MAIN: 1})
    memory.entries()

    with pytest.raises(SourceUnavailableError):
        await memory.recall()
    kept.context.pictures.is_away = False  # type: ignore[union-attr]
    await memory.recall()

    assert len(book) == 0


async def test_what_changed_and_was_never_told_is_read_anew_before_reading_goes_on() -> None:
    kept, book = Kept(), a_book()
    memory = await kept.recalled(book)
    book.put("a", {MAIN: 1})
    kept.publish(memory.entries())
    memory = await kept.recalled(book)

    # Its end was on its way when the broker failed; nobody has asked for what changed.
    book.forget("a")
    kept.publish(await memory.recall())

    assert book.items() == [("a", {MAIN: 1})]
    assert kept.keys() == ["one/a#"]


async def test_several_books_of_one_connector_are_kept_side_by_side() -> None:
    kept, doors, lamps = Kept(), a_book(), a_book()
    memory = await kept.recalled(Books({"door": doors, "lamp": lamps}))
    doors.put("a", {MAIN: 1})
    lamps.put("a", {MAIN: 2})
    lamps.put("b", {MAIN: 3})
    kept.publish(memory.entries())
    lamps.forget("b")
    kept.publish(memory.entries())

    doors, others = a_book(), a_book()
    await kept.recalled(Books({"door": doors, "other": others}))

    assert (doors.items(), len(others)) == ([("a", {MAIN: 1})], 0)
    assert kept.keys() == ["one/door:a#"]


async def test_instances_do_not_share_a_memory_nor_take_a_position_for_one() -> None:
    kept, book = Kept(), a_book()
    memory = await kept.recalled(book)
    book.put("a", {MAIN: 1})
    (entry,) = memory.entries()
    kept.publish([entry, replace(entry, record=replace(entry.record, connector="one", cursor="17"))])

    for instance, count in (("one", 1), ("on", 0), ("one-2", 0)):
        fresh = a_book()
        await Kept(kept.log, instance=instance).recalled(fresh)
        assert len(fresh) == count


@pytest.mark.parametrize("changes", [{"instance": ""}, {"pictures": None}, {"is_trial": True}])
async def test_without_a_name_without_a_broker_and_in_a_trial_nothing_is_kept(changes: dict[str, Any]) -> None:
    kept, book = Kept(**changes), a_book()
    memory = await kept.recalled(book)
    book.put("a", {MAIN: 1})

    assert memory.entries() == []


PARTS = st.dictionaries(st.sampled_from(["", "x", "y"]), st.integers(0, 2))
ACTS = st.lists(st.tuples(st.sampled_from("abcdef"), st.none() | PARTS), max_size=25)


@given(acts=ACTS, ends=st.sets(st.integers(0, 25)))
def test_whenever_processes_end_the_next_one_remembers_the_same(
    acts: list[tuple[str, dict[str, int] | None]], ends: set[int]
) -> None:
    async def remembered() -> tuple[dict[str, Any], dict[str, Any]]:
        kept, book, whole = Kept(), a_book(), a_book()
        memory = await kept.recalled(book)
        for number, (name, case) in enumerate(acts):
            if number in ends:
                book = a_book()
                memory = await kept.recalled(book)
            for each in (book, whole):
                each.put(name, case) if case else each.forget(name)
            kept.clock.now += 1
            kept.publish(memory.entries())
        return dict(book.items()), dict(whole.items())

    found, wanted = asyncio.run(remembered())
    assert found == wanted
