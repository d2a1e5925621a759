"""What the next file of a registry changes of what stands, and whether that can be believed. Pure.

A registry file is the whole registry: who is no longer in it is gone. A file that takes back much at once is more
often half an upload than the truth, so it is refused as a whole until somebody names it as true.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

# Fewer entries than this may always go: of a registry of four, one is a quarter.
SHRINK_ENTRIES_MIN = 10
SHRINK_PCT = 20.0
ADDED, CHANGED, UNCHANGED, GONE = "added", "changed", "unchanged", "gone"
SUSPICIOUS_SHRINK = "suspicious-shrink"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a file changes.

    Attributes:
        added: ids that did not stand, in the order of the file.
        changed: ids that stood with another content, in the order of the file.
        unchanged: ids that need not be told again.
        gone: ids that stood and are not in the file, sorted.
        standing: how many stood before.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: frozenset[str]
    gone: tuple[str, ...]
    standing: int

    @property
    def counts(self) -> Counter[str]:
        """Return how many entries are added, changed, unchanged and gone; without zeros."""
        sizes = {ADDED: self.added, CHANGED: self.changed, UNCHANGED: self.unchanged, GONE: self.gone}
        return Counter({word: len(ids) for word, ids in sizes.items() if ids})

    def shrinks_too_much(self, most_pct: float = SHRINK_PCT) -> bool:
        """Return whether so many entries are gone that the file is rather a mistake than the truth.

        Args:
            most_pct: most of those that stood that may go, percent; ten that go are the least that is doubted.
        """
        gone = len(self.gone)
        return gone >= SHRINK_ENTRIES_MIN and 100.0 * gone > most_pct * self.standing


def difference_of(listed: Mapping[str, str], standing: Mapping[str, str]) -> Difference:
    """Return what a file changes.

    Args:
        listed: digest of the content by id, of all entries of the file.
        standing: the same of what stands and this file is to list completely; what others have written is left out.
    """
    added = tuple(entry_id for entry_id in listed if entry_id not in standing)
    unchanged = frozenset(entry_id for entry_id, digest in listed.items() if standing.get(entry_id) == digest)
    changed = tuple(entry_id for entry_id in listed if entry_id in standing and entry_id not in unchanged)
    gone = tuple(sorted(entry_id for entry_id in standing if entry_id not in listed))
    return Difference(added, changed, unchanged, gone, len(standing))


def shrink_message(difference: Difference, most_pct: float, *, what: str, fingerprint: str, accept: str) -> str | None:
    """Return why a file is refused as a whole; None where it may be taken.

    Args:
        difference: what it changes.
        most_pct: most that may go, percent of those that stood.
        what: what the entries are, e.g. ``cameras``.
        fingerprint: stands for the content of the file.
        accept: the fingerprint that was named as true; empty where none was.
    """
    if accept == fingerprint or not difference.shrinks_too_much(most_pct):
        return None
    return f"{shrink_words(difference, most_pct, what=what)}; if that is true, set accept to {fingerprint}"


def shrink_words(difference: Difference, most_pct: float, *, what: str) -> str:
    """Return in words how much is gone; see :func:`shrink_message`."""
    return f"{len(difference.gone)} of {difference.standing} {what} are gone, more than {most_pct:g} %"
