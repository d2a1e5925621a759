"""What the sink remembers over a restart: whose guardian is who, and what was told of an open case. One small file."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from schemas.protected_subject import ProtectedSubject

_TABLES = """
CREATE TABLE IF NOT EXISTS guardian (case_id TEXT PRIMARY KEY, guardian_ref TEXT NOT NULL, until_us INTEGER);
CREATE TABLE IF NOT EXISTS told (case_id TEXT, what TEXT, time_us INTEGER NOT NULL, PRIMARY KEY (case_id, what));
CREATE TABLE IF NOT EXISTS done (key TEXT PRIMARY KEY, time_us INTEGER NOT NULL);
"""
BUSY_S = 1.0


class GuardianMemory:
    """An SQLite file; used by one thread at a time.

    Args:
        path: the file; made where it is not there, in a folder that is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: sqlite3.Connection | None = None

    def register(self, subjects: Sequence[tuple[str, ProtectedSubject | None]]) -> None:
        """Take over registrations by case_id, in order; None ends one.

        Raises:
            SinkUnavailableError: the disk does not take them now.
        """
        with self._opened() as file:
            for case_id, subject in subjects:
                if subject is None or subject.guardian_ref is None:
                    file.execute("DELETE FROM guardian WHERE case_id = ?", (case_id,))
                    if subject is None:
                        file.execute("DELETE FROM told WHERE case_id = ?", (case_id,))
                    continue
                values = (case_id, subject.guardian_ref, subject.valid_until_us)
                file.execute("INSERT OR REPLACE INTO guardian VALUES (?, ?, ?)", values)

    def guardian_of(self, case_id: str, now_us: int) -> str | None:
        """Return the reference of a person's guardian; None where none is registered, or the registration has ended.

        Args:
            case_id: the person's case.
            now_us: registrations hold beyond it, UTC microseconds since the epoch.
        """
        query = "SELECT guardian_ref FROM guardian WHERE case_id = ? AND (until_us IS NULL OR until_us > ?)"
        row = self._opened().execute(query, (case_id, now_us)).fetchone()
        return None if row is None else str(row[0])

    def told(self, case_id: str) -> dict[str, int]:
        """Return what was told of a case since it began, with its time, UTC microseconds since the epoch."""
        rows = self._opened().execute("SELECT what, time_us FROM told WHERE case_id = ?", (case_id,))
        return {str(what): int(time_us) for what, time_us in rows}

    def tell(self, case_id: str, what: str, time_us: int) -> None:
        """Remember that something was told."""
        with self._opened() as file:
            file.execute("INSERT OR REPLACE INTO told VALUES (?, ?, ?)", (case_id, what, time_us))

    def is_done(self, key: str) -> bool:
        """Return whether a notice was told or passed over as told before, also of a case that is over by now."""
        return self._opened().execute("SELECT 1 FROM done WHERE key = ?", (key,)).fetchone() is not None

    def settle(self, key: str, now_us: int) -> None:
        """Remember that a notice needs no call any more, so that its record is read again in vain."""
        with self._opened() as file:
            file.execute("INSERT OR REPLACE INTO done VALUES (?, ?)", (key, now_us))

    def end(self, case_id: str) -> None:
        """Forget what was told of a case that is over."""
        with self._opened() as file:
            file.execute("DELETE FROM told WHERE case_id = ?", (case_id,))

    def forget(self, before_us: int) -> None:
        """Forget what was told longer ago: its case is over, whoever has not said so."""
        with self._opened() as file:
            file.execute("DELETE FROM told WHERE time_us < ?", (before_us,))
            file.execute("DELETE FROM done WHERE time_us < ?", (before_us,))

    def close(self) -> None:
        """Free the file; safe to call twice."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _opened(self) -> sqlite3.Connection:
        if self._file is None:
            if not self._path.parent.is_dir():
                raise ConnectorConfigError(f"option memory_file: the folder {self._path.parent} is not there")
            try:
                self._path.touch(mode=0o600)  # whose guardian is who is nobody else's business
                self._file = sqlite3.connect(self._path, timeout=BUSY_S, check_same_thread=False)
                self._file.executescript(_TABLES)
            except (sqlite3.DatabaseError, OSError) as error:
                self.close()
                raise SinkUnavailableError(f"the memory file cannot be used: {type(error).__name__}") from error
        return self._file
