"""One report, order or grant through its case, or a registration of a person under protection."""

from pipeline.cases.bars import awaits_plan
from pipeline.cases.case import CHANGED, EXERCISE_MIX, NOTED, REFUSED, Applied, apply_alert, apply_incident, is_ended
from pipeline.reading.batch import Refusal
from pipeline.reading.intake import Event
from pipeline.reading.refusals import MIXED
from pipeline.rules.policy import US_PER_S
from pipeline.steps.asked import Asked
from pipeline.steps.grants import HEAD_GRANTED, apply_grant
from pipeline.steps.orders import apply_order
from pipeline.steps.step_work import ENGINE, Ask, StepWork
from pipeline.wandering.protection import ProtectionEnded
from schemas.camera_assignment import InputRef, PtzState
from schemas.case_state import CaseState
from schemas.incident import Incident
from schemas.operator_command import OperatorCommand
from schemas.protected_subject import ProtectedSubject
from schemas.ptz import PtzGrant
from schemas.wandering_alert import WanderingAlert


def apply_event(work: StepWork, event: Event, now_us: int) -> list[Asked]:
    """Apply an event to its case; return the case to decide on, if a version is due."""
    key = event.record.case_id.encode()
    if isinstance(event.record, ProtectedSubject | ProtectionEnded):
        work.result.outcomes[event.topic, _registered(work, key, event.record)] += 1
        return []
    case = work.state.cases.get(key)
    applied = _applied(work, case, event, now_us)
    if applied.outcome in (EXERCISE_MIX, REFUSED):
        work.result.outcomes[event.topic, "dead-letter"] += 1
        work.result.refusals.append(_event_refusal(event, applied))
        return []
    if applied.ptz_request is not None:
        work.requests.append((event.order, applied.ptz_request))
    due = applied.outcome == CHANGED or _heads_are_settled(case, applied)
    if applied.case is None or not due:
        # A case that begins with what is late already does not begin: nothing would ever end it.
        if case is not None and applied.case is not None and applied.case is not case:
            work.note(key, applied.case)
        work.result.outcomes[event.topic, applied.outcome] += 1
        return []
    if applied.case.exercise != (case is not None and case.exercise):
        work.drop_track(key)  # where a drill was played is not where a real person is, nor the other way round
    source = InputRef(topic=event.topic, partition=event.partition, offset=event.offset)
    actor = event.record.actor_ref if isinstance(event.record, OperatorCommand) else ENGINE
    # What a head answers is no news of the person: the lease goes on as it was.
    heard = not isinstance(event.record, PtzGrant)
    ask = Ask(
        key, applied.case, applied.reason, now_us, (source,), must=True, order=event.order, actor=actor, renews=heard
    )
    return [Asked(ask, event.topic, NOTED, event.ingested_us)]


def _registered(work: StepWork, key: bytes, record: ProtectedSubject | ProtectionEnded) -> str:
    """Take a registration, or its end; return what became of it."""
    watch = work.state.watch
    if isinstance(record, ProtectedSubject):
        watch.register(record)
        return "registered"
    return "ended" if watch.end(key) else "unknown-subject"


def _applied(work: StepWork, case: CaseState | None, event: Event, now_us: int) -> Applied:
    record = event.record
    if isinstance(record, Incident):
        return apply_incident(case, record, now_us)
    if isinstance(record, WanderingAlert):
        return apply_alert(case, record, now_us)
    if isinstance(record, OperatorCommand):
        skew_us = int(work.policy.movement.clock_skew_s * US_PER_S)
        return apply_order(case, record, now_us, skew_us=skew_us)
    if isinstance(record, PtzGrant):
        return apply_grant(case, record, now_us)
    raise TypeError(f"no event of a case: {type(record).__name__}")


def _heads_are_settled(before: CaseState | None, applied: Applied) -> bool:
    """Return whether the last head that a case had asked for was just granted, and none denied: consumers are told."""
    after = applied.case
    if applied.outcome != NOTED or applied.reason != HEAD_GRANTED or before is None or after is None:
        return False
    asked = any(held.ptz == PtzState.REQUESTED for held in before.held)
    open_wishes = any(held.ptz == PtzState.REQUESTED for held in after.held) or awaits_plan(after)
    return asked and not is_ended(after) and not open_wishes


def _event_refusal(event: Event, applied: Applied) -> Refusal:
    if applied.outcome == REFUSED and isinstance(event.record, OperatorCommand | PtzGrant):
        reason, name, message = "order-refused", "command", f"command: {applied.reason}"
    else:
        reason, name, message = MIXED
    return Refusal(
        topic=event.topic,
        partition=event.partition,
        offset=event.offset,
        key=event.key,
        payload=event.payload,
        reason=reason,
        field=name,
        message=message,
        now_us=event.now_us,
    )
