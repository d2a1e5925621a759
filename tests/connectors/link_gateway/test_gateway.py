"""The gateway at work: a real server, the real runner and publisher, and a log in memory that can fail."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.manifest import build
from connectors.link_gateway.parse import is_good_link
from schemas.camera_assignment import CameraAssignment
from tests.connectors.link_gateway.gateways import KEY, TOKENS, Gateway, S, assignment, camera, gateway
from tests.connectors.local_context import NOON_US, a_context
from tests.support.golden import assignments_for, entries_of


async def test_a_camera_assigned_now_to_a_case_of_the_agency_gets_a_link_that_ends_soon(tmp_path: Path) -> None:
    async with gateway(tmp_path, assignment(2, masking_required=True)) as g:
        status, given = await g.ask(headers={"X-Operator": "kim-7731"})
        assert status == 201
        assert given["url"].startswith("https://video.example/live/cam-1?")
        assert given["expires_us"] == NOON_US + 60 * S
        assert is_good_link(given["url"], KEY.encode(), NOON_US + 59 * S)
        assert not is_good_link(given["url"], KEY.encode(), NOON_US + 60 * S)
        (record,) = g.records()
        assert (record.result, record.agency, record.case_id, record.camera_id, record.version, record.until_us) == (
            "issued", "city-112", "112:17", "cam-1", 2, given["expires_us"],
        )  # fmt: skip
        assert (record.owner, record.purpose, record.legal_basis) == ("Riverside", "crime-prevention", "PIPA18-2-3")
        assert record.actor_ref is not None
        assert "kim" not in repr(record)
        assert given["masking_required"]
        assert record.masking_required


async def asked_by(g: Gateway, operator: bytes) -> bytes:
    """Return the first line of the answer to a request whose header is in any encoding; clients send UTF-8 alone."""
    reader, writer = await asyncio.open_connection("127.0.0.1", g.context.listeners.port_of("127.0.0.1", 0))
    body = b'{"case_id": "112:17", "camera_id": "cam-1"}'
    head = [
        b"POST /links HTTP/1.1", b"Host: gateway", b"Authorization: Bearer " + TOKENS["city-112"].encode(),
        b"X-Operator: " + operator, b"Content-Length: %d" % len(body), b"Connection: close", b"", body,
    ]  # fmt: skip
    try:
        writer.write(b"\r\n".join(head))
        return await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_an_operator_named_in_another_encoding_gets_the_link_and_a_pseudonym_of_its_own(tmp_path: Path) -> None:
    async with gateway(tmp_path, assignment()) as g:
        for name in ("김", "박"):
            assert b" 201 " in await asked_by(g, name.encode("cp949"))
        first, second = (record.actor_ref for record in g.records())
        assert first != second


@pytest.mark.parametrize(
    "hostile",
    [
        "https://[video.example/x?agency=a",
        "https://video.example/x?agency=a&camera=b&case=c&session=d&masked=0&expires=1&signature=%C3%A9",
        "https://video.example/x?agency=\ud800&camera=b&case=c&session=d&masked=0&expires=1&signature=aa",
        "https://video.example/x?agency=a&camera=b&case=c&session=d&masked=0&expires=" + "9" * 5_000 + "&signature=aa",
        "https://video.example/x?" + "&".join(f"a{n}=1" for n in range(1_000)),
    ],
)
def test_what_somebody_made_up_is_no_good_link(hostile: str) -> None:
    assert not is_good_link(hostile, KEY.encode(), NOON_US)


@pytest.mark.parametrize(
    ("stands", "body", "agency", "reason"),
    [
        (assignment(), {"case_id": "112:18", "camera_id": "cam-1"}, "city-112", "no-such-case"),
        (assignment(), {"case_id": "112:17", "camera_id": "cam-9"}, "city-112", "not-assigned"),
        (assignment(), None, "city-119", "not-addressed"),
        (assignment(status="released", cameras=(), recipients=()), None, "city-112", "not-active"),
        (assignment(status="denied", recipients=()), None, "city-112", "not-active"),
        (assignment(valid_until_us=NOON_US), None, "city-112", "over"),
        (assignment(1, camera(1, role="ending", until_us=NOON_US)), None, "city-112", "over"),
        (assignment(exercise=True), None, "city-112", "exercise"),
    ],
)
async def test_whatever_is_not_assigned_now_is_refused_and_recorded(
    tmp_path: Path, stands: CameraAssignment, body: Any, agency: str, reason: str
) -> None:
    async with gateway(tmp_path, stands) as g:
        status, answer = await g.ask(body, agency=agency)
        assert (status, answer) == (403, {"error": "not allowed"})
        (record,) = g.records()
        assert (record.result, record.reason, record.agency, record.until_us) == ("refused", reason, agency, None)


async def test_who_shows_no_token_learns_nothing_and_is_recorded_without_what_was_named(tmp_path: Path) -> None:
    async with gateway(tmp_path, assignment()) as g:
        status, _ = await g.ask({"case_id": "010-4857-2961", "camera_id": "cam-1"}, agency=None)
        assert status == 401
        (record,) = g.records()
        assert (record.reason, record.agency, record.case_id, record.camera_id) == (
            "not-authenticated", "unknown", "unknown", "unknown",
        )  # fmt: skip
        assert (await g.ask(agency=None))[0] == 429


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"case_id": 3}', b'{"case_id": "a"}', b"x" * 9_000])
async def test_what_is_no_request_is_refused_and_recorded(tmp_path: Path, body: bytes) -> None:
    async with gateway(tmp_path, assignment()) as g:
        assert (await g.ask(body))[0] == 400
        assert [record.reason for record in g.records()] == ["bad-request"]


async def test_a_link_never_outlives_the_view(tmp_path: Path) -> None:
    ending = camera(1, role="ending", until_us=NOON_US + 7 * S)
    async with gateway(tmp_path, assignment(1, ending), link_s=60) as g:
        assert (await g.ask())[1]["expires_us"] == NOON_US + 7 * S


async def test_a_release_counts_at_once_and_so_does_a_tombstone(tmp_path: Path) -> None:
    async with gateway(tmp_path, assignment()) as g:
        assert (await g.ask())[0] == 201
        g.stands(assignment(2, status="released", recipients=()))
        async with asyncio.timeout(5):
            while (await g.ask())[0] == 201:
                await asyncio.sleep(0.005)
        g.log.append("camera-assignments", 0, b"112:17", None)
        async with asyncio.timeout(5):
            while g.records()[-1].reason != "no-such-case":
                await g.ask()


async def test_no_link_is_handed_out_whose_record_does_not_stand(tmp_path: Path) -> None:
    async with gateway(tmp_path, assignment(), answer_within_s=0.2) as g:
        g.log.fail_at = g.log.sent
        status, answer = await g.ask()
        assert (status, g.records()) == (503, [])
        assert "url" not in answer
        async with asyncio.timeout(5):
            while g.context.listeners.port_of("127.0.0.1", 0) is None or (await g.ask())[0] != 201:
                await asyncio.sleep(0.01)
        assert g.records()[-1].result == "issued"


async def test_before_the_assignments_are_known_nobody_gets_a_link(tmp_path: Path) -> None:
    async with gateway(tmp_path) as g:
        g.source._live.is_ready.clear()
        assert (await g.ask())[0] == 503
        assert g.records()[0].reason == "not-ready"


async def test_a_broker_that_went_away_closes_the_door_and_opens_it_again(tmp_path: Path) -> None:
    async with gateway(tmp_path, assignment()) as g:
        g.pictures.is_away = True
        async with asyncio.timeout(5):
            while g.source.is_connected:
                await asyncio.sleep(0.002)
        g.pictures.is_away = False
        async with asyncio.timeout(5):
            while not g.source._live.is_ready.is_set():
                await asyncio.sleep(0.002)
        assert (await g.ask())[0] == 201
        assert g.job.counters.unavailable >= 1


async def test_drills_get_links_where_the_city_says_so_and_stay_drills(tmp_path: Path) -> None:
    async with gateway(tmp_path, assignment(exercise=True), exercises=True) as g:
        status, given = await g.ask()
        assert (status, given["exercise"], g.records()[0].exercise) == (201, True, True)


async def test_a_link_is_good_for_nothing_but_what_was_signed(tmp_path: Path) -> None:
    async with gateway(tmp_path, assignment()) as g:
        url = (await g.ask())[1]["url"]
    key = KEY.encode()
    assert is_good_link(url, key, NOON_US)
    for name, other in (("camera", "cam-2"), ("case", "112:18"), ("agency", "city-119"), ("masked", "1")):
        assert not is_good_link(re.sub(rf"{name}=[^&]*", f"{name}={other}", url), key, NOON_US)
    assert not is_good_link(re.sub(r"expires=\d+", "expires=9999999999", url), key, NOON_US)
    assert not is_good_link(url + "&camera=cam-2", key, NOON_US)
    assert not is_good_link(url, b"another key", NOON_US)
    assert not is_good_link("https://video.example/live/cam-1", key, NOON_US)


async def test_no_token_key_or_signature_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with gateway(tmp_path, assignment()) as g:
        url = (await g.ask())[1]["url"]
        shown = caplog.text + repr(g.records()) + repr(g.source._agencies)
    assert not [word for word in (*TOKENS.values(), KEY, url.rpartition("=")[2]) if word in shown]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"link_url": "https://video.example/live"}, "link_url"),
        ({"key_file": ""}, "key_file"),
        ({"listen": "here"}, "listen"),
    ],
)
def test_an_option_that_is_wrong_is_named(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    with pytest.raises(ConnectorConfigError, match=named):
        Gateway(tmp_path, **change)


async def test_a_token_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    made = Gateway(tmp_path)
    (tmp_path / "city-119").write_text("short")
    with pytest.raises(ConnectorConfigError, match="agency 2"):
        await anext(made.source.entries(None))


async def test_without_a_broker_the_gateway_does_not_open(tmp_path: Path) -> None:
    made = Gateway(tmp_path)
    source: Any = build("link_gateway", made.options, a_context())
    with pytest.raises(ConnectorConfigError, match="broker"):
        await anext(source.entries(None))


async def test_from_the_bytes_of_a_call_to_the_link_of_a_camera_that_was_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = (
        '{"topic": "incidents", "record": {"event_id": "e-1", "source": "s", "observed_us": 1772334000000000, '
        '"ingested_us": 1772334000000000, "case_id": "112:17", "incident_id": "112:17", "status": "reported", '
        '"service": "police", "kind": "robbery", "occurred_us": 1772334000000000, "location": '
        '{"lat_deg": 37.5665, "lon_deg": 126.978, "accuracy_m": 10.0, "quality": "gps"}}}\n'
    )
    decided = assignments_for(entries_of("file_replay", call.encode(), origin="e.jsonl"))
    agency = decided[-1].recipients[0].partition(":")[0]
    chosen = [camera.camera_id for camera in decided[-1].cameras]
    monkeypatch.setitem(TOKENS, agency, "token-of-the-agency-that-is-addressed")
    async with gateway(tmp_path, *decided) as g:
        assert (await g.ask({"case_id": "112:17", "camera_id": chosen[0]}, agency=agency))[0] == 201
        assert (await g.ask({"case_id": "112:17", "camera_id": "cam-not-chosen"}, agency=agency))[0] == 403
        assert [record.reason for record in g.records()] == ["assigned", "not-assigned"]
