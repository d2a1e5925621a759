"""What the engine is to reach, held against what was measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]
# The goals on every city speak of the clean registry and k = 4, wide, unless they say otherwise. A clean registry's
# headings are unknown here, as in Seoul; the figures that the goals were set by had them known, so both are held.
_EVERY = (
    ("without feedback, 60 s", "clean/60/k4/wide/engine", 0.62),
    ("without feedback, 300 s", "clean/300/k4/wide/engine", 0.36),
    ("with feedback, 60 s", "clean/60/k4/wide/engine+feedback", 0.75),
    ("with feedback, 300 s", "clean/300/k4/wide/engine+feedback", 0.62),
    ("headings known, without feedback, 60 s", "known/60/k4/wide/engine", 0.62),
    ("headings known, without feedback, 300 s", "known/300/k4/wide/engine", 0.36),
    ("headings known, with feedback, 60 s", "known/60/k4/wide/engine+feedback", 0.75),
    ("headings known, with feedback, 300 s", "known/300/k4/wide/engine+feedback", 0.62),
    ("k = 8 with feedback, 60 s", "clean/60/k8/wide/engine+feedback", 0.84),
    ("k = 8 with feedback, 300 s", "clean/300/k8/wide/engine+feedback", 0.77),
    ("zoom without feedback, 300 s", "clean/300/k4/zoom/engine", 0.36),
    ("zoom with feedback, 300 s", "clean/300/k4/zoom/engine+feedback", 0.60),
)
_MEAN = (
    ("mean without feedback, 60 s", "clean/60/k4/wide/engine", 0.66),
    ("mean without feedback, 300 s", "clean/300/k4/wide/engine", 0.44),
    ("mean with feedback, 60 s", "clean/60/k4/wide/engine+feedback", 0.79),
    ("mean with feedback, 300 s", "clean/300/k4/wide/engine+feedback", 0.69),
    ("mean, headings known, without feedback, 60 s", "known/60/k4/wide/engine", 0.66),
    ("mean, headings known, without feedback, 300 s", "known/300/k4/wide/engine", 0.44),
    ("mean, headings known, with feedback, 60 s", "known/60/k4/wide/engine+feedback", 0.79),
    ("mean, headings known, with feedback, 300 s", "known/300/k4/wide/engine+feedback", 0.69),
)
# With the faulted registry: so much above the nearest four; what was learned counts where there is such a cell.
_ABOVE = (
    ("faulted, above nearest, 60 s", "faulted/60/k4/wide", "engine+learned", 0.08),
    ("faulted, above nearest, 300 s", "faulted/300/k4/wide", "engine+learned", 0.08),
    ("faulted with feedback, above nearest, 60 s", "faulted/60/k4/wide", "engine+feedback+learned", 0.15),
    ("faulted with feedback, above nearest, 300 s", "faulted/300/k4/wide", "engine+feedback+learned", 0.15),
)
_EXTRA = (
    ("incidents, 25 m, wide: engine", 0.80),
    ("incidents, 25 m, zoom: engine", 0.88),
)
SWITCHES_PER_MINUTE = 2.5
CONTENTION_SHARE = 0.75


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal on one city: what was to be reached and what was, or None for not measured."""

    goal: str
    city: str
    wanted: float
    got: float | None

    @property
    def met(self) -> bool | None:
        """Return whether it was reached; None where nothing was measured."""
        return None if self.got is None else self.got >= self.wanted


def verdicts(rows: Sequence[Row], extras: Sequence[Row]) -> list[Verdict]:
    """Return all goals for all cities that were measured."""
    share = {row["name"]: float(row["figures"]["share_62"][0]) for row in rows}
    cities = list(dict.fromkeys(row["city"] for row in rows))
    result = list(_walks(cities, share, rows))
    extra = {(row["city"], row["name"]): float(row["figure"][0]) for row in extras}
    for city in dict.fromkeys(row["city"] for row in extras):
        result += [Verdict(goal, city, wanted, extra.get((city, goal))) for goal, wanted in _EXTRA]
        free, auction = (extra.get((city, f"contended heads: {rule}")) for rule in ("no-conflict", "auction"))
        if free and auction is not None:
            result.append(Verdict("contended heads, auction to no conflict", city, CONTENTION_SHARE, auction / free))
    return result


def _walks(cities: Sequence[str], share: dict[str, float], rows: Sequence[Row]) -> Iterator[Verdict]:
    for city in cities:
        for goal, cell, wanted in _EVERY:
            yield Verdict(goal, city, wanted, share.get(f"{city}/{cell}"))
        for goal, cell, method, wanted in _ABOVE:
            got, nearest = share.get(f"{city}/{cell}/{method}"), share.get(f"{city}/{cell}/nearest")
            yield Verdict(goal, city, wanted, None if got is None or nearest is None else got - nearest)
        switching = [
            row["figures"]["switches_per_minute"][0]
            for row in rows
            if row["city"] == city and row["method"].startswith("engine")
        ]
        if switching:  # as a goal that must not be exceeded, both turned round
            yield Verdict("most switches a minute (negative)", city, -SWITCHES_PER_MINUTE, -max(switching))
    for goal, cell, wanted in _MEAN:
        got_all = [share[f"{city}/{cell}"] for city in cities if f"{city}/{cell}" in share]
        yield Verdict(goal, "mean", wanted, sum(got_all) / len(got_all) if len(got_all) == len(cities) > 0 else None)


def markdown(found: Sequence[Verdict]) -> str:
    """Return the goals as a table, a column for each city."""
    cities = list(dict.fromkeys(verdict.city for verdict in found))
    lines = ["| goal | wanted | " + " | ".join(cities) + " |", "|---|---|" + "---|" * len(cities)]
    for goal in dict.fromkeys(verdict.goal for verdict in found):
        mine = {verdict.city: verdict for verdict in found if verdict.goal == goal}
        wanted = next(iter(mine.values())).wanted
        cells = [_cell(mine.get(city)) for city in cities]
        lines.append(f"| {goal} | {wanted:.2f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(verdict: Verdict | None) -> str:
    if verdict is None or verdict.got is None:
        return "–"
    return f"{verdict.got:.2f} {'met' if verdict.met else '**missed**'}"
