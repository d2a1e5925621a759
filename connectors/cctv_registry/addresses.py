"""The part of a Korean address that makes ids. Pure."""

import re

# The part of a Korean address that some files leave out: province or city, then county or district.
_CITY_PART = re.compile(
    r"^(?:\S+(?:특별자치시|특별자치도|특별시|광역시)\s+"
    r"|(?:서울|부산|대구|인천|광주|대전|울산|세종|제주)시?\s+"
    r"|(?:경기|강원|충[청남북]|전[라남북]|경[상남북])\S{0,3}\s+)?(?:\S+시\s+)?(?:\S+[구군]\s+)?"
)


def local_address(text: str) -> str:
    """Return an address without spaces and without its city and district, which some releases of a file leave out."""
    return _CITY_PART.sub("", text, count=1).replace(" ", "")
