"""Who was allowed to look through which cameras, for what and on which ground, and who looked: append-only, chained."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from schemas.record import Codes, Exercise


class AuditAction(StrEnum):
    """What happened to the access."""

    GRANT = "grant"
    CHANGE = "change"
    RENEW = "renew"
    DENY = "deny"
    RELEASE = "release"
    VIEW = "view"
    VIEW_REFUSED = "view-refused"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessAudit:
    """One decision about access, or one request for a picture. Holds no position and no person's data."""

    event_id: Annotated[str, "The assignment's event_id, one record for each of its versions; or the view session's."]
    sequence: Annotated[int, "Place in the partition's chain: 1, 2, … without a gap."]
    previous_hash: Annotated[str, "Hash of the record before it in the partition, hex; 64 zeros for the first."]
    hash: Annotated[str, "SHA-256 over previous_hash and this record's other fields in canonical form, hex."]
    action: Annotated[str, "What happened to the access.", Codes(AuditAction)]
    actor: Annotated[
        str,
        "Who decided: 'engine', or the pseudonym of the operator whose order it followed. Of a view who asked: the "
        "operator's pseudonym, or 'agency' where the agency named none.",
    ]
    case_id: Annotated[str, "The case: a keyed pseudonym or an incident id. Also the Kafka key."]
    version: Annotated[int, "Version of the assignment; of a view the one that was looked at, 0 for none."]
    exercise: Exercise = False
    recipients: Annotated[
        tuple[str, ...], "'agency:role' of everyone who may look from now on; of a view the agency that asked."
    ] = ()
    camera_ids: Annotated[
        tuple[str, ...], "Cameras that may be looked through from now on, sorted; of a view the one that was named."
    ] = ()
    added: Annotated[tuple[str, ...], "Cameras that could not be looked through before."] = ()
    released: Annotated[tuple[str, ...], "Cameras that may no longer be looked through."] = ()
    ending: Annotated[tuple[str, ...], "Those of camera_ids whose view ends earlier, at ending_until_us, sorted."] = ()
    ending_until_us: Annotated[
        int | None, "When the views of ending end, because others replace them, UTC microseconds; null for none."
    ] = None
    purpose: Annotated[str | None, "What the look is for; null when denied or refused."] = None
    legal_basis: Annotated[str | None, "On which ground; null when denied or refused."] = None
    masking_required: Annotated[bool, "Whether recipients must get the picture masked."] = False
    reason: Annotated[str, "Why this version was made, or the view given or refused."]
    from_us: Annotated[
        int,
        "From when the access holds, UTC microseconds since the epoch; of a view when its record stood on the topic.",
    ]
    until_us: Annotated[
        int, "When it ends by itself, UTC microseconds since the epoch; of a view its link, from_us where refused."
    ]
    policy_version: Annotated[str, "Version of the city's policy."]
