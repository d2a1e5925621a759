import numpy as np
import pytest

from benchmarks.meter import STAGES
from benchmarks.partition import BenchPartition
from benchmarks.processes import window
from benchmarks.stages import stages_of
from benchmarks.workload import (
    BLOCK_M,
    POLE_OFF_STREET_M,
    Walkers,
    camera_slices,
    city_plane,
    pole_positions,
    street_map,
)
from pipeline.cameras.camera_table import CameraTable
from pipeline.geo import distance_m
from schemas.codec import decode, encode
from schemas.tracker_fix import TrackerFix

NOW_US = 1_790_000_000_000_000


def walkers(share: float = 0.5, seed: int = 7) -> Walkers:
    return Walkers(200, cameras=2_000, walking_share=share, seed=seed)


def test_the_same_seed_gives_the_same_records() -> None:
    everybody = np.arange(200)
    first, second = (walkers().fixes(everybody, NOW_US, 1).values for _ in range(2))
    assert first == second
    assert first != walkers(seed=8).fixes(everybody, NOW_US, 1).values


def test_fixes_are_the_codecs_own_bytes_and_carry_their_key() -> None:
    batch = walkers().fixes(np.array([3, 199]), NOW_US, 5)
    records = [decode(TrackerFix, value) for value in batch.values]
    assert [encode(record) for record in records] == batch.values
    assert [record.case_id.encode() for record in records] == batch.keys == [b"s:00000003", b"s:00000199"]
    assert [record.fix_us for record in records] == [NOW_US, NOW_US + 5]


@pytest.mark.parametrize(("share", "low_m", "high_m"), [(0.0, 0.0, 25.0), (1.0, 50.0, 150.0)])
def test_resting_people_waver_and_walking_people_get_somewhere(share: float, low_m: float, high_m: float) -> None:
    people, everybody = walkers(share), np.arange(200)
    first = [decode(TrackerFix, v).location for v in people.fixes(everybody, NOW_US, 1).values]
    for _ in range(9):
        people.fixes(everybody, NOW_US, 1)
    last = [decode(TrackerFix, v).location for v in people.fixes(everybody, NOW_US, 1).values]
    moved_m = [float(distance_m(a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)) for a, b in zip(first, last, strict=True)]
    assert low_m <= float(np.median(moved_m)) <= high_m


def test_every_synthetic_camera_is_taken_by_the_table_as_dense_as_in_seoul() -> None:
    table = CameraTable()
    for keys, values in camera_slices(9_000):
        assert not table.apply_cameras(keys, values, 0)
    assert len(table) == 9_000
    nearby = [
        len(table.near(lat, lon, 500.0)[0]) for lat, lon in zip(table.lat_deg[:300], table.lon_deg[:300], strict=True)
    ]
    assert 60 <= np.mean(nearby) <= 400  # about 109 where cameras are spread evenly, more in neighbourhoods


def test_the_street_map_runs_past_every_pole_that_stands_at_its_side() -> None:
    streets = street_map(500)
    x_m, y_m = city_plane().to_metres(*pole_positions(500, on_streets=True))
    off_m = [np.hypot(streets.cell_x_m - x, streets.cell_y_m - y).min() for x, y in zip(x_m, y_m, strict=True)]
    assert np.allclose(streets.edge_length_m, BLOCK_M, atol=0.03)
    assert max(off_m) <= np.hypot(POLE_OFF_STREET_M, 2.6)  # cells are 5 m long


def test_alerts_open_as_many_cases_as_wanted() -> None:
    assert walkers().alerts(NOW_US, 3).keys == walkers().alerts(NOW_US).keys[:3]


@pytest.mark.parametrize("streets", [True, False])
def test_every_stage_of_the_engine_can_be_measured(streets: bool) -> None:
    bench = BenchPartition(cameras=600, cases=130, quiet=200, walking_share=0.1, streets=streets)
    assert bench.open_cases() > 0
    assert all(case.held for case in bench.state.cases.values())
    stages = stages_of(bench)
    assert len({stage.name for stage in stages}) == len(stages)
    assert all(stage.percentile_us(50) > 0 for stage in stages)


def test_a_window_counts_only_what_lies_between_its_records() -> None:
    def line(at_s: float, records: int, cpu_s: float) -> dict[str, object]:
        stages_s = dict.fromkeys(STAGES, 0.0) | {"engine": cpu_s}
        return {"at_s": at_s, "cpu_s": cpu_s, "rss_mb": 1.0, "stages_s": stages_s, "records": records}

    lines = [line(0.0, 0, 5.0), line(1.0, 100, 6.0), line(2.0, 300, 6.5), line(3.0, 400, 9.0)]
    taken = window(lines, 50, 350)
    assert taken["records"] == 200
    assert taken["cpu_us"] == pytest.approx(2_500.0)
    assert taken["stages_us"]["engine"] == pytest.approx(2_500.0)
    assert taken["records_per_s"] == pytest.approx(200.0)


def test_a_run_too_short_to_measure_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        window([], 0, 10)
