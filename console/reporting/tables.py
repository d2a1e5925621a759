"""The report as CSV: one file of cases, one of groups. No ids: a case is told by its number in the file."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from console.reporting.cases import CaseLine
from console.reporting.figures import Figures

_CASES = (
    "case", "reported", "kind", "district", "outcome", "first_view_s", "own_s", "hand_overs", "versions",
)  # fmt: skip


def cases_csv(lines: Sequence[CaseLine]) -> str:
    """Return the cases, one a line, in the order of their reports."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CASES)
    for number, line in enumerate(lines, start=1):
        cells = {**asdict(line), "case": number, "reported": line.reported.isoformat(timespec="seconds")}
        writer.writerow([_cell(cells[name]) for name in _CASES])
    return out.getvalue()


def groups_csv(tables: Mapping[str, Mapping[str, Figures]]) -> str:
    """Return all groups, one a line: what it is grouped by, the group, its figures."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(Figures.__dataclass_fields__)
    writer.writerow(["grouped_by", "group", *names])
    for grouping, groups in tables.items():
        for group, figures in groups.items():
            writer.writerow([grouping, _cell(group), *(_cell(getattr(figures, name)) for name in names)])
    return out.getvalue()


def _cell(value: object) -> object:
    """Return a value as a cell: seconds and shares to three decimals, and no text that a table program would run."""
    if isinstance(value, float):
        return round(value, 3)
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value
