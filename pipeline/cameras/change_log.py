"""Which rows changed lately: a bounded log by revision."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


class ChangeLog:
    """The rows of the newest changes, up to a limit; older ones are forgotten."""

    def __init__(self, limit: int) -> None:
        """Remember up to ``limit`` changed rows."""
        self._limit = limit
        self._entries: deque[Rows] = deque()
        self._size = 0
        self.revision = 0

    def add(self, rows: Rows) -> None:
        """Begin a new revision in which these rows changed."""
        self.revision += 1
        self._entries.append(rows)
        self._size += len(rows)
        while self._size > self._limit:
            self._size -= len(self._entries.popleft())

    def since(self, revision: int) -> Rows | None:
        """Return the rows that changed after a revision, growing, each once; None where the log does not reach back."""
        count = self.revision - revision
        if not 0 <= count <= len(self._entries):
            return None
        if count == 0:
            return np.empty(0, np.intp)
        return np.unique(np.concatenate(list(self._entries)[-count:]))
