"""The engine of what is keyed by camera: PTZ heads and what looks teach of a camera, a partition at a time.

It is to cameras what ``pipeline.steps.engine`` is to cases, and runs beside it in the same unit of work. All requests
of one head with the same now are judged together (``heads``); ticks end leases and send heads home.
"""

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import RuleBrokenError
from pipeline.heads.desk_rules import check_observation, check_request
from pipeline.heads.head_bids import due_us
from pipeline.heads.heads import Arbitration, arbitrate
from pipeline.learning.knowledge import aged, has_faded, learn
from pipeline.reading.batch import RawBatch, Refusal, StepResult
from pipeline.reading.column_rules import refusal_of
from pipeline.rules.policy import US_PER_S, Policy
from schemas.camera_knowledge import CameraKnowledge, CameraObservation
from schemas.codec import decode
from schemas.errors import RecordDecodeError
from schemas.ptz import PtzHead, PtzRequest
from schemas.topics import CAMERA_OBSERVATIONS, PTZ_REQUESTS

# What was not looked through for so long is reckoned anew, so that a camera judged dark gets looks again; so many at a
# tick, about 2 ms.
AGED_AFTER_US = 7 * 86_400 * US_PER_S
AGED_PER_TICK = 16
# So many at a tick are asked whether they have aged, which those have not that were looked through since.
AGED_LOOKED_AT = 1_024


@dataclass(frozen=True, slots=True)
class Taken:
    """A decoded record, its now (UTC microseconds since the epoch), and where it came from."""

    record: PtzRequest | CameraObservation
    now_us: int
    batch: RawBatch
    index: int


@dataclass(slots=True)
class DeskIntake:
    """The camera-keyed records of one unit of work, read: by topic in offset order, and what was refused."""

    requests: list[Taken] = field(default_factory=list)
    observations: list[Taken] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    records: int = 0


class DeskState:
    """What a worker remembers of the cameras of one partition, advanced in place by ``step``.

    Attributes:
        heads: by camera id; one for every head that was ever asked for, because fences must never start again.
        knowledge: by camera id.
        clock_us: the latest now; a partition's time never goes back.
    """

    def __init__(self) -> None:
        self.heads: dict[str, PtzHead] = {}
        self.knowledge: dict[str, CameraKnowledge] = {}
        self.clock_us = 0
        # (when time alone changes a head, its camera id); entries that are no longer true are passed over.
        self._due: list[tuple[int, str]] = []
        # When the knowledge of a camera may have aged: one entry each, whatever was learned since it was made.
        self._ages: list[tuple[int, str]] = []
        self._aging: set[str] = set()

    @classmethod
    def restored(
        cls, head_rows: Mapping[bytes, bytes], knowledge_rows: Mapping[bytes, bytes], policy: Policy
    ) -> "DeskState":
        """Return the state that the newest rows of ``ptz-heads`` and ``camera-knowledge`` describe.

        Raises:
            RecordDecodeError: a row does not decode; only the desk writes them, so that is damage and no bad input.
        """
        state = cls()
        for value in head_rows.values():
            state.put(decode(PtzHead, value), policy)
        for value in knowledge_rows.values():
            known = decode(CameraKnowledge, value)
            state.put_knowledge(known)
        state.clock_us = max((head.updated_us for head in state.heads.values()), default=0)
        return state

    def put(self, head: PtzHead, policy: Policy) -> None:
        """Remember a head, and when time alone will change it."""
        self.heads[head.camera_id] = head
        due = due_us(head, policy.ptz)
        if due is not None:
            heapq.heappush(self._due, (due, head.camera_id))

    def put_knowledge(self, known: CameraKnowledge) -> None:
        """Remember what is known of a camera, and when it may have aged."""
        self.knowledge[known.camera_id] = known
        if known.camera_id not in self._aging and not has_faded(known):
            self._aging.add(known.camera_id)
            heapq.heappush(self._ages, (known.updated_us + AGED_AFTER_US, known.camera_id))

    def take_aged(self, now_us: int) -> list[str]:
        """Return some of the cameras that nothing was learned of for long, those that wait longest first."""
        camera_ids: list[str] = []
        for _ in range(AGED_LOOKED_AT):
            if not self._ages or self._ages[0][0] > now_us or len(camera_ids) == AGED_PER_TICK:
                break
            camera_id = self._ages[0][1]
            aged_us = self.knowledge[camera_id].updated_us + AGED_AFTER_US
            if aged_us > now_us:
                heapq.heapreplace(self._ages, (aged_us, camera_id))
                continue
            heapq.heappop(self._ages)
            self._aging.discard(camera_id)
            camera_ids.append(camera_id)
        return camera_ids

    def take_due(self, now_us: int, policy: Policy) -> list[str]:
        """Remove and return the heads that time alone has changed by now, in the order of their ids."""
        camera_ids = set()
        while self._due and self._due[0][0] <= now_us:
            due, camera_id = heapq.heappop(self._due)
            if due_us(self.heads[camera_id], policy.ptz) == due:
                camera_ids.add(camera_id)
        return sorted(camera_ids)


def read(batches: Sequence[RawBatch]) -> DeskIntake:
    """Return the batches of one partition, decoded and checked, in offset order by topic."""
    intake = DeskIntake()
    for batch in batches:
        intake.records += len(batch.offsets)
        if batch.topic == PTZ_REQUESTS.name:
            _read(batch, PtzRequest, check_request, intake.requests, intake.refusals)
        else:
            _read(batch, CameraObservation, check_observation, intake.observations, intake.refusals)
    return intake


def step(
    state: DeskState, intake: DeskIntake, policy: Policy, tick_us: int | None, into: StepResult | None = None
) -> StepResult:
    """Advance the state by the records, then by a tick, and return what was decided.

    Args:
        state: heads and knowledge of the partition; advanced in place.
        intake: the records of one unit of work, read.
        policy: the city's rules.
        tick_us: a moment after the records at which time alone may decide; None for no tick.
        into: what the unit has decided so far, to be added to; a new result if None.
    """
    result = StepResult() if into is None else into
    result.refusals += intake.refusals
    for refusal in intake.refusals:
        result.outcomes[refusal.topic, "dead-letter"] += 1
    for taken in intake.observations:
        _learn(state, taken, policy, result)
    for now_us, requests in _by_moment(state, intake.requests):
        for camera_id, of_head in _by_camera(requests):
            _note(state, arbitrate(state.heads.get(camera_id), of_head, camera_id, now_us, policy.ptz), policy, result)
    if tick_us is not None:
        state.clock_us = max(state.clock_us, tick_us)
        for camera_id in state.take_due(state.clock_us, policy):
            _note(state, arbitrate(state.heads[camera_id], (), camera_id, state.clock_us, policy.ptz), policy, result)
        _age(state, result)
    return result


def _by_moment(state: DeskState, requests: Iterable[Taken]) -> list[tuple[int, list[PtzRequest]]]:
    """Return the requests by their now, which never goes back; moves the state's clock on."""
    moments: list[tuple[int, list[PtzRequest]]] = []
    for taken in requests:
        state.clock_us = max(state.clock_us, taken.now_us)
        if not moments or moments[-1][0] != state.clock_us:
            moments.append((state.clock_us, []))
        if isinstance(taken.record, PtzRequest):
            moments[-1][1].append(taken.record)
    return moments


def _by_camera(requests: Iterable[PtzRequest]) -> list[tuple[str, list[PtzRequest]]]:
    by_camera: dict[str, list[PtzRequest]] = {}
    for request in requests:
        by_camera.setdefault(request.camera_id, []).append(request)
    return sorted(by_camera.items())


def _note(state: DeskState, arbitration: Arbitration, policy: Policy, result: StepResult) -> None:
    head = arbitration.head
    for outcome in arbitration.outcomes:
        result.outcomes[PTZ_REQUESTS.name, outcome] += 1
    result.ptz_grants += arbitration.grants
    if arbitration.command is not None:
        result.ptz_commands.append(arbitration.command)
    before = state.heads.get(head.camera_id)
    # A head that was only asked about in vain is not worth a row.
    if head != before and (before is not None or head.fence or head.manual_by is not None):
        state.put(head, policy)
        result.heads[head.camera_id] = head


def _learn(state: DeskState, taken: Taken, policy: Policy, result: StepResult) -> None:
    """Learn from a look; a drill's look teaches nothing, because its target may have been played.

    A look of the future is refused: everything that was learned before it would count as old.
    """
    observation = taken.record
    if not isinstance(observation, CameraObservation) or observation.exercise:
        result.outcomes[CAMERA_OBSERVATIONS.name, "exercise"] += 1
        return
    if observation.observed_us > taken.now_us + int(policy.movement.clock_skew_s * US_PER_S):
        rule = "observed_us: must not lie after its arrival by more than movement.clock_skew_s"
        result.refusals.append(refusal_of(taken.batch, taken.index, "clock-skew", "observed_us", rule))
        result.outcomes[CAMERA_OBSERVATIONS.name, "dead-letter"] += 1
        return
    camera_id = observation.camera_id
    result.knowledge[camera_id] = known = learn(state.knowledge.get(camera_id), observation)
    state.put_knowledge(known)
    result.outcomes[CAMERA_OBSERVATIONS.name, "learned"] += 1


def _age(state: DeskState, result: StepResult) -> None:
    """Let some of the knowledge that nothing was added to fade."""
    for camera_id in state.take_aged(state.clock_us):
        result.knowledge[camera_id] = known = aged(state.knowledge[camera_id], state.clock_us)
        state.put_knowledge(known)


def _read(
    batch: RawBatch,
    record_type: type[Any],
    check: Callable[[Any, int], None],
    taken: list[Taken],
    refusals: list[Refusal],
) -> None:
    for i, value in enumerate(batch.values):
        try:
            record = decode(record_type, value)
            if batch.keys[i] != record.camera_id.encode():
                raise RuleBrokenError("key-mismatch", "camera_id", "must equal the Kafka key")
            check(record, batch.appended_us[i])
        except RecordDecodeError as error:
            refusals.append(refusal_of(batch, i, error.reason, None, str(error)))
        except RuleBrokenError as error:
            refusals.append(refusal_of(batch, i, error.reason, error.field, str(error)))
        else:
            taken.append(Taken(record, batch.appended_us[i], batch, i))
