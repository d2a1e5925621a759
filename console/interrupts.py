"""Ctrl-C where an exception out of nowhere would do harm."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130


@contextmanager
def leave_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process at once with exit code 130, while modules load.

    Nothing has been started then that would have to be stopped, and an exception in the middle of an import can come
    out of a compiled module as any other error. Where Ctrl-C is ignored (``nohup``), it stays ignored.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(INTERRUPTED)
