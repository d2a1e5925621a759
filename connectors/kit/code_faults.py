"""Where a connector's code broke, told without what it broke on: messages of Python often show the data."""

import traceback
from pathlib import Path

from connectors.kit.errors import ConnectorCodeError


def code_fault(error: Exception) -> ConnectorCodeError:
    """Return the error that says where the code broke, for an error that no parser should let out."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _is_of_a_connector(Path(frame.filename))] or frames
    place = "its code" if not own else f"{'/'.join(Path(own[-1].filename).parts[-2:])}, line {own[-1].lineno}"
    return ConnectorCodeError(
        f"the code breaks in {place}: {type(error).__name__}; what cannot be used must end in an EntryRefusedError"
    )


def _is_of_a_connector(path: Path) -> bool:
    return "connectors" in path.parts and "kit" not in path.parts
