"""What the next file of a registry changes, and which files are not believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.reading.registry_difference import ADDED, CHANGED, GONE, UNCHANGED, difference_of, shrink_message
from connectors.kit.reading.standing import standing_on
from connectors.kit.source import Accepted
from schemas.codec import encode
from schemas.topics import CAMERAS
from tests.support.golden import camera_grid
from tests.support.memory_log import MemoryLog
from tests.support.memory_pictures import MemoryPictures

REGISTRY = st.dictionaries(st.integers(0, 20).map(str), st.sampled_from("ab"), max_size=20)


@given(listed=REGISTRY, standing=REGISTRY)
def test_after_a_file_was_taken_exactly_its_entries_stand(listed: dict[str, str], standing: dict[str, str]) -> None:
    difference = difference_of(listed, standing)
    told = {entry_id: listed[entry_id] for entry_id in (*difference.added, *difference.changed)}
    after = {entry_id: content for entry_id, content in {**standing, **told}.items() if entry_id not in difference.gone}
    assert after == listed
    assert all(standing.get(entry_id) != content for entry_id, content in told.items())
    assert sum(difference.counts.values()) == len(listed.keys() | standing.keys())
    assert difference.standing == len(standing)


@given(registry=REGISTRY)
def test_the_same_file_again_changes_nothing(registry: dict[str, str]) -> None:
    assert set(difference_of(registry, registry).counts) <= {UNCHANGED}


def test_each_entry_is_counted_under_one_word() -> None:
    difference = difference_of({"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"})
    assert difference.counts == {ADDED: 1, CHANGED: 1, UNCHANGED: 1, GONE: 1}


@pytest.mark.parametrize(
    ("stood", "gone", "is_refused"), [(100, 20, False), (100, 21, True), (12, 9, False), (12, 10, True), (0, 0, False)]
)
def test_a_file_is_refused_when_over_the_share_and_at_least_ten_are_gone(
    stood: int, gone: int, is_refused: bool
) -> None:
    standing = {str(number): "x" for number in range(stood)}
    listed = {str(number): "x" for number in range(gone, stood)}
    message = shrink_message(difference_of(listed, standing), 20.0, what="people", fingerprint="f1", accept="")
    assert (message is not None) == is_refused
    if message is not None:
        assert message.startswith(f"{gone} of {stood} people are gone, more than 20 %")
        assert message.endswith("set accept to f1")


def test_a_file_that_was_named_as_true_is_taken() -> None:
    difference = difference_of({}, {str(number): "x" for number in range(50)})
    assert shrink_message(difference, 20.0, what="people", fingerprint="f1", accept="f1") is None
    assert shrink_message(difference, 20.0, what="people", fingerprint="f2", accept="f1") is not None


async def test_what_stands_is_the_last_of_each_key_of_the_own_source() -> None:
    log = MemoryLog()
    first, second, third = camera_grid(37.5, 127.0, side=2)[:3]
    for entry in (Accepted(CAMERAS, first), Accepted(CAMERAS, second), Accepted(CAMERAS, third)):
        log.append("cameras", 0, CAMERAS.key_of(entry.record), encode(entry.record))
    log.append("cameras", 0, CAMERAS.key_of(second), None)

    def keep(camera: object) -> str | None:
        return None if camera == third else camera.event_id  # type: ignore[attr-defined]

    assert await standing_on(MemoryPictures(log), CAMERAS, keep) == {first.camera_id: first.event_id}
