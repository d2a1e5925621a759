"""The header variants of the national CCTV standard file, and which column holds what.

The same file has been published with six headers. A column is recognised by its name in any of its spellings, wherever
it stands; spaces, letter case and the two Unicode forms of Korean text do not matter.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from connectors.kit.errors import ConnectorConfigError

# How many column names an error message repeats, and how much of each.
SHOWN_COLUMNS = 30
SHOWN_CHARACTERS = 24


class Field(StrEnum):
    """What a column holds, whatever it is called."""

    AUTHORITY = "authority"
    NUMBER = "number"
    OWNER = "owner"
    ROAD_ADDRESS = "road-address"
    LOT_ADDRESS = "lot-address"
    ADDRESS = "address"
    PURPOSE = "purpose"
    COUNT = "count"
    PIXELS = "pixels"
    DIRECTION = "direction"
    RETENTION = "retention"
    INSTALL_MONTH = "install-month"
    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    BASE_DATE = "base-date"
    MODIFIED = "modified"
    UPDATE_KIND = "update-kind"
    UPDATED = "updated"
    # Read by nobody: a running number that shifts between releases, and a manager's telephone.
    ROW_NUMBER = "row-number"
    TELEPHONE = "telephone"


_SPELLINGS: Mapping[Field, tuple[str, ...]] = {
    Field.AUTHORITY: ("개방자치단체코드",),
    Field.NUMBER: ("관리번호",),
    Field.OWNER: ("관리기관명", "manOfficial", "자치구"),
    Field.ROAD_ADDRESS: ("소재지도로명주소", "cctvAddr"),
    Field.LOT_ADDRESS: ("소재지지번주소", "dongAddr"),
    Field.ADDRESS: ("안심주소", "주소"),
    Field.PURPOSE: ("설치목적구분", "cctvNm"),
    Field.COUNT: ("카메라대수", "cameraCnt", "CCTV수량", "수량"),
    Field.PIXELS: ("카메라화소수", "cameraPixel"),
    Field.DIRECTION: ("촬영방면정보", "shootDir"),
    Field.RETENTION: ("보관일수", "storageDay"),
    Field.INSTALL_MONTH: ("설치년월", "설치연월", "insYM"),
    # A map's x runs east and its y north.
    Field.LATITUDE: ("위도", "WGS84위도", "cctvPosy"),
    Field.LONGITUDE: ("경도", "WGS84경도", "cctvPosx"),
    Field.BASE_DATE: ("데이터기준일자", "baseDate"),
    Field.MODIFIED: ("최종수정시점", "수정일시"),
    Field.UPDATE_KIND: ("데이터갱신구분",),
    Field.UPDATED: ("데이터갱신시점",),
    Field.ROW_NUMBER: ("번호", "sid"),
    Field.TELEPHONE: ("관리기관전화번호", "manTel"),
}

# Without these a row cannot become a camera that somebody answers for.
REQUIRED = (Field.OWNER, Field.COUNT, Field.LATITUDE, Field.LONGITUDE)


@dataclass(frozen=True, slots=True)
class Variant:
    """One header variant.

    Attributes:
        name: short name, kebab-case.
        mark: the column by which it is told from the others.
        title: where it is met.
    """

    name: str
    mark: str
    title: str


# In the order of trying: a later mark also stands in the headers before it.
VARIANTS = (
    Variant("seoul-ansimi", "자치구", "Seoul's safety service, 5 or 6 columns"),
    Variant("city-api", "manOfficial", "English names of a city's API, 14 columns"),
    Variant("standard-18", "데이터갱신구분", "the standard since 2026, 18 columns"),
    Variant("standard-16", "관리번호", "the standard with management numbers, 16 columns"),
    Variant("localdata-14", "번호", "the national download with running numbers, 14 columns"),
    Variant("standard-13", "관리기관명", "the first standard, 13 columns"),
)


def plain_name(name: str) -> str:
    """Return a column name without spaces, quotes and byte-order mark, composed and in lower case."""
    composed = unicodedata.normalize("NFC", name)
    return "".join(composed.split()).strip("\ufeff\"'").lower()


_FIELD_OF: Mapping[str, Field] = {plain_name(s): field for field, spellings in _SPELLINGS.items() for s in spellings}


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column of a file holds what.

    Attributes:
        variant: the header variant.
        width: number of columns, without empty ones at the end.
        columns: index of each field's column; a field that the file lacks is not in it.
        names: the header's cells as they are written, without surrounding space.
        ignored: names of columns that no variant knows.
    """

    variant: Variant
    width: int
    columns: Mapping[Field, int]
    names: tuple[str, ...]
    ignored: tuple[str, ...]

    def name_of(self, field: Field) -> str:
        """Return the column's name as the file writes it, or the field's own name where there is no such column."""
        index = self.columns.get(field)
        return str(field) if index is None else self.names[index]

    def index_of(self, field: Field) -> int:
        """Return the column's index, -1 where the file has no such column."""
        return self.columns.get(field, -1)

    def absent(self) -> tuple[Field, ...]:
        """Return the descriptive fields for which the file has no column."""
        wanted = (Field.PURPOSE, Field.PIXELS, Field.DIRECTION, Field.RETENTION, Field.NUMBER, Field.BASE_DATE)
        return tuple(field for field in wanted if field not in self.columns)


def layout_of(header: Sequence[str]) -> Layout:
    """Return the layout that a header row describes.

    Raises:
        ConnectorConfigError: no variant has such a header; says which columns were found and which are known.
    """
    names = [" ".join(cell.split()).strip("\ufeff") for cell in header]
    while names and not names[-1]:
        names.pop()
    plain = [plain_name(name) for name in names]
    columns: dict[Field, int] = {}
    for index, name in enumerate(plain):
        field = _FIELD_OF.get(name)
        if field is not None:
            columns.setdefault(field, index)
    variant = next((v for v in VARIANTS if plain_name(v.mark) in plain), None)
    missing = [field for field in REQUIRED if field not in columns]
    if variant is None or missing:
        raise ConnectorConfigError(_unknown_header(names, missing))
    ignored = tuple(name for name, key in zip(names, plain, strict=True) if name and key not in _FIELD_OF)
    return Layout(variant, len(names), columns, tuple(names), ignored)


def _unknown_header(names: Sequence[str], missing: Sequence[Field]) -> str:
    found = ", ".join(repr(name[:SHOWN_CHARACTERS]) for name in names[:SHOWN_COLUMNS])
    known = "; ".join(f"{v.name} ({v.title}; has {v.mark})" for v in VARIANTS)
    needed = "; ".join(f"{field}: {' or '.join(_SPELLINGS[field])}" for field in missing)
    return (
        f"the header is no known variant of the CCTV standard file. Columns found: {found}. "
        f"No column for {needed or 'none missing, but no variant has this set'}. Known variants: {known}"
    )
