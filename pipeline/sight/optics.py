"""What each camera can show, as columns that the choosing kernels read: range, field, direction, trust.

Range of a pixel density: R = width_px / (2 · tan(field / 2) · px_per_m); 62 px/m is "observe", 25 "detect"
(IEC 62676-4). Unknown optics get the policy's assumed range, which a zoom multiplies by tan 30° / tan(field / 2).

A camera of unknown heading is taken to look along a street at its pole: four directions at a junction, two between
junctions, any without a street map.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from pipeline.cameras.camera_columns import HEALTH_STATES, KIND_CODES
from pipeline.cameras.camera_table import CameraTable
from pipeline.compiled import compiled
from pipeline.growing_columns import FIRST_CAPACITY, GrowingColumns
from pipeline.rules.levels import DETECT_PER_OBSERVE, OBSERVE_PX_PER_M
from pipeline.rules.policy import ViewPolicy
from pipeline.world.streets import Streets, nearest_cells
from schemas.camera import CameraKind, HealthState
from schemas.camera_knowledge import SECTORS

FIXED, LOOSE, ROUND, TURNING = 0, 1, 2, 3
BIN_DEG = 3.0
NO_DIRECTION = 255
# No camera is asked to show anything beyond.
REACH_M_MAX = 200.0
# Why a camera may not be looked through; the order is that in which reasons are named.
USABLE, OUT_OF_SERVICE, NOT_PLACED, NOT_ANSWERING, NO_CAMERA = 0, 1, 2, 3, 255
# A pole farther from all streets than this has no street to look along.
STREET_M_MAX = 40.0
# Poles this near a junction are taken to watch its streets.
JUNCTION_M = 15.0
_FULL_CIRCLE_DEG = 360.0
_PTZ_WIDEST_DEG = 60.0
# No lens of a street camera is narrower; registries write 0 for "unknown", which would see infinitely far.
_FIELD_DEG_MIN = 1.0
_FACINGS = 4
# Street directions nearer together than this are one for a camera.
_SAME_DIRECTION_DEG = 30.0
_PTZ, _ALL_ROUND = KIND_CODES[CameraKind.PTZ], KIND_CODES[CameraKind.ALL_ROUND]
_DARK = (HealthState.DOWN, HealthState.MAINTENANCE, HealthState.OBSTRUCTED)
# Which cameras can be looked through, by health code; one that nothing was heard of (-1, the last place) can.
_ANSWERS = np.array([*(state not in _DARK for state in HEALTH_STATES), True])


class Optics(GrowingColumns):
    """Columns by camera row, in step with the camera table after each ``refresh``; growth replaces them.

    Attributes:
        x_m: metres east on the table's plane of where it stands as far as is known: the registry's place, or learned.
        y_m: metres north on it.
        usable: the row holds a camera in service, placed and answering.
        reason: why it is not usable: ``OUT_OF_SERVICE``, ``NOT_PLACED``, ``NOT_ANSWERING``, ``NO_CAMERA``; else 0.
        purposes: set of ``PURPOSE_BITS``.
        site: number of its pole or building.
        motion: ``FIXED`` (heading known), ``LOOSE`` (heading unknown), ``ROUND`` or ``TURNING``.
        azimuth_deg: bearing of the optical axis, NaN if unknown.
        field_deg: horizontal field of view, at the widest of what zooms; 360 of what sees all round.
        observe_m: range of 62 px/m at each field of ``zoom_deg``, shape (rows, zooms); column 0 of what does not turn.
        reach_m: farthest that the camera may be asked to show anything.
        facing: bearing bins of the street directions at the pole, shape (rows, 4), ``NO_DIRECTION`` for none.
        facing_n: among how many directions an unknown heading is shared: 4, 2, or 0 without a street.
        factor: learned multiplier of what it shows, by sector of 30 degrees, shape (rows, 12); 1 without knowledge.
        assumed: resolution or field of view is not known but assumed.
        id_hash: hash of the camera's id, which decides between equals whatever row the camera got.
        zoom_deg: fields of view of what zooms, widest first, shape (zooms,).
    """

    def __init__(self) -> None:
        self.zoom_deg: tuple[float, ...] = (_PTZ_WIDEST_DEG,)
        rows = FIRST_CAPACITY
        self.x_m: NDArray[np.float64] = np.zeros(rows)
        self.y_m: NDArray[np.float64] = np.zeros(rows)
        self.usable: NDArray[np.bool_] = np.zeros(rows, np.bool_)
        self.reason: NDArray[np.uint8] = np.full(rows, NO_CAMERA, np.uint8)
        self.purposes: NDArray[np.uint16] = np.zeros(rows, np.uint16)
        self.site: NDArray[np.int32] = np.zeros(rows, np.int32)
        self.motion: NDArray[np.uint8] = np.zeros(rows, np.uint8)
        self.azimuth_deg: NDArray[np.float32] = np.zeros(rows, np.float32)
        self.field_deg: NDArray[np.float32] = np.zeros(rows, np.float32)
        self.observe_m: NDArray[np.float32] = np.zeros((rows, 1), np.float32)
        self.reach_m: NDArray[np.float32] = np.zeros(rows, np.float32)
        self.facing: NDArray[np.uint8] = np.full((rows, _FACINGS), NO_DIRECTION, np.uint8)
        self.facing_n: NDArray[np.uint8] = np.zeros(rows, np.uint8)
        self.factor: NDArray[np.float32] = np.ones((rows, SECTORS), np.float32)
        self.assumed: NDArray[np.uint8] = np.zeros(rows, np.uint8)
        self.id_hash: NDArray[np.uint64] = np.zeros(rows, np.uint64)

    def fill_of(self, column: str) -> float:
        """Return what new rows of a column hold."""
        return {"reason": NO_CAMERA, "facing": NO_DIRECTION, "factor": 1.0}.get(column, 0)

    def refresh(
        self,
        cameras: CameraTable,
        rows: NDArray[np.intp] | None,
        streets: Streets | None,
        view: ViewPolicy,
    ) -> None:
        """Bring rows up to date with the camera table.

        Args:
            cameras: the table.
            rows: which rows were added, changed or removed; None for all.
            streets: the city's streets, whose directions unknown headings follow; None without a map.
            view: assumed optics and zooms. With other zooms than before all rows are made anew.
        """
        zoom_deg = tuple(sorted(set(view.zoom_fields_deg), reverse=True))
        self.reserve(len(cameras.alive))
        if zoom_deg != self.zoom_deg or rows is None:
            self.zoom_deg = zoom_deg
            self.observe_m = np.zeros((len(self.x_m), len(zoom_deg)), np.float32)
            self.reason[:] = NO_CAMERA
            self.usable[:] = False
            rows = np.flatnonzero(cameras.alive)
        alive = cameras.alive[rows]
        self.reason[rows[~alive]] = NO_CAMERA
        self.usable[rows[~alive]] = False
        rows = rows[alive]
        if not len(rows):
            return
        self._copy(cameras, rows)
        self._set_ranges(cameras, rows, view)
        self._set_facing(rows, streets)

    def _copy(self, cameras: CameraTable, rows: NDArray[np.intp]) -> None:
        """Take over what the table and its looks say."""
        self.x_m[rows], self.y_m[rows] = cameras.learned.seen_from_m(rows)
        for name in ("purposes", "site", "azimuth_deg"):
            getattr(self, name)[rows] = getattr(cameras, name)[rows]
        answering = _ANSWERS[cameras.health[rows]]
        self.reason[rows] = np.select(
            [~cameras.in_service[rows], ~cameras.placed[rows], ~answering],
            [OUT_OF_SERVICE, NOT_PLACED, NOT_ANSWERING],
            USABLE,
        )
        self.usable[rows] = self.reason[rows] == USABLE
        self.factor[rows] = cameras.factor[rows]
        self.id_hash[rows] = [stable_hash(cameras.camera_id(row)) for row in rows.tolist()]

    def _set_ranges(self, cameras: CameraTable, rows: NDArray[np.intp], view: ViewPolicy) -> None:
        """Set what follows from kind, field of view and resolution."""
        kind, width_px = cameras.kind[rows], cameras.width_px[rows]
        turning, all_round = kind == _PTZ, kind == _ALL_ROUND
        motion = np.where(np.isnan(self.azimuth_deg[rows]), LOOSE, FIXED)
        self.motion[rows] = np.select([turning, all_round], [TURNING, ROUND], motion)
        known_deg = cameras.field_of_view_deg[rows].astype(np.float64)
        # NaN compares as False: below the least field, as with none, the registry does not know it.
        is_known = known_deg >= _FIELD_DEG_MIN
        field_deg = np.where(is_known, known_deg, view.assumed_field_deg)
        field_deg = np.select([turning, all_round], [self.zoom_deg[0], _FULL_CIRCLE_DEG], field_deg)
        self.field_deg[rows] = field_deg
        # A panorama's pixels are spread over its whole circle, for which the formula does not hold.
        has_width = (width_px > 0) & ~all_round
        self.assumed[rows] = ~has_width | ~(is_known | turning)
        fields_deg = np.where(turning[:, None], np.array(self.zoom_deg), field_deg[:, None])
        half = np.tan(np.radians(np.minimum(fields_deg, 170.0)) / 2)
        zoomed_m = view.observe_range_ptz_m * np.tan(np.radians(_PTZ_WIDEST_DEG / 2)) / half
        assumed_m = np.where(turning[:, None], zoomed_m, view.observe_range_fixed_m)
        computed_m = width_px[:, None] / (2 * half * OBSERVE_PX_PER_M)
        observe_m = np.where(has_width[:, None], computed_m, assumed_m)
        self.observe_m[rows] = observe_m
        reach_m = np.maximum(observe_m[:, 0] * DETECT_PER_OBSERVE, np.where(turning, observe_m[:, -1], 0.0))
        self.reach_m[rows] = np.minimum(reach_m, REACH_M_MAX)

    def _set_facing(self, rows: NDArray[np.intp], streets: Streets | None) -> None:
        """Set the street directions at the poles."""
        self.facing[rows], self.facing_n[rows] = NO_DIRECTION, 0
        if streets is None:
            return
        x_m, y_m = self.x_m[rows], self.y_m[rows]
        cells = np.asarray(nearest_cells(streets, x_m, y_m, STREET_M_MAX))
        near = cells >= 0
        facing = np.full((int(near.sum()), _FACINGS), NO_DIRECTION, np.uint8)
        facing_n = np.zeros(len(facing), np.uint8)
        _face_streets(
            x_m[near],
            y_m[near],
            streets.cell_edge[cells[near]],
            (streets.node_x_m, streets.node_y_m),
            (streets.edge_from, streets.edge_to),
            (streets.node_first, streets.node_edges),
            facing,
            facing_n,
        )
        self.facing[rows[near]], self.facing_n[rows[near]] = facing, facing_n


def stable_hash(camera_id: str) -> int:
    """Return 64 bits that depend on a camera's id alone."""
    return int.from_bytes(hashlib.blake2b(camera_id.encode(), digest_size=8).digest(), "little")


_Pair = tuple[NDArray[np.float64], NDArray[np.float64]]
_Ends = tuple[NDArray[np.int32], NDArray[np.int32]]


@compiled
def _face_streets(  # noqa: PLR0917 - a kernel takes plain arguments
    x_m: NDArray[np.float64],
    y_m: NDArray[np.float64],
    edge: NDArray[np.int32],
    nodes: _Pair,
    ends: _Ends,
    at_node: _Ends,
    facing: NDArray[np.uint8],
    facing_n: NDArray[np.uint8],
) -> None:
    """Fill in for each pole, whose nearest edge is given, the bearing bins of its streets and among how many."""
    for i in range(len(x_m)):
        junction = _junction_near(x_m[i], y_m[i], edge[i], nodes, ends, at_node)
        found = 0
        if junction >= 0:
            facing_n[i] = _FACINGS
            for k in range(at_node[0][junction], at_node[0][junction + 1]):
                one = at_node[1][k]
                other = ends[1][one] if ends[0][one] == junction else ends[0][one]
                found = _add_direction(_bearing_deg(nodes, junction, other), facing[i], found)
        else:
            facing_n[i] = 2
            along_deg = _bearing_deg(nodes, ends[0][edge[i]], ends[1][edge[i]])
            found = _add_direction(along_deg, facing[i], found)
            found = _add_direction((along_deg + 180.0) % 360.0, facing[i], found)


@compiled
def _junction_near(  # noqa: PLR0917 - a kernel takes plain arguments
    x_m: float,
    y_m: float,
    edge: int,
    nodes: _Pair,
    ends: _Ends,
    at_node: _Ends,
) -> int:
    """Return the nearest junction (three streets or more) within ``JUNCTION_M``, looked for one edge around; or -1."""
    best, best_m2 = -1, JUNCTION_M * JUNCTION_M
    for side in range(2):
        end = ends[side][edge]
        for k in range(at_node[0][end], at_node[0][end + 1]):
            for far in range(2):
                node = ends[far][at_node[1][k]]
                if at_node[0][node + 1] - at_node[0][node] < 3:
                    continue
                m2 = (nodes[0][node] - x_m) ** 2 + (nodes[1][node] - y_m) ** 2
                if m2 < best_m2:
                    best, best_m2 = node, m2
    return best


@compiled
def _bearing_deg(nodes: _Pair, start: int, end: int) -> float:
    """Return the bearing from one node to another, 0 to 360."""
    bearing = np.degrees(np.arctan2(nodes[0][end] - nodes[0][start], nodes[1][end] - nodes[1][start]))
    return float(bearing % 360.0)


@compiled
def _add_direction(bearing_deg: float, facing: NDArray[np.uint8], found: int) -> int:
    """Write a direction into the next free place unless one like it is there; return how many there are."""
    for k in range(found):
        off_deg = abs((facing[k] * BIN_DEG + BIN_DEG / 2 - bearing_deg + 180.0) % 360.0 - 180.0)
        if off_deg < _SAME_DIRECTION_DEG:
            return found
    if found == _FACINGS:
        return found
    facing[found] = int(bearing_deg / BIN_DEG) % 120
    return found + 1
