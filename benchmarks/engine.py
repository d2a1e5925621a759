"""What the engine costs, in this process and without a broker: ``python -m benchmarks.engine``.

Prints CPU-µs per fix for decode (``intake.read``), engine (``step``) and encode (output records) on the benchmarks'
city, then the table of stages (``benchmarks.stages``): on a synthetic street map, or without one (``--no-streets``).
With ``--profile`` it says where the time of the fixes goes; with ``--write`` both tables go into the README.
"""

import argparse
import cProfile
import json
import pstats
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks import report
from benchmarks.partition import BenchPartition
from benchmarks.stages import Stage, stages_of
from benchmarks.workload import SEED


@dataclass(slots=True)
class Costs:
    """What was spent, in CPU-seconds by stage, and what came out of it."""

    stage_s: dict[str, float] = field(default_factory=lambda: dict.fromkeys(("decode", "engine", "encode"), 0.0))
    fixes: int = 0
    versions: int = 0
    changed_sets: int = 0

    def figures(self) -> dict[str, float]:
        """Return the figures that are printed."""
        per_fix = {f"{stage}_us_per_fix": seconds / self.fixes * 1e6 for stage, seconds in self.stage_s.items()}
        return {
            "fixes": self.fixes,
            **per_fix,
            "total_us_per_fix": sum(per_fix.values()),
            "versions_per_100_fixes": 100 * self.versions / self.fixes,
            "changed_sets_per_100_fixes": 100 * self.changed_sets / self.fixes,
        }


def run(bench: BenchPartition, fixes: int, batch: int) -> Costs:
    """Work off so many fixes of people with open cases; everybody has one before anyone has the next."""
    costs, clock = Costs(), time.process_time
    order = np.random.default_rng(SEED).permutation(bench.cases)
    at = 0
    while costs.fixes < fixes:
        subjects = np.take(order, np.arange(at, at + batch), mode="wrap")
        at = (at + batch) % len(order)
        bench.pass_time(1.0)
        raw = bench.fixes(subjects)
        began_s = clock()
        taken = bench.read(raw)
        read_s = clock()
        result = bench.step(taken)
        stepped_s = clock()
        bench.writer.outgoing(result, bench.now_us)
        costs.stage_s["decode"] += read_s - began_s
        costs.stage_s["engine"] += stepped_s - read_s
        costs.stage_s["encode"] += clock() - stepped_s
        costs.fixes += len(subjects)
        costs.versions += len(result.assignments)
        costs.changed_sets += sum(1 for a in result.assignments if a.added or a.released)
    return costs


def measure(options: argparse.Namespace, *, streets: bool) -> tuple[dict[str, Any], list[Stage]]:
    """Return the figures and the stages of one city, with or without streets; prints a profile if one is wanted."""
    bench = BenchPartition(
        cameras=options.cameras,
        cases=options.cases,
        quiet=options.quiet,
        walking_share=options.walking_share,
        streets=streets,
    )
    opening_us = bench.open_cases()
    run(bench, options.fixes // 5, options.batch)  # warm
    if options.profile:
        profiler = cProfile.Profile()
        profiler.runcall(run, bench, options.fixes, options.batch)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(options.profile)
        return {}, []
    figures = {"streets": streets, "scenery_cpu_s": bench.scenery_s, "opening_us_per_case": opening_us}
    return {**figures, **run(bench, options.fixes, options.batch).figures()}, stages_of(bench)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--cameras", type=int, default=84_000)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--quiet", type=int, default=100_000, help="subjects without an open case")
    parser.add_argument("--fixes", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--walking-share", type=float, default=0.06)
    parser.add_argument("--streets", action=argparse.BooleanOptionalAction, help="only with, or only without streets")
    parser.add_argument("--profile", type=int, metavar="LINES", help="print the costliest functions")
    parser.add_argument("--write", action="store_true", help="write the table of stages into benchmarks/README.md")
    options = parser.parse_args()
    variants = (True, False) if options.streets is None else (options.streets,)
    measured = {streets: measure(options, streets=streets) for streets in variants}
    if options.profile:
        return
    print(json.dumps([figures for figures, _ in measured.values()], indent=2))
    about = report.circumstances(time.strftime("%Y-%m-%d", time.gmtime()), "engine")
    text = report.stage_table(about, vars(options), {streets: stages for streets, (_, stages) in measured.items()})
    print(text)
    if options.write:
        report.write_into_readme(text, report.STAGES_MARK)


if __name__ == "__main__":
    main()
