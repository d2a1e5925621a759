"""Orders to heads, carried to simulated cameras over real HTTP: fences, deadlines, home, shadows, and cameras away."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.onvif_ptz import sink as sink_module
from tests.connectors.local_context import NOON_US
from tests.connectors.onvif_ptz.desks import AIM, S, desk, names, order
from tests.connectors.onvif_ptz.simulated import SimulatedHead, write_table
from tests.support.connector_suite import SinkSamples, sink_suite


@asynccontextmanager
async def outside() -> AsyncIterator[SimulatedHead]:
    with tempfile.TemporaryDirectory() as folder:
        async with SimulatedHead() as head:
            head.options |= {"devices": write_table(Path(folder), head), "state_file": f"{folder}/state.json"}
            yield head


# Two orders to one head: the newer replaces the older.
TestOnvifPtz = sink_suite(
    "onvif_ptz",
    SinkSamples(outside=outside, records=[order(1), order(2)], secret_option="password_file", writes_each=False),
)


async def test_an_aim_becomes_a_position_in_the_heads_own_range(tmp_path: Path) -> None:
    head = SimulatedHead(pan_zero_deg=45.0, tilt_min_deg=-90, tilt_max_deg=0, zoom_max=20)
    async with desk(tmp_path, head) as d:
        ((name, told),) = await d.tell(order(1))
        assert name == "AbsoluteMove"
        assert told["ProfileToken"] == "main"
        assert told["PanTilt.space"].endswith("PanTiltSpaces/PositionGenericSpace")
        assert (told["PanTilt.x"], told["PanTilt.y"], told["Zoom.x"]) == pytest.approx((0.25, 0.0, 0.5))


async def test_a_head_that_counts_degrees_gets_degrees(tmp_path: Path) -> None:
    async with desk(tmp_path, SimulatedHead(spherical=True, pan_zero_deg=100.0, tilt_max_deg=20)) as d:
        ((_, told),) = await d.tell(order(1))
        assert told["PanTilt.space"].endswith("SphericalPositionSpaceDegrees")
        assert (told["PanTilt.x"], told["PanTilt.y"]) == pytest.approx((-10.0, -45.0))


async def test_a_camera_that_knows_where_it_is_gets_the_point_itself(tmp_path: Path) -> None:
    async with desk(tmp_path, SimulatedHead(geo=True)) as d:
        ((name, told),) = await d.tell(order(1))
        assert name == "GeoMove"
        assert (told["Target.lat"], told["Target.lon"]) == (37.5666, 126.9782)
        assert (told["AreaWidth"], told["AreaHeight"]) == (12.0, 7.0)


async def test_a_head_without_positions_goes_to_the_nearest_preset(tmp_path: Path) -> None:
    presets = [
        {"name": "gate", "pan_deg": 80.0, "tilt_deg": 40.0, "zoom": 5.0},
        {"name": "north", "pan_deg": 0.0, "tilt_deg": 10.0, "zoom": 2.0},
    ]
    async with desk(tmp_path, SimulatedHead(absolute=False, presets=presets)) as d:
        assert await d.tell(order(1)) == [("GotoPreset", {"ProfileToken": "main", "PresetToken": "P1"})]
        assert await d.tell(order(2, aim=replace(AIM, pan_deg=200.0))) == []
        assert d.sink.findings["no-preset"] == 1


async def test_what_a_head_cannot_reach_is_not_tried(tmp_path: Path) -> None:
    async with desk(tmp_path, SimulatedHead(pan_min_deg=-45, pan_max_deg=45)) as d:
        assert await d.tell(order(1)) == []
        assert d.sink.findings["out-of-reach"] == 1


async def test_the_higher_fence_wins_and_old_orders_are_dropped(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        told = await d.tell(order(5), order(7, aim=replace(AIM, pan_deg=0.0)))
        assert [round(t["PanTilt.x"], 3) for _, t in told] == [0.0]
        assert await d.tell(order(6)) == []
        assert await d.tell(order(7)) == []
        assert (d.sink.findings["obsolete"], d.sink.findings["repeated"]) == (1, 1)


async def test_a_restart_does_not_forget_the_fence_or_the_way_home(tmp_path: Path) -> None:
    state = str(tmp_path / "heads.json")
    async with desk(tmp_path, state_file=state) as d:
        assert names(await d.tell(order(7))) == ["AbsoluteMove"]
    async with desk(tmp_path, state_file=state) as d:
        assert await d.tell(order(6), order(7)) == []
        assert names(await d.after_s(61)) == ["GotoPreset"]
        assert await d.after_s(62) == []


async def test_an_order_that_was_not_done_is_no_repeat_after_a_restart(tmp_path: Path) -> None:
    state = str(tmp_path / "heads.json")
    async with desk(tmp_path, state_file=state) as d:
        d.heads[0].fail(1)
        with pytest.raises(SinkUnavailableError):
            await d.tell(order(7))
    async with desk(tmp_path, state_file=state) as d:
        assert names(await d.tell(order(7))) == ["AbsoluteMove"]


async def test_too_late_is_never_but_the_head_goes_home(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        assert names(await d.tell(order(1, deadline_us=NOON_US))) == ["GotoPreset"]
        assert d.sink.findings["too-late"] == 1


async def test_when_the_deadline_is_over_the_head_goes_home_though_nobody_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        await d.tell(order(1))
        assert await d.after_s(59) == []
        assert await d.after_s(60) == [("GotoPreset", {"ProfileToken": "main", "PresetToken": "P1"})]
        assert await d.after_s(61) == []


async def test_a_hold_moves_the_way_home_to_a_later_deadline(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        await d.tell(order(1))
        assert await d.tell(order(2, "hold", deadline_us=NOON_US + 120 * S)) == []
        assert await d.after_s(100) == []
        assert names(await d.after_s(121)) == ["GotoPreset"]


async def test_a_released_head_is_left_alone(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        await d.tell(order(1))
        assert await d.tell(order(2, "release")) == []
        assert await d.after_s(1_000) == []


async def test_home_is_the_cameras_own_where_no_preset_is_named(tmp_path: Path) -> None:
    async with desk(tmp_path, SimulatedHead(home_preset="")) as d:
        assert names(await d.tell(order(1, "return-home"))) == ["GotoHomePosition"]


async def test_a_city_that_only_watches_turns_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        assert await d.tell(order(1, shadow=True)) == []
        assert await d.after_s(1_000) == []
        assert d.heads[0].asked == []


async def test_drills_turn_heads_only_where_the_city_says_so(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        assert await d.tell(order(1, exercise=True)) == []
    async with desk(tmp_path, exercises=True) as d:
        assert names(await d.tell(order(1, exercise=True))) == ["AbsoluteMove"]


async def test_a_head_that_is_away_holds_the_others_up_no_longer_than_it_may(tmp_path: Path) -> None:
    async with desk(tmp_path, SimulatedHead(), SimulatedHead(), give_up_s=0.0) as d:
        d.heads[0].fail(1)
        await d.tell(order(1), order(1, camera_id="cam-2"))
        assert (d.heads[0].moves, names(d.heads[1].moves)) == ([], ["AbsoluteMove"])
        async with asyncio.timeout(5):
            while not d.heads[0].moves:
                await d.sink.attend_what_is_due()
                await asyncio.sleep(0.02)
        assert names(d.heads[0].moves) == ["AbsoluteMove"]


async def test_an_order_that_waits_for_its_head_is_dropped_for_a_newer_one(tmp_path: Path) -> None:
    async with desk(tmp_path, give_up_s=0.0) as d:
        d.heads[0].fail(1)
        await d.tell(order(1))
        assert names(await d.tell(order(2, "release"))) == []
        assert await d.after_s(5) == []


async def test_a_wrong_password_is_not_tried_again_and_again(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        d.heads[0].password = "another"
        assert await d.tell(order(1)) == []
        asked = len(d.heads[0].asked)
        assert await d.tell(order(1)) == []
        assert len(d.heads[0].asked) == asked
        assert d.sink.findings["refused"] == 1


async def test_a_camera_whose_clock_is_wrong_lets_us_in(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        d.heads[0].skew_s = -4_000.0
        assert names(await d.tell(order(1))) == ["AbsoluteMove"]


async def test_an_old_camera_without_get_services_is_understood(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        d.heads[0].old = True
        assert names(await d.tell(order(1))) == ["AbsoluteMove"]
        assert "GetCapabilities" in d.heads[0].asked


async def test_a_login_goes_to_no_other_address_than_the_tables(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        d.heads[0].lies_about_address = True
        assert names(await d.tell(order(1))) == ["AbsoluteMove"]


async def test_a_move_that_the_camera_refuses_is_counted_and_not_repeated(tmp_path: Path) -> None:
    for head, operation in ((SimulatedHead(), "AbsoluteMove"), (SimulatedHead(geo=True), "GeoMove")):
        async with desk(tmp_path, head) as d:
            head.refuses.add(operation)
            assert await d.tell(order(1)) == []
            assert d.sink.findings["refused"] == 1


async def test_an_order_to_a_camera_that_is_not_in_the_table_is_counted(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        await d.tell(order(1, camera_id="cam-99"))
        assert d.sink.findings["no-device"] == 1


async def test_the_connection_is_made_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        for fence in range(1, 4):
            await d.tell(order(fence))
        assert d.heads[0].asked.count("GetProfiles") == 1


async def test_the_watch_sends_heads_home_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "WATCH_S", 0.005)
    async with desk(tmp_path) as d:
        await d.tell(order(1))
        d.context.clock.now = NOON_US + 61 * S  # type: ignore[attr-defined]
        async with asyncio.timeout(5):
            while len(d.heads[0].moves) < 2:
                await asyncio.sleep(0.005)
        assert names(d.heads[0].moves) == ["AbsoluteMove", "GotoPreset"]


async def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    async with desk(tmp_path, devices=str(tmp_path / "none.toml")) as d:
        with pytest.raises(ConnectorConfigError, match="devices"):
            await d.tell(order(1))
