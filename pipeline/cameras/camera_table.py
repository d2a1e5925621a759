"""The camera-location table of a city, or of many: columns, an index, and the health of each camera.

It is fed with slices of the topics ``cameras`` and ``camera-health`` and asked for the cameras around a point. What it
answers depends on the newest record of each camera and on nothing else: not on their order, the cut of the slices, or
which row a camera got.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.cameras.camera_columns import HEALTH_UNKNOWN, CameraColumns, SharedTexts
from pipeline.cameras.camera_rows import (
    CameraRow,
    Errors,
    LearnedRow,
    newest_by_key,
    read_camera,
    read_health,
    read_knowledge,
)
from pipeline.cameras.change_log import ChangeLog
from pipeline.cameras.learned_columns import MAX_LEARNED, LearnedColumns
from pipeline.cameras.site_index import SiteIndex
from pipeline.geo import Floats, Plane
from pipeline.world.conditions import Conditions
from schemas.errors import RecordDecodeError

Rows = NDArray[np.intp]
# Twice what the table is planned for; about 0.5 GB per million.
MAX_CAMERAS = 4_000_000
# Changes that an engine can have missed and still catch up with, instead of looking at all its cases.
CHANGE_LOG_ROWS = 65_536
_PLAIN_COLUMNS = tuple(name for name in CameraRow._fields if name not in ("site_id", "owner"))


class CameraTable(CameraColumns):
    """Cameras by row number. A row keeps its camera until that is removed; then another may get it.

    The columns are the attributes of ``CameraColumns``, e.g. ``table.azimuth_deg[rows]``.
    """

    def __init__(self, plane: Plane | None = None) -> None:
        """Start empty.

        Args:
            plane: where ``x_m`` and ``y_m`` have their origin, best the city's centre. Without it the first camera's
                position is taken: any point of a city serves, but then the two columns depend on what came first.
                Distances never do.
        """
        super().__init__()
        self.plane = plane
        self._row_of: dict[bytes, int] = {}
        self._ids: list[bytes] = []
        self._free: list[int] = []
        self._sites = SharedTexts()
        self._owners = SharedTexts()
        self._health_without_camera: dict[bytes, int] = {}
        self._index = SiteIndex(self, self._ids)
        self._log = ChangeLog(CHANGE_LOG_ROWS)
        self._cameras_offset = self._health_offset = self._knowledge_offset = -1
        # Crowds and closed roads change what cameras are worth.
        self.conditions = Conditions()
        self.apply_conditions = self.conditions.apply
        # What looks have taught beyond the registry: ``learned.factor[rows]``, ``learned.pole_east_m[rows]`` and so on.
        self.learned = LearnedColumns(self)

    def __len__(self) -> int:
        """Return how many cameras the table holds."""
        return len(self._row_of)

    @property
    def version(self) -> str:
        """Return how far topics were read: ``cameras@<offset>/health@<offset>``; if read, knowledge and conditions."""
        known = "" if self._knowledge_offset < 0 else f"/knowledge@{self._knowledge_offset}"
        known += "" if self.conditions.offset < 0 else f"/conditions@{self.conditions.offset}"
        return f"cameras@{self._cameras_offset}/health@{self._health_offset}{known}"

    @property
    def factor(self) -> NDArray[np.float32]:
        """Return by row and sector of 30 degrees what the seen probability is multiplied by; read-only."""
        return self.learned.factor

    @property
    def revision(self) -> int:
        """Return a number that grows by one with each slice that changed anything."""
        return self._log.revision

    def changed_rows_since(self, revision: int) -> Rows | None:
        """Return the rows added, changed or removed after a revision; None if it is too long ago: look at all."""
        return self._log.since(revision)

    def camera_id(self, row: int) -> str:
        """Return the id of a row's camera; empty if the row holds none."""
        return self._ids[row].decode()

    def site_id(self, row: int) -> str:
        """Return the id of the pole or building of a row's camera."""
        return self._sites.text(int(self.site[row]))

    def owner(self, row: int) -> str:
        """Return who owns a row's camera."""
        return self._owners.text(int(self.owner_code[row]))

    def row_of(self, camera_id: str) -> int | None:
        """Return the row of a camera, None if there is no such camera."""
        return self._row_of.get(camera_id.encode())

    def near(self, lat_deg: float, lon_deg: float, radius_m: float) -> tuple[Rows, Floats]:
        """Return the rows of all cameras within a radius and their distances in metres.

        In order of (distance, camera id); cameras out of service or order are among them. The distance is
        ``geo.offsets_m``'s: within 1e-6 of the great circle's up to 10 km.

        Raises:
            ValueError: the point is out of range, or the radius is not within 0..50 km.
        """
        if self.plane is None:
            return np.empty(0, np.intp), np.empty(0)
        return self._index.near(self.plane, lat_deg, lon_deg, radius_m)

    def within(self, area: shapely.Polygon) -> Rows:
        """Return the rows of all cameras in a polygon of (longitude, latitude), its edge included, by camera id.

        Raises:
            ValueError: the polygon reaches beyond -180..180 or -90..90.
        """
        return np.empty(0, np.intp) if self.plane is None else self._index.within(self.plane, area)

    def apply_cameras(self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int) -> Errors:
        """Add, change and remove cameras by a slice of the topic ``cameras``, in its order.

        Args:
            keys: camera ids.
            values: Camera records in the wire format, or None to remove the camera.
            last_offset: offset of the last of them.

        Returns:
            (index, error) of each record that is not taken, with the codec's reasons, ``key-mismatch``,
            ``out-of-range`` or ``table-full``. It leaves the camera as it was.
        """
        slice_rows, errors = newest_by_key(keys, values, self._read_camera)
        removed = [self._row_of[key] for key, row in slice_rows.items() if row is None and key in self._row_of]
        placed = {key: row for key, row in slice_rows.items() if row is not None}
        if removed or placed:
            changed = np.array(removed, np.intp)
            self._remove(removed)
            if placed:
                changed = np.concatenate((changed, self._place(placed)))
            self._log.add(changed)
        self._cameras_offset = max(self._cameras_offset, last_offset)
        return errors

    def apply_health(self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int) -> Errors:
        """Note the health of cameras by a slice of the topic ``camera-health``, in its order.

        Health of a camera that is not in the table is kept until the camera comes, or comes again.

        Args:
            keys: camera ids.
            values: CameraHealth records in the wire format, or None for nothing known.
            last_offset: offset of the last of them.

        Returns:
            (index, error) of each record that is not taken, as in ``apply_cameras``.
        """
        states, errors = newest_by_key(keys, values, self._read_health)
        changed = []
        for key, state in states.items():
            row = self._row_of.get(key)
            code = HEALTH_UNKNOWN if state is None else state
            if row is None:
                self._keep_health(key, code)
            elif self.health[row] != code:
                self.health[row] = code
                changed.append(row)
        if changed:
            self._log.add(np.array(changed, np.intp))
        self._health_offset = max(self._health_offset, last_offset)
        return errors

    def apply_knowledge(self, keys: Sequence[bytes | None], values: Sequence[bytes | None], last_offset: int) -> Errors:
        """Note what was learned of cameras by a slice of the topic ``camera-knowledge``, in its order.

        Knowledge of a camera that is not in the table, or that was learned against another registry entry of it, is
        kept until the camera comes, or that entry comes again.

        Args:
            keys: camera ids.
            values: CameraKnowledge records in the wire format, or None for nothing known.
            last_offset: offset of the last of them.

        Returns:
            (index, error) of each record that is not taken, as in ``apply_cameras``.
        """
        learned, errors = newest_by_key(keys, values, self._read_knowledge)
        changed = []
        for key, known in learned.items():
            self.learned.note(key, known)
            row = self._row_of.get(key)
            if row is not None and self.learned.show(row, key):
                changed.append(row)
        if changed:
            self._log.add(np.array(changed, np.intp))
        self._knowledge_offset = max(self._knowledge_offset, last_offset)
        return errors

    def _read_camera(self, key: bytes, value: bytes, newest: dict[bytes, CameraRow | None]) -> CameraRow | None:
        if key not in newest:
            row = self._row_of.get(key)
            if row is None:
                if len(self._row_of) + len(newest) >= MAX_CAMERAS:
                    raise RecordDecodeError("table-full", f"the table holds at most {MAX_CAMERAS} cameras")
            elif self.content_hash[row] == hash(value):
                return None  # the record that the row was made from
        return read_camera(key, value)

    def _read_health(self, key: bytes, value: bytes, newest: dict[bytes, int | None]) -> int:
        if key not in self._row_of and len(self._health_without_camera) + len(newest) >= MAX_CAMERAS:
            raise RecordDecodeError("table-full", f"health is kept of at most {MAX_CAMERAS} cameras")
        return read_health(key, value)

    def _read_knowledge(self, key: bytes, value: bytes, newest: dict[bytes, LearnedRow | None]) -> LearnedRow:
        if key not in self.learned and len(self.learned) + len(newest) >= MAX_LEARNED:
            raise RecordDecodeError("table-full", f"knowledge is kept of at most {MAX_LEARNED} cameras")
        return read_knowledge(key, value)

    def _keep_health(self, key: bytes, code: int) -> None:
        if code == HEALTH_UNKNOWN:
            self._health_without_camera.pop(key, None)
        else:
            self._health_without_camera[key] = code

    def _remove(self, rows: list[int]) -> None:
        for row in rows:
            key = self._ids[row]
            del self._row_of[key]
            self._ids[row] = b""
            self._keep_health(key, int(self.health[row]))
            self._sites.give_back(int(self.site[row]))
            self._owners.give_back(int(self.owner_code[row]))
            self.learned.show(row, b"")
        self._free += rows
        gone = np.array(rows, np.intp)
        self.alive[gone] = False
        self.in_service[gone] = False
        self._index.mark(gone)

    def _place(self, placed: dict[bytes, CameraRow]) -> Rows:
        """Write rows into the columns, old cameras to their rows and new ones to free rows; return the rows."""
        rows = np.array([self._row_for(key) for key in placed], np.intp)
        self.reserve(len(self._ids))
        cells = dict(zip(CameraRow._fields, zip(*placed.values(), strict=True), strict=True))
        lat_deg, lon_deg = np.array(cells["lat_deg"]), np.array(cells["lon_deg"])
        if self.plane is None:
            self.plane = Plane(max(-89.0, min(89.0, float(lat_deg[0]))), float(lon_deg[0]))
        was_alive = self.alive[rows]
        moved = ~was_alive | (self.lat_deg[rows] != lat_deg) | (self.lon_deg[rows] != lon_deg)
        self._write_shared(self.site, self._sites, rows, was_alive, cells["site_id"])
        self._write_shared(self.owner_code, self._owners, rows, was_alive, cells["owner"])
        for name in _PLAIN_COLUMNS:
            getattr(self, name)[rows] = cells[name]
        self.x_m[rows], self.y_m[rows] = self.plane.to_metres(lat_deg, lon_deg)
        for row in rows[~was_alive].tolist():
            self.health[row] = self._health_without_camera.pop(self._ids[row], HEALTH_UNKNOWN)
        if len(self.learned):
            for row in rows.tolist():
                self.learned.show(row, self._ids[row])
        self.alive[rows] = True
        self._index.mark(rows[moved])
        return rows

    def _write_shared(
        self,
        column: NDArray[np.int32],
        shared: SharedTexts,
        rows: Rows,
        was_alive: NDArray[np.bool_],
        texts: Iterable[str],
    ) -> None:
        """Write the numbers of texts; numbers that the rows had before are given back after the new ones are taken."""
        before = column[rows[was_alive]].tolist()
        column[rows] = [shared.take(text) for text in texts]
        for code in before:
            shared.give_back(code)

    def _row_for(self, key: bytes) -> int:
        row = self._row_of.get(key)
        if row is None:
            if self._free:
                row = self._free.pop()
                self._ids[row] = key
            else:
                row = len(self._ids)
                self._ids.append(key)
            self._row_of[key] = row
        return row
