"""Who asked to look through a camera, and whether a link to its picture was given: written before the link is.

Workers chain each record into ``access-audits``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.record import Codes, EventId, Exercise, IngestedUs, ObservedUs, Source


class ViewResult(StrEnum):
    """What became of the request."""

    ISSUED = "issued"
    REFUSED = "refused"
    OTHER = "other"


class ViewReason(StrEnum):
    """Why a link was given or not."""

    ASSIGNED = "assigned"
    NOT_AUTHENTICATED = "not-authenticated"
    BAD_REQUEST = "bad-request"
    NO_SUCH_CASE = "no-such-case"
    NOT_ACTIVE = "not-active"
    NOT_ADDRESSED = "not-addressed"
    NOT_ASSIGNED = "not-assigned"
    OVER = "over"
    EXERCISE = "exercise"
    NOT_READY = "not-ready"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewSession:
    """One request for a link to a camera's picture, given or refused. Holds no position and no person's data."""

    event_id: EventId
    source: Source
    observed_us: ObservedUs
    ingested_us: IngestedUs
    exercise: Exercise = False
    case_id: Annotated[
        str, "The case that was named: a keyed pseudonym or an incident id; 'unknown' for none. Also the Kafka key."
    ]
    session_id: Annotated[str, "Id of the session, which the link carries."]
    result: Annotated[str, "What became of the request.", Codes(ViewResult)]
    reason: Annotated[str, "Why.", Codes(ViewReason)]
    agency: Annotated[str, "Who asked; 'unknown' where nobody could be told by the token."]
    actor_ref: Annotated[str | None, "Pseudonym of the operator, where the agency names one; null if not."] = None
    camera_id: Annotated[str, "Camera that was named; 'unknown' for none."]
    owner: Annotated[str | None, "Owner of the camera; null where refused."] = None
    opened_us: Annotated[int | None, "Opening of the case that was looked at; null where there was none."] = None
    version: Annotated[int | None, "Version of the assignment that was looked at; null where there was none."] = None
    purpose: Annotated[str | None, "What the look is for; null where refused."] = None
    legal_basis: Annotated[str | None, "On which ground; null where refused."] = None
    masking_required: Annotated[bool, "Whether the picture must be masked."] = False
    until_us: Annotated[int | None, "When the link ends, UTC microseconds since the epoch; null where refused."] = None
