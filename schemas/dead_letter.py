"""What could not be used, with the reason, so that it can be read, mended and replayed."""

from dataclasses import dataclass
from typing import Annotated

from schemas.record import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One record that was answered with a reason instead of a decision."""

    source: Source
    origin_topic: Annotated[str, "Topic the record came from, or was meant for when a connector refused it."]
    origin_partition: Annotated[int, "Partition it came from; -1 when a connector refused it."]
    origin_offset: Annotated[int, "Offset it came from, or the connector's row or message number."]
    key: Annotated[bytes | None, "The record's Kafka key, if it had one."] = None
    payload: Annotated[bytes, "The original bytes; from a connector, only what may be kept (no person's data)."]
    reason: Annotated[str, "Class of failure, few values, e.g. avro, out-of-range, implausible-jump."]
    field: Annotated[str | None, "The field that broke the rule, if one did."] = None
    message: Annotated[str, "Field, rule and what was got, without a person's data."]
    attempts: Annotated[int, "How often it was tried."] = 1
    failed_us: Annotated[int, "When it failed, UTC microseconds since the epoch (the record's own now)."]
