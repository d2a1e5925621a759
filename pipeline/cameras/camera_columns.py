"""The camera table's memory: a numpy column per attribute, and texts that many cameras share.

About 70 bytes a camera here, and about 170 for its id; no object per camera. That is what lets 2 million fit.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pipeline.geo import Floats
from pipeline.growing_columns import FIRST_CAPACITY, GrowingColumns
from schemas.camera import CameraKind, CameraPurpose, HealthState

# Codes of the columns are places in these lists. The lists may grow at the end; codes are never written anywhere.
KINDS = tuple(CameraKind)
HEALTH_STATES = tuple(HealthState)
PURPOSES = tuple(CameraPurpose)
KIND_CODES = {kind.value: code for code, kind in enumerate(KINDS)}
HEALTH_CODES = {state.value: code for code, state in enumerate(HEALTH_STATES)}
# Bit n of ``purposes`` stands for the n-th CameraPurpose: 1 crime-prevention, 2 child-protection, 4 … and so on.
PURPOSE_BITS = {purpose.value: 1 << place for place, purpose in enumerate(PURPOSES)}
HEALTH_UNKNOWN = -1


def purpose_mask(purposes: Iterable[str]) -> int:
    """Return purposes as a set of ``PURPOSE_BITS``."""
    return sum(PURPOSE_BITS[purpose] for purpose in purposes)


class CameraColumns(GrowingColumns):
    """The attributes of cameras by row; grown by doubling.

    Read them by row numbers from the table's queries, ``table.lat_deg[rows]``, and keep no column between slices:
    growth replaces them. Rows past the last and rows of removed cameras are not ``alive``; the rest of such a row is
    undefined.

    Attributes:
        alive: the row holds a camera.
        lat_deg: WGS 84 latitude.
        lon_deg: WGS 84 longitude.
        x_m: metres east on the table's plane.
        y_m: metres north on the table's plane.
        azimuth_deg: bearing of the optical axis, clockwise from north; NaN if unknown.
        field_of_view_deg: horizontal field of view; NaN if unknown.
        height_m: mounting height; NaN if unknown.
        width_px: horizontal resolution; 0 if unknown.
        kind: place in ``KINDS``.
        health: place in ``HEALTH_STATES``; -1 if nothing was heard.
        purposes: set of ``PURPOSE_BITS``.
        placed: the position is the camera's own, not a geocoder's default (see ``camera_rows``).
        in_service: the registry says that the camera is active; health is another question.
        site: number of the camera's site; equal numbers are the same site.
        owner_code: number of the camera's owner; equal numbers are the same owner.
        content_hash: hash of the row's record, to know an unchanged one.
    """

    def __init__(self) -> None:
        self.alive: NDArray[np.bool_] = np.zeros(FIRST_CAPACITY, np.bool_)
        self.lat_deg: Floats = np.zeros(FIRST_CAPACITY)
        self.lon_deg: Floats = np.zeros(FIRST_CAPACITY)
        self.x_m: Floats = np.zeros(FIRST_CAPACITY)
        self.y_m: Floats = np.zeros(FIRST_CAPACITY)
        self.azimuth_deg: NDArray[np.float32] = np.zeros(FIRST_CAPACITY, np.float32)
        self.field_of_view_deg: NDArray[np.float32] = np.zeros(FIRST_CAPACITY, np.float32)
        self.height_m: NDArray[np.float32] = np.zeros(FIRST_CAPACITY, np.float32)
        self.width_px: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        self.kind: NDArray[np.int8] = np.zeros(FIRST_CAPACITY, np.int8)
        self.health: NDArray[np.int8] = np.zeros(FIRST_CAPACITY, np.int8)
        self.purposes: NDArray[np.uint16] = np.zeros(FIRST_CAPACITY, np.uint16)
        self.placed: NDArray[np.bool_] = np.zeros(FIRST_CAPACITY, np.bool_)
        self.in_service: NDArray[np.bool_] = np.zeros(FIRST_CAPACITY, np.bool_)
        self.site: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        self.owner_code: NDArray[np.int32] = np.zeros(FIRST_CAPACITY, np.int32)
        self.content_hash: NDArray[np.int64] = np.zeros(FIRST_CAPACITY, np.int64)
        self._column_names = tuple(vars(self))


class SharedTexts:
    """Texts that many rows share, kept once under a number and forgotten with their last user."""

    def __init__(self) -> None:
        self._code_of: dict[str, int] = {}
        self._texts: list[str] = []
        self._users: list[int] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._code_of)

    def text(self, code: int) -> str:
        """Return the text of a number that is in use."""
        return self._texts[code]

    def take(self, text: str) -> int:
        """Return the text's number and count one user more."""
        code = self._code_of.get(text)
        if code is not None:
            self._users[code] += 1
            return code
        if self._free:
            code = self._free.pop()
            self._texts[code], self._users[code] = text, 1
        else:
            code = len(self._texts)
            self._texts.append(text)
            self._users.append(1)
        self._code_of[text] = code
        return code

    def give_back(self, code: int) -> None:
        """Count one user less; the last one takes the text along, and its number is used again."""
        self._users[code] -= 1
        if self._users[code] == 0:
            del self._code_of[self._texts[code]]
            self._texts[code] = ""
            self._free.append(code)
