"""Crowd levels of Seoul's real-time city data as conditions."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from connectors.crowd_density.parse import areas_from, size_m2
from connectors.kit.errors import ConnectorConfigError
from connectors.kit.manifest import build
from connectors.kit.source import Accepted, Refused
from tests.connectors.local_context import a_context
from tests.support.connector_suite import Happening, Samples, connector_suite
from tests.support.golden import entries_of
from tests.support.loopback import served

AREAS = Path(__file__).parent / "samples" / "areas.json"


def area(h: Happening) -> dict[str, Any]:
    code = int(h.number) if h.number.isdecimal() and len(h.number) < 4 else h.number
    level = h.code if h.code is not None else ("붐빔", "약간 붐빔", "보통")[h.revision - 1]
    return {
        "AREA_NM": h.person_text,
        "AREA_CD": f"POI{code:03d}" if isinstance(code, int) else code,
        "AREA_CONGEST_LVL": None if h.nulls else level,
        "AREA_CONGEST_MSG": h.person_text,
        "AREA_PPLTN_MIN": None if h.nulls else "18000",
        "AREA_PPLTN_MAX": None if h.nulls else "20000",
        "MALE_PPLTN_RATE": "51.2",
        "REPLACE_YN": "N",
        "PPLTN_TIME": None if h.nulls else f"{h.local_time:%Y-%m-%d %H:%M:%S}",
        "FCST_YN": "Y",
        "FCST_PPLTN": [{"FCST_TIME": "2026-03-01 13:00", "FCST_CONGEST_LVL": "붐빔"}],
        **h.extra,
    }


def answer(happenings: Sequence[Happening]) -> bytes:
    body = {"SeoulRtd.citydata_ppltn": [area(h) for h in happenings], "RESULT": {"RESULT.CODE": "INFO-000"}}
    return json.dumps(body, ensure_ascii=False).encode()


TestCrowdDensity = connector_suite(
    "crowd_density",
    Samples(
        write=lambda h: answer([h]),
        write_many=answer,
        options={"areas": str(AREAS)},
        hostile=[
            b'{"RESULT": {"CODE": "ERROR-500", "MESSAGE": "x"}}',
            b'{"SeoulRtd.citydata_ppltn": [7, null, {}]}',
            b'{"SeoulRtd.citydata_ppltn": {"AREA_CD": "POI001"}}',
            b"<RESULT><CODE>INFO-200</CODE></RESULT>",
        ],
    ),
)


@pytest.mark.parametrize(
    ("word", "level"), [("여유", "relaxed"), ("보통", "normal"), ("약간 붐빔", "busy"), ("붐빔", "crowded")]
)
def test_the_four_words_are_the_four_levels(word: str, level: str) -> None:
    (entry,) = entries_of("crowd_density", answer([Happening(code=word)]), options={"areas": str(AREAS)})
    assert isinstance(entry, Accepted)
    assert entry.record is not None
    assert (entry.record.crowd_level, len(entry.record.polygon)) == (level, 5)
    # 19,000 people on 265 m by 334 m.
    assert entry.record.people_per_m2 == pytest.approx(0.215, rel=0.01)


def test_what_the_service_says_is_wrong_is_in_the_answer() -> None:
    (entry,) = entries_of("crowd_density", b'{"RESULT": {"RESULT.CODE": "INFO-200", "RESULT.MESSAGE": "x"}}')
    assert isinstance(entry, Refused)
    assert "INFO-200" in entry.message


def test_the_size_of_a_hectare_is_a_hectare() -> None:
    small = [[127, 37.5], [127.0001, 37.5], [127.0001, 37.5001], [127, 37.5]]
    hectare = [[127, 37.5], [127.00113355, 37.5], [127.00113355, 37.50089932], [127, 37.50089932], [127, 37.5]]
    geometry = {"type": "MultiPolygon", "coordinates": [[small], [hectare]]}
    text = json.dumps({"features": [{"properties": {"AREA_CD": "a"}, "geometry": geometry}]})
    assert areas_from(text)["a"].size_m2 == pytest.approx(10_000, rel=1e-3)
    assert size_m2(()) == 0


@pytest.mark.parametrize(
    "coordinates", ["[]", "[[]]", "[[[[NaN, 37], [127, 38], [128, 37]]]]", "[[[[1e999, 37], [127, 38], [128, 37]]]]",
                    "[[[[37.5, 127], [37.6, 127], [37.6, 128]]]]", f"[[[[{10**400}, 37], [127, 38], [128, 37]]]]"]
)  # fmt: skip
def test_a_polygon_that_lies_nowhere_is_named(coordinates: str) -> None:
    geometry = f'{{"type": "MultiPolygon", "coordinates": {coordinates}}}'
    with pytest.raises(ConnectorConfigError, match="feature 1"):
        areas_from(f'{{"features": [{{"properties": {{"AREA_CD": "a"}}, "geometry": {geometry}}}]}}')


@pytest.mark.parametrize(
    "text", ["", "{}", '{"features": []}', '{"features": [{}]}', '{"features": [{"properties": {"AREA_CD": "a"}}]}']
)
def test_a_file_of_areas_that_is_wrong_is_named(text: str) -> None:
    with pytest.raises(ConnectorConfigError, match="areas"):
        areas_from(text)


async def test_all_areas_of_the_file_are_asked_for_with_the_key_in_the_url(tmp_path: Path) -> None:
    asked: list[str] = []

    async def serve(request: web.BaseRequest) -> web.Response:
        asked.append(request.path)
        code = request.path.rpartition("/")[2]
        return web.Response(body=answer([Happening(number=str(int(code[3:])))]))

    (tmp_path / "key").write_text("k3y")
    async with served(serve) as server:
        url = f"{server}/{{key}}/json/citydata_ppltn/1/5/POI001"
        options = {"url": url, "areas": str(AREAS), "token_file": str(tmp_path / "key"), "interval_s": 60}
        entries = build("crowd_density", options, a_context()).entries(None)
        try:
            async with asyncio.timeout(5):
                ids = [(await anext(entries)).record.condition_id for _ in range(7)]  # type: ignore[union-attr]
        finally:
            await entries.aclose()  # type: ignore[attr-defined]
    assert ids == [f"crowd_density:POI{n:03d}" for n in (1, 2, 3, 4, 5, 17, 18)]
    assert asked == [f"/k3y/json/citydata_ppltn/1/5/POI{n:03d}" for n in (1, 2, 3, 4, 5, 17, 18)]
