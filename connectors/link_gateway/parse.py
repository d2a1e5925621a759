"""What is asked, what may be answered, and the link itself. Pure."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.json_bodies import json_object
from schemas.camera_assignment import CameraAssignment, CaseStatus
from schemas.view_session import ViewReason, ViewResult, ViewSession

SOURCE = "link_gateway"
UNKNOWN = "unknown"
ID_CHARACTERS_MAX = 200
SECOND_US = 1_000_000
# What the signature covers, in this order; a new order needs a new first word.
_SIGNED = ("agency", "camera", "case", "session", "masked", "expires")
_VERSION = "goldentime-link-1"
# A link has seven fields.
FIELDS_MAX = 20


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for a link.

    Attributes:
        case_id: the case; ``unknown`` for none.
        camera_id: the camera; ``unknown`` for none.
    """

    case_id: str = UNKNOWN
    camera_id: str = UNKNOWN


@dataclass(frozen=True, slots=True)
class Live:
    """What is needed of the newest version of a case.

    Attributes:
        opened_us: its opening, UTC microseconds; ``version`` and the rest are those of the assignment.
        version: see there.
        is_active: whether it has cameras to look through.
        exercise: whether it is a drill.
        agencies: to whom it is addressed.
        lease_us: end of the lease, UTC microseconds.
        views: owner and end of the view, UTC microseconds, by camera id.
        purpose: what the look is for.
        legal_basis: on which ground.
        masking_required: whether the picture must be masked.
    """

    opened_us: int
    version: int
    is_active: bool
    exercise: bool
    agencies: frozenset[str]
    lease_us: int
    views: Mapping[str, tuple[str, int]]
    purpose: str | None
    legal_basis: str | None
    masking_required: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is answered.

    Attributes:
        reason: why; ``assigned`` where the link is given.
        until_us: when the link ends, UTC microseconds; 0 where refused.
        owner: owner of the camera; empty where refused.
    """

    reason: str
    until_us: int = 0
    owner: str = ""

    @property
    def is_given(self) -> bool:
        """Return whether a link is given."""
        return self.reason == ViewReason.ASSIGNED


def ask_of(body: bytes) -> Ask:
    """Return what a body asks for.

    Raises:
        EntryRefusedError: it is no JSON object with two ids.
    """
    fields = json_object(body)
    return Ask(_id(fields, "case_id"), _id(fields, "camera_id"))


def live_of(assignment: CameraAssignment) -> Live:
    """Return what the gateway must know of a version."""
    lease_us = assignment.valid_until_us
    ends = {c.camera_id: lease_us if c.until_us is None else min(lease_us, c.until_us) for c in assignment.cameras}
    return Live(
        assignment.opened_us,
        assignment.version,
        assignment.status == CaseStatus.ACTIVE,
        assignment.exercise,
        frozenset(recipient.partition(":")[0] for recipient in assignment.recipients),
        lease_us,
        {camera.camera_id: (camera.owner, ends[camera.camera_id]) for camera in assignment.cameras},
        assignment.purpose,
        assignment.legal_basis,
        assignment.masking_required,
    )


def judge(ask: Ask, agency: str, live: Live | None, now_us: int, *, link_us: int, exercises: bool) -> Verdict:
    """Return whether an agency may look through a camera now, and until when.

    Args:
        ask: what is asked.
        agency: who asks; the token has shown it.
        live: the newest version of the case; None where there is none.
        now_us: UTC microseconds.
        link_us: how long a link holds at most, microseconds.
        exercises: whether drills open pictures.
    """
    reason = _against(agency, live, exercises)
    if reason is not None or live is None:
        return Verdict(reason or ViewReason.NO_SUCH_CASE)
    if ask.camera_id not in live.views:
        return Verdict(ViewReason.NOT_ASSIGNED)
    owner, end_us = live.views[ask.camera_id]
    # Links end at whole seconds; one that would end at once is none.
    until_us = min(end_us, now_us + link_us) // SECOND_US * SECOND_US
    if until_us <= now_us:
        return Verdict(ViewReason.OVER)
    return Verdict(ViewReason.ASSIGNED, until_us, owner)


def _against(agency: str, live: Live | None, exercises: bool) -> str | None:
    """Return what speaks against showing an agency any camera of a case; None for nothing."""
    if live is None:
        return ViewReason.NO_SUCH_CASE
    if not live.is_active:
        return ViewReason.NOT_ACTIVE
    if agency not in live.agencies:
        return ViewReason.NOT_ADDRESSED
    return ViewReason.EXERCISE if live.exercise and not exercises else None


def record_of(
    ask: Ask, agency: str, verdict: Verdict, live: Live | None, *, session_id: str, actor_ref: str | None, now_us: int
) -> ViewSession:
    """Return the record of a request."""
    is_given = verdict.is_given and live is not None
    return ViewSession(
        event_id=f"view:{session_id}",
        source=SOURCE,
        observed_us=now_us,
        ingested_us=now_us,
        exercise=live is not None and live.exercise,
        case_id=ask.case_id,
        session_id=session_id,
        result=(ViewResult.ISSUED if is_given else ViewResult.REFUSED).value,
        reason=str(verdict.reason),
        agency=agency,
        actor_ref=actor_ref,
        camera_id=ask.camera_id,
        owner=verdict.owner or None,
        opened_us=None if live is None else live.opened_us,
        version=None if live is None else live.version,
        purpose=live.purpose if is_given and live is not None else None,
        legal_basis=live.legal_basis if is_given and live is not None else None,
        masking_required=bool(is_given and live is not None and live.masking_required),
        until_us=verdict.until_us if is_given else None,
    )


def link_of(template: str, record: ViewSession, key: bytes) -> str:
    """Return the signed link of an issued session.

    Args:
        template: URL with ``{camera_id}``.
        record: the session; issued.
        key: key of the signatures.
    """
    fields = {
        "agency": record.agency,
        "camera": record.camera_id,
        "case": record.case_id,
        "session": record.session_id,
        "masked": str(int(record.masking_required)),
        "expires": str((record.until_us or 0) // SECOND_US),
    }
    query = urlencode({**fields, "signature": _signature(fields, key)})
    return f"{template.replace('{camera_id}', quote(record.camera_id, safe=''))}?{query}"


def is_good_link(url: str, key: bytes, now_us: int) -> bool:
    """Return whether a link was signed with the key and holds now: what a video server does before it shows anything.

    The camera that is shown must be the one in the field ``camera``, masked where ``masked`` is 1.
    """
    try:
        pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        return False
    fields = dict(pairs)
    if len(fields) != len(pairs) or set(fields) != {*_SIGNED, "signature"} or not fields["expires"].isdecimal():
        return False
    made = _signature(fields, key).encode()
    return (
        hmac.compare_digest(made, fields["signature"].encode("utf-8", "replace"))
        and now_us < int(fields["expires"]) * SECOND_US
    )


def _signature(fields: Mapping[str, str], key: bytes) -> str:
    """Return HMAC-SHA-256 (RFC 2104) over the fields, each with its length, so that none runs into the next."""
    parts = [fields[name].encode("utf-8", "surrogatepass") for name in _SIGNED]
    signed = b"\n".join([_VERSION.encode(), *(b"%d:%s" % (len(part), part) for part in parts)])
    return hmac.new(key, signed, hashlib.sha256).hexdigest()


def _id(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise EntryRefusedError("missing-field", name, f"{name} must be text, got {type(value).__name__}")
    if len(value) > ID_CHARACTERS_MAX or not value.isprintable():
        raise EntryRefusedError("wrong-type", name, f"{name} must be at most {ID_CHARACTERS_MAX} printable characters")
    return value
