"""What was learned of cameras, as columns by row that take no memory until something is learned."""

import numpy as np
from numpy.typing import NDArray

from pipeline.cameras.camera_columns import CameraColumns
from pipeline.cameras.camera_rows import LearnedRow, basis_of
from pipeline.geo import Floats
from schemas.camera_knowledge import SECTORS

# About 300 bytes each. Cameras are learned of by being looked through; a city has tens of thousands of them.
MAX_LEARNED = 500_000
_COLUMNS = SECTORS + 3
# Each look moves a learned pole a little; lines of sight follow it in steps, so that they are rarely computed anew.
# A step is about the distance of street cells, and below what looks can tell.
POLE_STEP_M = 4.0


class LearnedColumns:
    """Factors and poles by row, and what is known by camera id, whether that camera is in the table or not.

    A row has what is known of its camera if that was learned against the registry entry which the row is made from;
    otherwise it has factors of 1 and no offset.
    """

    def __init__(self, columns: CameraColumns) -> None:
        """Start with nothing known of the cameras in these columns."""
        self._columns = columns
        self._known: dict[bytes, LearnedRow] = {}
        self._cells: NDArray[np.float32] | None = None
        self._none = np.concatenate((np.ones(SECTORS, np.float32), np.array([0.0, 0.0, np.nan], np.float32)))

    def __len__(self) -> int:
        """Return of how many cameras something is known."""
        return len(self._known)

    def __contains__(self, key: bytes) -> bool:
        """Return whether something is known of a camera."""
        return key in self._known

    @property
    def factor(self) -> NDArray[np.float32]:
        """Return f4 (rows, 12): what the seen probability is multiplied by; read-only."""
        return self._all()[:, :SECTORS]

    @property
    def pole_east_m(self) -> NDArray[np.float32]:
        """Return f4 (rows,): where the pole seems to stand, metres east of the registry's position; read-only."""
        return self._all()[:, SECTORS]

    @property
    def pole_north_m(self) -> NDArray[np.float32]:
        """Return f4 (rows,): the same, metres north; read-only."""
        return self._all()[:, SECTORS + 1]

    @property
    def pole_error_m(self) -> NDArray[np.float32]:
        """Return f4 (rows,): 68 % error of the pole's position, NaN where nothing is known; read-only."""
        return self._all()[:, SECTORS + 2]

    def seen_from_m(self, rows: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Return (x_m, y_m) of where cameras seem to stand: the registry's place moved by what was learned.

        It moves in steps of ``POLE_STEP_M`` each way; where nothing was learned it is the registry's to the last digit.
        """
        return (
            self._columns.x_m[rows] + _in_steps(self.pole_east_m[rows]),
            self._columns.y_m[rows] + _in_steps(self.pole_north_m[rows]),
        )

    def seen_error_m(self, rows: NDArray[np.intp], unlearned_m: float) -> Floats:
        """Return the 68 % error of ``seen_from_m``, in steps too; ``unlearned_m`` where nothing was learned."""
        learned_m = _in_steps(self.pole_error_m[rows])
        return np.where(np.isnan(learned_m), unlearned_m, learned_m)

    def basis_of(self, row: int) -> int:
        """Return the checksum of a row's registry entry, against which looks teach."""
        of = self._columns
        position = float(of.lat_deg[row]), float(of.lon_deg[row])
        return basis_of(*position, int(of.kind[row]), float(of.azimuth_deg[row]), float(of.field_of_view_deg[row]))

    def note(self, key: bytes, known: LearnedRow | None) -> None:
        """Keep what is known of a camera; None forgets it."""
        if known is None:
            self._known.pop(key, None)
        else:
            self._known[key] = known

    def show(self, row: int, key: bytes) -> bool:
        """Write into a row what is known of its camera; return whether that changed the row.

        Args:
            row: row number.
            key: the camera's id, empty for a row that has lost its camera.
        """
        known = self._known.get(key)
        cells = self._none if known is None or known.basis != self.basis_of(row) else known.cells
        if self._cells is None and cells is self._none:
            return False
        written = self._room()
        if np.array_equal(written[row], cells, equal_nan=True):
            return False
        written[row] = cells
        return True

    def _room(self) -> NDArray[np.float32]:
        """Return the memory of the columns, grown to as many rows as the table has."""
        rows = len(self._columns.alive)
        if self._cells is None or len(self._cells) < rows:
            grown = np.tile(self._none, (rows, 1))
            if self._cells is not None:
                grown[: len(self._cells)] = self._cells
            self._cells = grown
        return self._cells

    def _all(self) -> NDArray[np.float32]:
        """Return all columns; before the first knowledge one row that stands for all, without memory for each."""
        if self._cells is None:
            return np.broadcast_to(self._none, (len(self._columns.alive), _COLUMNS))
        view = self._room().view()
        view.flags.writeable = False
        return view


def _in_steps(metres: NDArray[np.float32]) -> Floats:
    """Return lengths rounded to ``POLE_STEP_M``."""
    steps: Floats = np.rint(metres.astype(np.float64) / POLE_STEP_M) * POLE_STEP_M
    return steps
