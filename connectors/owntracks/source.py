"""OwnTracks messages as a source: an MQTT subscription to tracker fixes and wandering alerts."""

import json
from collections.abc import Sequence

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import EntryRefusedError
from connectors.kit.payloads import Arrival, PayloadSource
from connectors.kit.reading.tracked import TRACKER_SCHEME
from connectors.kit.source import Accepted, Entry, Refused
from connectors.owntracks.config import Config
from connectors.owntracks.parse import OTHER_TYPES, Reception, Rules, decoded, parse_message
from schemas.topics import TRACKER_FIXES, WANDERING_ALERTS

__all__ = ["Config", "OwntracksSource"]

_KNOWN_TYPES = OTHER_TYPES | {"location", "transition", "lwt", "encrypted"}


class OwntracksSource(PayloadSource):
    """Fixes and alerts of trackers."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        context.pseudonyms.require_key()
        super().__init__(config.mqtt, context, topic=TRACKER_FIXES)
        self._config = config
        self._rules = Rules(
            safe_zones=frozenset(zone.casefold() for zone in config.safe_zones),
            default_accuracy_m=config.default_accuracy_m,
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            no_contact_alerts=config.no_contact_alerts,
        )

    def answers(self, payload: bytes, arrival: Arrival) -> Sequence[Entry]:
        """Return the entry that a message makes; none for a type that tells of no person.

        All that is kept of a refused message is who, what type and how long.
        """
        subject_ref, body = None, None
        try:
            subject_ref = self._subject_ref(arrival.origin)
            if len(payload) > self._config.mqtt.max_payload_bytes:
                limit = self._config.mqtt.max_payload_bytes
                raise EntryRefusedError("too-large", None, f"at most {limit} bytes are read, got {len(payload)}")
            body = decoded(payload)
            parsed = parse_message(body, Reception(subject_ref, arrival.now_us, self._rules, self.note))
        except EntryRefusedError as error:
            return [_refused(error, subject_ref, body, len(payload), arrival.number)]
        if parsed is None:
            self.note("other-type")
            return []
        return [Accepted(parsed.topic, parsed.record)]

    def _subject_ref(self, topic: str) -> str:
        parts = topic.removeprefix(self._config.topic_root + "/").split("/")
        if not topic.startswith(self._config.topic_root + "/") or len(parts) not in (2, 3) or not all(parts):
            raise EntryRefusedError("unknown-topic", None, "the topic must be <root>/<user>/<device>")
        return self.context.pseudonyms.of(TRACKER_SCHEME, f"{parts[0]}/{parts[1]}")


def _refused(error: EntryRefusedError, subject_ref: str | None, body: object, size_bytes: int, number: int) -> Refused:
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
    )
