"""OwnTracks messages as a source: an MQTT subscription to tracker fixes and wandering alerts."""

import json
from collections import Counter
from collections.abc import AsyncGenerator

import aiomqtt

from connectors.context import ConnectorContext
from connectors.errors import EntryRefusedError, SourceUnavailableError
from connectors.owntracks.config import HANDED_OVER, PUBLISHED, Config
from connectors.owntracks.parse import OTHER_TYPES, Reception, Rules, decoded, parse_message
from connectors.owntracks.session import FAREWELL_TIMEOUT_S, Session
from connectors.source import Accepted, Entry, Refused
from schemas.topics import TRACKER_FIXES, WANDERING_ALERTS

__all__ = ["Config", "OwntracksSource"]

PSEUDONYM_SCHEME = "tracker"
_KNOWN_TYPES = OTHER_TYPES | {"location", "transition", "lwt", "encrypted"}


class OwntracksSource:
    """Fixes and alerts of trackers.

    The position in the source is the broker's: it keeps a session under the client id and sends again what was not
    acknowledged, so ``entries`` needs no cursor. The entries' cursors count messages and serve :meth:`acknowledged`.
    With the option ``acknowledge`` at ``handed-over`` there are none: what is handed over is not given again.

    Attributes:
        findings: how often what was noticed in messages that were taken or passed over, by kebab-case word.
    """

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        context.pseudonyms.require_key()
        self.findings: Counter[str] = Counter()
        self._config = config
        self._clock = context.clock
        self._pseudonyms = context.pseudonyms
        self._rules = Rules(
            safe_zones=frozenset(zone.casefold() for zone in config.safe_zones),
            default_accuracy_m=config.default_accuracy_m,
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            no_contact_alerts=config.no_contact_alerts,
        )
        self._session: Session | None = None
        self._number = 0

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield an entry per message, for ever; ``cursor`` is not needed.

        Raises:
            SourceUnavailableError: the broker does not answer, refuses the login or the subscription, or is gone.
        """
        del cursor
        session = Session(self._config)
        try:
            async with session:
                await self._subscribe(session)
                session.timeout = FAREWELL_TIMEOUT_S
                self._session = session
                async for message in session.messages:
                    self._number += 1
                    number = self._number
                    session.received(number, message)
                    entry = self.entry_of(str(message.topic), message.payload, number)
                    if entry is None:
                        session.settle(number, number)
                        continue
                    yield entry
                    if self._config.acknowledge == HANDED_OVER:
                        session.settle(number, number)
        except aiomqtt.MqttError as error:
            raise SourceUnavailableError(f"MQTT broker {self._config.host}:{self._config.port}: {error}") from error
        finally:
            self._session = None

    def acknowledged(self, cursor: str) -> None:
        """Tell the MQTT broker that all messages up to ``cursor`` are safe. Those of a lost session it sends again."""
        if self._session is not None:
            self._session.settle(0, int(cursor))

    def entry_of(self, topic: str, payload: bytes, number: int) -> Entry | None:
        """Return the entry that a message makes; None for a type that tells of no person.

        Args:
            topic: the MQTT topic it came on.
            payload: its bytes.
            number: its number.
        """
        subject_ref, body = None, None
        try:
            subject_ref = self._subject_ref(topic)
            if len(payload) > self._config.max_payload_bytes:
                limit = self._config.max_payload_bytes
                raise EntryRefusedError("too-large", None, f"at most {limit} bytes are read, got {len(payload)}")
            body = decoded(payload)
            parsed = parse_message(body, Reception(subject_ref, self._clock.now_us(), self._rules, self._note))
        except EntryRefusedError as error:
            return self._refused(error, subject_ref, body, len(payload), number)
        if parsed is None:
            self._note("other-type")
            return None
        return Accepted(parsed.topic, parsed.record, cursor=self._cursor(number))

    def _refused(
        self, error: EntryRefusedError, subject_ref: str | None, body: object, size_bytes: int, number: int
    ) -> Refused:
        """Return the answer to a message that cannot be used: all that is kept of it is who, what type and how long."""
        message_type = body.get("_type") if isinstance(body, dict) else None
        known_type = message_type if isinstance(message_type, str) and message_type in _KNOWN_TYPES else None
        kept = {"subject_ref": subject_ref, "type": known_type, "bytes": size_bytes}
        return Refused(
            topic=WANDERING_ALERTS if known_type in ("transition", "lwt") else TRACKER_FIXES,
            reason=error.reason,
            field=error.field,
            message=str(error),
            payload=json.dumps(kept).encode(),
            number=number,
            cursor=self._cursor(number),
        )

    def _cursor(self, number: int) -> str | None:
        return str(number) if self._config.acknowledge == PUBLISHED else None

    def _subject_ref(self, topic: str) -> str:
        parts = topic.removeprefix(self._config.topic_root + "/").split("/")
        if not topic.startswith(self._config.topic_root + "/") or len(parts) not in (2, 3) or not all(parts):
            raise EntryRefusedError("unknown-topic", None, "the topic must be <root>/<user>/<device>")
        return self._pseudonyms.of(PSEUDONYM_SCHEME, f"{parts[0]}/{parts[1]}")

    def _note(self, finding: str) -> None:
        self.findings[finding] += 1

    async def _subscribe(self, session: Session) -> None:
        root, qos = self._config.topic_root, self._config.qos
        filters = [(f"{root}/+/+", qos), (f"{root}/+/+/event", qos)]
        answers = await session.subscribe(filters)
        # 128 is the broker's no (MQTT 3.1.1, 3.9.3).
        if any((answer if isinstance(answer, int) else answer.value) >= 128 for answer in answers):
            raise SourceUnavailableError(f"the MQTT broker does not allow to read {root}/+/+")
