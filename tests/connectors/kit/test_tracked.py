"""What the connectors of trackers share: one tracker is one person, one message one event, numbers have limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.errors import EntryRefusedError
from connectors.kit.pseudonyms import Pseudonyms
from connectors.kit.reading.places import PlaceRules
from connectors.kit.reading.tracked import (
    Heard,
    alert_of,
    bounded,
    fix_of,
    hazards_of,
    location_of,
    tracker_ref,
    usual_tracker_id,
)
from schemas.location import Location
from schemas.wandering_alert import AlertKind

HEARD = Heard(source="x", subject_ref="s:a", time_us=1, now_us=2, stated=("17",))
PLACE = Location(lat_deg=37.5, lon_deg=127.0, accuracy_m=20, quality="gps")
RULES = PlaceRules(accuracy_m=100.0, quality="gps")


def ignored(finding: str) -> None:
    del finding


@given(st.binary(min_size=8, max_size=8), st.sampled_from(["", "-", ":", " "]), st.booleans())
def test_an_eui_is_one_id_however_it_is_written(eui: bytes, separator: str, upper: bool) -> None:
    text = separator.join(f"{byte:02x}" for byte in eui)

    assert usual_tracker_id(f" {text.upper() if upper else text} ") == eui.hex()


@given(st.text(max_size=40))
def test_the_usual_form_of_an_id_is_its_own_usual_form(text: str) -> None:
    assert usual_tracker_id(usual_tracker_id(text)) == usual_tracker_id(text)


@pytest.mark.parametrize(("value", "reason"), [("", "missing-field"), (None, "missing-field"), ("x" * 300, "too-long")])
def test_an_id_that_cannot_be_is_refused_and_not_repeated(value: Any, reason: str) -> None:
    with pytest.raises(EntryRefusedError) as caught:
        tracker_ref({"tracker": value}, "tracker", Pseudonyms(b"k" * 32))

    assert (caught.value.reason, caught.value.field) == (reason, "tracker")
    assert "xxx" not in str(caught.value)


def test_an_event_id_does_not_depend_on_when_it_was_read_and_differs_by_kind_person_and_place() -> None:
    later = Heard(source="x", subject_ref="s:a", time_us=1, now_us=99, stated=("17",))
    other = Heard(source="x", subject_ref="s:b", time_us=1, now_us=2, stated=("17",))

    assert fix_of(HEARD, PLACE).event_id == fix_of(later, PLACE).event_id
    ids = [
        fix_of(HEARD, PLACE).event_id,
        fix_of(other, PLACE).event_id,
        alert_of(HEARD, AlertKind.SOS, PLACE).event_id,
        alert_of(HEARD, AlertKind.FOUND, PLACE).event_id,
        alert_of(HEARD, AlertKind.SOS, None).event_id,
    ]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("accuracy", "taken_m"), [(12.5, 12.5), ("12", 12), (0, 100), (-1, 100), (10**9, 100), ("?", 100), (None, 100)]
)
def test_an_accuracy_that_cannot_be_is_replaced_by_the_usual_one(accuracy: Any, taken_m: float) -> None:
    location = location_of(37.5, 127.0, accuracy, RULES, ignored)

    assert location is not None
    assert location.accuracy_m == taken_m


@pytest.mark.parametrize(("lat", "lon"), [(0, 0), (91, 0), ("x", 1), (None, None), (37.5, None)])
def test_what_is_no_point_on_earth_is_no_place(lat: Any, lon: Any) -> None:
    assert location_of(lat, lon, 10, RULES, ignored) is None


@pytest.mark.parametrize(
    ("value", "taken"), [(5, 5), ("5.5", 5.5), (-1, None), (101, None), ("full", None), (True, None)]
)
def test_a_number_outside_its_limits_is_left_out_and_counted(value: Any, taken: float | None) -> None:
    notes: list[str] = []

    assert bounded({"battery_pct": value}, "battery_pct", 0, 100, notes.append) == taken
    assert notes == ([] if taken is not None else ["unusable-battery-pct"])


@pytest.mark.parametrize("value", [["cold", "WATER", 7, "lava"], "cold;water", "water, cold"])
def test_hazards_are_read_from_lists_and_cells_in_one_order(value: Any) -> None:
    assert hazards_of(value) == ("cold", "water")


@pytest.mark.parametrize("value", [None, 7, {"cold": 1}, [], "", "other"])
def test_what_names_no_hazard_is_none(value: Any) -> None:
    assert hazards_of(value) == ()
