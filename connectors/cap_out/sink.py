"""CAP as a sink: a message per change that others should know of."""

import logging
import re
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.cap_out.messages import Message, Rules, Told, forgotten, newest_of, next_message
from connectors.cap_out.parse import Sender, xml_of
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.option_values import (
    choice_option,
    flag_option,
    names_option,
    number_option,
    refuse_unknown,
    text_option,
)
from connectors.kit.sink import Delivered
from connectors.kit.state_file import StateFile
from connectors.kit.transports.http_calls import CALL_OPTIONS, CallsConfig, HttpCalls
from schemas.topics import CAMERA_ASSIGNMENTS, Topic

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/cap+xml"
# Cases of these concern no person who is looked for.
SERVICES = ("disaster", "fire", "traffic", "iot", "security")
CASES_MAX = 20_000
# CAP 1.2, 3.2.1: no spaces, commas or restricted characters in a sender.
_SENDER = re.compile(r"[^\s,<&]{1,256}")
# A person must mend the token or the address; nothing is lost meanwhile.
_CALLER_REFUSED = frozenset({401, 403, 404, 405})
_OWN = frozenset(
    {"sender", "scope", "restriction", "language", "services", "kinds", "exercises", "move_m", "state_file"}
)


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    calls: CallsConfig
    sender: Sender
    rules: Rules
    state_file: str = ""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, CALL_OPTIONS | _OWN)
        name = text_option(options, "sender")
        if not _SENDER.fullmatch(name):
            raise ConnectorConfigError("option sender must be up to 256 characters without spaces, commas, '<' and '&'")
        scope = choice_option(options, "scope", "Restricted", ("Public", "Restricted"))
        restriction = text_option(options, "restriction", "agencies of the city's safety net")
        return cls(
            calls=CallsConfig.from_options(options),
            sender=Sender(name, scope, restriction, text_option(options, "language", "en-US")),
            rules=Rules(
                frozenset(names_option(options, "services") or SERVICES),
                frozenset(names_option(options, "kinds")),
                flag_option(options, "exercises", default=True),
                number_option(options, "move_m", 100.0, least=0, most=100_000),
            ),
            state_file=text_option(options, "state_file", ""),
        )


class CapOutSink:
    """Tells other agencies of cases in CAP.

    Attributes:
        topics: the topics it wants.
        findings: how often what happened: ``Alert``, ``Update``, ``Cancel``, ``refused``.

    Raises:
        ConnectorConfigError: the state file is there and is none of this connector's.
    """

    topics: tuple[Topic, ...] = (CAMERA_ASSIGNMENTS,)

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self.findings: Counter[str] = Counter()
        self._config = config
        self._clock = context.clock
        self._calls = HttpCalls(config.calls)
        self._file = StateFile("" if context.is_trial else config.state_file)
        # Cases of which the file does not say what was told last, in the order of their changes.
        self._unkept: dict[str, None] = {}
        try:
            kept = self._file.load().items()
            self._told = OrderedDict((str(case_id), Told.of(fields)) for case_id, fields in kept)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise ConnectorConfigError("option state_file must name a file that this connector wrote") from error

    def render(self, delivered: Delivered) -> Any:
        """Return the message about a case of which nothing was told yet; None where nothing is to be told."""
        message = self._message(delivered, "", None)
        if message is None:
            return None
        return {"msgType": message.kind, "xml": xml_of(message, self._config.sender).decode()}

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Send what is to be told of the newest version of each case, in order, and remember it.

        Raises:
            SinkUnavailableError: the receiver does not take messages now, or does not let us in.
        """
        try:
            for delivered in newest_of(batch):
                await self._tell(delivered)
        finally:
            self._keep()

    async def close(self) -> None:
        """Free the connections; safe to call twice."""
        await self._calls.close()

    async def _tell(self, delivered: Delivered) -> None:
        """Send the message of a record, if there is one, and remember it."""
        case_id = (delivered.key or b"").decode("utf-8", "replace")
        told = self._told.get(case_id)
        message = self._message(delivered, case_id, told)
        if message is not None:
            await self._send(message)
            self._told[case_id] = message.told
            self._told.move_to_end(case_id)
            self._note_change(case_id)
            while len(self._told) > CASES_MAX:
                self._note_change(self._told.popitem(last=False)[0])
        if delivered.record is None and told is not None:
            self._told.pop(case_id, None)
            self._note_change(case_id)

    def _note_change(self, case_id: str) -> None:
        self._unkept.pop(case_id, None)
        self._unkept[case_id] = None

    def _keep(self) -> None:
        """Keep what has changed since the last time."""
        if self._unkept:
            told = self._told
            changed = {case_id: told[case_id].fields() if case_id in told else None for case_id in self._unkept}
            self._file.change(changed, lambda: {case_id: one.fields() for case_id, one in told.items()})
            self._unkept.clear()

    def _message(self, delivered: Delivered, case_id: str, told: Told | None) -> Message | None:
        if delivered.record is not None:
            return next_message(delivered.record, told, self._config.rules, self._clock.now_us())
        if told is None or told.is_over:
            return None
        return forgotten(case_id, told, self._clock.now_us())

    async def _send(self, message: Message) -> None:
        body = xml_of(message, self._config.sender)
        answer = await self._calls.send(body, content_type=CONTENT_TYPE, idempotency_key=message.identifier)
        if answer.status in _CALLER_REFUSED:
            raise SinkUnavailableError(f"the receiver answers {answer.status}: token or address must be mended")
        if answer.refused:
            self.findings["refused"] += 1
            logger.warning("%s %s was not taken: status %d", message.kind, message.identifier, answer.status)
            return
        self.findings[message.kind] += 1
