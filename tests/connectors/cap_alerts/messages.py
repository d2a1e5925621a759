"""CAP messages for tests, in the words of a happening."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from tests.support.connector_suite import Happening

SENDER = "alerts@disaster.example"
SEOUL = ZoneInfo("Asia/Seoul")
NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"


def at(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, SEOUL).isoformat()


def reference(number: str, time_us: int) -> str:
    return f"{SENDER},{number},{at(time_us)}"


def alert(
    *,
    identifier: str,
    sent_us: int,
    area: str = "",
    event: str = "호우경보",
    message: str = "Alert",
    status: str = "Actual",
    references: str = "",
    info: str = "",
    sender: str = SENDER,
    head: str = "",
) -> bytes:
    """Return an alert of one info; ``area`` is what stands in its area."""
    refs = f"<references>{references}</references>" if references else ""
    usual = (
        f"<category>Met</category><event>{escape(event)}</event><urgency>Immediate</urgency>"
        f"<severity>Severe</severity><certainty>Likely</certainty>{info}"
    )
    where = f"<area><areaDesc>여기</areaDesc>{area}</area>" if area else ""
    body = f"<info><language>ko-KR</language>{usual}{where}</info>" if message != "Cancel" else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<alert xmlns="{NAMESPACE}">'
        f"<identifier>{escape(identifier)}</identifier><sender>{sender}</sender><sent>{at(sent_us)}</sent><status>{status}</status><msgType>{message}</msgType>"
        f"<scope>Public</scope>{head}{refs}{body}</alert>"
    ).encode()


def circle(lat: Any, lon: Any, radius_km: Any = 0.3) -> str:
    return f"<circle>{lat},{lon} {radius_km}</circle>"


def polygon(*corners: tuple[float, float]) -> str:
    return f"<polygon>{' '.join(f'{lat},{lon}' for lat, lon in corners)}</polygon>"


def cap(h: Happening) -> bytes:
    """Return a happening as a CAP message; a newer word of a number is an update of its first alert."""
    first = reference(h.number, Happening().time_us)
    person = "".join(
        f"<{name}>{escape(text)}</{name}>"
        for name, text in (
            ("senderName", h.person_name),
            ("headline", h.person_text),
            ("description", f"{h.person_name} {h.person_phone}"),
            ("instruction", h.person_text),
            ("contact", h.person_phone),
        )
    )
    extra = "".join(f"<{name}>{value}</{name}>" for name, value in h.extra.items())
    if h.nulls:
        return alert(identifier=h.number, sent_us=h.time_us, info=person, area="<areaDesc/>", event="").replace(
            f"<sent>{at(h.time_us)}</sent>".encode(), b"<sent/>"
        )
    return alert(
        identifier=h.number if h.revision == 1 and not h.closed else f"{h.number}-{h.revision}",
        sent_us=h.time_us,
        area=circle(h.lat, h.lon)
        + f"<geocode><valueName>x</valueName><value>{escape(h.person_phone)}</value></geocode>",
        event="호우경보" if h.code is None else h.code,
        message="Cancel" if h.closed else "Update" if h.revision > 1 else "Alert",
        status="Exercise" if h.exercise else "Actual",
        references=first if h.closed or h.revision > 1 else "",
        info=person + extra,
        head=f"<note>{escape(h.person_text)}</note>",
    )


def together(happenings: Sequence[Happening]) -> bytes:
    """Return one document of several alerts."""
    alerts = [cap(h).partition(b"\n")[2] for h in happenings]
    return b'<?xml version="1.0" encoding="UTF-8"?>\n<alerts>' + b"".join(alerts) + b"</alerts>"
