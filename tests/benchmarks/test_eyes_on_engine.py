"""The benchmark drives the real engine by records, and cells are repeatable."""

import pytest

from benchmarks.eyes_on.cells import Cell, Scope, cells_of, run_cell
from benchmarks.eyes_on.engine_side import aim_of, policy_for
from benchmarks.eyes_on.run import main
from schemas.camera_assignment import Aim, AssignedCamera

SMALL = Scope(episodes=6, seconds=300, seeds="tuning")


def cell(method: str, *, registry: str = "clean", zoom: bool = False) -> Cell:
    return Cell("old-town", registry, 60, 4, zoom, method)


def test_the_engine_is_asked_through_records_and_opens_at_most_so_many_views() -> None:
    result = run_cell(cell("engine"), SMALL)
    assert result.engine_us is not None
    assert result.engine_us > 0
    assert 0 < result.figures["cameras_open"].value < 5
    assert 0 <= result.figures["share_62"].value <= 1


def test_the_same_cell_gives_the_same_scores() -> None:
    first, second = (run_cell(cell("engine", registry="faulted", zoom=True), SMALL).figures for _ in range(2))
    assert first == second


def test_feedback_cells_run_as_soon_as_the_engine_takes_sightings() -> None:
    asked = cell("engine+feedback")
    if not asked.is_possible:
        pytest.skip("this engine does not take sightings yet")
    assert run_cell(asked, SMALL).figures["cameras_open"].value > 0


def test_every_cell_has_a_name_of_its_own() -> None:
    names = [c.name for c in cells_of("grid")]
    assert len(names) == len(set(names))
    assert "grid/faulted/300/k4/wide/engine+feedback+learned" in names


def test_the_policy_gives_every_rank_so_many_cameras_and_heads_zoom_only_where_asked() -> None:
    wide, zoomed = policy_for(8, zoom=False), policy_for(8, zoom=True)
    assert wide.selection.cameras_by_rank == (8, 8, 8, 8, 0)
    assert wide.view.zoom_fields_deg == (60.0,)
    assert zoomed.view.zoom_fields_deg == (60.0, 30.0, 12.0)
    assert wide.selection.next_cameras == 0


@pytest.mark.parametrize(("zoom", "field_deg"), [(1.0, 60.0), (2.15, 30.06), (5.49, 12.01)])
def test_a_zoom_factor_is_a_field_of_view(zoom: float, field_deg: float) -> None:
    aim = Aim(pan_deg=80, tilt_deg=5, zoom=zoom, lat_deg=1, lon_deg=1, area_width_m=1, area_height_m=1)
    camera = AssignedCamera(
        camera_id="c", site_id="s", owner="o", role="view", rank=0, distance_m=1, bearing_deg=1, level="observe",
        p_view=0.5, aim=aim, since_us=1,
    )  # fmt: skip
    assert aim_of(camera) == (80, pytest.approx(field_deg, abs=0.02))


def test_the_command_prints_tables_of_the_asked_cells(capfd: pytest.CaptureFixture[str]) -> None:
    options = ["--city", "old-town", "--cell", "clean/60/k4/wide/nearest", "--episodes", "4", "--seconds", "120"]
    assert main([*options, "--seeds", "tuning", "--processes", "1"]) == 0
    shown = capfd.readouterr().out
    assert "irregular old town" in shown
    assert "tuning seeds 10000 to 10003" in shown
