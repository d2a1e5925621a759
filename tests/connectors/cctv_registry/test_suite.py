"""The registry on the suite of all connectors."""

import csv
import io
from collections.abc import Sequence

from tests.support.connector_suite import Happening, Samples, connector_suite

HEADER = [
    "개방자치단체코드", "관리번호", "관리기관명", "소재지도로명주소", "소재지지번주소", "설치목적구분", "카메라대수",
    "카메라화소수", "촬영방면정보", "보관일수", "설치연월", "관리기관전화번호", "WGS84위도", "WGS84경도",
    "데이터기준일자", "최종수정시점",
]  # fmt: skip


def registry(happenings: Sequence[Happening]) -> bytes:
    """Return a file of the national standard with a row per happening."""
    text = io.StringIO()
    extra = sorted({name for h in happenings for name in h.extra})
    rows = csv.writer(text)
    rows.writerow(HEADER + extra)
    for h in happenings:
        day = "" if h.nulls else h.local_time.strftime("%Y-%m-%d")
        view = "360도전방면" if h.code is None else h.code
        rows.writerow(
            ["3990000", h.number, "" if h.nulls else "가람시 누리구청", "가람시 누리구 별빛로 12", "", "생활방범", "1"]
            + ["" if h.nulls else "200", view, str(29 + h.revision), "2020-03", h.person_phone, h.lat, h.lon, day, day]
            + [h.extra.get(name, "") for name in extra]
        )
    return text.getvalue().encode()


TestCctvRegistry = connector_suite(
    "cctv_registry",
    Samples(
        write=lambda h: registry([h]),
        write_many=registry,
        origin="cameras.csv",
        hostile=[b"", b"\xff\xfe", b"a,b\n1,2\n", registry([]), b"PK\x03\x04 no workbook", "관리기관명\n".encode()],
    ),
)
