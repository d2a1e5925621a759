"""The beginnings of records tell who was heard when."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.reading.batch import RawBatch
from schemas.topics import CASE_INPUTS
from tests.support.records import T0_US, S, a_fix, a_sighting, an_alert, an_incident, an_order, batches_of
from topologies.sources import NAME_LENGTH_MAX, OTHER, SAMPLES_MAX, SOURCES_MAX, TOPICS, Heard, SourceTimes, heard_in


def batch_of(records: list[tuple[int, Any]]) -> RawBatch:
    (batch,) = batches_of(records)
    return batch


def test_the_topics_are_those_that_sources_write() -> None:
    by_workers = {topic.name for topic in CASE_INPUTS} - TOPICS
    assert by_workers == {"ptz-grants"}


@given(
    st.sampled_from([an_incident(), an_alert(), a_fix(fix_us=T0_US), a_sighting(), an_order()]),
    st.text(alphabet="abc_.-09", min_size=1, max_size=NAME_LENGTH_MAX),
    st.text(max_size=300),
    st.integers(-(1 << 62), 1 << 62),
)
def test_any_record_tells_its_source_and_when_it_observed(
    record: Any, source: str, event_id: str, observed_us: int
) -> None:
    told = replace(record, source=source, event_id=event_id, observed_us=observed_us)
    assert heard_in(batch_of([(T0_US, told)])) == {source: Heard(source, observed_us, T0_US)}


def test_of_a_large_batch_a_sample_is_read_that_has_the_newest_record_and_every_source_in_turn() -> None:
    records = [(T0_US + i, replace(a_fix(fix_us=T0_US), source=f"gw-{i // 1_000}")) for i in range(3_333)]
    heard = heard_in(batch_of(records))
    assert heard.keys() == {"gw-0", "gw-1", "gw-2", "gw-3"}
    assert heard["gw-3"].appended_us == T0_US + 3_332
    assert len(records) > 100 * SAMPLES_MAX


def test_what_is_no_record_tells_nothing() -> None:
    for value in (b"", b"\0\0\0\0\1", b"no avro at all", b"\0\0\0\0\1" + b"\xff" * 40):
        assert heard_in(RawBatch("incidents", 0, [0], [b"k"], [value], [T0_US])) == {}
    assert heard_in(RawBatch("ptz-grants", 0, [0], [b"k"], [b"\0\0\0\0\1\2a\2a\2"], [T0_US])) == {}


def test_names_are_bounded() -> None:
    times = SourceTimes()
    for number in range(3 * SOURCES_MAX):
        times.take(batch_of([(T0_US, replace(an_incident(), source=f"source-{number}"))]))
    names = [name for name, _ in times.idle_s(T0_US + S)]
    assert len(names) == SOURCES_MAX + 1
    assert names[-1] == OTHER
