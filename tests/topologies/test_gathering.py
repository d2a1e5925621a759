from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reading.batch import RawBatch
from topologies.batches import RecordBatch
from topologies.gathering import Waiting, next_offsets, raw_batch


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
