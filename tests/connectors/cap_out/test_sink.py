"""What cap_out tells other agencies."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
import shapely

import connectors.cap_out as package
from connectors.kit.arrival import Arrival
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.manifest import build, build_sink
from connectors.kit.reading.json_records import record_from_json
from connectors.kit.sink import Delivered
from schemas.camera_assignment import CameraAssignment
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import HttpOutside, SinkSamples, sink_suite

EXAMPLES = Path(package.__file__).parent / "examples"
OPTIONS = {"sender": "goldentime@city.example"}
NS = "{urn:oasis:names:tc:emergency:cap:1.2}"
MINUTE_US = 60_000_000


def example(name: str) -> CameraAssignment:
    found: CameraAssignment = record_from_json(CameraAssignment, json.loads((EXAMPLES / name).read_text("utf-8")))
    return found


def version(number: int, assignment: CameraAssignment, **changes: Any) -> CameraAssignment:
    """Return a later version, a minute apart each."""
    return replace(
        assignment,
        version=number,
        **{
            "event_id": f"{assignment.case_id}/{assignment.opened_us}/{number}",
            "decided_us": NOON_US + number * MINUTE_US,
            **changes,
        },
    )


FIRST = version(1, example("active.json"))
RAISED = version(2, FIRST, rank=0)
OVER = version(3, example("released.json"))

# Of one case in one batch only the newest version is told, so these are three.
CASES = [replace(FIRST, case_id=f"disaster_text:{n}", event_id=f"disaster_text:{n}/1") for n in range(3)]

TestCapOut = sink_suite(
    "cap_out", SinkSamples(outside=HttpOutside, records=CASES, options=OPTIONS, secret_option="token_file")
)


def delivered(records: Sequence[CameraAssignment]) -> list[Delivered]:
    return [Delivered(CAMERA_ASSIGNMENTS, 0, n, r.case_id.encode(), r) for n, r in enumerate(records)]


def tombstones(*records: CameraAssignment) -> list[Delivered]:
    return [Delivered(CAMERA_ASSIGNMENTS, 0, 99, r.case_id.encode(), None) for r in records]


def one_by_one(*records: CameraAssignment) -> list[list[Delivered]]:
    """Return batches of one version each, as they come while the sink keeps up."""
    return [[one] for one in delivered(records)]


async def written(outside: HttpOutside, *batches: Sequence[Delivered], **options: Any) -> Any:
    sink = build_sink("cap_out", {**OPTIONS, **outside.options, **options}, a_context())
    try:
        for batch in batches:
            await sink.write(batch)
    finally:
        await sink.close()
    return sink


def texts(alert: Element, *names: str) -> list[str | None]:
    return [alert.findtext(f".//{NS}{name}") for name in names]


async def messages(*batches: Sequence[Delivered], **options: Any) -> list[Element]:
    async with HttpOutside() as outside:
        await written(outside, *batches, **options)
        assert all(headers["Content-Type"] == "application/cap+xml" for headers in outside.headers)
        return [fromstring(body) for body in outside.bodies]


async def test_a_case_begins_with_an_alert_changes_by_updates_and_ends_with_a_cancel() -> None:
    first, second, third = await messages(*one_by_one(FIRST, RAISED, OVER))
    assert [texts(m, "msgType")[0] for m in (first, second, third)] == ["Alert", "Update", "Cancel"]
    one, two = (texts(m, "identifier")[0] for m in (first, second))
    sender = OPTIONS["sender"]
    assert texts(first, "references") == [None]
    assert texts(second, "references") == [f"{sender},{one},2026-03-01T03:01:00-00:00"]
    assert texts(third, "references") == [
        f"{sender},{one},2026-03-01T03:01:00-00:00 {sender},{two},2026-03-01T03:02:00-00:00"
    ]
    assert len({texts(m, "incidents")[0] for m in (first, second, third)}) == 1
    assert texts(third, "responseType", "expires") == ["AllClear", None]


async def test_the_elements_stand_in_the_order_of_the_standard() -> None:
    (alert, update) = await messages(*one_by_one(FIRST, RAISED))
    names = [child.tag.removeprefix(NS) for child in update]
    assert names == [
        "identifier", "sender", "sent", "status", "msgType", "scope", "restriction", "references", "incidents", "info",
    ]  # fmt: skip
    info = alert.find(f"{NS}info")
    assert info is not None
    assert [child.tag.removeprefix(NS) for child in info] == [
        "language", "category", "event", "responseType", "urgency", "severity", "certainty", "eventCode", "effective",
        "onset", "expires", "area",
    ]  # fmt: skip
    assert texts(alert, "category", "event", "urgency", "severity") == ["Met", "heavy rain", "Immediate", "Severe"]
    assert texts(alert, "areaDesc", "circle") == ["종로구", "37.57290,126.97940 0.120"]


async def test_our_own_reader_makes_the_same_case_of_it() -> None:
    async with HttpOutside() as outside:
        await written(outside, *one_by_one(FIRST, RAISED, OVER))
        reader: Any = build("cap_alerts", {"transport": "http-push", "token_env": "T"}, a_context())
        read = [
            entry.record for body in outside.bodies for entry in reader.answers(body, Arrival(NOON_US + 3 * MINUTE_US))
        ]
    assert [record.status for record in read] == ["reported", "updated", "cancelled"]
    assert {record.kind for record in read} == {"heavy-rain"}
    assert len({record.case_id for record in read}) == 1
    assert [record.urgency_native for record in read] == ["urgent", "critical", "minor"]
    ring = shapely.Polygon([(p.lon_deg, p.lat_deg) for p in read[0].area.polygon])
    assert ring.contains(shapely.Point(126.9794, 37.5729))


async def test_drills_are_told_as_exercises_or_not_at_all() -> None:
    drill = replace(FIRST, exercise=True)
    (alert,) = await messages(delivered([drill]))
    assert texts(alert, "status", "note") == ["Exercise", "Exercise"]
    assert await messages(delivered([drill]), exercises=False) == []


@pytest.mark.parametrize("services", [("dementia",), ("child",), ("police",), ("disaster", "child")])
async def test_cases_of_persons_and_of_the_police_are_not_told(services: tuple[str, ...]) -> None:
    assert await messages(delivered([replace(FIRST, services=services)])) == []


async def test_only_chosen_kinds_are_told() -> None:
    assert await messages(delivered([FIRST]), kinds=["flood"]) == []
    assert len(await messages(delivered([FIRST]), kinds=["flood", "heavy-rain"])) == 1


async def test_nothing_of_a_message_leads_to_a_person_or_a_camera() -> None:
    async with HttpOutside() as outside:
        await written(outside, delivered([replace(FIRST, case_id="pseudonym-of-a-person")]))
        (body,) = outside.bodies
    assert not [word for word in (b"pseudonym", b"jongno", b"pole", b"DISASTER", b"duty") if word in body]


async def test_other_cameras_are_no_news_and_neither_is_a_step_aside() -> None:
    where = FIRST.where
    assert where is not None
    aside = version(2, FIRST, cameras=FIRST.cameras[:1], where=replace(where, lat_deg=where.lat_deg + 0.0005))
    away = version(3, FIRST, where=replace(where, lat_deg=where.lat_deg + 0.002))
    longer = version(4, away, valid_until_us=FIRST.valid_until_us + 10 * MINUTE_US)
    found = await messages(*one_by_one(FIRST, aside, away, longer))
    assert [texts(m, "msgType")[0] for m in found] == ["Alert", "Update", "Update"]
    assert texts(found[1], "identifier") != texts(found[2], "identifier")


async def test_a_case_that_the_police_join_and_one_that_is_forgotten_are_cancelled() -> None:
    joined = version(2, FIRST, services=("disaster", "police"), kind="missing-person")
    _, cancel = await messages(*one_by_one(FIRST, joined))
    assert texts(cancel, "msgType", "event", "value") == ["Cancel", None, None]
    alert, forgotten = await messages(delivered([FIRST]), tombstones(FIRST))
    assert texts(forgotten, "msgType", "event") == ["Cancel", None]
    assert str(texts(alert, "identifier")[0]) in str(texts(forgotten, "references")[0])


async def test_no_text_or_time_of_a_record_makes_a_message_that_cannot_be_read() -> None:
    assert FIRST.where is not None
    odd = replace(
        FIRST, kind="fire\x00\x0b\ufffe🚒", occurred_us=2**62, where=replace(FIRST.where, district="종로\x1f구")
    )
    (alert,) = await messages(delivered([odd]))
    assert texts(alert, "event", "areaDesc") == ["fire🚒", "종로구"]
    (early,) = await messages(delivered([replace(FIRST, occurred_us=-(2**62))]))
    assert texts(early, "onset") == ["1900-01-01T00:00:00-00:00"]


async def test_a_case_that_ended_is_not_told_again_by_a_repeat_and_opens_anew() -> None:
    later = replace(FIRST, opened_us=FIRST.opened_us + 60 * MINUTE_US, event_id="later", version=1)
    found = await messages(*one_by_one(FIRST, OVER, FIRST, OVER, later))
    assert [texts(m, "msgType")[0] for m in found] == ["Alert", "Cancel", "Alert"]
    assert len({texts(m, "incidents")[0] for m in found}) == 2


def kinds_of(found: Sequence[Element]) -> list[str | None]:
    return [texts(message, "msgType")[0] for message in found]


async def test_a_case_whose_lease_is_over_is_not_opened_until_it_is_renewed() -> None:
    lapsed = version(1, FIRST, valid_until_us=NOON_US)
    renewed = version(2, FIRST, valid_until_us=NOON_US + 1)
    assert await messages(delivered([lapsed]), delivered([version(2, lapsed)])) == []
    assert kinds_of(await messages(delivered([lapsed]), delivered([renewed]))) == ["Alert"]


async def test_a_first_start_tells_none_of_the_cases_of_last_month_and_those_of_now_once() -> None:
    month_us = 30 * 24 * 60 * MINUTE_US
    old = [replace(v, case_id="disaster_text:old", valid_until_us=v.valid_until_us - month_us) for v in (FIRST, RAISED)]
    ended = [replace(v, case_id="disaster_text:ended") for v in (FIRST, RAISED, OVER)]
    (only,) = await messages(delivered([*old, FIRST, *ended, RAISED]))
    assert texts(only, "msgType", "severity") == ["Alert", "Extreme"]


async def test_a_case_that_was_told_and_whose_lease_ran_out_while_we_were_away_is_ended_without_an_all_clear() -> None:
    lapsed = version(2, FIRST, valid_until_us=NOON_US)
    alert, cancel = await messages(*one_by_one(FIRST, lapsed, lapsed))
    assert texts(cancel, "msgType", "responseType") == ["Cancel", None]
    assert str(texts(alert, "identifier")[0]) in str(texts(cancel, "references")[0])


async def test_of_a_batch_the_newest_version_of_a_told_case_is_told_and_every_end() -> None:
    reopened = version(1, replace(FIRST, opened_us=FIRST.opened_us + 60 * MINUTE_US), event_id="reopened")
    assert kinds_of(await messages(*one_by_one(FIRST), delivered([RAISED, version(3, FIRST)]))) == ["Alert"]
    assert kinds_of(await messages(*one_by_one(FIRST), delivered([RAISED, OVER, reopened]))) == [
        "Alert", "Cancel", "Alert",
    ]  # fmt: skip
    cancelled = [*delivered([RAISED, OVER]), *tombstones(OVER)]
    _, cancel = await messages(*one_by_one(FIRST), cancelled)
    assert texts(cancel, "msgType", "responseType") == ["Cancel", "AllClear"]
    assert kinds_of(await messages(*one_by_one(FIRST), [*delivered([RAISED]), *tombstones(RAISED)])) == [
        "Alert", "Cancel",
    ]  # fmt: skip
    assert await messages([*delivered([FIRST]), *tombstones(FIRST)]) == []


async def test_a_newer_version_that_is_followed_by_a_repeat_of_an_older_one_is_still_the_newest() -> None:
    (alert,) = await messages(delivered([FIRST, RAISED, FIRST]))
    assert texts(alert, "severity") == ["Extreme"]


async def test_a_state_file_lets_a_restart_update_what_was_told_before(tmp_path: Path) -> None:
    state = {"state_file": str(tmp_path / "cap.json")}
    async with HttpOutside() as outside:
        await written(outside, delivered([FIRST]), **state)
        await written(outside, delivered([FIRST, RAISED]), **state)
        found = [fromstring(body) for body in outside.bodies]
    assert [texts(m, "msgType")[0] for m in found] == ["Alert", "Update"]
    (tmp_path / "cap.json").write_text('{"case": {"version": 1}}')
    with pytest.raises(ConnectorConfigError, match="state_file"):
        build_sink("cap_out", {**OPTIONS, "url": "http://x.example", **state}, a_context())


@pytest.mark.parametrize("status", [401, 403, 404, 503])
async def test_a_receiver_that_does_not_let_us_in_loses_nothing(status: int) -> None:
    async with HttpOutside() as outside:
        outside.fail(1, status)
        sink = build_sink("cap_out", {**OPTIONS, **outside.options}, a_context())
        with pytest.raises(SinkUnavailableError):
            await sink.write(delivered([FIRST]))
        await sink.write(delivered([FIRST]))
        await sink.close()
        assert len(outside.bodies) == 1


async def test_a_message_that_is_refused_is_counted_and_the_next_one_passes() -> None:
    other = replace(FIRST, case_id="disaster_text:2", event_id="other")
    async with HttpOutside() as outside:
        outside.fail(1, 400)
        sink = await written(outside, delivered([FIRST, other]))
        assert (sink.findings["refused"], sink.findings["Alert"], len(outside.bodies)) == (1, 1, 1)


@pytest.mark.parametrize("sender", ["two words", "a,b", "a<b", "a&b", ""])
def test_a_sender_that_cap_does_not_allow_is_refused(sender: str) -> None:
    with pytest.raises(ConnectorConfigError, match="sender"):
        build_sink("cap_out", {"sender": sender, "url": "http://x.example"}, a_context())
