"""What calls of sinks carry, whatever ids a city has."""

from pathlib import Path

import pytest

from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.transports.http_calls import KEY_CHARACTERS_MAX, CallsConfig, HttpCalls, header_key
from tests.support.connector_suite import HttpOutside


def test_keys_of_plain_ids_stay_as_they_are() -> None:
    assert header_key("112:17/1772334000000000/3") == "112:17/1772334000000000/3"


@pytest.mark.parametrize(
    "key", ["신고-17/1", "a\r\nX-Other: 1/1", "\x00/1", "🚒/1", "\ud800/1", "x" * 100_000, "가" * 400]
)
async def test_a_call_goes_out_under_any_id(key: str) -> None:
    async with HttpOutside() as outside:
        calls = HttpCalls(CallsConfig.from_options(outside.options))
        try:
            assert not (await calls.send(b"{}", idempotency_key=key)).refused
        finally:
            await calls.close()
        carried = outside.headers[0]["Idempotency-Key"]
    assert carried.isascii()
    assert carried.isprintable()
    assert len(carried) <= KEY_CHARACTERS_MAX
    assert "X-Other" not in outside.headers[0]


def test_different_keys_stay_apart() -> None:
    keys = ["a b", "a%20b", "x" * 300, "x" * 301, "가", "%EA%B0%80"]
    assert len({header_key(key) for key in keys}) == len(keys)


@pytest.mark.parametrize(
    ("retry_after", "wait_s"),
    [("7", 7.0), ("86400", 600.0), ("", 0.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("-1", 0.0), ("²", 0.0)],
)
async def test_a_receiver_says_how_long_it_is_left_alone(retry_after: str, wait_s: float) -> None:
    async with HttpOutside() as outside:
        calls = HttpCalls(CallsConfig.from_options(outside.options))
        outside.fail(1, 429, retry_after=retry_after)
        try:
            with pytest.raises(SinkUnavailableError) as caught:
                await calls.send(b"{}")
        finally:
            await calls.close()
    assert caught.value.wait_s == wait_s
    assert ("left alone for" in str(caught.value)) == (wait_s > 0)


@pytest.mark.parametrize("status", [401, 403, 407])
async def test_a_refused_caller_is_unavailable_and_reads_its_token_anew(status: int, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    async with HttpOutside(token_file=str(token)) as outside:
        calls = HttpCalls(CallsConfig.from_options(outside.options))
        try:
            outside.fail(1, status)
            with pytest.raises(SinkUnavailableError, match=f"{status}: token or address"):
                await calls.send(b"{}")
            token.write_text("new")
            await calls.send(b"{}")
        finally:
            await calls.close()
    assert outside.headers[0]["Authorization"] == "Bearer new"


async def test_a_token_that_is_not_there_while_it_is_renewed_is_waited_for(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old")
    async with HttpOutside(token_file=str(token)) as outside:
        calls = HttpCalls(CallsConfig.from_options(outside.options))
        try:
            outside.fail(1, 401)
            with pytest.raises(SinkUnavailableError):
                await calls.send(b"{}")
            for half_way in (token.unlink, token.touch):
                half_way()
                with pytest.raises(SinkUnavailableError, match="does not let us in, and option token_file"):
                    await calls.send(b"{}")
            token.write_text("new")
            await calls.send(b"{}")
        finally:
            await calls.close()
    assert outside.headers[0]["Authorization"] == "Bearer new"


async def test_a_token_that_is_not_there_at_first_is_a_matter_of_the_configuration(tmp_path: Path) -> None:
    async with HttpOutside(token_file=str(tmp_path / "none")) as outside:
        with pytest.raises(ConnectorConfigError, match="token_file"):
            await HttpCalls(CallsConfig.from_options(outside.options)).send(b"{}")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_receiver_that_sends_elsewhere_has_not_refused_the_record(status: int) -> None:
    async with HttpOutside() as outside:
        calls = HttpCalls(CallsConfig.from_options(outside.options))
        outside.fail(1, status)
        try:
            with pytest.raises(SinkUnavailableError, match=f"{status}: token or address"):
                await calls.send(b"{}")
        finally:
            await calls.close()
