"""What free text says about where a camera looks and why it hangs there. Pure; survives any text.

The direction column has been met with 1,800 different texts. A bearing is rarely in it: ``360`` means all round,
``회전`` a turning head, ``90도`` the *width* of the field, ``…방향`` and ``…방면`` a landmark.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from connectors.kit.cameras.cells import CACHED_TEXTS
from connectors.kit.cameras.faults import Flag
from schemas.camera import CameraKind, CameraPurpose

# 360-1 is a lot number; 1360 and 3600 are other numbers.
_ALL_ROUND = re.compile(r"(?<![\d.-])360(?![\d-])|전방위|전방향|사방|어안|파노라마|fish\s*-?eye|panoram", re.IGNORECASE)
# 회전교차로 and 회전로터리 are roundabouts, 회전초밥 a restaurant, 회전문 a door.
_TURNING = re.compile(
    r"(?<![가-힣])(?:\d*만\s*)?회전(?!\s*(?:교차|로터리|초밥|문))|ptz|스피드\s*돔|speed\s*dome|팬틸트", re.IGNORECASE
)
# 고정 after Korean letters is another word (…고 정문, a school's gate); 고정동 and 고정리 are places.
_FIXED = re.compile(r"(?<![가-힣])(?:\d*만\s*)?고정(?![문동리로길면관])|bullet|불릿|\bfixed\b", re.IGNORECASE)
_FIELD = re.compile(r"(?<![\d.])(\d{2,3})(?:\.\d+)?\s*(?:도|°|º|deg)(?!\s*방[향면])")
_BEARING = re.compile(r"(?:방위각?|azimuth)\s*[:=]?\s*(\d{1,3}(?:\.\d+)?)", re.IGNORECASE)
_COMPASS_END = re.compile(r"[쪽측]?(?:방향|방면|향)?")
# Narrower is a slip, wider than this is all round.
FIELD_MIN_DEG, FIELD_MAX_DEG = 10.0, 359.0

_COMPASS_DEG: Mapping[str, float] = {
    **{"북": 0.0, "북동": 45.0, "동북": 45.0, "동": 90.0, "남동": 135.0, "동남": 135.0},
    **{"남": 180.0, "남서": 225.0, "서남": 225.0, "서": 270.0, "북서": 315.0, "서북": 315.0},
    **{"n": 0.0, "ne": 45.0, "e": 90.0, "se": 135.0, "s": 180.0, "sw": 225.0, "w": 270.0, "nw": 315.0},
}

# A word, and the purpose it means. In this order; a word that was found is taken out, so that the 방범 of 차량방범 does
# not count again. Names of the standard first within each purpose, then the free ones met in real files.
_PURPOSE_WORDS: tuple[tuple[re.Pattern[str], CameraPurpose], ...] = (
    (re.compile("어린이|아동|스쿨존|초등|유치원|child"), CameraPurpose.CHILD_PROTECTION),
    (re.compile("차량\\s*방범|차량\\s*번호|번호\\s*인식|차번"), CameraPurpose.VEHICLE_CRIME),
    (re.compile("교통\\s*정보\\S*|교통\\s*관제|교통\\s*관리|교통\\s*흐름"), CameraPurpose.TRAFFIC_INFORMATION),
    (
        re.compile(
            "교통\\s*단속|불법\\s*주\\s*[·.,]?\\s*정차|주\\s*[·.,]?\\s*정차|주차\\s*단속|신호\\s*위반|과속|버스\\s*전용"
        ),
        CameraPurpose.TRAFFIC_ENFORCEMENT,
    ),
    (re.compile("쓰레기|무단\\s*투기|투기|폐기물|재활용"), CameraPurpose.WASTE),
    (re.compile("재난|재해|화재|산불|하천|침수|수위|풍수해|홍수"), CameraPurpose.DISASTER),
    (re.compile("다목적|통합\\s*관제"), CameraPurpose.MULTIPURPOSE),
    (re.compile("방범|범죄|치안|안심|crime"), CameraPurpose.CRIME_PREVENTION),
    (re.compile("시설"), CameraPurpose.FACILITY),
)
_OTHER = re.compile("기타|other")


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a direction text says.

    Attributes:
        kind: what the camera can turn to.
        azimuth_deg: bearing of the axis, degrees clockwise from north; None unless plainly given.
        field_of_view_deg: width of the field in degrees; None unless given.
        flags: what is doubtful about it.
    """

    kind: CameraKind
    azimuth_deg: float | None = None
    field_of_view_deg: float | None = None
    flags: tuple[Flag, ...] = ()


_NOTHING = Coverage(CameraKind.UNKNOWN)


@lru_cache(maxsize=CACHED_TEXTS)
def coverage_of(text: str) -> Coverage:
    """Return what the direction column says; a landmark says nothing."""
    if not text:
        return _NOTHING
    kind, flags = _kind_of(text)
    bearing, by_compass = _bearing_of(text)
    if kind not in (CameraKind.FIXED, CameraKind.UNKNOWN):
        bearing = None  # it turns or sees all round: the word is not its axis
    field = _FIELD.search(text)
    width = float(field.group(1)) if field and not _BEARING.search(text) else None
    if width is not None and not FIELD_MIN_DEG <= width <= FIELD_MAX_DEG:
        width = None
    if bearing is not None and by_compass:
        flags = (*flags, Flag.AZIMUTH_COMPASS)
    return Coverage(kind, bearing, width, flags)


def kind_from_address(text: str) -> tuple[CameraKind, tuple[Flag, ...]]:
    """Return the kind that a remark in an address names, such as ``(고정3)`` or ``_PTZ``; never a bearing.

    Compass words there stand beside turning cameras as well, so they do not say where a camera looks; 360 is a number
    of a house.
    """
    kind, flags = _kind_of(text.replace("360", ""))
    return (kind, (*flags, Flag.KIND_FROM_ADDRESS)) if kind is not CameraKind.UNKNOWN else (kind, flags)


def _kind_of(text: str) -> tuple[CameraKind, tuple[Flag, ...]]:
    turning, fixed = bool(_TURNING.search(text)), bool(_FIXED.search(text))
    if turning and fixed:
        return CameraKind.UNKNOWN, (Flag.SEVERAL_KINDS,)
    if turning:
        return CameraKind.PTZ, ()
    if _ALL_ROUND.search(text):
        return CameraKind.ALL_ROUND, ()
    return (CameraKind.FIXED if fixed else CameraKind.UNKNOWN), ()


def _bearing_of(text: str) -> tuple[float | None, bool]:
    """Return a bearing, and whether it is only a compass word."""
    given = _BEARING.search(text)
    if given:
        value = float(given.group(1))
        return (value % 360 if value <= 360 else None), False
    word = text.strip(" ()[]").lower()
    for length in (2, 1):
        rest = word[length:].strip()
        if word[:length] in _COMPASS_DEG and _COMPASS_END.fullmatch(rest):
            return _COMPASS_DEG[word[:length]], True
    return None, False


@lru_cache(maxsize=CACHED_TEXTS)
def purposes_of(text: str) -> tuple[str, ...]:
    """Return the purposes a text names, in a fixed order; empty text gives ``unknown``, text on no list ``other``."""
    rest = text.lower()
    if not rest:
        return (CameraPurpose.UNKNOWN.value,)
    found = []
    for word, purpose in _PURPOSE_WORDS:
        rest, times = word.subn(" ", rest)
        if times:
            found.append(purpose.value)
    if _OTHER.search(rest) or not found:
        found.append(CameraPurpose.OTHER.value)
    return tuple(found)


def is_known_purpose(text: str) -> bool:
    """Return whether a text is on the list, counting 기타 (other) as on it."""
    return purposes_of(text) != (CameraPurpose.OTHER.value,) or bool(_OTHER.search(text.lower()))
