"""Child processes that never outlive the process that started them.

A child gets its own session, so that Ctrl-C reaches only the parent, which then stops its children in the right order.
Should the parent be killed, Linux kills the child: ``PR_SET_PDEATHSIG`` asks for it before the child's program starts.
Other systems have no such call; there an orderly end stops the children, a ``kill -9`` of the parent does not.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

# prctl(2), option 1: the signal the kernel sends to this process when the thread that started it ends.
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def start_child(
    arguments: Sequence[str], *, log_path: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a program whose output goes to a file; return its process.

    Call it from the main thread: on Linux the child ends with the *thread* that started it.

    Args:
        arguments: program and arguments.
        log_path: file that its output and errors are appended to.
        environment: all variables it gets; None: those of this process.

    Raises:
        OSError: the program is not there or cannot run.
    """
    with log_path.open("ab") as log:
        return subprocess.Popen(  # noqa: S603 - the arguments are ours
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            start_new_session=True,
            # Safe with threads: what runs between fork and exec is one call into a library that is loaded already.
            preexec_fn=partial(_end_with, os.getpid()) if _LIBC is not None else None,  # noqa: PLW1509
        )


def _end_with(parent_pid: int) -> None:
    """Run in the child before its program starts: ask the kernel to end it with its parent."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # the parent ended before the kernel was asked
        os._exit(1)


def stop_child(process: subprocess.Popen[bytes], *, first: signal.Signals, grace_s: float) -> int:
    """Stop a child: a signal, ``grace_s`` seconds to end by itself, then SIGKILL. Return its exit code."""
    if process.poll() is None:
        process.send_signal(first)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def last_lines(log_path: Path, count: int = 5, characters: int = 2_000) -> str:
    """Return the last lines of a child's log, for the message that says why it ended; empty without a log."""
    if not log_path.exists():
        return ""
    lines = log_path.read_text("utf-8", errors="replace")[-characters:].splitlines()
    return "\n".join(lines[-count:])
