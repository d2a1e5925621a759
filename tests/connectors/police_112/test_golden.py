"""From a row of the export to the cameras: reported, raised, closed."""

from tests.connectors.police_112.test_suite import file
from tests.support.connector_suite import Happening
from tests.support.connector_suite.happenings import MINUTE_US, USUAL_US
from tests.support.golden import assignments_for, entries_of


def test_a_robbery_gets_cameras_within_the_first_version_and_lets_them_go_when_it_is_closed() -> None:
    rows = [Happening(), Happening(closed=True, revision=3, time_us=USUAL_US + 5 * MINUTE_US)]

    first, last = assignments_for(entries_of("police_112", file(rows)))

    assert (first.kind, first.status, first.version) == ("robbery", "active", 1)
    assert first.cameras
    assert (last.status, last.version) == ("released", 2)
    assert not last.cameras


def test_a_call_at_an_agencys_own_address_gets_no_cameras_and_asks_for_the_place() -> None:
    (assignment,) = assignments_for(entries_of("police_112", file([Happening(lat=0.0, lon=0.0)])))

    assert (assignment.status, assignment.cameras) == ("needs-location", ())
