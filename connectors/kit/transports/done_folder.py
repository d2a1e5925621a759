"""The folder ``done`` within a folder of dropped files, where files go whose records are safe.

Others may write to the folder around it. So it is opened anew for each use and never through a link: what a link shows
to is neither written to nor tidied, also where the link came a moment ago.
"""

import contextlib
import heapq
import os
import stat
from collections.abc import Iterator
from pathlib import Path

DONE = "done"
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_DONE_FLAGS = _FOLDER_FLAGS | getattr(os, "O_NOFOLLOW", 0)

Stamp = tuple[int, int, int, int]


class DoneFolder:
    """Takes files in, and keeps the newest of them.

    Args:
        folder: the folder around it.
        files_max: most files that are kept; the oldest go first.
    """

    def __init__(self, folder: Path, files_max: int) -> None:
        self._folder = folder
        self._files_max = files_max

    def is_hidden(self) -> bool:
        """Return whether something else has its name: a link, or a file."""
        with contextlib.suppress(FileNotFoundError):
            return not stat.S_ISDIR((self._folder / DONE).lstat().st_mode)
        return False

    def tidy(self) -> None:
        """Make it where it may be made, and let it not grow without end.

        Raises:
            OSError: it cannot be read or written to now.
        """
        with _opened(self._folder, _FOLDER_FLAGS) as around:
            try:
                with _opened(DONE, _DONE_FLAGS, around) as done:
                    self._tidied(done)
            except FileNotFoundError:
                # Where it must not be made, files stay and are only read once per run.
                if os.access(self._folder, os.W_OK):
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(DONE, dir_fd=around)

    def put(self, name: str, stamp: Stamp) -> None:
        """Move a file in, unless it has gone or another has taken its name.

        Args:
            name: its name.
            stamp: what it was when it was read.

        Raises:
            OSError: it cannot be moved now.
        """
        with _opened(self._folder, _FOLDER_FLAGS) as around:
            try:
                facts = os.stat(name, dir_fd=around, follow_symlinks=False)
            except FileNotFoundError:
                return
            if stamp_of(facts) != stamp:
                return
            with _opened(DONE, _DONE_FLAGS, around) as done:
                try:
                    os.rename(name, name, src_dir_fd=around, dst_dir_fd=done)
                except FileNotFoundError:  # another instance was quicker
                    return
                # A move changes the last part. One that was put there between the two calls was not read yet.
                if stamp_of(os.stat(name, dir_fd=done, follow_symlinks=False))[:3] != stamp[:3]:
                    os.rename(name, name, src_dir_fd=done, dst_dir_fd=around)

    def _tidied(self, done: int) -> None:
        with os.scandir(done) as found:
            kept = [
                (facts.st_mtime_ns, f.name) for f in found if (facts := facts_of(f)) and stat.S_ISREG(facts.st_mode)
            ]
        for _, name in heapq.nsmallest(max(0, len(kept) - self._files_max), kept):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=done)


def facts_of(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """Return the facts of what lies in a folder, not of what a link shows to; None where it has gone since."""
    try:
        return entry.stat(follow_symlinks=False)
    except OSError:
        return None


def stamp_of(facts: os.stat_result) -> Stamp:
    """Return what changes when a file does."""
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


@contextlib.contextmanager
def _opened(path: Path | str, flags: int, around: int | None = None) -> Iterator[int]:
    handle = os.open(path, flags, dir_fd=around)
    try:
        yield handle
    finally:
        os.close(handle)
