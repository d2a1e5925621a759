"""One camera over ONVIF: what its head offers, and turning it. The only place that knows the ONVIF client."""

import asyncio
import importlib
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from connectors.kit.errors import SinkUnavailableError
from connectors.onvif_ptz.aiming import AbsoluteMove, GeoMove, Move, Offered, PresetMove, Space
from connectors.onvif_ptz.parse import Head
from schemas.clock import SystemClock

TPTZ = "http://www.onvif.org/ver20/ptz/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
_SOAP = "http://www.w3.org/2003/05/soap-envelope"
_BINDINGS = {
    DEVICE: ("devicemgmt.wsdl", "DeviceBinding"),
    MEDIA: ("media.wsdl", "MediaBinding"),
    TPTZ: ("ptz.wsdl", "PTZBinding"),
}
# Cameras refuse logins whose time differs from theirs by more than some seconds.
SKEW_S = 3.0
_OPERATION = {GeoMove: "GeoMove", AbsoluteMove: "AbsoluteMove", PresetMove: "GotoPreset"}


class OnvifHead:
    """A head that is connected when it is first needed; its calls must not overlap.

    Args:
        head: how it is reached.
        timeout_s: a call that takes longer counts as no answer, seconds.

    Attributes:
        is_connected: whether it is known what the head offers.
    """

    def __init__(self, head: Head, timeout_s: float) -> None:
        self.is_connected = False
        self._head = head
        self._timeout_s = timeout_s
        self._services: dict[str, Any] = {}
        self._offered = Offered("")

    async def offered(self) -> Offered | None:
        """Return what the head can be told; None where the camera does not let us in or has no head.

        Raises:
            SinkUnavailableError: it does not answer.
            ConnectorConfigError: the password is not where the table says.
        """
        if not self.is_connected:
            await self.close()
            found = await self._connect()
            if found is None:
                return None
            self._offered, self.is_connected = found, True
        return self._offered

    async def turn(self, move: Move) -> bool:
        """Turn the head; return whether the camera took it.

        Raises:
            SinkUnavailableError: it does not answer.
        """
        profile = self._offered.profile
        if isinstance(move, GeoMove):
            return await self._geo_move(move)
        if isinstance(move, PresetMove):
            asked: dict[str, Any] = {"ProfileToken": profile, "PresetToken": move.token}
        else:
            position: dict[str, Any] = {"PanTilt": {"x": move.pan, "y": move.tilt, "space": move.space}}
            if move.zoom is not None:
                position["Zoom"] = {"x": move.zoom, "space": move.zoom_space}
            asked = {"ProfileToken": profile, "Position": position}
        return (await self._call(TPTZ, _OPERATION[type(move)], asked))[0]

    async def go_home(self) -> bool:
        """Return the head to its home; return whether the camera took it.

        Raises:
            SinkUnavailableError: it does not answer.
        """
        token = self._offered.presets.get(self._head.home_preset)
        if token is not None:
            return await self.turn(PresetMove(token))
        if not self._offered.home:
            return False
        return (await self._call(TPTZ, "GotoHomePosition", {"ProfileToken": self._offered.profile}))[0]

    async def close(self) -> None:
        """Free the connections; safe to call twice."""
        self.is_connected = False
        services, self._services = self._services, {}
        for service in services.values():
            await service.close()

    async def _connect(self) -> Offered | None:
        """Ask the camera for its services, profile and head."""
        await self._open(DEVICE, self._head.url, None)
        skew = await self._skew()
        if skew is not None:
            await self._services.pop(DEVICE).close()
            await self._open(DEVICE, self._head.url, skew)
        addresses = await self._addresses()
        if TPTZ not in addresses or MEDIA not in addresses:
            return None
        for namespace in (MEDIA, TPTZ):
            # The camera's own idea of its address is not trusted: a login must not be sent anywhere else.
            await self._open(namespace, _at_host_of(self._head.url, addresses[namespace]), skew)
        profile = await self._profile()
        return None if profile is None else await self._what_is_offered(profile)

    async def _skew(self) -> timedelta | None:
        """Return how far the camera's clock is ahead of ours; None where it agrees or is not told."""
        _, answer = await self._call(DEVICE, "authless_GetSystemDateAndTime", {})
        utc = getattr(answer, "UTCDateTime", None)
        date, time = getattr(utc, "Date", None), getattr(utc, "Time", None)
        try:
            theirs = datetime(date.Year, date.Month, date.Day, time.Hour, time.Minute, time.Second, tzinfo=UTC)  # type: ignore[union-attr]
        except (AttributeError, TypeError, ValueError):
            return None
        skew = theirs - datetime.fromtimestamp(SystemClock().now_us() / 1e6, UTC)
        return skew if abs(skew) > timedelta(seconds=SKEW_S) else None

    async def _addresses(self) -> dict[str, str]:
        taken, services = await self._call(DEVICE, "GetServices", {"IncludeCapability": False})
        if taken:
            found = {str(getattr(s, "Namespace", "")): str(getattr(s, "XAddr", "")) for s in services or ()}
            return {namespace: address for namespace, address in found.items() if address}
        _, capabilities = await self._call(DEVICE, "GetCapabilities", {"Category": "All"})
        parts = {MEDIA: "Media", TPTZ: "PTZ"}
        found = {ns: str(getattr(getattr(capabilities, part, None), "XAddr", "") or "") for ns, part in parts.items()}
        return {namespace: address for namespace, address in found.items() if address}

    async def _profile(self) -> Any | None:
        _, profiles = await self._call(MEDIA, "GetProfiles", {})
        for profile in profiles or ():
            can_turn = getattr(profile, "PTZConfiguration", None) is not None
            if can_turn and self._head.profile in ("", getattr(profile, "token", None)):
                return profile
        return None

    async def _what_is_offered(self, profile: Any) -> Offered:
        token = str(profile.token)
        configuration = profile.PTZConfiguration
        _, nodes = await self._call(TPTZ, "GetNodes", {})
        node = next((n for n in nodes or () if getattr(n, "token", None) == configuration.NodeToken), None)
        _, options = await self._call(TPTZ, "GetConfigurationOptions", {"ConfigurationToken": configuration.token})
        spaces = getattr(options, "Spaces", None)
        _, presets = await self._call(TPTZ, "GetPresets", {"ProfileToken": token})
        tokens = {str(p.token): str(p.token) for p in presets or () if getattr(p, "token", None)}
        names = {str(p.Name): str(p.token) for p in presets or () if getattr(p, "Name", None) and p.token}
        zooms = [_space(s) for s in getattr(spaces, "AbsoluteZoomPositionSpace", None) or ()]
        return Offered(
            token,
            geo=_says_geo_move(node),
            pan_tilt=tuple(_space(s) for s in getattr(spaces, "AbsolutePanTiltPositionSpace", None) or ()),
            zoom=zooms[0] if zooms else None,
            presets=tokens | names,
            home=bool(getattr(node, "HomeSupported", False)),
        )

    async def _open(self, namespace: str, address: str, skew: timedelta | None) -> None:
        client = await asyncio.to_thread(_client)
        wsdl, binding = _BINDINGS[namespace]
        service = client.ONVIFService(
            address,
            self._head.username or None,
            self._head.password.read(),
            str(Path(client.__file__).parent / "wsdl" / wsdl),
            no_cache=True,
            dt_diff=skew,
            binding_name=f"{{{namespace}}}{binding}",
        )
        self._services[namespace] = service
        await service.setup()

    async def _call(self, namespace: str, operation: str, asked: Mapping[str, Any]) -> tuple[bool, Any]:
        """Return whether the camera took a call, and its answer."""
        service, faults = self._services[namespace], importlib.import_module("zeep.exceptions")
        try:
            async with asyncio.timeout(self._timeout_s):
                return True, await getattr(service, operation)(dict(asked))
        except faults.Fault:
            return False, None
        except faults.TransportError as error:
            if error.status_code in (401, 403):
                return False, None
            raise SinkUnavailableError(f"{self._where()} answers {error.status_code}") from None
        except Exception as error:
            # Answers that are no ONVIF break the client in ways of their own, and one camera must not stop the others.
            raise SinkUnavailableError(f"{self._where()} does not answer: {type(error).__name__}") from None

    async def _geo_move(self, move: GeoMove) -> bool:
        """Send GeoMove, which the client's own copy of the PTZ service does not know yet."""
        service, etree = self._services[TPTZ], importlib.import_module("lxml.etree")
        envelope = etree.Element(f"{{{_SOAP}}}Envelope")
        etree.SubElement(envelope, f"{{{_SOAP}}}Header")
        body = etree.SubElement(envelope, f"{{{_SOAP}}}Body")
        asked = etree.SubElement(body, f"{{{TPTZ}}}GeoMove")
        etree.SubElement(asked, f"{{{TPTZ}}}ProfileToken").text = self._offered.profile
        etree.SubElement(asked, f"{{{TPTZ}}}Target", lon=repr(move.lon_deg), lat=repr(move.lat_deg))
        etree.SubElement(asked, f"{{{TPTZ}}}AreaHeight").text = repr(move.area_height_m)
        etree.SubElement(asked, f"{{{TPTZ}}}AreaWidth").text = repr(move.area_width_m)
        headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{TPTZ}/GeoMove"'}
        envelope, headers = service.zeep_client.wsse.apply(envelope, headers)
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await service.transport.post_xml(service.xaddr, envelope, headers)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise SinkUnavailableError(f"{self._where()} does not answer: {type(error).__name__}") from None
        # A fault comes with a status of its own and a body; an error on the way has none.
        if answer.status_code >= 500 and b"Fault" not in answer.content:
            raise SinkUnavailableError(f"{self._where()} answers {answer.status_code}")
        return bool(answer.status_code == 200)

    def _where(self) -> str:
        return f"the head of {self._head.camera_id}"


@cache
def _client() -> Any:
    """Return the ONVIF client's package, without the log handler that importing it adds."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    client = importlib.import_module("onvif")
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)
    for name in ("onvif", "zeep"):
        # What they say below a warning holds whole messages, logins among them.
        logging.getLogger(name).setLevel(logging.WARNING)
    return client


def _space(described: Any) -> Space:
    x, y = getattr(described, "XRange", None), getattr(described, "YRange", None)
    return Space(
        str(getattr(described, "URI", "")),
        *(float(getattr(x, end, 0.0) or 0.0) for end in ("Min", "Max")),
        *(float(getattr(y, end, 0.0) or 0.0) for end in ("Min", "Max")),
    )


def _says_geo_move(node: Any) -> bool:
    """Return whether a node takes GeoMove; the attribute is newer than the client's schema, which keeps it apart."""
    others = getattr(node, "_attr_1", None) or {}
    return str(others.get("GeoMove", "")).lower() in ("true", "1") if isinstance(others, Mapping) else False


def _at_host_of(url: str, address: str) -> str:
    """Return an address with the scheme and host of another."""
    known, told = urlsplit(url), urlsplit(address)
    return urlunsplit((known.scheme, known.netloc, told.path, told.query, ""))
