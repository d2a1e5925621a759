"""The codes and words of the traffic feeds to the words of the contract.

Sources: the code list ``AccMainCode`` of Seoul's open data; of ``eventInfo`` the public description and its printed
answers; of lanesBlockType the national centre's description (0 none, 1 shoulder, 2 some lanes, 3 all).
"""

import re

UNKNOWN_KIND = "other"
ACCIDENT, CLOSURE = "traffic-accident", "road-closure"

TOPIS_KINDS: dict[str, str] = {
    "A01": ACCIDENT,
    "A02": "vehicle-breakdown",
    "A03": "pedestrian-accident",
    "A04": "roadworks",
    "A05": "fallen-object",
    "A06": "bus-accident",
    "A07": "subway-accident",
    "A08": "road-fire",
    "A09": "road-weather",
    "A10": "gathering",
    "A11": "road-notice",
    "A12": "road-report",
    "A13": "road-notice",
}

# Words in eventType and eventDetailType, first hit counts: a detail is looked for before its broader type.
ITS_KINDS: tuple[tuple[str, str], ...] = (
    ("보행", "pedestrian-accident"),
    ("고장", "vehicle-breakdown"),
    ("낙하물", "fallen-object"),
    ("화재", "road-fire"),
    ("사고", ACCIDENT),
    ("공사", "roadworks"),
    ("작업", "roadworks"),
    ("집회", "gathering"),
    ("행사", "gathering"),
    ("기상", "road-weather"),
    ("재난", "road-weather"),
    ("통제", CLOSURE),
    ("홍보", "road-notice"),
    ("기타", "road-notice"),
)

# What somebody may have to look at now; the rest is an incident only where it closes the road.
SUDDEN = frozenset(
    {ACCIDENT, "pedestrian-accident", "bus-accident", "subway-accident", "vehicle-breakdown", "fallen-object",
     "road-fire", CLOSURE, UNKNOWN_KIND}
)  # fmt: skip

ALL_LANES = ("3", "전면통제")
# All lanes shut, in words; 양방향 2차로 통제 is no such thing, and 전면통제 해제 tells of its end.
_CLOSED = re.compile(
    r"(?:전면\s*(?:통제|차단|폐쇄)|전\s*차로\s*(?:통제|차단)|양방향\s*(?:통제|차단)|도로\s*(?:통제|폐쇄))(?!\s*(?:해제|종료))"
)
_OVER = re.compile(r"(?:종료|해제|처리\s*완료)\s*[.!]?\s*$")


def is_closure(text: str) -> bool:
    """Return whether a text says that all lanes are shut."""
    return _CLOSED.search(text) is not None


def is_over(text: str) -> bool:
    """Return whether a text ends by saying that it is over."""
    return _OVER.search(text) is not None
