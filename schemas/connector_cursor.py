"""How far a connector has read its source, kept in Kafka so that it resumes after a restart."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorCursor:
    """The position up to which a connector's records are acknowledged by the broker."""

    connector: Annotated[str, "Instance name of the connector. Also the Kafka key."]
    cursor: Annotated[str, "Position in the source, opaque to all but the connector."]
    accepted: Annotated[int, "Records published since the cursor began."]
    refused: Annotated[int, "Records answered with a dead letter since the cursor began."]
    updated_us: Annotated[int, "When it was written, UTC microseconds since the epoch."]
