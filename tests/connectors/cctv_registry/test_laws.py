"""What holds for any cells: every row is accounted for, nothing raises, ids follow the row and not its place."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.cctv_registry.config import Config
from connectors.cctv_registry.registry import RegistryLoad, load
from schemas.codec import encode
from tests.connectors.cctv_registry.files import HEADERS, NOW_US, VARIANTS, a_row, many_rows, write_file

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
NUMBERISH = st.one_of(
    st.floats().map(str),
    st.integers(-(10**12), 10**12).map(str),
    st.sampled_from(
        ["0", "37.5", "127.01", "127.0112345", "37.5112345", "1e2", "９９", "²", "20250301", "2015-03", "회전", "200만"]
    ),
)


@st.composite
def registry_rows(draw: st.DrawFn) -> tuple[str, list[list[str]]]:
    variant = draw(st.sampled_from(VARIANTS))
    ordinary = a_row(variant)
    rows = []
    for _ in range(draw(st.integers(1, 6))):
        row = list(ordinary)
        for _ in range(draw(st.integers(0, 4))):
            row[draw(st.integers(0, len(row) - 1))] = draw(st.one_of(TEXT, NUMBERISH))
        change = draw(st.integers(0, 9))
        if change == 0:
            row = row[: draw(st.integers(1, len(row)))]
        elif change == 1:
            row += draw(st.lists(TEXT, max_size=4))
        rows.append(row)
    return variant, rows


def _accounted(loaded: RegistryLoad) -> None:
    report = loaded.report
    assert report.rows == report.accepted_rows + report.refused_rows
    assert report.refused_rows == len(loaded.refused) == sum(report.refused.values())
    assert report.accepted_rows == len(set(loaded.camera_rows))
    assert not set(loaded.camera_rows) & {r.number for r in loaded.refused}
    assert report.cameras == len(loaded.cameras) == len({c.camera_id for c in loaded.cameras})
    assert report.cameras == sum(report.owners.values()) == sum(report.kinds.values())
    json.dumps(report.as_json())
    assert str(report.rows) in report.as_text()
    for camera in loaded.cameras:
        encode(camera)
        assert 33 <= camera.location.lat_deg <= 38.7
        assert len(set(camera.quality_flags)) == len(camera.quality_flags)


@given(registry_rows())
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_row_of_any_text_is_accepted_or_refused(tmp_path: Path, drawn: tuple[str, list[list[str]]]) -> None:
    variant, rows = drawn
    # A row of nothing but blanks is no row; one filled cell makes it one.
    rows = [row if any(cell.strip() for cell in row) else ["x", *row[1:]] for row in rows]

    loaded = load(write_file(tmp_path / "r.csv", rows, variant), Config(), NOW_US)

    assert loaded.report.rows >= 1
    _accounted(loaded)


@given(st.binary(max_size=300))
@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_after_a_header_end_in_an_answer(tmp_path: Path, noise: bytes) -> None:
    from connectors.kit.errors import ConnectorConfigError

    path = tmp_path / "r.csv"
    header = ",".join(HEADERS["standard-13"]).encode("cp949")
    path.write_bytes(header + b"\r\n" + ",".join(a_row("standard-13")).encode("cp949") + b"\r\n" + noise)
    try:
        loaded = load(path, Config(), NOW_US)
    except ConnectorConfigError:
        return  # too many damaged bytes for the file to be trusted
    _accounted(loaded)


@pytest.mark.parametrize("seed", range(20))
def test_ids_do_not_depend_on_the_order_of_the_rows(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    rows: list[list[str]] = many_rows(20)
    rows += [a_row(관리번호="", 촬영방면정보=f"{n}번 방향") for n in range(6)]
    rows += [a_row(관리번호="DUP", 소재지도로명주소=f"별빛로 {n % 3}", 카메라화소수=str(100 + n)) for n in range(6)]
    shuffled = rng.sample(rows, len(rows))

    def ids(some: list[list[str]]) -> dict[tuple[str, ...], Any]:
        loaded = load(write_file(tmp_path / "r.csv", some), Config(), NOW_US)
        return {
            tuple(some[row - 2]): (c.camera_id, c.site_id, c.event_id)
            for row, c in zip(loaded.camera_rows, loaded.cameras, strict=True)
        }

    assert ids(shuffled) == ids(rows)


def test_a_second_import_gives_the_same_events_at_another_time(tmp_path: Path) -> None:
    path = write_file(tmp_path / "r.csv", many_rows(5))

    first, second = load(path, Config(), NOW_US), load(path, Config(), NOW_US + 10**9)

    assert [c.event_id for c in first.cameras] == [c.event_id for c in second.cameras]
    assert first.cameras[0].ingested_us != second.cameras[0].ingested_us


def test_a_change_of_a_row_is_another_event_of_the_same_camera(load_rows: Any) -> None:
    before = load_rows([a_row()]).cameras[0]
    after = load_rows([a_row(보관일수="60")]).cameras[0]

    assert before.camera_id == after.camera_id
    assert before.event_id != after.event_id
