"""One beat of a camera to its state. Pure."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.items import is_true, time_us_of
from schemas.camera import CameraHealth, HealthState

SOURCE = "camera_health"
KEPT = ("camera_id", "state", "at")
ID_CHARACTERS_MAX = 128
_ID = re.compile(r"[^\s\x00-\x1f]{1,128}")
UP, DOWN = HealthState.UP, HealthState.DOWN
MAINTENANCE, OBSTRUCTED = HealthState.MAINTENANCE, HealthState.OBSTRUCTED
# What video systems call the four states.
STATES: Mapping[str, HealthState] = {
    **dict.fromkeys(("up", "online", "on", "ok", "alive", "recovered"), UP),
    **dict.fromkeys(("down", "offline", "off", "lost", "no-signal", "video-loss", "disconnected"), DOWN),
    **dict.fromkeys(("maintenance", "service"), MAINTENANCE),
    **dict.fromkeys(("obstructed", "covered", "tampered", "blurred", "dirty"), OBSTRUCTED),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """How beats are read.

    Attributes:
        source: what stands in the records as their source.
        zone: what a time without an offset means.
        future_tolerance_us: how far a clock may be ahead, microseconds.
        note: called with findings.
    """

    source: str
    zone: ZoneInfo
    future_tolerance_us: int
    note: Callable[[str], None]


def parse_beat(item: Any, now_us: int, rules: Rules) -> CameraHealth:
    """Return the state that a beat tells of; a beat without a state says that the camera is up.

    Raises:
        EntryRefusedError: it is no object, names no camera, or its state is not known.
    """
    if not isinstance(item, Mapping):
        raise EntryRefusedError("wrong-type", None, f"expected an object, got {type(item).__name__}")
    camera_id, state = _camera_id(item), _state(item)
    at_us = time_us_of(
        item, "at", now_us=now_us, tolerance_us=rules.future_tolerance_us, note=rules.note, zone=rules.zone
    )
    since_us = at_us
    if item.get("since") is not None:
        since_us = time_us_of(item, "since", now_us=at_us, tolerance_us=0, note=rules.note, zone=rules.zone)
    # The beat's own words, so that it has the same id whenever it is read.
    said = hashlib.blake2b(f"{item.get('at')} {item.get('since')}".encode(), digest_size=6).hexdigest()
    return CameraHealth(
        event_id=f"{camera_id}:{state}:{said}",
        source=rules.source,
        observed_us=at_us,
        ingested_us=now_us,
        exercise=is_true(item, "exercise"),
        camera_id=camera_id,
        state=state.value,
        since_us=min(since_us, at_us),
    )


def silence(camera_id: str, heard_us: int, silent_us: int, now_us: int, source: str) -> CameraHealth:
    """Return that a camera is down because nothing was heard of it.

    Args:
        camera_id: the camera.
        heard_us: when it was last heard of, UTC microseconds.
        silent_us: how long it may be silent, microseconds.
        now_us: UTC microseconds.
        source: what stands in the record as its source.
    """
    return CameraHealth(
        event_id=f"{camera_id}:silent:{heard_us}",
        source=source,
        observed_us=now_us,
        ingested_us=now_us,
        camera_id=camera_id,
        state=DOWN.value,
        since_us=heard_us + silent_us,
    )


def _camera_id(item: Mapping[str, Any]) -> str:
    value = item.get("camera_id")
    if value is None or value == "":
        raise EntryRefusedError("missing-field", "camera_id", "camera_id: must be given")
    if not isinstance(value, str) or not _ID.fullmatch(value):
        rule = f"must be text of at most {ID_CHARACTERS_MAX} characters without spaces"
        raise EntryRefusedError("unusable-id", "camera_id", f"camera_id: {rule}, got {type(value).__name__}")
    return value


def _state(item: Mapping[str, Any]) -> HealthState:
    value = item.get("state")
    if value is None:
        return UP
    known = STATES.get(value.strip().lower().replace("_", "-")) if isinstance(value, str) else None
    if known is None:
        raise EntryRefusedError("unknown-code", "state", f"state: must be one of {', '.join(STATES)}")
    return known
