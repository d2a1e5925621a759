"""UTM-K metres become WGS 84 degrees within a centimetre."""

import csv
import math
from pathlib import Path

import pytest

from connectors.kit.reading.korean_grid import from_utm_k
from connectors.kit.reading.korean_places import PlaceRules, place_of

ACCIDENTS = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "datatoys_accident.csv"
METRES_PER_DEG = 111_195


def distance_m(lat_a, lon_a, lat_b, lon_b):
    return METRES_PER_DEG * math.hypot(lat_a - lat_b, (lon_a - lon_b) * math.cos(math.radians(lat_a)))


def test_the_origin_of_the_grid_is_its_origin():
    lat_deg, lon_deg = from_utm_k(1_000_000, 2_000_000)

    assert distance_m(lat_deg, lon_deg, 38.0, 127.5) < 1e-5


@pytest.mark.parametrize(
    ("x_m", "y_m", "lat_deg", "lon_deg"),
    [
        # Two fatal accidents of 2020, as the traffic authority publishes them in both systems: Gangnam and Hwaseong.
        (959928.0, 1943154.0, 37.48676083, 127.0467272),
        (951237.0, 1916995.0, 37.25055993, 126.9501465),
    ],
)
def test_published_pairs_agree(x_m, y_m, lat_deg, lon_deg):
    assert distance_m(*from_utm_k(x_m, y_m), lat_deg, lon_deg) < 0.01


@pytest.mark.skipif(not ACCIDENTS.is_file(), reason="the accident data is not beside the checkout")
def test_all_accidents_of_the_country_agree_within_a_centimetre():
    with ACCIDENTS.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))

    errors_m = [
        distance_m(
            *from_utm_k(float(row["발생위치X_UTMK"]), float(row["발생위치Y_UTMK"])),
            float(row["위도"]),
            float(row["경도"]),
        )
        for row in rows
    ]

    assert len(errors_m) > 2900
    assert max(errors_m) < 0.01


def test_projected_positions_are_recognised_by_their_size():
    place = place_of("959928.0", "1943154.0", PlaceRules(accuracy_m=50.0))

    assert place.finding is None
    assert place.location is not None
    assert distance_m(place.location.lat_deg, place.location.lon_deg, 37.48676083, 127.0467272) < 0.01
