"""The tests of a source's places: order of axes, points outside the city, points that stand for nothing."""

import math
from typing import Any

import pytest

from connectors.kit.source import Refused
from schemas.topics import INCIDENTS
from tests.connectors.local_context import POLICE_AGENCY
from tests.support.connector_suite.base import Reading
from tests.support.connector_suite.card import proves
from tests.support.connector_suite.happenings import Happening

IMPOSSIBLE = [(91, 181), (999, 999), ("abc", "def"), (None, None), (math.nan, math.nan), ("", ""), (37.5, None)]
BUSAN = (35.1796, 129.0756)
# About 100 m: connectors may snap a point to the centre of a cell.
NEAR_DEG = 0.001


class PlaceTests(Reading):
    """What must hold of the places that any source gives."""

    @proves("axis-order")
    def test_axes_in_their_usual_order_are_not_turned(self) -> None:
        self.changed(lat=37.5)
        places = self.places(Happening())
        assert places or getattr(self.record(Happening()), "area", None)
        assert all(_is_near(place, Happening().lat, Happening().lon) for place in places), places
        assert "swapped-axes" not in self.findings(Happening())

    @proves("axis-order")
    def test_swapped_axes_are_turned_or_give_no_place(self) -> None:
        happening = self.changed(lat=Happening().lon, lon=Happening().lat)
        for place in self.places(happening):
            assert _is_near(place, Happening().lat, Happening().lon), place

    @proves("outside-city")
    def test_a_point_outside_the_city_stays_where_it_is(self) -> None:
        happening = self.changed(lat=BUSAN[0], lon=BUSAN[1])
        for place in self.places(happening):
            assert _is_near(place, *BUSAN), place
        # People and their trackers travel; what is reported from elsewhere is odd, and must be noticed.
        if INCIDENTS in self.manifest.topics:
            refused = any(isinstance(entry, Refused) for entry in self.answer(self.samples.write(happening)))
            assert refused or self.findings(happening) - self.findings(Happening())

    @proves("default-points-recognised")
    def test_an_agencys_own_address_is_no_place(self) -> None:
        assert self.places(self.changed(lat=POLICE_AGENCY.lat_deg, lon=POLICE_AGENCY.lon_deg)) == []

    @proves("default-points-recognised")
    def test_zero_and_zero_is_no_place(self) -> None:
        assert self.places(self.changed(lat=0.0, lon=0.0)) == []

    @proves("impossible-places")
    @pytest.mark.parametrize(("lat", "lon"), IMPOSSIBLE)
    def test_an_impossible_point_is_no_place(self, lat: Any, lon: Any) -> None:
        assert self.places(self.changed(lat=lat, lon=lon)) == []


def _is_near(place: Any, lat_deg: float, lon_deg: float) -> bool:
    return bool(abs(place.lat_deg - lat_deg) < NEAR_DEG and abs(place.lon_deg - lon_deg) < NEAR_DEG)
