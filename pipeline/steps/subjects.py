"""All subjects and cases of a partition in columns, so that a thousand fixes are judged in a few numpy calls.

A slot belongs to one case_id. It holds the subject's track (``fix_us`` 0 for none) and, copied from its CaseState, what
a fix or tick must know at once: whether a case is open, where its cameras were chosen for, when it is due.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.growing_columns import FIRST_CAPACITY, GrowingColumns
from pipeline.reading.columns import decode_columns, encode_columns
from schemas.subject_track import SubjectTrack

NEVER_US = np.iinfo(np.int64).max
TRACK_FIELDS = (
    "fix_us",
    "updated_us",
    "lat_deg",
    "lon_deg",
    "accuracy_m",
    "speed_mps",
    "course_deg",
    "looked_lat_deg",
    "looked_lon_deg",
    "jumps",
    "jump_us",
    "jump_lat_deg",
    "jump_lon_deg",
)


class Subjects(GrowingColumns):
    """Columns by slot, grown by doubling; slots of forgotten subjects are used again.

    Attributes:
        fix_us: when the last position was measured; 0 without a track.
        updated_us: the now of the record it came from.
        lat_deg: last position, WGS 84.
        lon_deg: last position, WGS 84.
        accuracy_m: its 68 % radius.
        speed_mps: speed; NaN if unknown.
        course_deg: course; NaN if unknown.
        has_case: a case is known, open or ended.
        is_open: the case is open.
        exercise: the case is a drill.
        looked_lat_deg: where the subject was when its cameras were last looked at anew; NaN for never.
        looked_lon_deg: the same.
        jumps: fixes refused in a row as jumps that agree with each other.
        jump_us: when the newest of them was measured.
        jump_lat_deg: where the newest of them was.
        jump_lon_deg: the same.
        renewal_us: when the open case's lease must be looked at, whatever is heard.
        due_us: when a tick must look at the slot; ``NEVER_US`` for never.
    """

    def __init__(self) -> None:
        self.slot_of: dict[bytes, int] = {}
        self.keys: list[bytes] = []
        self._free: list[int] = []
        self.fix_us: NDArray[np.int64] = np.zeros(FIRST_CAPACITY, np.int64)
        self.updated_us: NDArray[np.int64] = np.zeros(FIRST_CAPACITY, np.int64)
        self.lat_deg: NDArray[np.float64] = np.zeros(FIRST_CAPACITY)
        self.lon_deg: NDArray[np.float64] = np.zeros(FIRST_CAPACITY)
        self.accuracy_m: NDArray[np.float64] = np.zeros(FIRST_CAPACITY)
        self.speed_mps: NDArray[np.float64] = np.zeros(FIRST_CAPACITY)
        self.course_deg: NDArray[np.float64] = np.zeros(FIRST_CAPACITY)
        self.has_case: NDArray[np.bool_] = np.zeros(FIRST_CAPACITY, np.bool_)
        self.is_open: NDArray[np.bool_] = np.zeros(FIRST_CAPACITY, np.bool_)
        self.exercise: NDArray[np.bool_] = np.zeros(FIRST_CAPACITY, np.bool_)
        self.looked_lat_deg: NDArray[np.float64] = np.full(FIRST_CAPACITY, np.nan)
        self.looked_lon_deg: NDArray[np.float64] = np.full(FIRST_CAPACITY, np.nan)
        self.jumps: NDArray[np.int64] = np.zeros(FIRST_CAPACITY, np.int64)
        self.jump_us: NDArray[np.int64] = np.zeros(FIRST_CAPACITY, np.int64)
        self.jump_lat_deg: NDArray[np.float64] = np.zeros(FIRST_CAPACITY)
        self.jump_lon_deg: NDArray[np.float64] = np.zeros(FIRST_CAPACITY)
        self.renewal_us: NDArray[np.int64] = np.zeros(FIRST_CAPACITY, np.int64)
        self.due_us: NDArray[np.int64] = np.full(FIRST_CAPACITY, NEVER_US)

    def fill_of(self, column: str) -> float:
        """Return what new slots of a column hold: nothing due, no look yet."""
        return NEVER_US if column == "due_us" else np.nan if column.startswith("looked") else 0

    def slots_for(self, keys: Sequence[bytes]) -> NDArray[np.intp]:
        """Return the slot of each key, making new ones for keys not seen before."""
        known = self.slot_of
        slots = [known.get(key, -1) for key in keys]
        if -1 in slots:
            slots = [self._slot_for(key) for key in keys]
            self.reserve(len(self.keys))
        return np.array(slots, np.intp)

    def free(self, slot: int) -> None:
        """Forget all about a slot's subject."""
        del self.slot_of[self.keys[slot]]
        self.keys[slot] = b""
        self.drop_track(slot)
        self.has_case[slot] = self.is_open[slot] = False
        self.due_us[slot] = NEVER_US
        self._free.append(slot)

    def drop_track(self, slot: int) -> None:
        """Forget where a slot's subject was."""
        self.fix_us[slot] = self.jumps[slot] = self.jump_us[slot] = 0
        self.jump_lat_deg[slot] = self.jump_lon_deg[slot] = 0.0
        self.looked_lat_deg[slot] = self.looked_lon_deg[slot] = np.nan

    def note_look(self, slot: int) -> None:
        """Remember that cameras were looked at anew for where the subject is now."""
        self.looked_lat_deg[slot] = self.lat_deg[slot]
        self.looked_lon_deg[slot] = self.lon_deg[slot]

    def restore(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """Take over tracks from their rows in the wire format.

        Raises:
            RecordDecodeError: a row is not a track; the topic is internal, so that is damage and no bad input.
        """
        columns = decode_columns(SubjectTrack, values, TRACK_FIELDS)
        if columns.errors:
            raise columns.errors[0][1]
        slots = self.slots_for(keys)
        for name in TRACK_FIELDS:
            getattr(self, name)[slots] = columns.data[name]

    def track(self, slot: int) -> SubjectTrack | None:
        """Return a slot's track as a record; None without one."""
        if not self.fix_us[slot]:
            return None
        return SubjectTrack(
            fix_us=int(self.fix_us[slot]),
            updated_us=int(self.updated_us[slot]),
            lat_deg=float(self.lat_deg[slot]),
            lon_deg=float(self.lon_deg[slot]),
            accuracy_m=float(self.accuracy_m[slot]),
            speed_mps=float(self.speed_mps[slot]),
            course_deg=float(self.course_deg[slot]),
            looked_lat_deg=float(self.looked_lat_deg[slot]),
            looked_lon_deg=float(self.looked_lon_deg[slot]),
            jumps=int(self.jumps[slot]),
            jump_us=int(self.jump_us[slot]),
            jump_lat_deg=float(self.jump_lat_deg[slot]),
            jump_lon_deg=float(self.jump_lon_deg[slot]),
        )

    def rows(self, slots: NDArray[np.intp]) -> list[tuple[bytes, bytes | None]]:
        """Return (key, wire value) of the slots' tracks."""
        values = encode_columns(SubjectTrack, {name: getattr(self, name)[slots] for name in TRACK_FIELDS})
        return list(zip([self.keys[slot] for slot in slots.tolist()], values, strict=True))

    def _slot_for(self, key: bytes) -> int:
        slot = self.slot_of.get(key)
        if slot is None:
            if self._free:
                slot = self._free.pop()
                self.keys[slot] = key
            else:
                slot = len(self.keys)
                self.keys.append(key)
            self.slot_of[key] = slot
        return slot
