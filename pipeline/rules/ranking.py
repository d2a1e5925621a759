"""How urgent a report is: the city's table of rules, first match wins."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.rules.policy_fields import PolicyFields
from schemas.case_state import CaseReport
from schemas.incident import Service

# Rank 0 is first. Reports of the last rank get no cameras (complaints, advice, tests).
LAST_RANK = 4


@dataclass(frozen=True, slots=True)
class ReportPattern:
    """Which reports a rule speaks of; an empty tuple matches everything."""

    services: tuple[str, ...]
    kinds: tuple[str, ...]
    urgencies: tuple[str, ...]
    with_hazard: bool

    def matches(self, report: CaseReport) -> bool:
        """Return whether the report is one that the rule speaks of."""
        return (
            (not self.services or report.service in self.services)
            and (not self.kinds or report.kind in self.kinds)
            and (not self.urgencies or report.urgency_native in self.urgencies)
            and (not self.with_hazard or bool(report.hazards))
        )


def pattern_from(fields: PolicyFields) -> ReportPattern:
    """Return the pattern a rule's table gives by ``services``, ``kinds``, ``urgencies`` and ``with_hazard``."""
    # A misspelt service would match nothing, and the rule be silently dead.
    return ReportPattern(
        fields.members("services", tuple(Service)),
        fields.texts("kinds"),
        fields.texts("urgencies"),
        fields.flag("with_hazard"),
    )


@dataclass(frozen=True, slots=True)
class RankTable:
    """Rules in order, and the rank of what no rule matches."""

    rules: tuple[tuple[ReportPattern, int], ...]
    default_rank: int

    def rank_of(self, report: CaseReport) -> int:
        """Return the rank of a report, 0 (first) to ``LAST_RANK`` (no cameras)."""
        return next((rank for pattern, rank in self.rules if pattern.matches(report)), self.default_rank)


def rank_table_from(fields: PolicyFields) -> RankTable:
    """Return the table of ``ranks.toml``: ``default_rank`` and ``[[rule]]`` with ``rank``.

    Raises:
        PolicyError: a field is missing, unknown or out of bounds.
    """
    rules: list[tuple[ReportPattern, int]] = []
    for rule in fields.tables("rule"):
        rules.append((pattern_from(rule), rule.integer("rank", 0, LAST_RANK)))
        rule.done()
    table = RankTable(tuple(rules), fields.integer("default_rank", 0, LAST_RANK))
    fields.done()
    return table


def most_urgent(reports: Iterable[CaseReport], table: RankTable) -> tuple[int, CaseReport] | None:
    """Return the lowest rank and its report, ties by time and id; None without reports."""
    ranked = [(table.rank_of(r), r.occurred_us, r.report_id, r) for r in reports]
    if not ranked:
        return None
    rank, _, _, report = min(ranked, key=lambda item: item[:3])
    return rank, report
