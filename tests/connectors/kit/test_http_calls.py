"""What calls of sinks carry, whatever ids a city has."""

import pytest

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
