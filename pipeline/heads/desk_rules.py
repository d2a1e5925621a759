"""What a record must keep before the camera desk leans on it."""

import math

import numpy as np

from pipeline.errors import RuleBrokenError
from pipeline.learning.hypotheses import EVIDENCE_BYTES
from pipeline.rules.policy import US_PER_S
from schemas.camera_knowledge import SECTORS, CameraObservation
from schemas.ptz import PtzAction, PtzRequest

# Nobody may wish for a head for longer: a lease is minutes, and a wrong clock must not keep a head for a year.
LEASE_US_MAX = 86_400 * US_PER_S
RANK_MAX = 100


def check_request(request: PtzRequest, now_us: int) -> None:
    """Check what the arbitration leans on.

    Raises:
        RuleBrokenError: a number is out of its range, or something that the action needs is missing.
    """
    if not 0 <= request.value <= 1:  # NaN breaks it too
        raise RuleBrokenError("out-of-range", "value", "must be from 0 to 1")
    if not 0 <= request.rank <= RANK_MAX:
        raise RuleBrokenError("out-of-range", "rank", f"must be from 0 to {RANK_MAX}")
    if request.deadline_us > now_us + LEASE_US_MAX:
        raise RuleBrokenError("out-of-range", "deadline_us", "must lie within a day after its arrival")
    if request.action == PtzAction.MOVE and request.aim is None:
        raise RuleBrokenError("missing", "aim", "a move must say where to")
    if request.action in (PtzAction.TAKE_OVER, PtzAction.RESUME) and not request.actor_ref:
        raise RuleBrokenError("missing", "actor_ref", "a take-over or resume must say who ordered it")
    aim = request.aim
    if aim is not None and not (math.isfinite(aim.pan_deg) and math.isfinite(aim.tilt_deg) and 0 < aim.zoom < math.inf):
        raise RuleBrokenError("out-of-range", "aim", "pan and tilt must be finite, zoom above 0")


def check_observation(observation: CameraObservation, _now_us: int) -> None:
    """Check what learning leans on.

    Raises:
        RuleBrokenError: the sectors are not complete, or a number is out of its range.
    """
    for name, sectors in (("expected", observation.expected), ("seen", observation.seen)):
        if len(sectors) not in {0, SECTORS}:
            raise RuleBrokenError("out-of-range", name, f"must have {SECTORS} numbers or none")
        if not all(0 <= number < math.inf for number in sectors):
            raise RuleBrokenError("out-of-range", name, "must be finite and not below 0")
    if not 0 <= observation.weight <= 1:
        raise RuleBrokenError("out-of-range", "weight", "must be from 0 to 1")
    azimuth_deg = observation.registered_azimuth_deg
    for name, number in (
        ("registered_error_m", observation.registered_error_m),
        ("registered_azimuth_deg", azimuth_deg),
    ):
        if number is not None and not math.isfinite(number):
            raise RuleBrokenError("out-of-range", name, "must be finite")
    if len(observation.evidence) not in {0, EVIDENCE_BYTES}:
        raise RuleBrokenError("out-of-range", "evidence", f"must have {EVIDENCE_BYTES} bytes or none")
    if not np.isfinite(np.frombuffer(observation.evidence, "<f4")).all():
        raise RuleBrokenError("out-of-range", "evidence", "must be finite")
