"""Which known word was meant by an unknown one."""

import difflib
from collections.abc import Iterable

# How like two names must be, 0 to 1 (Ratcliff and Obershelp, as difflib counts): one slip in a name of five letters.
NAMES_ALIKE = 0.75
# A slip in a word of another vocabulary: stricter, for two steps lead from it to the known name.
SLIPS_ALIKE = 0.85
_LETTERS_MIN = 4
# Names that different systems give to the same thing.
_SAME = (
    frozenset({"lat", "latitude", "latdeg", "y", "ypos", "위도"}),
    frozenset({"lon", "lng", "long", "longitude", "londeg", "x", "xpos", "경도"}),
    frozenset({"time", "timestamp", "datetime", "at", "when", "occurredat", "observedat", "ts", "일시", "시각"}),
    frozenset({"id", "identifier", "uid", "uuid", "number", "no"}),
    frozenset({"type", "kind", "code", "category", "event"}),
    frozenset({"state", "status"}),
    frozenset({"accuracy", "acc", "accuracym", "hdop", "radius"}),
)


def plain(name: str) -> str:
    """Return a name without case and punctuation, as it is compared."""
    return "".join(character for character in name.lower() if character.isalnum())


def nearest(name: str, known: Iterable[str], *, alike: float = NAMES_ALIKE, synonyms: bool = True) -> str | None:
    """Return the known name that was most likely meant; None where none is near.

    Args:
        name: what was written.
        known: the names there are.
        alike: how like it must be, 0 to 1.
        synonyms: whether another word for the same thing is near too, such as ``lng`` for ``lon``.
    """
    by_plain = {plain(word): word for word in sorted(known, reverse=True)}
    wanted = plain(name)
    if wanted in by_plain:
        return by_plain[wanted]
    if len(wanted) >= _LETTERS_MIN:
        close = difflib.get_close_matches(wanted, by_plain, n=1, cutoff=alike)
        if close:
            return by_plain[close[0]]
    if synonyms:
        same = next((group for group in _SAME if _is_one_of(wanted, group)), frozenset())
        return next((by_plain[word] for word in sorted(same) if word in by_plain), None)
    return None


def _is_one_of(wanted: str, group: frozenset[str]) -> bool:
    """Return whether a name, or a name that it is a slip of the pen for, is in a group."""
    long = len(wanted) >= _LETTERS_MIN
    return wanted in group or bool(long and difflib.get_close_matches(wanted, group, n=1, cutoff=SLIPS_ALIKE))
