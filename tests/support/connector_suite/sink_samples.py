"""What a sink's author gives the suite: records, and the system that takes them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


class SinkOutside(Protocol):
    """The system that a sink writes to."""

    options: dict[str, Any]

    def taken(self) -> Sequence[Any]:
        """Return what it holds now."""

    def fail(self, times: int) -> None:
        """Take nothing for so many calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSamples:
    """What a sink is tried with.

    Attributes:
        outside: makes its outside; :class:`HttpOutside` or your own.
        records: at least two records that the sink writes, of its topics.
        options: the sink's options; those of the outside are added.
        secret_option: option that names the file of a secret, so that it can be looked for in the log; empty for none.
        writes_each: whether every record adds to what the outside holds; False where newer ones replace older ones.
        tells_forgotten: whether a tombstone of a record that was told is told too, as the end of its case.
        passes_over_older: whether the sink itself passes over a version that is older than what it told; the first two
            records are then two versions of one case. False where the receiver gets the version and does so.
    """

    outside: Callable[[], AbstractAsyncContextManager[Any]]
    records: Sequence[Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    secret_option: str = ""
    writes_each: bool = True
    tells_forgotten: bool = False
    passes_over_older: bool = False
