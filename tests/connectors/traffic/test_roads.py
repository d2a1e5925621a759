"""Positions in Seoul's grid, stretches of road, and the lines of road links."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.reading.places import PlaceRules
from connectors.traffic.roads import from_tm, line_of, links_from, place_of
from tests.connectors.local_context import POLICE_AGENCY, SEOUL_BOX

RULES = PlaceRules(accuracy_m=50.0, default_points=(POLICE_AGENCY,), city_box=SEOUL_BOX)
TO_DEGREES = Transformer.from_crs("EPSG:5181", "EPSG:4326", always_xy=True)


def test_a_printed_row_of_the_feed_lies_on_the_street_that_it_speaks_of() -> None:
    # Yonsei-ro in Sinchon, closed to cars for years; a grid with the older datum would be 300 m off.
    lat_deg, lon_deg = from_tm(194423.5962627257, 450897.9580961145)

    assert (lat_deg, lon_deg) == pytest.approx((37.5576, 126.9369), abs=2e-4)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.floats(-60_000, 560_000), st.floats(-50_000, 620_000))
def test_the_grid_is_that_of_the_registry_of_grids(x_m: float, y_m: float) -> None:
    lon_deg, lat_deg = TO_DEGREES.transform(x_m, y_m)

    assert from_tm(x_m, y_m) == pytest.approx((lat_deg, lon_deg), abs=1e-8)


@pytest.mark.parametrize(
    ("x", "y", "quality", "finding"),
    [
        ("194423.59", "450897.95", "address", None),
        ("126.978", "37.5665", "address", None),
        ("37.5665", "126.978", "address", "swapped-axes"),
        ("450897.95", "194423.59", "address", "swapped-axes"),
        ("0", "0", "default", "default-point"),
        ("126.9722", "37.5755", "default", "default-point"),
        ("194423.59", "", "none", "impossible-coordinates"),
        ("194423.59", "37.5", "none", "impossible-coordinates"),
        ("1e300", "450897.95", "none", "impossible-coordinates"),
        ("nan", "450897.95", "none", "impossible-coordinates"),
        ("231000", "316000", "address", "outside-city"),  # Daejeon
        ("", None, None, "no-coordinates"),
    ],
)
def test_a_place_is_read_in_metres_or_degrees(x: object, y: object, quality: str | None, finding: str | None) -> None:
    place = place_of(x, y, RULES)

    assert (place.location.quality if place.location else None) == quality
    assert place.finding == finding


def test_a_stretch_of_road_is_whole_or_nothing() -> None:
    assert [point.lon_deg for point in line_of("126.977 37.5665; 126.979 37.5665;", RULES)] == [126.977, 126.979]
    for text in ("", "126.977 37.5665", "126.977 37.5665;0 0", "a b;c d", "1 2 3;4 5 6", ";".join(["127 37"] * 1_001)):
        assert line_of(text, RULES) == ()


def test_links_get_their_corners_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "links.csv"
    path.write_text(
        "\ufefflink_id,ver_seq,grs80tm_x,grs80tm_y\n"
        "7,2,198100,451000\n7,1,198000,451000\n7,10,198200,451000\n"
        "8,1,198000,451000\n9,x,198000,451000\n9,2,nan,1\n,1,198000,451000\n",
        "utf-8",
    )

    links = links_from(path)

    assert list(links) == ["7"]
    lons = [point.lon_deg for point in links["7"]]
    assert lons == sorted(lons)
    assert len(lons) == 3


@pytest.mark.parametrize("content", [b"LINK_ID,VER_SEQ\n", b"\xff\xfe\xff", b""])
def test_a_file_that_is_no_table_of_links_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "links.csv").write_bytes(content)

    with pytest.raises(ConnectorConfigError, match="links"):
        links_from(tmp_path / "links.csv")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConnectorConfigError, match="links_file"):
        links_from(tmp_path / "none.csv")
