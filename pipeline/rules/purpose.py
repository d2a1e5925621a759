"""What the law allows: service × kind × camera purpose by the city's table, first match wins, no match is a denial."""

from dataclasses import dataclass

from pipeline.rules.policy_fields import PolicyFields
from pipeline.rules.ranking import ReportPattern, pattern_from
from schemas.camera import CameraPurpose
from schemas.case_state import CaseReport

NO_RULE = "no-rule"
ANY_PURPOSE = "any"


@dataclass(frozen=True, slots=True)
class Permission:
    """What the gate says of one report.

    Attributes:
        allowed: whether cameras may be looked through for it.
        purpose: what the look is for.
        legal_basis: on which ground, e.g. ``PIPA18-2-3``.
        camera_purposes: purposes a camera may have; empty means any.
        reason: why it was denied, kebab-case.
    """

    allowed: bool
    purpose: str | None = None
    legal_basis: str | None = None
    camera_purposes: frozenset[str] = frozenset()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PurposeGate:
    """Rules in order."""

    rules: tuple[tuple[ReportPattern, Permission], ...]

    def permission(self, report: CaseReport) -> Permission:
        """Return what the first matching rule says; a report that no rule speaks of is denied."""
        for pattern, permission in self.rules:
            if pattern.matches(report):
                return permission
        return Permission(allowed=False, reason=NO_RULE)


def purpose_gate_from(fields: PolicyFields) -> PurposeGate:
    """Return the gate of ``purposes.toml``: ``[[rule]]`` with ``decision`` allow or deny.

    Raises:
        PolicyError: a field is missing, unknown or not on its list.
    """
    rules: list[tuple[ReportPattern, Permission]] = []
    for rule in fields.tables("rule"):
        pattern = pattern_from(rule)
        if rule.choice("decision", ("allow", "deny")) == "deny":
            permission = Permission(allowed=False, reason=rule.text("reason"))
        else:
            permission = Permission(
                allowed=True,
                purpose=rule.text("purpose"),
                legal_basis=rule.text("legal_basis"),
                camera_purposes=_camera_purposes(rule),
            )
        rule.done()
        rules.append((pattern, permission))
    fields.done()
    return PurposeGate(tuple(rules))


def _camera_purposes(rule: PolicyFields) -> frozenset[str]:
    names = rule.texts("camera_purposes")
    if names == (ANY_PURPOSE,):
        return frozenset()
    known = tuple(CameraPurpose)
    for name in names:
        if name not in known:
            raise rule.error("camera_purposes", f"must be '{ANY_PURPOSE}' or of {', '.join(known)}, got {name!r}")
    if not names:
        raise rule.error("camera_purposes", f"is missing; write ['{ANY_PURPOSE}'] to allow all")
    return frozenset(names)
