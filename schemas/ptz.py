"""Who may turn a PTZ head: requests of cases, commands to heads, grants to cases, and the state of a head."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.camera_assignment import Aim
from schemas.record import CaseId, Codes, Exercise

CameraId = Annotated[str, "Id of the camera whose head this is about. Also the Kafka key."]


class PtzAction(StrEnum):
    """What a request asks for, or a command orders."""

    MOVE = "move"
    HOLD = "hold"
    RELEASE = "release"
    RETURN_HOME = "return-home"
    TAKE_OVER = "take-over"
    RESUME = "resume"
    OTHER = "other"


class PtzResult(StrEnum):
    """What became of a request, or of a grant held so far."""

    GRANTED = "granted"
    DENIED = "denied"
    PRE_EMPTED = "pre-empted"
    ENDED = "ended"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class PtzRequest:
    """A case's wish to turn a head, to keep it, or to give it back; or an operator's to take it over."""

    event_id: Annotated[str, "Function of (case_id, opened_us, version, camera_id, action)."]
    camera_id: CameraId
    action: Annotated[str, "What is asked for.", Codes(PtzAction)]
    case_id: CaseId
    opened_us: Annotated[int, "Opening of the case that asks, UTC microseconds since the epoch."]
    version: Annotated[int, "Version of the assignment that asks; an older one than seen before is ignored."]
    exercise: Exercise = False
    rank: Annotated[int, "Urgency of the case, 0 first."]
    first_head: Annotated[bool, "True for the one head of the case that is protected at the highest rank."] = False
    value: Annotated[float, "Bid: what the case would lose without the head, probability of a view, 0 to 1."]
    aim: Annotated[Aim | None, "Where to turn; null for actions that turn nothing."] = None
    requested_us: Annotated[int, "The now of the decision that asks, UTC microseconds since the epoch."]
    deadline_us: Annotated[int, "End of the wish: the assignment's lease, UTC microseconds since the epoch."]
    actor_ref: Annotated[str | None, "Pseudonym of the operator for take-over and resume."] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PtzCommand:
    """An order to a head. A head obeys the highest fence it has seen and no lower one."""

    event_id: Annotated[str, "Function of (camera_id, fence)."]
    camera_id: CameraId
    action: Annotated[str, "move, hold, release or return-home.", Codes(PtzAction)]
    fence: Annotated[int, "Grows by at least one with every command to this head."]
    case_id: Annotated[str | None, "Case that holds the head; null when nobody does."] = None
    aim: Annotated[Aim | None, "Where to turn; null unless the action is move."] = None
    shadow: Annotated[bool, "True where the city only watches the arbitration: nothing may be moved."] = False
    exercise: Exercise = False
    issued_us: Annotated[int, "When it was decided, UTC microseconds since the epoch."]
    deadline_us: Annotated[int, "After this the command must not be carried out; the head returns home."]


@dataclass(frozen=True, slots=True, kw_only=True)
class PtzGrant:
    """What the arbitration tells a case about one head. Goes back to the case as an input."""

    event_id: Annotated[str, "Function of (camera_id, fence, case_id, result)."]
    case_id: CaseId
    opened_us: Annotated[int, "Opening of the case that asked, UTC microseconds since the epoch."]
    camera_id: Annotated[str, "Id of the camera whose head this is about."]
    result: Annotated[str, "What became of the request.", Codes(PtzResult)]
    reason: Annotated[str, "Why: free, value, rank-protected, dwell, budget, manual, lease-expired, released."]
    by_case_id: Annotated[str | None, "Case that holds the head instead; null if none does."] = None
    fence: Annotated[int, "Fence of the head's newest command."]
    exercise: Exercise = False
    decided_us: Annotated[int, "When, UTC microseconds since the epoch."]
    until_us: Annotated[int, "granted: end of the lease; otherwise before this the same request is pointless."]
    price: Annotated[
        float | None, "What a bid must exceed to win the head; null where it was granted or no bid would win it now."
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PtzHead:
    """What the arbitration remembers of a head. Internal."""

    camera_id: CameraId
    fence: Annotated[int, "Fence of the newest command."]
    case_id: Annotated[str | None, "Case that holds the head; null when nobody does."] = None
    opened_us: Annotated[int, "Opening of that case."] = 0
    version: Annotated[int, "Newest version of that case seen here."] = 0
    rank: Annotated[int, "Rank of the holder."] = 0
    first_head: Annotated[bool, "Whether it is the holder's protected head."] = False
    value: Annotated[float, "Bid of the holder."] = 0.0
    aim: Annotated[Aim | None, "Where it was sent; null for home."] = None
    exercise: Exercise = False
    since_us: Annotated[int, "Since when the holder has it, UTC microseconds since the epoch."] = 0
    deadline_us: Annotated[int, "End of the holder's lease, UTC microseconds since the epoch."] = 0
    manual_by: Annotated[str | None, "Operator who turns it by hand; null when nobody does."] = None
    manual_until_us: Annotated[int, "When a forgotten take-over ends, UTC microseconds since the epoch."] = 0
    moves_us: Annotated[tuple[int, ...], "When it was moved lately, oldest first: the movement budget."] = ()
    updated_us: Annotated[int, "The now of the newest change, UTC microseconds since the epoch."]
