"""Invented registry files in every header variant, encoding and format."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import openpyxl

NOW_US = 1_760_000_000_000_000  # 2025-10-09 08:53:20 UTC
PHONE = "02-555-0134"
ROAD = "가람시 누리구 별빛로 12"
LOT = "가람시 누리구 해오름동 34-5"

_MIDDLE = "설치목적구분,카메라대수,카메라화소수,촬영방면정보,보관일수"
_HEADERS = {
    "standard-13": (
        f"관리기관명,소재지도로명주소,소재지지번주소,{_MIDDLE},설치년월,관리기관전화번호,위도,경도,데이터기준일자"
    ),
    "localdata-14": (
        f"번호,관리기관명,소재지도로명주소,소재지지번주소,{_MIDDLE},설치연월,관리기관전화번호,WGS84위도,WGS84경도,"
        "데이터기준일자"
    ),
    "standard-16": (
        f"개방자치단체코드,관리번호,관리기관명,소재지도로명주소,소재지지번주소,{_MIDDLE},설치연월,관리기관전화번호,"
        "WGS84위도,WGS84경도,데이터기준일자,최종수정시점"
    ),
    "standard-18": (
        f"개방자치단체코드,관리번호,관리기관명,소재지도로명주소,소재지지번주소,{_MIDDLE},설치연월,관리기관전화번호,"
        "WGS84위도,WGS84경도,데이터기준일자,최종수정시점,데이터갱신구분,데이터갱신시점"
    ),
    "city-api": (
        "sid,manOfficial,cctvAddr,dongAddr,cctvNm,cameraCnt,cameraPixel,shootDir,storageDay,insYM,manTel,cctvPosx,"
        "cctvPosy,baseDate"
    ),
    "seoul-ansimi": "자치구,안심 주소,위도,경도,CCTV 수량,수정 일시",
}
HEADERS = {variant: text.split(",") for variant, text in _HEADERS.items()}
VARIANTS = tuple(HEADERS)

_VALUES = {
    "번호": "1",
    "sid": "1",
    "개방자치단체코드": "3990000",
    "관리번호": "A-0001",
    "관리기관명": "가람시 누리구청",
    "manOfficial": "가람시 누리구청",
    "자치구": "누리구",
    "소재지도로명주소": ROAD,
    "cctvAddr": ROAD,
    "안심 주소": ROAD,
    "소재지지번주소": LOT,
    "dongAddr": LOT,
    "설치목적구분": "생활방범",
    "cctvNm": "생활방범",
    "카메라대수": "1",
    "cameraCnt": "1",
    "CCTV 수량": "1",
    "카메라화소수": "200",
    "cameraPixel": "200",
    "촬영방면정보": "360도",
    "shootDir": "360도",
    "보관일수": "30",
    "storageDay": "30",
    "설치년월": "2019-05",
    "설치연월": "2019-05",
    "insYM": "2019-05",
    "관리기관전화번호": PHONE,
    "manTel": PHONE,
    "위도": "37.512345",
    "WGS84위도": "37.512345",
    "cctvPosy": "37.512345",
    "경도": "127.098765",
    "WGS84경도": "127.098765",
    "cctvPosx": "127.098765",
    "데이터기준일자": "2025-03-01",
    "baseDate": "2025-03-01",
    "최종수정시점": "2025-03-02 10:20:30",
    "수정 일시": "2025-03-02 10:20:30",
    "데이터갱신구분": "I",
    "데이터갱신시점": "2025-03-03 00:00:00",
}

ENCODINGS = ("cp949", "utf-8", "utf-8-sig", "xlsx")


def a_row(variant: str = "standard-16", **changed: str) -> list[str]:
    """Return an ordinary row of a variant, with some columns changed by name."""
    unknown = set(changed) - set(HEADERS[variant])
    assert not unknown, f"{variant} has no columns {unknown}"
    return [changed.get(name, _VALUES[name]) for name in HEADERS[variant]]


def many_rows(count: int, variant: str = "standard-16") -> list[list[str]]:
    """Return rows that differ in number, address and position."""
    lat, lon = ("WGS84위도", "WGS84경도") if variant == "standard-16" else ("위도", "경도")
    return [
        a_row(
            variant,
            **{
                lat: f"37.5{n:05d}1",
                lon: "127.098761",
                "소재지도로명주소": f"{ROAD}-{n}",
                **({"관리번호": f"A-{n}"} if variant == "standard-16" else {}),
            },
        )
        for n in range(count)
    ]


def csv_text(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return a CSV text as spreadsheets write it."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def write_file(
    path: Path,
    rows: Sequence[Sequence[str]],
    variant: str = "standard-16",
    encoding: str = "utf-8",
    header: Sequence[str] | None = None,
) -> Path:
    """Write rows as CSV in an encoding, or as an xlsx workbook, and return the path."""
    header = HEADERS[variant] if header is None else header
    if encoding == "xlsx":
        workbook = openpyxl.Workbook()
        sheet = workbook.worksheets[0]
        for row in (header, *rows):
            sheet.append([_typed(cell) for cell in row])
        workbook.save(path)
    else:
        path.write_bytes(csv_text(rows, header).encode(encoding))
    return path


def _typed(cell: str) -> str | int | float | None:
    """Return a cell as a spreadsheet stores it: numbers as numbers, nothing as nothing."""
    try:
        return int(cell) if cell.isascii() and cell.isdigit() else float(cell)
    except ValueError:
        return cell or None
