"""Names of regions as public messages write them, to the districts of one city.

``서울특별시 종로구, 서울특별시 중구`` names two districts of Seoul, ``서울특별시 전체`` all of them,
``부산광역시 중구`` none, and of a bare ``중구`` nobody knows which: six Korean cities have one. The ambiguous is told,
never guessed. The outlines belong to the city's ``districts.geojson``; here are names only.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

# District names that more than one Korean city has (Ministry of the Interior, list of administrative districts, 2023).
SHARED_KOREAN = frozenset({"중구", "동구", "서구", "남구", "북구", "강서구", "고성군"})
# All of Korea, in the words of public messages.
NATION = frozenset({"전국", "대한민국", "전국 전체"})
WHOLE = frozenset({"", "전체", "전역", "전지역", "전 지역", "일원", "all"})
_PROVINCE = re.compile(
    r"(?:\S+(?:특별시|광역시|특별자치시|특별자치도)|\S{1,3}도|서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남"
    r"|전북|전남|경북|경남|제주)"
)
_TOWN = re.compile(r"\S+[시군]")
_BETWEEN = re.compile(r"[,，、;\n|/·ㆍ・]+")
REGIONS_MAX = 500
TEXT_CHARACTERS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Regions:
    """What a list of regions comes to.

    Attributes:
        names: the city's districts, as its file writes them, in the file's order.
        whole_city: whether all of the city was named as such.
        ambiguous: names that several cities share, without the city's name.
        elsewhere: how many regions are of other cities.
        unknown: how many are nothing that is known.
    """

    names: tuple[str, ...] = ()
    whole_city: bool = False
    ambiguous: tuple[str, ...] = ()
    elsewhere: int = 0
    unknown: int = 0


class DistrictNames:
    """The names of one city's districts.

    Args:
        districts: the districts' names, as the city's district file writes them.
        city_names: how messages name the city, e.g. ``서울특별시``, ``서울``; several words are one name.
        shared: names that other cities' districts have too.
    """

    def __init__(
        self, districts: Sequence[str], city_names: Sequence[str], shared: Collection[str] = SHARED_KOREAN
    ) -> None:
        self._districts = {_plain(name): name for name in districts}
        self._cities = sorted((_plain(name) for name in city_names), key=len, reverse=True)
        self._shared = frozenset(_plain(name) for name in shared)

    def regions_of(self, text: str) -> Regions:
        """Return what a text of regions, separated by commas, dots or strokes, comes to. Never raises.

        A bare shared name counts as the city's where the text names the city, and no other one, beside it.
        """
        parts = [_plain(part) for part in _BETWEEN.split(text[:TEXT_CHARACTERS_MAX])][:REGIONS_MAX]
        found: set[str] = set()
        bare: list[str] = []
        names_city = whole = False
        elsewhere = unknown = 0
        for part in filter(None, parts):
            rest = self._after_city(part)
            if rest is not None or part in NATION:
                names_city = True
                district = None if rest is None else self._district_at(rest)
                if part in NATION or rest in WHOLE:
                    whole = True
                elif district is not None:
                    found.add(district)
                else:
                    unknown += 1
            elif (district := self._district_at(part)) is not None:
                if district in self._shared:
                    bare.append(district)
                else:
                    found.add(district)
            elif _PROVINCE.fullmatch(first := part.split(" ")[0]) or _TOWN.fullmatch(first):
                elsewhere += 1
            elif first in self._shared:
                elsewhere += 1  # a name that others share and this city has not
            else:
                unknown += 1
        if names_city and not elsewhere:
            found.update(bare)
            bare = []
        chosen = self._districts if whole else found
        names = tuple(name for plain, name in self._districts.items() if plain in chosen)
        ambiguous = tuple(self._districts[name] for name in dict.fromkeys(bare))
        return Regions(names, whole, ambiguous, elsewhere, unknown)

    def _after_city(self, part: str) -> str | None:
        """Return what follows the city's name; None where the part does not begin with it."""
        for city in self._cities:
            if part == city or part.startswith(city + " "):
                return part[len(city) :].strip()
            if part.startswith(city) and self._district_at(part[len(city) :]) is not None:
                return part[len(city) :]  # 서울특별시종로구, written without the space
        return None

    def _district_at(self, part: str) -> str | None:
        """Return the district that a part begins with: quarters may follow."""
        words = part.split(" ")
        for count in range(len(words), 0, -1):
            name = " ".join(words[:count])
            if name in self._districts:
                return name
        return None


def _plain(text: str) -> str:
    """Return a name as names are compared: composed letters, single spaces, lower case."""
    return " ".join(unicodedata.normalize("NFC", text).split()).lower()
