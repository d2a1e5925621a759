"""NGSI-LD entities as a sink: batches of upserts and deletes to a context broker."""

import json
import logging
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import SinkUnavailableError
from connectors.kit.option_values import flag_option, names_option, number_option, refuse_unknown, text_option
from connectors.kit.sink import Delivered
from connectors.kit.transports.http_calls import CALL_OPTIONS, Answer, CallsConfig, HttpCalls
from connectors.ngsi_ld_entities.parse import Entity, Rules, alert_entity, alert_id_of, camera_entity, camera_id_of
from schemas.topics import CAMERA_ASSIGNMENTS, CAMERAS, Topic

logger = logging.getLogger(__name__)

CONTEXTS = (
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Device/master/context.jsonld",
    "https://raw.githubusercontent.com/smart-data-models/dataModel.Alert/master/context.jsonld",
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld",
)
# Cases of these concern no person who is looked for.
SERVICES = ("disaster", "fire", "traffic", "iot", "security")
UPSERT, DELETE = "/ngsi-ld/v1/entityOperations/upsert", "/ngsi-ld/v1/entityOperations/delete"
# A batch that is refused is sent one by one; these answers refuse the caller, and a person must mend that.
_CALLER_REFUSED = frozenset({401, 403, 404, 405})
MULTI_STATUS = 207
ABSENT_MAX = 100_000
_OWN = frozenset({"tenant", "contexts", "services", "exercises", "batch_entities_max"})


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    calls: CallsConfig
    rules: Rules
    tenant: str = ""
    batch_entities_max: int = 100

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, CALL_OPTIONS | _OWN)
        rules = Rules(
            names_option(options, "contexts") or CONTEXTS,
            frozenset(names_option(options, "services") or SERVICES),
            flag_option(options, "exercises", default=False),
        )
        return cls(
            calls=CallsConfig.from_options(options),
            rules=rules,
            tenant=text_option(options, "tenant", ""),
            batch_entities_max=int(number_option(options, "batch_entities_max", 100, least=1, most=1000)),
        )


class NgsiLdEntitiesSink:
    """Keeps a broker's cameras and alerts as the topics have them.

    Attributes:
        topics: the topics it wants.
        findings: how often what happened: ``refused``.
    """

    topics: tuple[Topic, ...] = (CAMERAS, CAMERA_ASSIGNMENTS)

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self._clock = context.clock
        self.findings: Counter[str] = Counter()
        self._config = config
        self._calls = HttpCalls(config.calls)
        # Entities that were deleted, so that every version of a case that is not told does not delete it again.
        self._absent: OrderedDict[str, None] = OrderedDict()

    def render(self, delivered: Delivered) -> Any:
        """Return what is written for a record: ``{"upsert": entity}`` or ``{"delete": id}``."""
        number, entity = self._wanted(delivered)
        return {"delete": number} if entity is None else {"upsert": entity}

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Bring the broker to the newest state of every record of the batch; cameras come first.

        Raises:
            SinkUnavailableError: the broker does not take calls now, or does not let us in.
        """
        newest: dict[str, Entity | None] = {}
        for delivered in batch:
            number, entity = self._wanted(delivered)
            newest[number] = entity
        entities = [entity for entity in newest.values() if entity is not None]
        # Others may add to a camera, such as its stream; an alert is ours alone.
        await self._send(UPSERT + "?options=update", [one for one in entities if one["type"] == "Camera"])
        await self._send(UPSERT, [one for one in entities if one["type"] != "Camera"])
        for entity in entities:
            self._absent.pop(entity["id"], None)
        gone = [number for number, entity in newest.items() if entity is None and number not in self._absent]
        await self._send(DELETE, gone)
        for number in gone:
            self._absent[number] = None
        while len(self._absent) > ABSENT_MAX:
            self._absent.popitem(last=False)

    async def close(self) -> None:
        """Free the connections; safe to call twice."""
        await self._calls.close()

    def _wanted(self, delivered: Delivered) -> tuple[str, Entity | None]:
        """Return the id that a record speaks of, and its entity; None where it must not be there."""
        key = (delivered.key or b"").decode("utf-8", "replace")
        if delivered.topic is CAMERAS:
            record = delivered.record
            return camera_id_of(key), None if record is None else camera_entity(record, self._config.rules)
        assignment = delivered.record
        if assignment is None or assignment.valid_until_us <= self._clock.now_us():
            return alert_id_of(key), None  # forgotten, or looked for no more
        return alert_id_of(key), alert_entity(assignment, self._config.rules)

    async def _send(self, path: str, items: Sequence[Any]) -> None:
        step = self._config.batch_entities_max
        for first in range(0, len(items), step):
            await self._batch(path, items[first : first + step])

    async def _batch(self, path: str, items: Sequence[Any]) -> None:
        """Send a batch; one that is refused whole is sent one by one, so that a bad entity harms no neighbour."""
        body = json.dumps(items, ensure_ascii=False).encode()
        is_delete = path == DELETE
        answer = await self._calls.send(
            body,
            path=path,
            content_type="application/json" if is_delete else "application/ld+json",
            headers={"NGSILD-Tenant": self._config.tenant} if self._config.tenant else None,
        )
        if answer.status == MULTI_STATUS:
            self._judge(answer, is_delete)
        elif is_delete and answer.status == 404 and b"ResourceNotFound" in answer.body:
            return
        elif answer.status in _CALLER_REFUSED:
            raise SinkUnavailableError(f"the broker answers {answer.status}: token, tenant or address must be mended")
        elif answer.refused and len(items) > 1:
            for item in items:
                await self._batch(path, [item])
        elif answer.refused:
            self._refuse(answer.status)

    def _judge(self, answer: Answer, is_delete: bool) -> None:
        """Count what a batch's answer refuses; what was to be deleted and is not there is as it should be.

        Raises:
            SinkUnavailableError: an entity failed for a reason of the broker's own.
        """
        statuses = _statuses_of(answer.body)
        if any(status >= 500 for status in statuses):
            raise SinkUnavailableError("the broker failed for some entities of a batch")
        for status in statuses:
            if not (is_delete and status == 404):
                self._refuse(status)

    def _refuse(self, status: int) -> None:
        self.findings["refused"] += 1
        logger.warning("an entity was not taken by the broker: status %d", status)


def _statuses_of(body: bytes) -> list[int]:
    """Return the status of each entity that a multi-status answer speaks of as failed; 400 where it does not say."""
    try:
        errors = json.loads(body).get("errors", [])
        return [_status_of(error) for error in errors]
    except (ValueError, AttributeError, TypeError):
        return [400]


def _status_of(error: Any) -> int:
    problem = error.get("error", {}) if isinstance(error, dict) else {}
    if not isinstance(problem, dict):
        return 400
    if "ResourceNotFound" in str(problem.get("type", "")):
        return 404
    status = problem.get("status")
    return status if isinstance(status, int) else 400
