"""The table of heads, and the way from a bearing to a head's own numbers."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.secrets import Secret
from connectors.onvif_ptz.aiming import GENERIC, ZOOM_GENERIC, AbsoluteMove, Offered, Space, move_of, pan_of, tilt_of
from connectors.onvif_ptz.parse import head_of
from connectors.onvif_ptz.table import read_heads
from schemas.camera_assignment import Aim

NOBODY = ("", Secret("password"))
URL = "http://192.0.2.7/onvif/device_service"


def head(**fields: Any) -> Any:
    return head_of("heads.toml: head 1", {"camera_id": "cam-1", "url": URL, **fields})


def test_a_csv_table_and_a_toml_table_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "heads.csv").write_text(
        f"camera_id,url,pan_zero_deg,tilt_inverted,presets\ncam-1,{URL},12.5,true,gate:80:40:5;north:0:10:2\n"
    )
    (tmp_path / "heads.toml").write_text(
        f'[[head]]\ncamera_id = "cam-1"\nurl = "{URL}"\npan_zero_deg = 12.5\ntilt_inverted = true\n'
        'presets = [{name = "gate", pan_deg = 80, tilt_deg = 40, zoom = 5},'
        ' {name = "north", pan_deg = 0, tilt_deg = 10, zoom = 2}]\n'
    )
    assert read_heads(tmp_path / "heads.csv", NOBODY) == read_heads(tmp_path / "heads.toml", NOBODY)


def test_a_login_is_the_heads_own_else_its_owners_else_the_connectors(tmp_path: Path) -> None:
    (tmp_path / "heads.toml").write_text(
        '[[owner]]\nname = "Riverside"\nusername = "river"\npassword_env = "RIVER"\n'
        f'[[head]]\ncamera_id = "a"\nurl = "{URL}"\nusername = "own"\npassword_env = "OWN"\n'
        f'[[head]]\ncamera_id = "b"\nurl = "{URL}"\nowner = "Riverside"\n'
        f'[[head]]\ncamera_id = "c"\nurl = "{URL}"\n'
    )
    heads = read_heads(tmp_path / "heads.toml", ("all", Secret("password", env="ALL")))
    assert {h.camera_id: (h.username, h.password.env) for h in heads.values()} == {
        "a": ("own", "OWN"), "b": ("river", "RIVER"), "c": ("all", "ALL"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"url": ""}, "url"),
        ({"url": "rtsp://192.0.2.7"}, "url"),
        ({"url": "http://admin:pw@192.0.2.7/"}, "url"),
        ({"camera_id": ""}, "camera_id"),
        ({"pan_zero_deg": "north"}, "pan_zero_deg"),
        ({"zoom_max": 0.5}, "zoom_max"),
        ({"mode": "fast"}, "mode"),
        ({"mode": "preset"}, "presets"),
        ({"presets": "gate:80"}, "presets"),
        ({"pan_min_deg": 90, "pan_max_deg": -90}, "pan_min_deg"),
        ({"tilt": 3}, "tilt is not known"),
        ({"password_file": "a", "password_env": "b"}, "password_file"),
    ],
)
def test_a_line_that_is_wrong_is_named_with_its_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ConnectorConfigError, match=named) as caught:
        head(**fields)
    assert "head 1" in str(caught.value)


def test_a_camera_that_stands_twice_in_the_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "heads.csv").write_text(f"camera_id,url\ncam-1,{URL}\ncam-1,{URL}\n")
    with pytest.raises(ConnectorConfigError, match="two heads"):
        read_heads(tmp_path / "heads.csv", NOBODY)


def test_pan_is_counted_from_the_heads_zero_and_in_its_direction() -> None:
    assert pan_of(90, head(pan_zero_deg=80)) == 10
    assert pan_of(90, head(pan_zero_deg=80, pan_direction="counter-clockwise")) == -10
    assert pan_of(10, head(pan_zero_deg=350)) == 20
    assert pan_of(350, head(pan_min_deg=0, pan_max_deg=360)) == 350


def test_a_little_beyond_the_end_is_the_end_and_far_beyond_is_out_of_reach() -> None:
    narrow = head(pan_min_deg=-90, pan_max_deg=90)
    assert (pan_of(100, narrow), pan_of(180, narrow)) == (90, None)
    assert (tilt_of(-10, head()), tilt_of(-40, head()), tilt_of(30, head())) == (0, None, -30)


@given(
    bearing_deg=st.floats(0, 360),
    zero_deg=st.floats(-360, 360),
    low_deg=st.floats(-360, 0),
    wide_deg=st.floats(1, 720),
    direction=st.sampled_from(["clockwise", "counter-clockwise"]),
)
def test_a_pan_always_lies_in_the_range_and_where_it_was_reached_points_there(
    bearing_deg: float, zero_deg: float, low_deg: float, wide_deg: float, direction: str
) -> None:
    made = head(
        pan_zero_deg=zero_deg, pan_min_deg=low_deg, pan_max_deg=min(720, low_deg + wide_deg), pan_direction=direction
    )
    pan_deg = pan_of(bearing_deg, made)
    if pan_deg is None:
        assert wide_deg < 360
        return
    assert made.pan_min_deg <= pan_deg <= made.pan_max_deg
    looks_deg = zero_deg + made.pan_sign * pan_deg
    assert abs((looks_deg - bearing_deg + 180) % 360 - 180) <= 20.000001


@given(pan_deg=st.floats(0, 360), tilt_deg=st.floats(-20, 90), zoom=st.floats(1, 400))
def test_whatever_the_aim_a_position_lies_in_the_ranges_that_are_offered(
    pan_deg: float, tilt_deg: float, zoom: float
) -> None:
    offered = Offered("main", pan_tilt=(Space(GENERIC),), zoom=Space(ZOOM_GENERIC, 0.0, 1.0))
    aim = Aim(pan_deg=pan_deg, tilt_deg=tilt_deg, zoom=zoom, lat_deg=0, lon_deg=0, area_width_m=1, area_height_m=1)
    for inverted in ("true", "false"):
        move = move_of(aim, head(tilt_inverted=inverted), offered)
        assert isinstance(move, AbsoluteMove)
        assert -1 <= move.pan <= 1
        assert -1 <= move.tilt <= 1
        assert move.zoom is not None
        assert 0 <= move.zoom <= 1
