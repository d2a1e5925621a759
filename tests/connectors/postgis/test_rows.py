"""What of a version is stored, without a database."""

from dataclasses import replace

import pytest

from connectors.kit.errors import ConnectorConfigError
from connectors.postgis.parse import camera_rows, decision_row, hands_over, moment
from connectors.postgis.sink import Config
from connectors.postgis.statements import upsert
from tests.console.assignments import T0_US, a_camera, an_assignment


def test_a_view_that_ends_is_no_camera_to_look_through() -> None:
    row = decision_row(an_assignment(cameras=(a_camera("a"), a_camera("b", role="ending"))))
    assert row["camera_count"] == 1


def test_a_camera_that_comes_as_another_goes_is_a_hand_over() -> None:
    moved = an_assignment(version=2, added=("b",), released=("a",))
    assert hands_over(moved)
    assert not hands_over(replace(moved, version=1))
    assert not hands_over(replace(moved, released=()))


def test_the_roles_of_recipients_are_left_out_of_the_agencies() -> None:
    row = decision_row(an_assignment(recipients=("b-119:room", "a-112:car", "a-112:room")))
    assert row["agencies"] == ["a-112", "b-119"]


def test_what_the_database_cannot_hold_is_left_out() -> None:
    row = decision_row(an_assignment(kind="rob\x00bery", occurred_us=9 * 10**18))
    assert (row["kind"], row["occurred_at"]) == ("robbery", None)


def test_microseconds_survive() -> None:
    assert str(moment(T0_US + 1)) == "2026-06-17 05:00:00.000001+00:00"


def test_a_statement_names_every_column_once() -> None:
    assignment = an_assignment()
    for row, table, key in (
        (decision_row(assignment), "decisions", ("version",)),
        (camera_rows(assignment)[0], "decision_cameras", ("version", "camera_id")),
    ):
        text = upsert(table, row, key).as_string(None)
        for name in row:
            assert text.count(f"%({name})s") == 1


def test_an_option_that_is_wrong_is_named() -> None:
    with pytest.raises(ConnectorConfigError, match="tls"):
        Config.from_options({"tls": "perhaps"})
