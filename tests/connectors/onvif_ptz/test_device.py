"""What a camera may answer: whatever it is, it stops nobody but itself."""

from contextlib import suppress

import pytest
from aiohttp import web

from connectors.kit.errors import SinkUnavailableError
from connectors.onvif_ptz.device import OnvifHead
from connectors.onvif_ptz.parse import Head
from tests.support.loopback import served

ENVELOPE = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">%s</s:Envelope>'


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/soap+xml"),
        (b'{"error": "log in"}', "application/json"),
        (b"<html><body>log in</body></html>", "text/html"),
        (ENVELOPE % b"", "application/soap+xml"),
        (ENVELOPE % b"<s:Body/>", "application/soap+xml"),
        (ENVELOPE % b"<s:Body><s:Fault/></s:Body>", "application/soap+xml"),
        (b"--x\r\n", 'multipart/related; boundary="x"'),
        (b"\x00\xff", "application/soap+xml"),
    ],
)
async def test_an_answer_that_is_no_onvif_is_no_answer_or_a_refusal(
    body: bytes, content_type: str, status: int
) -> None:
    async def answer(request: web.BaseRequest) -> web.Response:
        await request.read()
        return web.Response(body=body, status=status, headers={"Content-Type": content_type})

    async with served(answer) as url:
        device = OnvifHead(Head(camera_id="cam-1", url=f"{url}/onvif/device_service"), 5.0)
        offered = None
        with suppress(SinkUnavailableError):
            offered = await device.offered()
        await device.close()
    assert offered is None
