"""Looks of operators and analytics: what they become, what is dropped, and what is told once only."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.payloads import Arrival
from connectors.kit.source import Accepted, Entry, Refused
from connectors.video_analytics.confidence import Scale
from connectors.video_analytics.source import Config, VideoAnalyticsSource, city_cap
from schemas.sighting import Sighting
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import Happening, Samples, connector_suite

S = 1_000_000
CASE = "police_112:2026-000017"
TOKEN = "t" * 24
ROOT = Path(__file__).parents[3]
LOOK = {"case_id": CASE, "camera_id": "cam-1", "result": "seen", "at": NOON_US // S}


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKS_TOKEN", TOKEN)


def click(h: Happening) -> bytes:
    """Return what an operator clicked."""
    body = {
        "id": None if h.nulls else f"{h.number[:50]}-{h.revision}",
        "case_id": CASE,
        "camera_id": h.number,
        "result": "seen" if h.code is None else h.code,
        "at": None if h.nulls else h.time_text,
        "level": None if h.nulls else "observe",
        "lat": None if h.nulls else h.lat,
        "lon": None if h.nulls else h.lon,
        "operator": None if h.nulls else h.person_name,
        "exercise": None if h.nulls else h.exercise,
        "phone": h.person_phone,
        "note": h.person_text,
        "crop": "data:image/jpeg;base64,/9j/4AAQ",
        **h.extra,
    }
    return json.dumps(body, ensure_ascii=False).encode()


def hit(h: Happening) -> bytes:
    """Return what an analytics system found."""
    body = {
        "session": f"{CASE}/1772333100000000",
        "camera_id": h.number,
        "result": "match" if h.code is None else h.code,
        "at": h.time_ms,
        "pixels_per_m": None if h.nulls else 130,
        "confidence": None if h.nulls else 0.7,
        "exercise": h.exercise,
        "subject_name": h.person_name,
        "reporter": {"phone": h.person_phone, "said": h.person_text},
        "person": h.person_phone,
        **h.extra,
    }
    return json.dumps(body, ensure_ascii=False).encode()


UGLY = [
    b"{",
    b"[3]",
    b'"x"',
    b'{"case_id": 17, "camera_id": "a", "result": "seen", "at": 1772333990}',
    b'{"case_id": "112:010-4857-2961", "camera_id": "a", "result": "seen", "at": 1772333990}',
    b'{"case_id": "s:short", "camera_id": "a", "result": "seen", "at": 1772333990}',
    b'{"case_id": "urn:ngsi-ld:Alert:goldentime:000000000000000000000000", "camera_id": "a", "result": "hit"}',
    b'{"case_id": "112:17", "camera_id": {"id": 1}, "result": "seen", "at": 1772333990}',
    b'{"case_id": "112:17", "camera_id": "a b", "result": "seen", "at": 1772333990}',
    b'{"case_id": "112:\\ud800", "camera_id": "a", "result": "seen", "at": 1772333990}',
    b'{"case_id": "112:17", "camera_id": "a", "result": ["seen"], "at": 1772333990}',
    b'{"case_id": "112:17", "camera_id": "a", "result": "seen", "at": 1772333990, "confidence": 93}',
    b'{"case_id": "112:17", "camera_id": "a", "result": "seen", "at": 1772333990, "confidence": "very"}',
    b'{"case_id": "112:17", "camera_id": "a", "result": "seen"}',
    b'{"case_id": "112:17", "result": "seen", "at": 1772333990, "lat": 211, "lon": 127}',
    b'{"case_id": "112:17", "result": "not-seen", "at": 1772333990, "lat": 37.5, "lon": 127}',
    b'{"case_id": "112:17", "camera_id": "a", "result": "seen", "at": [[[[]]]], "operator": {"a": [1]}}',
]

TestClicks = connector_suite(
    "video_analytics", Samples(write=click, options={"by": "operator", "token_env": "LOOKS_TOKEN"}, hostile=UGLY)
)
TestHits = connector_suite(
    "video_analytics", Samples(write=hit, options={"transport": "mqtt", "system": "north"}, origin="sightings/north")
)


def a_source(**options: Any) -> VideoAnalyticsSource:
    given = {"listen": "127.0.0.1:0", "token_env": "LOOKS_TOKEN", **options}
    return VideoAnalyticsSource(Config.from_options(given), a_context())


def answers(source: VideoAnalyticsSource, *items: dict[str, Any], now_us: int = NOON_US) -> list[Entry]:
    return list(source.answers(json.dumps(items).encode(), Arrival(now_us)))


def looks(*items: dict[str, Any], **options: Any) -> list[Sighting]:
    """Return the looks that items become."""
    entries = answers(a_source(**options), *items)
    assert all(isinstance(entry, Accepted) for entry in entries), entries
    return [entry.record for entry in entries if isinstance(entry, Accepted) and entry.record is not None]


def refused(item: dict[str, Any], **options: Any) -> tuple[str, str | None]:
    (entry,) = answers(a_source(**options), item)
    assert isinstance(entry, Refused), entry
    return entry.reason, entry.field


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"level": "recognize"}, "recognise"),
        ({"level": "Detection"}, "detect"),
        ({"pixels_per_m": 250}, "identify"),
        ({"pixels_per_m": "124.9"}, "observe"),
        ({"pixels_per_m": 61}, "detect"),
        ({"pixels_per_m": 3}, "none"),
        ({"level": "identify", "pixels_per_m": 30}, "identify"),
        ({"level": "splendid"}, None),
        ({"pixels_per_m": -1}, None),
        ({}, None),
    ],
)
def test_how_well_somebody_was_seen_is_a_word_or_a_density_of_iec_62676_4(
    fields: dict[str, Any], level: str | None
) -> None:
    (look,) = looks({**LOOK, **fields})
    assert look.level == level


def test_a_score_is_believed_as_it_stands_but_no_further_than_the_policy_says() -> None:
    scores: tuple[Any, ...] = (0.0, 0.31, 0.8, 1, None, "")
    found = looks(*[{**LOOK, "camera_id": f"cam-{n}", "confidence": score} for n, score in enumerate(scores)])
    assert [look.reliability for look in found] == [0.0, 0.31, 0.8, 0.8, None, None]


def test_a_table_says_what_the_scores_of_a_system_were_worth() -> None:
    options = {"reliability": ["0.5:0.2", "0.7:0.4", "0.9:0.75"], "confidence_whole": 100}
    scores = (50, 60, 80, 90, 99, 49)
    found = looks(*[{**LOOK, "camera_id": f"cam-{n}", "confidence": s} for n, s in enumerate(scores)], **options)
    assert [look.reliability for look in found] == pytest.approx([0.2, 0.3, 0.575, 0.75, 0.75])
    assert refused({**LOOK, "confidence": 101}, **options) == ("out-of-range", "confidence")


@pytest.mark.parametrize("table", [["0.5"], ["a:0.5"], ["0.5:2"], ["0.9:0.1", "0.5:0.2"], ["0.5:0.9", "0.6:0.1"]])
def test_a_table_that_cannot_be_one_is_refused(table: list[str]) -> None:
    with pytest.raises(ConnectorConfigError, match="reliability"):
        a_source(reliability=table)


def test_the_cap_is_the_citys_own_figure(tmp_path: Path) -> None:
    assert city_cap(None) == city_cap(tmp_path) == city_cap(ROOT / "cities" / "seoul") == 0.8
    (tmp_path / "policy.toml").write_text("[belief.reliability]\nanalytics = 0.6\n")
    config = Config.from_options({"listen": "127.0.0.1:0", "token_env": "LOOKS_TOKEN"})
    source = VideoAnalyticsSource(config, replace(a_context(), city_folder=tmp_path))
    (entry,) = answers(source, {**LOOK, "confidence": 0.99})
    assert isinstance(entry, Accepted)
    assert entry.record is not None
    assert entry.record.reliability == 0.6
    (tmp_path / "policy.toml").write_text("[belief]\n")
    with pytest.raises(ConnectorConfigError, match=r"belief\.reliability\.analytics"):
        city_cap(tmp_path)


def test_what_an_operator_feels_sure_of_is_no_score_and_who_looks_is_not_the_senders_to_say() -> None:
    claims = {**LOOK, "by": "operator", "confidence": 0.4}
    assert [(look.by, look.reliability) for look in looks(claims)] == [("analytics", 0.4)]
    assert [(look.by, look.reliability) for look in looks(claims, by="operator")] == [("operator", None)]
    assert [(look.by, look.reliability) for look in looks(claims, by="each-item")] == [("operator", None)]
    assert refused(LOOK, by="each-item") == ("missing-field", "by")
    assert refused({**LOOK, "by": "unit"}, by="each-item") == ("unknown-code", "by")


def test_an_operator_is_a_pseudonym_the_same_as_at_the_link_gateway_and_a_system_its_name() -> None:
    (clicked,) = looks({**LOOK, "operator": "kim.minsu"}, by="operator")
    assert clicked.actor_ref == a_context().pseudonyms.of("operator", "kim.minsu")
    (found,) = looks({**LOOK, "operator": "kim.minsu"}, system="north")
    assert (found.actor_ref, found.source) == ("north", "video_analytics:north")
    assert "kim" not in repr((clicked, found))


@pytest.mark.parametrize(
    ("reference", "case_id"),
    [
        (CASE, CASE),
        ("s:amc6bnjdxvt5oyt53tb2gx6k", "s:amc6bnjdxvt5oyt53tb2gx6k"),
        (f"{CASE}/1772333100000000", CASE),
        (f"{CASE}/1772333100000000/3", CASE),
        (f"{CASE}/1772333100000000/3/view-ended/1772333100000000", CASE),
        ("cap_alerts:urn:oid:2.49/2", "cap_alerts:urn:oid:2.49/2"),
    ],
)
def test_a_case_is_named_as_our_assignments_and_calls_name_it(reference: str, case_id: str) -> None:
    for field in ("case_id", "session"):
        (look,) = looks({**{k: v for k, v in LOOK.items() if k != "case_id"}, field: reference})
        assert look.case_id == case_id


@pytest.mark.parametrize(
    "reference", ["홍길동", "112:홍길동", "Hong", "112:010-4857-2961", "s:hong", "112: 17", "112:" + "7" * 300]
)
def test_what_is_no_case_of_ours_is_refused_and_kept_nowhere(reference: str) -> None:
    (entry,) = answers(a_source(), {**LOOK, "case_id": reference})
    assert isinstance(entry, Refused)
    assert (entry.reason, entry.field) == ("unusable-id", "case_id")
    assert reference not in repr(entry)


def test_a_place_that_is_none_leaves_the_look_through_the_camera() -> None:
    at = {"lat": 37.5665, "lon": 126.978}
    clicked, nowhere, exact = looks(
        {**LOOK, **at},
        {**LOOK, "camera_id": "cam-2", "lat": 0, "lon": 0},
        {**LOOK, "camera_id": None, **at, "accuracy_m": 3},
    )
    assert clicked.location is not None
    assert clicked.location.accuracy_m == 10.0
    assert nowhere.location is None
    assert exact.location is not None
    assert (exact.camera_id, exact.location.accuracy_m) == (None, 3.0)
    assert refused({**LOOK, "camera_id": None, "lat": 0, "lon": 0}) == ("missing-field", "camera_id")
    assert refused({**LOOK, "camera_id": None, "result": "not-seen", **at}) == ("missing-field", "camera_id")


def test_that_somebody_was_not_seen_has_no_place() -> None:
    (look,) = looks({**LOOK, "result": "not_seen", "lat": 37.5665, "lon": 126.978})
    assert (look.result, look.location) == ("looked-not-seen", None)


def test_analytics_that_repeat_themselves_are_told_once_in_ten_seconds_and_operators_always() -> None:
    items = [{**LOOK, "at": NOON_US // S - 30 + second} for second in range(25)]
    assert [look.seen_us // S - NOON_US // S for look in looks(*items)] == [-30, -20, -10]
    assert len(looks(*items, by="operator")) == len(looks(*items, every_s=0)) == 25
    others = [{**items[0], "camera_id": "cam-2"}, {**items[0], "result": "no-match"}, {**items[0], "case_id": "112:1"}]
    assert len(looks(items[0], *others)) == 4


def test_a_body_that_is_sent_again_tells_the_same_again() -> None:
    source = a_source()
    items = [{**LOOK, "at": NOON_US // S - 30 + second} for second in range(25)]
    first, again = answers(source, *items), answers(source, *items)
    assert [e.record for e in first if isinstance(e, Accepted)] == [e.record for e in again if isinstance(e, Accepted)]
    assert len(first) == 3
    assert source.findings["repeat"] == 44


def test_memory_of_what_was_told_is_bounded() -> None:
    source = a_source()
    source._recent._looks_max = 2
    for number in range(3):
        answers(source, {**LOOK, "camera_id": f"cam-{number}"})
    assert len(source._recent._told) == 2


def test_a_late_look_is_passed_on_and_counted_and_one_from_the_future_is_of_now() -> None:
    source = a_source()
    late, early = answers(source, {**LOOK, "at": NOON_US // S - 301}, {**LOOK, "at": NOON_US // S + 301})
    assert isinstance(late, Accepted)
    assert isinstance(early, Accepted)
    assert late.record is not None
    assert early.record is not None
    assert (late.record.seen_us, early.record.seen_us) == (NOON_US - 301 * S, NOON_US)
    assert (source.findings["late"], source.findings["clock-skew"]) == (1, 1)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=8),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_higher_score_is_never_believed_less_and_none_beyond_the_cap(
    pairs: list[tuple[float, float]], cap: float, low: float, high: float
) -> None:
    scores = sorted({score for score, _ in pairs})
    points = tuple(zip(scores, sorted(believed for _, believed in pairs), strict=False))
    scale = Scale(points, cap=cap)
    less, more = (scale.reliability(score) for score in sorted((low, high)))
    assert less is None or (more is not None and less <= more + 1e-12)
    assert more is None or 0 <= more <= cap
