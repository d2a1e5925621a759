"""The cases that a connector remembers between payloads: within a limit, and in a form that outlives a restart."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar

from connectors.kit.errors import EntryRefusedError

T = TypeVar("T")
# JSON-able values by the name of a part. What changes often is a part of its own, so that the rest is not kept anew.
Parts = Mapping[str, Any]
MAIN = ""
# As long as reports lie on ``incidents``: nothing is remembered of what nobody can read any more.
KEPT_US = 7 * 86_400_000_000
# What reading parts that are damaged may raise; among them are numbers without an end.
UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, EntryRefusedError)


class Remembers(Protocol):
    """What a connector remembers of cases, as the kit keeps it.

    Attributes:
        form: number of the form of the parts; what was kept in another form is not recalled.
        kept_us: how long a case is kept of which nothing new is said, microseconds.
    """

    form: int
    kept_us: int

    def recall(self, cases: Mapping[str, Parts], *, is_kept: bool) -> list[str]:
        """Forget everything and remember these cases, longest untouched first; return those that cannot be read.

        Args:
            cases: what :meth:`changed` gave, by name.
            is_kept: whether :meth:`changed` will be asked from now on.
        """

    def changed(self) -> Mapping[str, Parts | None]:
        """Return the cases that were touched since the last call; None for one that was forgotten."""

    def forget(self, name: str) -> None:
        """Forget a case, if it is known."""


class CaseBook(Generic[T]):
    """Cases by name, the one that was touched longest ago first.

    Args:
        most: so many are remembered; the first is forgotten first.
        write: gives the parts of a case; see :data:`Parts`.
        read: makes the case of its parts again; may raise what is in :data:`UNREADABLE`.
        form: number of the form of the parts; to be raised when ``read`` no longer understands older ones.
    """

    def __init__(self, most: int, *, write: Callable[[T], Parts], read: Callable[[Parts], T], form: int = 1) -> None:
        self.form = form
        self.kept_us = KEPT_US
        self._most = most
        self._write = write
        self._read = read
        self._cases: OrderedDict[str, T] = OrderedDict()
        # Names that were touched; None where nobody asks for them.
        self._touched: dict[str, None] | None = None

    def __contains__(self, name: object) -> bool:
        """Return whether a case is known."""
        return name in self._cases

    def __len__(self) -> int:
        """Return how many cases are known."""
        return len(self._cases)

    def __iter__(self) -> Iterator[T]:
        """Yield the cases, longest untouched first."""
        return iter(self._cases.values())

    def items(self) -> list[tuple[str, T]]:
        """Return names and cases, longest untouched first; the book may be changed meanwhile."""
        return list(self._cases.items())

    def get(self, name: str) -> T | None:
        """Return a case; None for one that is not known."""
        return self._cases.get(name)

    def put(self, name: str, case: T) -> T | None:
        """Remember what is known of a case now; return the case that had to be forgotten for it, if one had."""
        self._cases[name] = case
        self._cases.move_to_end(name)
        self._touch(name)
        if len(self._cases) <= self._most:
            return None
        oldest, forgotten = self._cases.popitem(last=False)
        self._touch(oldest)
        return forgotten

    def forget(self, name: str) -> None:
        """Forget a case, if it is known."""
        if self._cases.pop(name, None) is not None:
            self._touch(name)

    def changed(self) -> Mapping[str, Parts | None]:
        """Return the cases that were touched since the last call; see :class:`Remembers`."""
        touched = self._touched or {}
        if self._touched is not None:
            self._touched = {}
        return {name: self._write(self._cases[name]) if name in self._cases else None for name in touched}

    def recall(self, cases: Mapping[str, Parts], *, is_kept: bool) -> list[str]:
        """Forget everything and remember these cases; see :class:`Remembers`."""
        self._cases.clear()
        self._touched = {} if is_kept else None
        unreadable = []
        for name, parts in cases.items():
            try:
                self._cases[name] = self._read(parts)
            except UNREADABLE:
                unreadable.append(name)
        while len(self._cases) > self._most:
            oldest, _ = self._cases.popitem(last=False)
            self._touch(oldest)
        return unreadable

    def _touch(self, name: str) -> None:
        if self._touched is not None:
            # The last touch counts: in this order the cases are kept.
            self._touched.pop(name, None)
            self._touched[name] = None


class Books:
    """Several memories of one connector as one.

    Args:
        books: the memories by name, plain words.
    """

    def __init__(self, books: Mapping[str, Remembers]) -> None:
        self.form = max(book.form for book in books.values())
        self.kept_us = max(book.kept_us for book in books.values())
        self._books = books

    def recall(self, cases: Mapping[str, Parts], *, is_kept: bool) -> list[str]:
        """Let each remember its own; see :class:`Remembers`."""
        unreadable = [name for name in cases if name.partition(":")[0] not in self._books]
        for word, book in self._books.items():
            own = {name.removeprefix(f"{word}:"): parts for name, parts in cases.items() if name.startswith(f"{word}:")}
            unreadable += [f"{word}:{name}" for name in book.recall(own, is_kept=is_kept)]
        return unreadable

    def changed(self) -> Mapping[str, Parts | None]:
        """Return what was touched in any of them since the last call."""
        return {f"{word}:{name}": parts for word, book in self._books.items() for name, parts in book.changed().items()}

    def forget(self, name: str) -> None:
        """Forget a case, if it is known."""
        word, _, own = name.partition(":")
        if word in self._books:
            self._books[word].forget(own)
