"""Which file of a drop is the whole list now: the newest by its name, and whether it is written to."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from connectors.kit.errors import SourceUnavailableError
from connectors.kit.transports.file_drop import SUFFIXES


@dataclass(frozen=True, slots=True)
class ListFile:
    """A file with what changes when it does.

    Attributes:
        path: where it is.
        stamp: time of change in nanoseconds, size in bytes, number in the file system.
    """

    path: Path
    stamp: tuple[int, int, int]

    @property
    def is_as_it_was(self) -> bool:
        """Return whether nobody has written to it or taken it away since."""
        try:
            return _stamp(self.path) == self.stamp
        except OSError:
            return False


def cursor_of(file: ListFile) -> str:
    """Return the position after a file: it stands for its content and its name.

    Raises:
        SourceUnavailableError: the file cannot be read now.
    """
    try:
        with file.path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()[:16]
    except OSError as error:
        raise _unavailable(file.path, error) from error
    return f"whole:{digest}:{file.path.name}"


def newest_list(path: Path) -> ListFile | None:
    """Return the file at a path, or that of a folder with the last name; None where there is none yet.

    An older list says nothing that the newest does not.

    Raises:
        SourceUnavailableError: the folder or file cannot be read now.
    """
    try:
        if path.is_dir():
            names = [entry.name for entry in path.iterdir() if _is_complete(entry.name) and entry.is_file()]
            if not names:
                return None
            path = path / max(names)
        return ListFile(path, _stamp(path))
    except OSError as error:
        raise _unavailable(path, error) from error


def _is_complete(name: str) -> bool:
    return not name.startswith((".", "~")) and name.lower().endswith(SUFFIXES)


def _stamp(path: Path) -> tuple[int, int, int]:
    facts = path.stat()
    return (facts.st_mtime_ns, facts.st_size, facts.st_ino)


def _unavailable(path: Path, error: OSError) -> SourceUnavailableError:
    return SourceUnavailableError(f"{path.name} cannot be read: {error.strerror or type(error).__name__}")
