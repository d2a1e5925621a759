"""A camera that speaks ONVIF: a small SOAP server that checks logins, turns, and can fail, hang and lie."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from xml.etree import ElementTree as ET

from aiohttp import web

from schemas.clock import SystemClock
from tests.support.connector_suite.sinks import SECRET
from tests.support.loopback import LoopbackServer

TT, TDS = "http://www.onvif.org/ver10/schema", "http://www.onvif.org/ver10/device/wsdl"
TRT, TPTZ = "http://www.onvif.org/ver10/media/wsdl", "http://www.onvif.org/ver20/ptz/wsdl"
SPACES = "http://www.onvif.org/ver10/tptz"
USER = "operator"
_ENVELOPE = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    f'xmlns:tt="{TT}" xmlns:tds="{TDS}" xmlns:trt="{TRT}" xmlns:tptz="{TPTZ}" '
    'xmlns:ter="http://www.onvif.org/ver10/error"><s:Body>{}</s:Body></s:Envelope>'
)
_FAULT = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>ter:{}</s:Value></s:Subcode></s:Code>"
    '<s:Reason><s:Text xml:lang="en">{}</s:Text></s:Reason></s:Fault>'
)
MOVES = ("AbsoluteMove", "GotoPreset", "GeoMove", "GotoHomePosition", "Stop")


class SimulatedHead:
    """A camera with one head; use it as an async context manager.

    Attributes:
        moves: what the head was told, in order: operation and the numbers of it.
        asked: every operation that came, let in or not.
        refuses: operations that are answered with a fault.
        options: options that lead the sink here; the table of heads is written beside ``folder``.
    """

    def __init__(self, *, geo: bool = False, spherical: bool = False, absolute: bool = True, **head: Any) -> None:
        self.moves: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[str] = []
        self.refuses: set[str] = set()
        self.options: dict[str, Any] = {"username": USER, "timeout_s": 2.0}
        self.password = SECRET
        self.skew_s = 0.0
        self.calls = 0
        self.old = False
        self.lies_about_address = False
        self.presets = {"P1": "gate", "P2": "north"}
        self._geo, self._spherical, self._absolute = geo, spherical, absolute
        self._head = head
        self._failures = 0
        self._hangs = False
        self._nonces: set[str] = set()
        self._server = LoopbackServer(self._answer)
        self.url = ""

    async def __aenter__(self) -> "SimulatedHead":
        """Start the camera on a free port."""
        self.url = await self._server.start() + "/onvif/device_service"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the camera."""
        await self._server.stop()

    def line(self, camera_id: str = "cam-1") -> str:
        """Return the head's table in TOML."""
        fields = {"camera_id": camera_id, "url": self.url, "home_preset": "gate", **self._head}
        return "[[head]]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in fields.items())

    def taken(self) -> list[Any]:
        """Return what the head was told."""
        return list(self.moves)

    def fail(self, times: int) -> None:
        """Answer the next calls with 503."""
        self._failures += times

    def hang(self) -> None:
        """Answer nothing from now on."""
        self._hangs = True

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        self.calls += 1
        body = ET.fromstring(await request.read())  # the sink's own bytes
        asked = next(iter(body.find("{http://www.w3.org/2003/05/soap-envelope}Body")))  # type: ignore[arg-type]
        name = asked.tag.rpartition("}")[2]
        self.asked.append(name)
        if self._hangs:
            await asyncio.sleep(60)
        if self._failures:
            self._failures -= 1
            return web.Response(status=503)
        if name != "GetSystemDateAndTime" and not self._lets_in(body):
            return _soap(_FAULT.format("NotAuthorized", "Sender not authorized"), 400)
        if name in self.refuses or (self.old and name == "GetServices"):
            return _soap(_FAULT.format("ActionNotSupported", "not here"), 500)
        if name in MOVES:
            self.moves.append((name, _numbers(asked)))
            return _soap(f"<tptz:{name}Response/>")
        return _soap(getattr(self, f"_{name}")())

    def _lets_in(self, envelope: ET.Element) -> bool:
        """Check the UsernameToken: digest of nonce, time and password (WS-Security UsernameToken Profile 1.0)."""
        found = {element.tag.rpartition("}")[2]: element.text or "" for element in envelope.iter()}
        nonce, created = found.get("Nonce", ""), found.get("Created", "")
        if found.get("Username") != USER or not created.endswith("Z") or nonce in self._nonces:
            return False
        self._nonces.add(nonce)
        at_s = datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp()
        if abs(at_s - (SystemClock().now_us() / 1e6 + self.skew_s)) > 5:
            return False
        made = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.password.encode()).digest()
        return found.get("Password") == base64.b64encode(made).decode()

    def _GetSystemDateAndTime(self) -> str:  # noqa: N802
        at = datetime.fromtimestamp(SystemClock().now_us() / 1e6 + self.skew_s, UTC)
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute><tt:Second>{at.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{at.year}</tt:Year><tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day>"
            "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _address(self, path: str) -> str:
        return f"http://192.0.2.1/onvif/{path}" if self.lies_about_address else self.url.replace("device_service", path)

    def _GetServices(self) -> str:  # noqa: N802
        services = "".join(
            f"<tds:Service><tds:Namespace>{ns}</tds:Namespace><tds:XAddr>{self._address(path)}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>0</tt:Minor></tds:Version></tds:Service>"
            for ns, path in ((TRT, "media"), (TPTZ, "ptz"))
        )
        return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"

    def _GetCapabilities(self) -> str:  # noqa: N802
        parts = "".join(f"<tt:{p}><tt:XAddr>{self._address(p.lower())}</tt:XAddr></tt:{p}>" for p in ("Media", "PTZ"))
        return (
            f"<tds:GetCapabilitiesResponse><tds:Capabilities>{parts}</tds:Capabilities></tds:GetCapabilitiesResponse>"
        )

    def _GetProfiles(self) -> str:  # noqa: N802
        return (
            '<trt:GetProfilesResponse><trt:Profiles token="fixed"><tt:Name>fixed</tt:Name></trt:Profiles>'
            '<trt:Profiles token="main"><tt:Name>main</tt:Name><tt:PTZConfiguration token="ptz-1">'
            "<tt:Name>ptz</tt:Name><tt:UseCount>1</tt:UseCount><tt:NodeToken>node-1</tt:NodeToken>"
            "</tt:PTZConfiguration></trt:Profiles></trt:GetProfilesResponse>"
        )

    def _GetNodes(self) -> str:  # noqa: N802
        geo = ' GeoMove="true"' if self._geo else ""
        return (
            f'<tptz:GetNodesResponse><tptz:PTZNode token="node-1"{geo}><tt:Name>head</tt:Name>'
            "<tt:SupportedPTZSpaces/><tt:MaximumNumberOfPresets>8</tt:MaximumNumberOfPresets>"
            "<tt:HomeSupported>true</tt:HomeSupported></tptz:PTZNode></tptz:GetNodesResponse>"
        )

    def _GetConfigurationOptions(self) -> str:  # noqa: N802
        spaces = [_space("AbsolutePanTiltPositionSpace", "PanTiltSpaces/PositionGenericSpace", (-1, 1), (-1, 1))]
        if self._spherical:
            spaces.append(
                _space(
                    "AbsolutePanTiltPositionSpace",
                    "PanTiltSpaces/SphericalPositionSpaceDegrees",
                    (-180, 180),
                    (-90, 20),
                )
            )
        spaces.append(_space("AbsoluteZoomPositionSpace", "ZoomSpaces/PositionGenericSpace", (0, 1), None))
        return (
            "<tptz:GetConfigurationOptionsResponse><tptz:PTZConfigurationOptions>"
            f"<tt:Spaces>{''.join(spaces) if self._absolute else ''}</tt:Spaces>"
            "<tt:PTZTimeout><tt:Min>PT0S</tt:Min><tt:Max>PT60S</tt:Max></tt:PTZTimeout>"
            "</tptz:PTZConfigurationOptions></tptz:GetConfigurationOptionsResponse>"
        )

    def _GetPresets(self) -> str:  # noqa: N802
        presets = "".join(
            f'<tptz:Preset token="{token}"><tt:Name>{name}</tt:Name></tptz:Preset>'
            for token, name in self.presets.items()
        )
        return f"<tptz:GetPresetsResponse>{presets}</tptz:GetPresetsResponse>"


def write_table(folder: Path, *heads: SimulatedHead, extra: str = "") -> str:
    """Write the table of heads (cam-1, cam-2, …) and return its path."""
    path = folder / "heads.toml"
    path.write_text("".join(h.line(f"cam-{n}") for n, h in enumerate(heads, start=1)) + extra)
    return str(path)


def _space(kind: str, uri: str, x: tuple[float, float], y: tuple[float, float] | None) -> str:
    ranges = f"<tt:XRange><tt:Min>{x[0]}</tt:Min><tt:Max>{x[1]}</tt:Max></tt:XRange>"
    if y is not None:
        ranges += f"<tt:YRange><tt:Min>{y[0]}</tt:Min><tt:Max>{y[1]}</tt:Max></tt:YRange>"
    return f"<tt:{kind}><tt:URI>{SPACES}/{uri}</tt:URI>{ranges}</tt:{kind}>"


def _numbers(asked: ET.Element) -> dict[str, Any]:
    """Return every text and attribute of an operation by its plain name."""
    found: dict[str, Any] = {}
    for element in asked.iter():
        name = element.tag.rpartition("}")[2]
        if element.text and element.text.strip():
            found[name] = _value(element.text)
        found |= {f"{name}.{key}": _value(value) for key, value in element.attrib.items()}
    return found


def _value(text: str) -> Any:
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", text) else text


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return (
        str(value).lower() if isinstance(value, bool) else repr(value) if not isinstance(value, str) else f'"{value}"'
    )


def _soap(body: str, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=_ENVELOPE.format(body).encode(), content_type="application/soap+xml", charset="utf-8"
    )
