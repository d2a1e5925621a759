"""Numpy columns as attributes of one object, all of one length, grown by doubling; a column may be several wide."""

import numpy as np

FIRST_CAPACITY = 1024


class GrowingColumns:
    """Base of tables whose array attributes are columns. Growth replaces them: keep no reference to a column."""

    def fill_of(self, column: str) -> float:
        """Return what new rows of a column hold."""
        del column
        return 0

    def reserve(self, rows: int) -> None:
        """Make room for at least this many rows."""
        for name, column in vars(self).items():
            if not isinstance(column, np.ndarray) or len(column) >= rows:
                continue
            capacity = len(column)
            while capacity < rows:
                capacity *= 2
            grown = np.full((capacity, *column.shape[1:]), self.fill_of(name), column.dtype)
            grown[: len(column)] = column
            setattr(self, name, grown)
