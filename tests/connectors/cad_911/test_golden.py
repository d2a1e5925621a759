"""From a row of a CAD to the cameras: reported, closed."""

from tests.connectors.cad_911.test_suite import body, file
from tests.connectors.dispatch_pushes import entries_of_push
from tests.support.connector_suite import Happening
from tests.support.connector_suite.happenings import MINUTE_US, USUAL_US
from tests.support.golden import assignments_for, entries_of


def test_a_robbery_gets_cameras_and_lets_them_go_when_it_is_closed() -> None:
    rows = [Happening(), Happening(closed=True, revision=3, time_us=USUAL_US + 5 * MINUTE_US)]

    first, last = assignments_for(entries_of("cad_911", file(rows), options={"transport": "file"}))

    assert (first.kind, first.status, first.version) == ("robbery", "active", 1)
    assert first.cameras
    assert (last.status, last.cameras) == ("released", ())


def test_a_pushed_call_is_the_same_case_as_the_dropped_one() -> None:
    dropped = entries_of("cad_911", file([Happening()]), options={"transport": "file"})
    pushed = entries_of_push("cad_911", body(Happening()))

    assert [entry.record for entry in pushed] == [entry.record for entry in dropped]  # type: ignore[union-attr]
