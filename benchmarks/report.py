"""The measured figures as a table for people, as JSON for programs, and written into ``benchmarks/README.md``."""

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.meter import STAGES
from benchmarks.stages import Stage

ROOT = Path(__file__).resolve().parents[1]
README = Path(__file__).resolve().parent / "README.md"
SPEED_MARK, STAGES_MARK = "measured", "stages"
_PACKAGES = ("faust-streaming", "aiokafka", "numpy", "numba", "fastavro", "uvloop")

Figures = dict[str, Any]


def circumstances(date: str, scale_name: str) -> Figures:
    """Return what figures depend on: date, machine, commit and versions."""
    return {
        "date": date,
        "scale": scale_name,
        "cpu": _cpu_model(),
        "cpus": len(_lines_with("processor")),
        "commit": _commit(),
        "python": platform.python_version(),
        **{name: version(name) for name in _PACKAGES},
    }


def table(figures: Figures) -> str:
    """Return the figures as Markdown, readable as plain text too."""
    about = figures["circumstances"]
    versions = ", ".join(f"{name} {about[name]}" for name in ("python", *_PACKAGES))
    head = (
        f"{about['date']}, {about['cpus']} x {about['cpu']}, commit {about['commit']}, {about['scale']} run; {versions}"
    )
    parts = [head, _cpu_table(figures)]
    parts += [_job_table(figures), _expectations(figures)]
    return "\n\n".join(parts) + "\n"


def _cpu_table(figures: Figures) -> str:
    rows = [["broker", "job", "CPU µs/record", *STAGES, "records/s"]]
    for broker, measured in figures["brokers"].items():
        for job, taken in (
            ("(a) pass-through, stock Faust agent", measured["stock"]),
            ("(b) pass-through, agent of batches", measured["batches"]),
            ("(c) real job, backlog of fixes", measured["job"]["backlog"]),
            ("(c) real job, fixes at a steady rate", measured["job"]["paced"]),
            ("(c) real job, opening cases", measured["job"]["opening"]),
        ):
            stages = [f"{taken['stages_us'][stage]:.1f}" for stage in STAGES]
            rows.append([broker, job, f"{taken['cpu_us']:.1f}", *stages, f"{taken['records_per_s']:,.0f}"])
    return _markdown(rows)


def _job_table(figures: Figures) -> str:
    rows = [["broker", "what", "figure"]]
    for broker, measured in figures["brokers"].items():
        job, scale = measured["job"], figures["scale"]
        backlog, paced = job["backlog"], job["paced"]
        rows += [
            [broker, "(a) : (b), CPU per record", f"{measured['stock']['cpu_us'] / measured['batches']['cpu_us']:.0f}"],
            [broker, "fixes of the backlog that changed a camera set", _share(backlog)],
            [broker, "fixes of the paced run that changed a camera set", _share(paced)],
            [
                broker,
                f"report to assignment at {scale['rate']:,} fixes/s, {scale['cases']:,} open cases",
                f"p50 {paced['p50_ms']:.0f} ms, p99 {paced['p99_ms']:.0f} ms, max {paced['max_ms']:.0f} ms "
                f"({paced['assignments']:,} assignments)",
            ],
            [broker, f"{scale['cameras']:,} cameras", _ready(job["ready"])],
            [broker, f"back with {scale['cases']:,} open cases", _ready({**job["ready_again"], **_rss(backlog)})],
        ]
        if "many" in measured:
            rows.append([broker, f"{measured['many']['cameras']:,} cameras", _ready(measured["many"])])
    return _markdown(rows)


def _share(taken: Figures) -> str:
    changed, versions = (100 * taken[name] / taken["records"] for name in ("changed_sets", "versions"))
    return f"{changed:.2f} % ({versions:.2f} % made a version)"


def _rss(taken: Figures) -> Figures:
    return {"rss_mb": taken["rss_mb"]}


def _ready(taken: Figures) -> str:
    return (
        f"ready {taken['start_s']:.1f} s after process start, {taken['join_s']:.1f} s after joining the group, "
        f"{taken['rss_mb']:,.0f} MB"
    )


def _expectations(figures: Figures) -> str:
    """Return what was promised beside what was measured; of a quick run only as a hint."""
    rows = [["expected", "measured", ""]]
    for broker, measured in figures["brokers"].items():
        job = measured["job"]
        ratio = measured["stock"]["cpu_us"] / measured["batches"]["cpu_us"]
        rows.append([f"{broker}: (b) 20 times less CPU per record than (a)", f"{ratio:.0f} times", _met(ratio >= 20)])
        cost_us = job["backlog"]["cpu_us"]
        rows.append([f"{broker}: (c) at most 20 µs CPU per fix in a backlog", f"{cost_us:.1f} µs", _met(cost_us <= 20)])
        p99_ms = job["paced"]["p99_ms"]
        rows.append([f"{broker}: p99 under 250 ms", f"{p99_ms:.0f} ms", _met(p99_ms < 250)])
        if "many" in measured:
            many = measured["many"]
            rows.append(
                [
                    f"{broker}: {many['cameras']:,} cameras ready within 60 s of process start, in 2 GB",
                    f"{many['start_s']:.1f} s, {many['rss_mb'] / 1024:.2f} GB",
                    _met(many["start_s"] <= 60 and many["rss_mb"] <= 2048),
                ]
            )
    return _markdown(rows)


def _met(is_met: bool) -> str:
    return "met" if is_met else "NOT MET"


def _markdown(rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def stage_table(about: Figures, options: Figures, measured: Mapping[bool, Sequence[Stage]]) -> str:
    """Return the stages of the engine as Markdown, with and without streets."""
    head = (
        f"{about['date']}, {about['cpus']} x {about['cpu']}, commit {about['commit']}; one run, one thread; "
        f"{options['cameras']:,} cameras, {options['cases']:,} open cases, {options['quiet']:,} quiet subjects. "
        "CPU-µs for one unit: p50 and p95 over batches."
    )
    rows = [["map", "stage", "unit", "batch", "p50", "p95", "goal", ""]]
    for streets, stages in measured.items():
        for stage in stages:
            p50_us = stage.percentile_us(50)
            goal = ["", ""] if stage.goal_us is None else [f"{stage.goal_us:g}", _met(p50_us <= stage.goal_us)]
            figures = [f"{p50_us:.1f}", f"{stage.percentile_us(95):.1f}"]
            rows.append(["streets" if streets else "none", stage.name, stage.unit, f"{stage.batch:,}", *figures, *goal])
    return f"{head}\n\n{_markdown(rows)}\n"


def write_into_readme(text: str, mark: str = SPEED_MARK) -> None:
    """Put the text between the README's lines of a mark.

    Raises:
        ValueError: the lines are not there.
    """
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    readme = README.read_text("utf-8")
    if begin not in readme or end not in readme:
        raise ValueError(f"{README.name} must have the lines {begin} and {end}")
    before, rest = readme.split(begin, 1)
    _, after = rest.split(end, 1)
    README.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")


def write_json(figures: Figures, path: Path) -> None:
    """Write the figures as JSON."""
    path.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _cpu_model() -> str:
    names = _lines_with("model name")
    return names[0].split(":", 1)[1].strip() if names else platform.processor() or "unknown CPU"


def _lines_with(start: str) -> list[str]:
    info = Path("/proc/cpuinfo")
    return [line for line in info.read_text("utf-8").splitlines() if line.startswith(start)] if info.exists() else []


def _commit() -> str:
    """Return the checkout's commit, marked where files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+changes"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "unknown"
