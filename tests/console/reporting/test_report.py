"""The golden-time report: what is counted, and that a person can read it."""

import csv
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.kit.manifest import build_sink
from connectors.kit.sink import Delivered
from connectors.postgis import parse as postgis_rows
from console.reporting.cases import CaseLine, case_lines
from console.reporting.decisions import Decision
from console.reporting.figures import by_day, by_district, by_hour, by_kind, figures_of, percentile
from console.reporting.page import Report, page
from console.reporting.sources import from_lake
from console.reporting.tables import cases_csv, groups_csv
from console.reporting.wording import lasting
from pipeline.decisions.golden_time import SHOWING
from schemas.camera_assignment import CameraAssignment
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.connectors.local_context import a_context
from tests.connectors.postgis.server import PASSWORD, missing, running_postgres
from tests.console.assignments import T0_US, a_camera, an_assignment
from tests.console.commands import call

SEOUL = ZoneInfo("Asia/Seoul")
SECOND_US = 1_000_000
A_DECISION = Decision(
    case="1",
    version=1,
    status="active",
    kind="robbery",
    district="솔내구",
    exercise=False,
    reported_us=T0_US,
    opened_us=T0_US + 2 * SECOND_US,
    decided_us=T0_US + 5 * SECOND_US,
    shows_target=True,
    hands_over=False,
)


def lines_of(*decisions: Decision) -> list[CaseLine]:
    return case_lines(decisions, SEOUL)[0]


def test_a_case_waits_from_its_report_to_the_first_version_that_shows_it() -> None:
    waiting = replace(A_DECISION, status="waiting", shows_target=False)
    (line,) = lines_of(
        replace(A_DECISION, version=3, decided_us=T0_US + 90 * SECOND_US, hands_over=True),
        replace(A_DECISION, version=2, decided_us=T0_US + 62 * SECOND_US),
        waiting,
        waiting,
    )
    assert (line.first_view_s, line.own_s, line.hand_overs, line.versions) == (62.0, 60.0, 1, 3)
    assert (line.outcome, f"{line.reported:%H:%M}") == ("viewed", "14:00")


@pytest.mark.parametrize(
    ("status", "outcome"), [("denied", "denied"), ("needs-location", "no place"), ("waiting", "no camera")]
)
def test_a_case_without_a_view_says_why(status: str, outcome: str) -> None:
    (line,) = lines_of(replace(A_DECISION, status=status, shows_target=False))
    assert (line.outcome, line.first_view_s) == (outcome, None)


@pytest.mark.parametrize("reported_us", [-(2**63), 2**63 - 1])
def test_a_case_that_is_said_to_be_reported_at_no_time_is_in_the_report(reported_us: int) -> None:
    (line,) = lines_of(replace(A_DECISION, reported_us=reported_us))
    assert line.outcome == "viewed"
    assert len(by_day([line])) == 1


def test_drills_are_a_report_of_their_own() -> None:
    both = [A_DECISION, replace(A_DECISION, case="2", exercise=True)]
    assert [len(case_lines(both, SEOUL, exercises=drills)[0]) for drills in (False, True)] == [1, 1]
    assert case_lines(both, SEOUL)[1] == 1


def test_denied_cases_count_in_no_share() -> None:
    figures = figures_of(
        lines_of(
            A_DECISION,
            replace(A_DECISION, case="2", decided_us=T0_US + 400 * SECOND_US),
            replace(A_DECISION, case="3", shows_target=False, status="waiting"),
            replace(A_DECISION, case="4", shows_target=False, status="denied"),
        )
    )
    assert (figures.cases, figures.allowed, figures.denied, figures.no_camera) == (4, 3, 1, 1)
    assert (figures.within_short, figures.within_long) == (1 / 3, 2 / 3)


def test_no_cases_are_no_figures() -> None:
    figures = figures_of(())
    assert (figures.cases, figures.median_s, figures.within_short) == (0, None, None)


decisions = st.builds(
    replace,
    st.just(A_DECISION),
    case=st.sampled_from("abcdef"),
    version=st.integers(1, 4),
    kind=st.sampled_from(["robbery", "flood"]),
    district=st.sampled_from(["가", "나", None]),
    reported_us=st.integers(T0_US - 10**11, T0_US),
    shows_target=st.booleans(),
    hands_over=st.booleans(),
    status=st.sampled_from(["active", "waiting", "denied", "needs-location"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(decisions, max_size=20))
def test_every_case_is_in_one_group_of_each_kind_and_has_one_outcome(given_decisions: list[Decision]) -> None:
    lines = lines_of(*given_decisions)
    whole = figures_of(lines)
    for groups in (by_kind(lines), by_district(lines), by_hour(lines), by_day(lines)):
        for name in ("cases", "viewed", "denied", "no_place", "no_camera"):
            assert sum(getattr(group, name) for group in groups.values()) == getattr(whole, name)
    assert whole.cases == whole.viewed + whole.denied + whole.no_place + whole.no_camera
    assert case_lines(given_decisions + given_decisions, SEOUL)[0] == lines


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(sorted(values), share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (2.44, "2.4 s"), (45.2, "45 s"),
     (90, "1 min 30 s"), (420, "7 min"), (3_600, "1 h"), (7_500, "2 h 5 min")],
)  # fmt: skip
def test_durations_read_as_people_say_them(seconds: float | None, text: str) -> None:
    assert lasting(seconds) == text


def test_the_page_stands_alone_and_no_text_of_a_case_becomes_markup() -> None:
    lines = lines_of(A_DECISION, replace(A_DECISION, case="2", kind="<script>alert(1)</script>", district="a&b"))
    text = page(Report(city="Seoul", span="2026-06-17", zone="Asia/Seoul", lines=lines, left_out=3))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert text.count("<svg") == 5
    assert not re.findall(r'(?:src|href)="(?!#)', text)
    assert "솔내구 (1)" in text
    assert "3 drills were left out" in text


def test_a_span_without_a_case_says_so() -> None:
    text = page(Report(city="Seoul", span="2026-06-17", zone="Asia/Seoul", lines=[], left_out=0))
    assert "No case opened in this span." in text


def test_the_same_cases_give_the_same_page() -> None:
    report = Report(city="Seoul", span="x", zone="Asia/Seoul", lines=lines_of(A_DECISION), left_out=0)
    assert page(report) == page(report)


def test_tables_hold_no_id_and_nothing_that_a_table_program_would_run() -> None:
    lines = lines_of(replace(A_DECISION, case="police_112:1", kind="=1+1"))
    rows = list(csv.DictReader(cases_csv(lines).splitlines()))
    assert rows[0]["kind"] == "'=1+1"
    assert "police_112" not in cases_csv(lines) + groups_csv({"kind": by_kind(lines)})


def test_the_database_and_the_metrics_mean_the_same_by_a_view() -> None:
    assert postgis_rows.SHOWING == SHOWING


CASES = (
    an_assignment("a", 1, status="waiting", cameras=()),
    an_assignment("a", 2, decided_us=T0_US + 30 * SECOND_US),
    an_assignment("a", 3, decided_us=T0_US + 60 * SECOND_US, cameras=(a_camera("b"),), released=("cam-1",)),
    an_assignment("b", 1, cameras=(a_camera(role="next"),)),
    an_assignment("e", 1, occurred_us=T0_US - 3_600 * SECOND_US, reported_us=T0_US - 2 * SECOND_US),
    an_assignment("c", 1, opened_us=T0_US - 24 * 3_600 * SECOND_US),
    an_assignment("d", 1, status="denied", cameras=(), where=None),
)


async def fill(kind: str, options: dict[str, object], cases: Sequence[CameraAssignment] = CASES) -> None:
    sink = build_sink(kind, options, a_context())
    await sink.write(
        [Delivered(CAMERA_ASSIGNMENTS, 0, n, record.case_id.encode(), record) for n, record in enumerate(cases)]
    )
    await sink.close()


def reported(*arguments: str, out: Path) -> Result:
    days = ("--from", "2026-06-17", "--to", "2026-06-17", "--out", str(out))
    return call("report", *arguments, *days)


async def test_the_command_reads_a_lake_and_writes_page_and_tables(tmp_path: Path) -> None:
    await fill("parquet_lake", {"folder": str(tmp_path / "lake")})
    result = reported("--lake", str(tmp_path / "lake"), out=tmp_path / "out")

    assert result.exit_code == 0, result.output
    assert "4 cases, 2 with a view; median 3 s" in result.output
    rows = list(csv.DictReader((tmp_path / "out" / "cases.csv").read_text("utf-8").splitlines()))
    assert [(row["outcome"], row["hand_overs"], row["district"]) for row in rows] == [
        ("viewed", "0", "솔내구"), ("viewed", "1", "솔내구"), ("no camera", "0", "솔내구"), ("denied", "0", "unknown"),
    ]  # fmt: skip
    assert (tmp_path / "out" / "report.html").read_text("utf-8").startswith("<!doctype html>")


async def test_what_was_reported_after_it_happened_counts_from_the_report(tmp_path: Path) -> None:
    hour_us = 3_600 * SECOND_US
    cases = (
        # Happened at 13:00, reported at 14:00:00, seen at 14:00:12.
        an_assignment("a", occurred_us=T0_US - hour_us, reported_us=T0_US, decided_us=T0_US + 12 * SECOND_US),
        # Last seen at 11:00, reported at 14:00:10; no camera at first, seen at 14:00:50.
        *(
            an_assignment(
                "b", version, occurred_us=T0_US - 3 * hour_us, reported_us=T0_US + 10 * SECOND_US,
                decided_us=T0_US + decided_s * SECOND_US, **more,
            )
            for version, decided_s, more in ((1, 11, {"status": "waiting", "cameras": ()}), (2, 50, {}))
        ),
        # Only when it happened is known: 13:58:00, seen at 14:00:02.
        an_assignment("c", occurred_us=T0_US - 120 * SECOND_US, decided_us=T0_US + 2 * SECOND_US),
    )  # fmt: skip
    await fill("parquet_lake", {"folder": str(tmp_path / "lake")}, cases)
    result = reported("--lake", str(tmp_path / "lake"), out=tmp_path / "out")

    assert "3 cases, 3 with a view; median 40 s" in result.output
    rows = list(csv.DictReader((tmp_path / "out" / "cases.csv").read_text("utf-8").splitlines()))
    assert [(row["reported"][11:19], float(row["first_view_s"])) for row in rows] == [
        ("13:58:00", 122.0), ("14:00:00", 12.0), ("14:00:10", 40.0),
    ]  # fmt: skip
    groups = list(csv.DictReader((tmp_path / "out" / "groups.csv").read_text("utf-8").splitlines()))
    hours = {row["group"]: row["cases"] for row in groups if row["grouped_by"] == "hour" and row["cases"] != "0"}
    assert hours == {"13": "1", "14": "2"}


async def test_a_file_from_before_reports_were_told_apart_counts_from_what_happened(tmp_path: Path) -> None:
    await fill("parquet_lake", {"folder": str(tmp_path)}, [an_assignment(reported_us=T0_US + SECOND_US)])
    (file,) = tmp_path.glob("camera-assignments/**/*.parquet")
    table = pq.ParquetFile(file).read()
    pq.write_table(table.drop_columns(["reported_us"]), file)

    (decision,) = from_lake(tmp_path, T0_US, T0_US + SECOND_US)
    assert decision.reported_us == T0_US


@pytest.mark.slow
async def test_lake_and_database_give_the_same_report(tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(reason)
    (tmp_path / "password").write_text(PASSWORD)
    with running_postgres() as server:
        await fill("parquet_lake", {"folder": str(tmp_path / "lake")})
        await fill("postgis", {"port": server.port, "password_file": str(tmp_path / "password")})
        # Who makes the report may read the view for figures and nothing else.
        server.run(f"CREATE ROLE reporter LOGIN PASSWORD '{PASSWORD}' IN ROLE goldentime_analysis")
        pgpass = tmp_path / "pgpass"
        pgpass.write_text(f"127.0.0.1:*:*:reporter:{PASSWORD}\n")
        pgpass.chmod(0o600)
        url = f"postgresql://reporter@127.0.0.1:{server.port}/goldentime?passfile={pgpass}"
        reported("--lake", str(tmp_path / "lake"), out=tmp_path / "a")
        result = reported("--database", url, out=tmp_path / "b")
        with_password = reported("--database", f"postgresql://a:b@127.0.0.1:{server.port}/x", out=tmp_path / "c")

    assert result.exit_code == 0, result.output
    for name in ("cases.csv", "groups.csv", "report.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert with_password.exit_code == 2
    assert "no password" in with_password.output


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    nowhere = reported("--lake", str(tmp_path), out=tmp_path / "out")
    silent = reported("--database", "postgresql://a@127.0.0.1:1/x", out=tmp_path / "out")
    neither = reported(out=tmp_path / "out")
    assert {nowhere.exit_code, silent.exit_code, neither.exit_code} == {2}
    assert "holds no decisions" in nowhere.output
    assert "the database cannot be read" in silent.output
    assert not (tmp_path / "out").exists()


async def test_days_are_those_of_the_city(tmp_path: Path) -> None:
    await fill("parquet_lake", {"folder": str(tmp_path)})
    begin = int(datetime(2026, 6, 16, tzinfo=SEOUL).astimezone(UTC).timestamp()) * SECOND_US
    found = {decision.case for decision in from_lake(tmp_path, begin, begin + 24 * 3_600 * SECOND_US)}
    assert {case.partition("/")[0] for case in found} == {"c"}
