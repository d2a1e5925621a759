from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reading.batch import RawBatch
from topologies.batches import RecordBatch
from topologies.gathering import Waiting, next_offsets, raw_batch, split_at


def fetched(topic: str, offsets: list[int]) -> RecordBatch:
    return RecordBatch(
        SimpleNamespace(topic=topic, partition=0, offset=o, key=b"k%d" % o, value=b"v", timestamp=1000 + o)
        for o in offsets
    )


def columns(topic: str, offsets: list[int]) -> RawBatch:
    batch = raw_batch(fetched(topic, offsets), topic, 0)
    assert batch is not None
    return batch


def test_records_below_the_next_offset_are_left_out() -> None:
    batch = raw_batch(fetched("incidents", [3, 4, 5]), "incidents", 5)
    assert batch is not None
    assert (batch.offsets, batch.keys, batch.appended_us) == ([5], [b"k5"], [1005 * 1000])


def test_a_batch_that_was_decided_already_is_nothing() -> None:
    assert raw_batch(fetched("incidents", [3, 4, 5]), "incidents", 6) is None


def test_the_next_offset_of_a_unit_follows_its_last_record_of_each_topic() -> None:
    assert next_offsets([columns("a", [1, 2]), columns("b", [9]), columns("a", [4])]) == {"a": 5, "b": 10}


@given(st.lists(st.integers(1, 7), max_size=8), st.integers(1, 10))
def test_units_take_every_record_once_in_order_and_never_more_than_the_limit(sizes: list[int], limit: int) -> None:
    waiting, start = Waiting(), 0
    for size in sizes:
        waiting.add(columns("a", list(range(start, start + size))))
        start += size
    taken = []
    while waiting.batches:
        unit = [offset for batch in waiting.take(limit) for offset in batch.offsets]
        assert 0 < len(unit) <= limit
        taken += unit
        assert waiting.records == start - len(taken)
    assert taken == list(range(start))


def test_nothing_is_taken_from_nothing() -> None:
    waiting = Waiting()
    assert waiting.take(10) == []
    assert waiting.records == 0


@pytest.mark.parametrize("limit", [1, 3])
def test_forgetting_empties_what_waits(limit: int) -> None:
    waiting = Waiting()
    waiting.add(columns("a", [1, 2, 3, 4]))
    waiting.take(limit)
    waiting.clear()
    assert (waiting.batches, waiting.records) == ([], 0)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(st.integers(0, 9), min_size=1, max_size=4)), max_size=6))
def test_what_was_appended_after_a_moment_is_split_off_and_can_wait_again(fetches: list[tuple[str, list[int]]]) -> None:
    batches, offset = [], 0
    for topic, times_us in fetches:
        offsets = list(range(offset, offset + len(times_us)))
        offset += len(times_us)
        batches.append(RawBatch(topic, 0, offsets, [b"k"] * len(offsets), [b"v"] * len(offsets), times_us))
    until, after = split_at(batches, 5)
    assert all(us <= 5 for batch in until for us in batch.appended_us)
    for topic in "ab":
        whole = [o for batch in batches if batch.topic == topic for o in batch.offsets]
        assert [o for batch in [*until, *after] if batch.topic == topic for o in batch.offsets] == whole
        first = next((batch for batch in after if batch.topic == topic), None)
        assert first is None or first.appended_us[0] > 5
    waiting = Waiting()
    waiting.put_back(after)
    assert waiting.records == sum(len(batch.offsets) for batch in after)
    assert waiting.take(1_000) == after
