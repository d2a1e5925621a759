"""What a video system is told: which views to open, keep and close, and when they end by themselves."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import connectors.vms_webhook as package
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.manifest import build_sink
from connectors.kit.reading.json_records import record_from_json
from connectors.kit.sink import Delivered
from connectors.vms_webhook import sink as sink_module
from schemas.camera_assignment import AssignedCamera, CameraAssignment
from schemas.topics import CAMERA_ASSIGNMENTS
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import HttpOutside, SinkSamples, sink_suite
from tests.support.golden import assignments_for, entries_of

EXAMPLES = Path(package.__file__).parent / "examples"
S = 1_000_000
KEY = "key-of-the-wall"


def example(name: str) -> CameraAssignment:
    return record_from_json(CameraAssignment, json.loads((EXAMPLES / name).read_text("utf-8")))


ACTIVE, RELEASED = example("active.json"), example("released.json")
OTHER = replace(ACTIVE, case_id="112:18", event_id="112:18/3")

TestVmsWebhook = sink_suite(
    "vms_webhook", SinkSamples(outside=HttpOutside, records=[ACTIVE, OTHER], secret_option="hmac_file")
)


def camera(number: int, **changes: Any) -> AssignedCamera:
    return replace(ACTIVE.cameras[0], camera_id=f"cam-{number}", **changes)


def version(number: int, *cameras: AssignedCamera, **changes: Any) -> CameraAssignment:
    return replace(ACTIVE, version=number, cameras=cameras, released=(), **changes)


def delivered(*records: CameraAssignment) -> list[Delivered]:
    return [Delivered(CAMERA_ASSIGNMENTS, 0, n, r.case_id.encode(), r) for n, r in enumerate(records)]


class Wall:
    """A sink in front of a real server, with a clock that is set by hand."""

    def __init__(self, outside: HttpOutside, folder: Path, **options: Any) -> None:
        (folder / "key").write_text(KEY)
        self.outside = outside
        self.context = a_context()
        self.sink: Any = build_sink(
            "vms_webhook", {"url": outside.options["url"], "hmac_file": str(folder / "key"), **options}, self.context
        )

    async def tell(self, *records: CameraAssignment) -> list[dict[str, Any]]:
        """Write records and return the calls that were made for them."""
        before = len(self.outside.bodies)
        await self.sink.write(delivered(*records))
        return [json.loads(body) for body in self.outside.bodies[before:]]

    async def after_s(self, seconds: float) -> list[dict[str, Any]]:
        """Let time go on and return the calls that it made."""
        before = len(self.outside.bodies)
        self.context.clock.now = NOON_US + int(seconds * S)  # type: ignore[attr-defined]
        await self.sink.end_what_is_due()
        return [json.loads(body) for body in self.outside.bodies[before:]]


@asynccontextmanager
async def wall(folder: Path, **options: Any) -> AsyncIterator[Wall]:
    async with HttpOutside() as outside:
        made = Wall(outside, folder, **options)
        try:
            yield made
        finally:
            await made.sink.close()


def ids(views: list[Any]) -> list[str]:
    return [view["camera_id"] for view in views]


async def test_each_version_opens_keeps_and_closes_against_what_was_told(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        (first,) = await w.tell(version(1, camera(1), camera(2)))
        (second,) = await w.tell(version(2, camera(2), camera(3)))
        assert (first["call"], ids(first["open"]), first["keep"]) == ("start", ["cam-1", "cam-2"], [])
        assert (second["call"], ids(second["open"]), ids(second["keep"]), second["close"]) == (
            "update", ["cam-3"], ["cam-2"], ["cam-1"],
        )  # fmt: skip


async def test_a_skipped_version_changes_nothing_of_the_whole(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        await w.tell(version(1, camera(1)))
        (call,) = await w.tell(version(2, camera(2)), version(5, camera(1), camera(3)))
        assert (call["version"], ids(call["open"]), ids(call["keep"]), call["close"]) == (5, ["cam-3"], ["cam-1"], [])


async def test_an_older_version_is_passed_over(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        await w.tell(version(4, camera(1)))
        assert await w.tell(version(3, camera(2))) == []


async def test_a_released_case_ends_its_session(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        await w.tell(version(3, camera(1)))
        (end,) = await w.tell(RELEASED)
        assert (end["call"], end["close"], end["reason"]) == ("end", ["cam-1"], "closed")
        assert await w.after_s(1_000) == []


async def test_a_missed_end_is_made_up_for_by_the_lease(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        await w.tell(version(3, camera(1), camera(2)))
        assert await w.after_s(119) == []
        (end,) = await w.after_s(121)
        assert (end["call"], end["reason"], end["close"]) == ("end", "lease-expired", ["cam-1", "cam-2"])
        assert await w.after_s(122) == []


async def test_a_renewed_lease_tells_the_later_end(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        await w.tell(version(3, camera(1)))
        (call,) = await w.tell(version(4, camera(1), valid_until_us=NOON_US + 240 * S))
        assert (call["open"], call["close"], call["keep"][0]["close_at_us"]) == ([], [], NOON_US + 240 * S)
        assert await w.after_s(200) == []


async def test_a_view_that_is_replaced_closes_after_the_new_one_has_begun(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        await w.tell(version(3, camera(1)))
        (made,) = await w.tell(version(4, camera(2), camera(1, role="ending", until_us=NOON_US + 5 * S)))
        assert (ids(made["open"]), ids(made["keep"]), made["close"]) == (["cam-2"], ["cam-1"], [])
        assert made["keep"][0]["close_at_us"] == NOON_US + 5 * S
        (broken,) = await w.after_s(6)
        assert (broken["call"], broken["reason"], broken["close"], ids(broken["keep"])) == (
            "update", "view-ended", ["cam-1"], ["cam-2"],
        )  # fmt: skip


async def test_a_later_opening_is_begun_before_the_earlier_one_is_ended(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        await w.tell(version(7, camera(1)))
        again = version(1, camera(2), opened_us=NOON_US)
        begun, ended = await w.tell(again)
        assert (begun["call"], begun["session"]) == ("start", f"112:17/{NOON_US}")
        assert (ended["call"], ended["reason"], ended["close"]) == ("end", "superseded", ["cam-1"])
        assert ended["session"] != begun["session"]


async def test_an_earlier_opening_is_ended_though_the_call_for_it_failed_at_first(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        await w.tell(version(7, camera(1)))
        again = version(1, camera(2), opened_us=NOON_US)
        w.outside.fail(1, after=1)
        with pytest.raises(SinkUnavailableError):
            await w.tell(again)
        (ended,) = await w.tell(again)
        assert (ended["call"], ended["reason"], ended["close"]) == ("end", "superseded", ["cam-1"])


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_a_wrong_token_or_address_passes_over_no_case(tmp_path: Path, status: int) -> None:
    async with wall(tmp_path) as w:
        w.outside.fail(1, status)
        with pytest.raises(SinkUnavailableError, match="token or address"):
            await w.tell(version(1, camera(1)))
        (call,) = await w.tell(version(1, camera(1)))
        assert ids(call["open"]) == ["cam-1"]


async def test_drills_open_nothing_unless_the_city_says_so(tmp_path: Path) -> None:
    drill = version(1, camera(1), exercise=True)
    async with wall(tmp_path) as w:
        assert await w.tell(drill) == []
    async with wall(tmp_path, exercises=True) as w:
        (call,) = await w.tell(drill)
        assert call["exercise"]


async def test_a_district_hears_of_its_own_cameras_and_cases_only(tmp_path: Path) -> None:
    async with wall(tmp_path, owners=["Riverside"], agencies=["demo-112"]) as w:
        (call,) = await w.tell(version(1, camera(1), camera(2, owner="Hilltop")))
        assert ids(call["open"]) == ["cam-1"]
        assert await w.tell(replace(OTHER, recipients=("city-119:control-room",))) == []


async def test_a_lease_that_is_over_opens_nothing(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        assert await w.tell(version(1, camera(1), valid_until_us=NOON_US)) == []


async def test_a_forgotten_case_is_closed(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        await w.tell(version(1, camera(1)))
        await w.sink.write([Delivered(CAMERA_ASSIGNMENTS, 0, 9, b"112:17", None)])
        assert json.loads(w.outside.bodies[-1])["reason"] == "forgotten"


async def test_calls_are_signed_and_carry_a_key_that_a_repeat_has_too(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        w.outside.fail(1)
        with pytest.raises(SinkUnavailableError):
            await w.tell(version(1, camera(1)))
        await w.tell(version(1, camera(1)))
        signature = "sha256=" + hmac.new(KEY.encode(), w.outside.bodies[0], hashlib.sha256).hexdigest()
        assert w.outside.headers[0]["X-Hub-Signature-256"] == signature
        assert w.outside.headers[0]["Idempotency-Key"] == f"112:17/{ACTIVE.opened_us}/1"


async def test_what_was_understood_and_not_taken_is_opened_by_the_next_version(tmp_path: Path) -> None:
    async with wall(tmp_path) as w:
        w.outside.status = 422
        await w.tell(version(1, camera(1)))
        w.outside.status = 200
        (call,) = await w.tell(version(2, camera(1), camera(2)))
        assert (call["call"], ids(call["open"])) == ("start", ["cam-1", "cam-2"])
        assert w.sink.findings["refused"] == 1


async def test_memory_is_bounded_and_what_is_forgotten_is_counted(tmp_path: Path) -> None:
    async with wall(tmp_path, sessions_max=2) as w:
        for number in range(5):
            await w.tell(replace(ACTIVE, case_id=f"112:{number}"))
        assert w.sink.findings["forgotten-session"] == 3


async def test_sessions_outlive_a_restart_in_their_file(tmp_path: Path) -> None:
    state = str(tmp_path / "sessions.json")
    async with wall(tmp_path, state_file=state) as w:
        await w.tell(version(3, camera(1), camera(2)))
    async with wall(tmp_path, state_file=state) as w:
        (call,) = await w.tell(version(4, camera(2)))
        assert (call["open"], ids(call["keep"]), call["close"]) == ([], ["cam-2"], ["cam-1"])
        (end,) = await w.after_s(500)
        assert end["reason"] == "lease-expired"


async def test_a_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sessions.json").write_text('{"112:17": {"wrong": 1}}')
    async with wall(tmp_path, state_file=str(tmp_path / "sessions.json")) as w:
        with pytest.raises(ConnectorConfigError, match="state_file"):
            await w.tell(ACTIVE)


async def test_the_watch_ends_views_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "WATCH_S", 0.005)
    async with wall(tmp_path) as w:
        await w.tell(version(3, camera(1)))
        w.context.clock.now = NOON_US + 121 * S  # type: ignore[attr-defined]
        async with asyncio.timeout(5):
            while len(w.outside.bodies) < 2:
                await asyncio.sleep(0.005)
        assert json.loads(w.outside.bodies[1])["reason"] == "lease-expired"


def test_a_system_that_anybody_may_call_is_refused() -> None:
    with pytest.raises(ConnectorConfigError, match="hmac_file"):
        build_sink("vms_webhook", {"url": "https://vms.example/hook"}, a_context())


async def test_from_the_bytes_of_a_call_to_the_views_of_the_wall(tmp_path: Path) -> None:
    beacon = {
        "event_id": "e-1",
        "source": "beacon",
        "observed_us": NOON_US,
        "ingested_us": NOON_US,
        "case_id": "112:17",
    }
    incident = beacon | {
        "incident_id": "112:17", "status": "reported", "service": "police", "kind": "robbery", "occurred_us": NOON_US,
        "location": {"lat_deg": 37.5665, "lon_deg": 126.978, "accuracy_m": 10.0, "quality": "gps"},
    }  # fmt: skip
    line = json.dumps({"topic": "incidents", "record": incident}).encode() + b"\n"
    decided = assignments_for(entries_of("file_replay", line, origin="events.jsonl"))
    async with wall(tmp_path) as w:
        calls = await w.tell(*decided)
        assert ids(calls[0]["open"]) == [c.camera_id for c in decided[-1].cameras]
        assert calls[0]["valid_until_us"] == decided[-1].valid_until_us
