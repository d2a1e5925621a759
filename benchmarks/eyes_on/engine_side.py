"""The only module that touches the engine: records in the wire format in, assignments out, as the worker does it.

What an engine does not know yet (a street map, sightings, grants of heads) is left out, and ``abilities`` says so; the
tables print it.
"""

import inspect
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.eyes_on.cameras import Registry
from benchmarks.eyes_on.maps import CityMap
from pipeline.reading import intake
from pipeline.reading.batch import RawBatch, StepResult
from pipeline.rules.policy import MAX_CAP, Policy
from pipeline.world.free_space import FreeSpace, box_around, free_space_from_buildings
from pipeline.world.streets import Streets, streets_from
from schemas.camera_assignment import AssignedCamera
from schemas.camera_knowledge import CameraObservation
from schemas.codec import encode
from schemas.ptz import PtzAction, PtzGrant, PtzRequest, PtzResult
from schemas.sighting import Sighting, SightingResult, SightingSource
from schemas.topics import CAMERA_OBSERVATIONS, CAMERAS, PTZ_GRANTS, SIGHTINGS, Topic
from topologies.city_engine import CityEngine
from topologies.city_files import load_city

T0_US = 1_790_000_000_000_000
US_PER_S = 1_000_000
CITIES = Path(__file__).resolve().parents[2] / "cities"
# Uncertainty may widen the engine's list; here every method gets exactly k.
NEVER_WIDER_M = 10_000.0
GRANT_S = 3_600
GRANT_AFTER_US = 300_000
# A grant may lead to a new wish, that to another; then it waits for the next moment.
GRANT_ROUNDS = 2
Arbiter = Callable[[Sequence[PtzRequest], int], list[PtzGrant]]


def policy_for(count: int, *, zoom: bool) -> Policy:
    """Return Seoul's policy with so many cameras for every rank, none ahead, and heads that zoom or do not."""
    policy = load_city(CITIES, "seoul").policy
    by_rank = (*[count] * (len(policy.selection.cameras_by_rank) - 1), 0)
    selection = replace(
        policy.selection, cameras_by_rank=by_rank, next_cameras=0, cap=MAX_CAP, uncertain_m=NEVER_WIDER_M
    )
    fields_deg = policy.view.zoom_fields_deg if zoom else policy.view.zoom_fields_deg[:1]
    return replace(policy, selection=selection, view=replace(policy.view, zoom_fields_deg=fields_deg))


class EngineSide:
    """One partition of the real engine with a city's cameras.

    Attributes:
        cpu_s: CPU seconds spent in reading and deciding.
        steps: how many units of work there were.
        on_result: is told of what each unit of work brought; None for nobody.

    Args:
        city: whose map the engine may know.
        registry: what it is told of the cameras.
        policy: the city's numbers.
        with_map: whether it gets streets and buildings, if it can take them.
        arbiter: who answers its wishes for heads; if None all are granted, as nobody else asks.
    """

    def __init__(
        self,
        city: CityMap,
        registry: Registry,
        policy: Policy,
        *,
        with_map: bool = True,
        arbiter: "Arbiter | None" = None,
    ) -> None:
        known = inspect.signature(CityEngine.__init__).parameters
        options: dict[str, Any] = {}
        if with_map and "streets" in known:
            options["streets"], options["free"] = world_map_of(city)
        self._engine = CityEngine(policy, city.plane, **options)
        self.cameras = self._engine.new_cameras()
        records = registry.records(city, T0_US)
        errors = self.cameras.apply_cameras([CAMERAS.key_of(r) for r in records], [encode(r) for r in records], 0)
        if errors:
            raise errors[0][1]
        self.state = self._engine.restore(0, {})
        self.cpu_s = 0.0
        self.steps = 0
        self.on_result: Callable[[StepResult], None] | None = None
        self._offsets: dict[str, int] = {}
        self._arbiter: Arbiter = arbiter or grant_all

    def step(self, now_s: float, records: Iterable[tuple[Topic, Any]], *, tick: bool = True) -> StepResult:
        """Let the engine take records that arrive together, and a tick.

        Wishes for heads are answered at once, in units of work of their own a moment later, as the camera desk would;
        what those bring is part of the answer.
        """
        now_us = T0_US + int(now_s * US_PER_S)
        result = self.unit(list(records), now_us, tick_us=now_us if tick else None)
        requests, grants = result.ptz_requests, result.ptz_grants
        for _ in range(GRANT_ROUNDS):
            now_us += GRANT_AFTER_US
            if "grants" in abilities():
                grants = [*grants, *self._arbiter(requests, now_us)]
            if not grants:
                break
            after = self.unit([(PTZ_GRANTS, grant) for grant in grants], now_us)
            result.assignments += after.assignments
            result.observations += after.observations
            requests, grants = after.ptz_requests, []
        return result

    def unit(self, records: Sequence[tuple[Topic, Any]], now_us: int, tick_us: int | None = None) -> StepResult:
        """Let the engine take one unit of work; raise RuntimeError if it refuses a record."""
        batches = self._batches(records, now_us)
        began = time.process_time()
        taken = self._engine.read(batches)
        result = self._engine.step(self.state, taken, self.cameras, tick_us)
        self.cpu_s += time.process_time() - began
        self.steps += 1
        if result.refusals:
            refusal = result.refusals[0]
            raise RuntimeError(f"the engine refused a record of {refusal.topic}: {refusal.message}")
        if self.on_result is not None:
            self.on_result(result)
        return result

    def teach(self, observations: Sequence[CameraObservation], now_s: float) -> None:
        """Let the camera desk learn from looks, and the camera table know what was learned."""
        if not observations:
            return
        now_us = T0_US + int(now_s * US_PER_S) + GRANT_AFTER_US
        learned = self.unit([(CAMERA_OBSERVATIONS, observation) for observation in observations], now_us).knowledge
        keys = [key.encode() for key in learned]
        values = [None if known is None else encode(known) for known in learned.values()]
        errors = self.cameras.apply_knowledge(keys, values, self.steps)
        if errors:
            raise errors[0][1]

    def _batches(self, records: Sequence[tuple[Topic, Any]], now_us: int) -> list[RawBatch]:
        by_topic: dict[str, RawBatch] = {}
        for topic, record in records:
            batch = by_topic.setdefault(topic.name, RawBatch(topic.name, 0, [], [], [], []))
            offset = self._offsets.get(topic.name, 0)
            self._offsets[topic.name] = offset + 1
            batch.offsets.append(offset)
            batch.keys.append(topic.key_of(record))
            batch.values.append(encode(record))
            batch.appended_us.append(now_us)
        return list(by_topic.values())


def aim_of(camera: AssignedCamera) -> tuple[float | None, float | None]:
    """Return (pan_deg, field_deg) of an assigned camera, None where it is not turned. Zoom 1 is 60 degrees."""
    if camera.aim is None:
        return None, None
    half = math.atan(math.tan(math.radians(30.0)) / max(camera.aim.zoom, 1e-3))
    return camera.aim.pan_deg, math.degrees(2 * half)


@cache
def abilities() -> frozenset[str]:
    """Return what the engine that is installed can do: ``map``, ``sightings``, ``grants``."""
    found = set()
    if "streets" in inspect.signature(CityEngine.__init__).parameters:
        found.add("map")
    for name, topic, record in (
        ("sightings", SIGHTINGS, _a_sighting()),
        ("grants", PTZ_GRANTS, granted(_a_request(), T0_US)),
    ):
        batch = RawBatch(topic.name, 0, [0], [topic.key_of(record)], [encode(record)], [T0_US])
        taken = intake.read([batch], policy_for(4, zoom=False))
        if not taken.refusals:
            found.add(name)
    return frozenset(found)


@cache
def world_map_of(city: CityMap) -> tuple[Streets, FreeSpace]:
    """Return the city's map in the form that ``CityEngine`` takes: streets, and free space around its buildings."""
    streets = streets_from(city.lines_deg(), city.plane)
    return streets, free_space_from_buildings(city.buildings_deg(), city.plane, box_around(streets, 30.0))


def grant_all(requests: Sequence[PtzRequest], now_us: int) -> list[PtzGrant]:
    """Return a grant for each wish to turn a head."""
    return [granted(request, now_us) for request in requests if request.action == PtzAction.MOVE]


def granted(request: PtzRequest, now_us: int) -> PtzGrant:
    """Return the grant of a wish for a head."""
    return PtzGrant(
        event_id=f"{request.event_id}:granted",
        case_id=request.case_id,
        opened_us=request.opened_us,
        camera_id=request.camera_id,
        result=PtzResult.GRANTED,
        reason="free",
        fence=max(request.version, 1),
        decided_us=now_us,
        until_us=now_us + GRANT_S * US_PER_S,
    )


def sighting(case_id: str, camera_id: str, now_s: float, *, seen: bool) -> Sighting:
    """Return one look of an operator."""
    now_us = T0_US + int(now_s * US_PER_S)
    return Sighting(
        event_id=f"eyes-on:look:{case_id}:{camera_id}:{now_us}",
        source="eyes-on",
        observed_us=now_us,
        ingested_us=now_us,
        case_id=case_id,
        camera_id=camera_id,
        result=SightingResult.SEEN if seen else SightingResult.LOOKED_NOT_SEEN,
        seen_us=now_us,
        by=SightingSource.OPERATOR,
    )


def _a_sighting() -> Sighting:
    return sighting("probe", "cam-00000", 0.0, seen=True)


def _a_request() -> PtzRequest:
    return PtzRequest(
        event_id="probe",
        camera_id="cam-00000",
        action=PtzAction.MOVE,
        case_id="probe",
        opened_us=T0_US,
        version=1,
        rank=2,
        value=0.1,
        requested_us=T0_US,
        deadline_us=T0_US,
    )
