"""What ``replay`` and ``what-if`` share: where the log comes from, limits, and progress on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from console.options import Options
from console.replaying.log import LogRecord, read_records
from console.replaying.log_file import load_records
from console.replaying.partition_run import RunLimits

US_PER_S = 1_000_000
MOST_RECORDS = 2_000_000
MOST_SECONDS = 600.0
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may be read and how long all may take.

    Attributes:
        records_max: most records that are read.
        deadline_s: by the monotonic clock, when to give up.
        tick_us: microseconds between the ticks of the workers.
    """

    records_max: int
    deadline_s: float
    tick_us: int

    def run_limits(self, progress: Callable[[int], None]) -> RunLimits:
        """Return the limits of a run."""
        return RunLimits(self.tick_us, self.deadline_s, progress)


def bounds_of(options: Options, most_records: int, most_seconds: float) -> Bounds:
    """Return the bounds of a call; the deadline counts from now."""
    tick_us = max(1, round(options.settings().tick_s * US_PER_S))
    return Bounds(most_records, time.monotonic() + most_seconds, tick_us)


def with_log_options(command: F) -> F:
    """Add the options that say where the log comes from and how much of it is taken."""
    decorators = (
        click.option(
            "--from-log",
            "file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Take a log that 'goldentime replay --save' wrote, instead of the broker's topics.",
        ),
        click.option(
            "--most-records", type=click.IntRange(1), default=MOST_RECORDS, show_default=True, help="Read no more."
        ),
        click.option(
            "--most-seconds",
            type=click.FloatRange(1, 86_400),
            default=MOST_SECONDS,
            show_default=True,
            help="Give up after this long.",
        ),
    )
    for decorator in reversed(decorators):
        command = decorator(command)
    return command


def records_for(
    options: Options, bounds: Bounds, file: Path | None, progress: Callable[[int], None]
) -> list[LogRecord]:
    """Return the log's records from a file, or from the city's topics.

    Raises:
        console.errors.ConsoleError: they cannot be read, or are too many.
    """
    if file is not None:
        return load_records(file, bounds.records_max)
    return read_records(
        options.client_options(),
        options.full_name(),
        records_max=bounds.records_max,
        timeout_s=bounds.deadline_s - time.monotonic(),
        progress=progress,
    )


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int | None], Callable[[int], None]]]:
    """Give a function that starts a bar: called with what is done and of how many, it returns what moves the bar.

    The bars are on standard error; they vanish when done and stay silent where no terminal is.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:

        def start(says: str, total: int | None) -> Callable[[int], None]:
            task = progress.add_task(says, total=total)
            return lambda done: progress.update(task, completed=done)

        yield start
