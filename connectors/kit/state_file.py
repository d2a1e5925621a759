"""A small file in which a sink keeps what it must not forget over a restart, such as the fences of heads."""

import json
import os
from pathlib import Path
from typing import Any

from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError

# Tens of thousands of heads or sessions; what is longer was not written here.
STATE_BYTES_MAX = 64 * 1024 * 1024


class StateFile:
    """A JSON object in a file that is replaced as a whole, so that a crash leaves the old one or the new one.

    Args:
        path: the file; empty keeps nothing.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path).expanduser() if path else None

    def load(self) -> dict[str, Any]:
        """Return what was saved last; empty where nothing was.

        Raises:
            ConnectorConfigError: the file is there and is not what :meth:`save` writes.
        """
        if self._path is None or not self._path.exists():
            return {}
        try:
            with self._path.open("rb") as file:
                kept = json.loads(file.read(STATE_BYTES_MAX))
        except (OSError, ValueError) as error:
            raise ConnectorConfigError(f"option state_file cannot be read: {type(error).__name__}") from error
        if not isinstance(kept, dict):
            raise ConnectorConfigError("option state_file must name a file that this connector wrote")
        return kept

    def save(self, kept: dict[str, Any]) -> None:
        """Replace the file; readable to its owner only.

        Raises:
            SinkUnavailableError: it cannot be written now.
        """
        if self._path is None:
            return
        draft = self._path.with_name(self._path.name + ".new")
        try:
            draft.touch(mode=0o600)
            with draft.open("wb") as file:
                file.write(json.dumps(kept).encode())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise SinkUnavailableError(f"option state_file cannot be written: {type(error).__name__}") from error
