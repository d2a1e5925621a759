"""The wandering case of a story, decided by the real engine in this process: no broker, no clock."""

from collections.abc import Sequence
from typing import Any

from connectors.file_replay.parse import parse_line
from console.demo.eyes import EyesOn, Watch
from console.demo.ground import Ground
from console.demo.scenes import REPLAY
from console.demo.story import Story
from console.demo.truth import moments_of
from pipeline.reading.batch import RawBatch, StepResult
from schemas.camera import Camera
from schemas.codec import encode
from schemas.ptz import PtzGrant
from schemas.topics import CAMERAS, PTZ_GRANTS, PTZ_REQUESTS
from topologies.city_engine import CityEngine, engine_for
from topologies.city_files import City

US_PER_S = 1_000_000
STEP_S = 10
# From a wish for a head to the answer of the desk.
ANSWER_US = 300_000


class Rehearsal:
    """One partition with a city's cameras, fed by hand."""

    def __init__(self, place: City, cameras: Sequence[Camera]) -> None:
        self._engine: CityEngine = engine_for(place)
        self._cameras = self._engine.new_cameras()
        errors = self._cameras.apply_cameras([CAMERAS.key_of(c) for c in cameras], [encode(c) for c in cameras], 0)
        assert not errors
        self._state = self._engine.restore(0, {})
        self._offsets: dict[str, int] = {}

    def step(self, records: Sequence[tuple[Any, Any]], now_us: int, *, tick: bool) -> StepResult:
        """Let the engine take records and a tick; raise if it refuses one."""
        batches: dict[str, RawBatch] = {}
        for topic, record in records:
            batch = batches.setdefault(topic.name, RawBatch(topic.name, 0, [], [], [], []))
            offset = self._offsets[topic.name] = self._offsets.get(topic.name, -1) + 1
            batch.offsets.append(offset)
            batch.keys.append(topic.key_of(record))
            batch.values.append(encode(record))
            batch.appended_us.append(now_us)
        taken = self._engine.read(list(batches.values()))
        result = self._engine.step(self._state, taken, self._cameras, now_us if tick else None)
        assert not result.refusals, result.refusals[0].message
        return result


def eyes_on_walk(ground: Ground, story: Story, seed: int) -> EyesOn:
    """Return what was truly seen of a story's walker, alone in the city, and what the nearest would have shown."""
    true, case_id = ground.truth, story.walker.case_id
    rehearsal, watch = Rehearsal(ground.place, ground.registry.cameras), Watch(true, story.start_us, case_id)
    waiting = [
        drop for drop in story.drops if drop.connector == REPLAY and story.walker.case_id.encode() in drop.content
    ]
    begin_us = story.start_us + int(story.walker.begin_s) * US_PER_S
    end_us = story.start_us + int(story.walker.end_s) * US_PER_S
    for now_us in range(begin_us, end_us + US_PER_S, STEP_S * US_PER_S):
        records = []
        while waiting and waiting[0].at_us <= now_us:
            drop = waiting.pop(0)
            line = parse_line(drop.content, start_us=story.start_us, speed=1.0, now_us=drop.at_us)
            records.append((line.topic, line.record))
        _show(watch, rehearsal, rehearsal.step(records, now_us, tick=True), now_us)
    return watch.eyes_on(moments_of(story.walker, true, ground.city.streets, seed), story.reported)


def _show(watch: Watch, rehearsal: Rehearsal, result: StepResult, now_us: int) -> None:
    """Take wishes for heads to the desk and its answers back, as the topics do."""
    for _ in range(3):
        for assignment in result.assignments:
            watch.saw_decision(assignment)
        for command in result.ptz_commands:
            watch.saw_command(command)
        grants: list[PtzGrant] = result.ptz_grants
        records = [(PTZ_REQUESTS, r) for r in result.ptz_requests] + [(PTZ_GRANTS, g) for g in grants]
        if not records:
            return
        now_us += ANSWER_US
        result = rehearsal.step(records, now_us, tick=False)
