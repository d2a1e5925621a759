"""What a connector's author gives the suite: one function from a happening in neutral words to the outside's bytes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.kit.examples import EXAMPLE_NOW_US

MINUTE_US = 60_000_000
# A time before the clock of the tests, noon in Seoul on 2026-03-01.
USUAL_US = EXAMPLE_NOW_US - 10 * MINUTE_US
PERSON_NAME, PERSON_PHONE = "홍길동", "010-4857-2961"
PERSON_TEXT = "치매 어머니 홍길동, 연락처 010-4857-2961"
PERSON_ID = "person-7731-hong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What an outside system tells of, in neutral words. Write every field that the format has a place for.

    Attributes:
        number: the system's id of the call, camera, sensor or message.
        lat: latitude in degrees, or anything at all.
        lon: longitude in degrees, or anything at all.
        time_us: when, UTC microseconds since the epoch.
        revision: a newer word of the same number is larger; change something that such a word changes.
        closed: whether it is over.
        exercise: whether it is a drill.
        code: the system's code of what happened; None stands for your usual one.
        person_name: a name that must never come out; likewise ``person_phone`` and ``person_text``.
        person_phone: a phone number.
        person_text: free text about a person.
        person_id: an id of a person or tracker, which must come out as a pseudonym only.
        extra: fields of a newer version of the format.
        nulls: True writes null or nothing into every field that may lack.
    """

    number: str = "17"
    lat: Any = 37.5665
    lon: Any = 126.978
    time_us: int = USUAL_US
    revision: int = 1
    closed: bool = False
    exercise: bool = False
    code: str | None = None
    person_name: str = PERSON_NAME
    person_phone: str = PERSON_PHONE
    person_text: str = PERSON_TEXT
    person_id: str = PERSON_ID
    extra: Mapping[str, Any] = field(default_factory=dict)
    nulls: bool = False

    @property
    def time_s(self) -> int:
        """Return the time as whole seconds since the epoch."""
        return self.time_us // 1_000_000

    @property
    def time_ms(self) -> int:
        """Return the time as milliseconds since the epoch."""
        return self.time_us // 1_000

    @property
    def time_text(self) -> str:
        """Return the time in RFC 3339, UTC."""
        return datetime.fromtimestamp(self.time_s, UTC).isoformat().replace("+00:00", "Z")

    @property
    def local_time(self) -> datetime:
        """Return the time of the clocks in Seoul, without a zone."""
        return datetime.fromtimestamp(self.time_s, ZoneInfo("Asia/Seoul")).replace(tzinfo=None)


Write = Callable[[Happening], bytes]
WriteMany = Callable[[Sequence[Happening]], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """How to write what the connector reads.

    Attributes:
        write: gives the payload, or the file, that tells of one happening.
        options: the connector's options; those that lead to the outside are added.
        write_many: gives one payload or file of several happenings; by default JSON objects become an array, and
            other payloads lines.
        origin: the MQTT topic or the name of the file.
        hostile: recorded or invented ugly payloads; each must be answered.
        codec: how ``write`` encodes text.
    """

    write: Write
    options: Mapping[str, Any] = field(default_factory=dict)
    write_many: WriteMany | None = None
    origin: str = ""
    hostile: Sequence[bytes] = ()
    codec: str = "utf-8"

    def together(self, happenings: Sequence[Happening]) -> bytes:
        """Return one payload of several happenings."""
        if self.write_many is not None:
            return self.write_many(happenings)
        if len(happenings) == 1:
            return self.write(happenings[0])
        payloads = [self.write(happening) for happening in happenings]
        try:
            objects = [json.loads(payload) for payload in payloads]
        except ValueError:
            return b"".join(payload.rstrip(b"\n") + b"\n" for payload in payloads)
        return json.dumps(objects, ensure_ascii=False).encode(self.codec)
