"""Requests for PTZ heads and the numbers that tests of their arbitration start from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.heads.heads import Arbitration, arbitrate
from pipeline.rules.ptz_policy import PtzPolicy
from schemas.camera_assignment import Aim
from schemas.ptz import PtzCommand, PtzGrant, PtzHead, PtzRequest
from tests.support.records import LAT_DEG, LON_DEG, T0_US, S

HEADS = PtzPolicy(
    shadow=False,
    dwell_s=20,
    margin=0.05,
    protected_rank=1,
    moves_per_hour=240,
    retry_s=30,
    manual_max_s=600,
    home_after_s=60,
    slew_s=3,
)


def an_aim(pan_deg: float = 90.0, zoom: float = 1.0) -> Aim:
    """Return an aim to some bearing."""
    return Aim(
        pan_deg=pan_deg,
        tilt_deg=10.0,
        zoom=zoom,
        lat_deg=LAT_DEG,
        lon_deg=LON_DEG,
        area_width_m=20.0,
        area_height_m=10.0,
    )


def a_request(case_id: str = "case-a", **changes: Any) -> PtzRequest:
    """Return a wish for the head of ``ptz-1``; ``at_s`` and ``lease_s`` are seconds after the tests' beginning."""
    at_s, lease_s = changes.pop("at_s", 0.0), changes.pop("lease_s", 300.0)
    fields: dict[str, Any] = {
        "camera_id": "ptz-1",
        "action": "move",
        "case_id": case_id,
        "opened_us": T0_US,
        "version": 1,
        "rank": 3,
        "value": 0.3,
        "requested_us": T0_US + int(at_s * S),
        "deadline_us": T0_US + int((at_s + lease_s) * S),
    }
    fields |= changes
    if fields["action"] == "move":
        fields.setdefault("aim", an_aim())
    fields.setdefault("event_id", f"{case_id}/{fields['version']}/{fields['camera_id']}/{fields['action']}")
    return PtzRequest(**fields)


@dataclass
class HeadRun:
    """One head under way, with everything that was ordered and told. Times are seconds after the tests' beginning."""

    policy: PtzPolicy = HEADS
    head: PtzHead | None = None
    commands: list[PtzCommand] = field(default_factory=list)
    grants: list[PtzGrant] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)

    def at(self, now_s: float, *requests: PtzRequest) -> Arbitration:
        """Let the head take requests of one moment, or time alone."""
        result = arbitrate(self.head, requests, "ptz-1", T0_US + int(now_s * S), self.policy)
        self.head = result.head
        self.commands += [result.command] if result.command else []
        self.grants += result.grants
        self.outcomes += result.outcomes
        return result

    def ask(self, now_s: float, case_id: str = "case-a", **changes: Any) -> Arbitration:
        """Let one case ask at a moment."""
        return self.at(now_s, a_request(case_id, at_s=now_s, **changes))

    @property
    def holder(self) -> str | None:
        """The case that holds the head."""
        return self.head.case_id if self.head else None

    @property
    def actions(self) -> list[str]:
        """What the head was ordered, in order."""
        return [command.action for command in self.commands]

    def told(self, case_id: str) -> list[tuple[str, str]]:
        """Return what a case was told, in order, as (result, reason)."""
        return [(grant.result, grant.reason) for grant in self.grants if grant.case_id == case_id]


def seconds(time_us: int) -> float:
    """Return a time as seconds after the tests' beginning."""
    return (time_us - T0_US) / S


def by_case(grants: Sequence[PtzGrant]) -> dict[str, PtzGrant]:
    """Return answers by the case they are for."""
    return {grant.case_id: grant for grant in grants}
