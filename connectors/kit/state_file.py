"""A small file in which a sink keeps what it must not forget over a restart, such as the fences of heads."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError

# A hundred thousand sessions with a dozen cameras each are half of it; what is longer was not written here.
STATE_BYTES_MAX = 256 * 1024 * 1024
# So much is added at least before the file is written anew, bytes.
ADDED_BYTES_MIN = 1024 * 1024


class StateFile:
    """A JSON object in a file: a crash leaves what was kept before or what was kept after.

    The first line is the object; each line after it holds members that have changed since, null for one that has gone.

    Args:
        path: the file; empty keeps nothing.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser() if path else None
        # How much may still be added; at first nothing, as the file may end in half a line.
        self._room_bytes = 0

    def load(self) -> dict[str, Any]:
        """Return what was kept last; empty where nothing was.

        Raises:
            ConnectorConfigError: the file is there and is not what :meth:`save` and :meth:`change` write, or its folder
                is not there: nothing must be done outside that could not be remembered.
        """
        if self._path is None:
            return {}
        if not self._path.parent.is_dir():
            raise ConnectorConfigError(f"option state_file: the folder {self._path.parent} is not there")
        if not self._path.exists():
            return {}
        try:
            with self._path.open("rb") as file:
                text = file.read(STATE_BYTES_MAX + 1)
            if len(text) > STATE_BYTES_MAX:
                raise ConnectorConfigError(f"option state_file: at most {STATE_BYTES_MAX} bytes are read")
            kept = _object_of(text)
        except (OSError, ValueError) as error:
            raise ConnectorConfigError(f"option state_file cannot be read: {type(error).__name__}") from error
        if kept is None:
            raise ConnectorConfigError("option state_file must name a file that this connector wrote")
        return kept

    def save(self, kept: Mapping[str, Any]) -> None:
        """Replace the file; readable to its owner only.

        Raises:
            SinkUnavailableError: it cannot be written now.
        """
        if self._path is None:
            return
        draft = self._path.with_name(self._path.name + ".new")
        line = json.dumps(dict(kept)).encode() + b"\n"
        self._room_bytes = 0
        try:
            draft.touch(mode=0o600)
            _write(draft, "wb", line)
            draft.replace(self._path)
        except OSError as error:
            raise SinkUnavailableError(f"option state_file cannot be written: {type(error).__name__}") from error
        self._room_bytes = max(len(line), ADDED_BYTES_MIN)

    def change(self, changed: Mapping[str, Any], whole: Callable[[], Mapping[str, Any]]) -> None:
        """Keep what has changed, at a cost that does not grow with all that is kept.

        Args:
            changed: members that are new or other than before; None for one that has gone.
            whole: gives all that must be kept; called now and then, when the file is written anew.

        Raises:
            SinkUnavailableError: the file cannot be written now; the same must be said again.
        """
        if self._path is None:
            return
        line = json.dumps(dict(changed)).encode() + b"\n"
        if len(line) > self._room_bytes:
            self.save(whole())
            return
        left_bytes, self._room_bytes = self._room_bytes - len(line), 0
        try:
            _write(self._path, "r+b", line)
        except OSError as error:
            raise SinkUnavailableError(f"option state_file cannot be written: {type(error).__name__}") from error
        self._room_bytes = left_bytes


def _write(path: Path, mode: str, line: bytes) -> None:
    """Put a line at the end of a file and have it on disk; a file that has gone meanwhile is not made anew."""
    with path.open(mode) as file:
        file.seek(0, os.SEEK_END)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _object_of(text: bytes) -> dict[str, Any] | None:
    """Return the object of a file with all its changes; None where it is none.

    Raises:
        ValueError: a line cannot be read, other than a last one that a crash has cut off.
    """
    first, *others = text.split(b"\n")
    kept = json.loads(first)
    # What follows the last end of a line is empty or cut off.
    for line in others[:-1]:
        changed = json.loads(line)
        if not isinstance(kept, dict) or not isinstance(changed, dict):
            return None
        for name, value in changed.items():
            # Taken out first: what changed last stands last.
            kept.pop(name, None)
            if value is not None:
                kept[name] = value
    return kept if isinstance(kept, dict) else None
