"""Which looks teach something new of a camera."""

from pipeline.learning.lessons import PASS_US, Lessons

CASE, OTHER = b"case-1", b"case-2"


def test_misses_in_a_row_through_one_camera_are_one_lesson_until_a_pass_is_over() -> None:
    lessons = Lessons()

    due = [lessons.is_due(CASE, "cam-1", at_us, seen=False) for at_us in (0, PASS_US // 3, PASS_US - 1, PASS_US)]

    assert due == [True, False, False, True]


def test_a_sighting_always_teaches() -> None:
    lessons = Lessons()
    lessons.is_due(CASE, "cam-1", 0, seen=False)

    assert lessons.is_due(CASE, "cam-1", 1, seen=True)


def test_other_cameras_and_other_cases_teach_for_themselves() -> None:
    lessons = Lessons()
    lessons.is_due(CASE, "cam-1", 0, seen=False)

    assert lessons.is_due(CASE, "cam-2", 1, seen=False)
    assert lessons.is_due(OTHER, "cam-1", 1, seen=False)


def test_nothing_is_remembered_of_a_forgotten_case() -> None:
    lessons = Lessons()
    lessons.is_due(CASE, "cam-1", 0, seen=False)
    lessons.forget(CASE)

    assert lessons.is_due(CASE, "cam-1", 1, seen=False)
