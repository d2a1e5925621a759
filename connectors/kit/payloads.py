"""Sources that only map: the kit fetches or takes payloads, the connector says which records they are.

A connector derives from :class:`PayloadSource`, writes :meth:`PayloadSource.read`, and names the transports it allows;
an instance chooses one by the option ``transport``.
"""

import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from connectors.kit.arrival import AnswersPayloads, Arrival, Link
from connectors.kit.case_book import Remembers
from connectors.kit.code_faults import code_fault
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorError, EntryRefusedError
from connectors.kit.memory import Memory
from connectors.kit.option_values import choice_option
from connectors.kit.source import Entry, Refused
from connectors.kit.transports.http_poll import POLL_OPTIONS, PollConfig, PollLink
from connectors.kit.transports.http_push import PUSH_OPTIONS, PushConfig, PushLink
from connectors.kit.transports.mqtt import MqttLink
from connectors.kit.transports.mqtt_session import MQTT_OPTIONS, MqttConfig
from connectors.kit.transports.whole_files import WHOLE_FILE_OPTIONS, WholeFilesConfig, WholeFilesLink
from schemas.topics import Topic

__all__ = ["Arrival", "PayloadSource", "Transport", "transport_from", "transport_options"]

Transport = PushConfig | PollConfig | MqttConfig | WholeFilesConfig
Mapped = Entry | Sequence[Entry] | None

HTTP_PUSH, HTTP_POLL, MQTT, FILE_DROP = "http-push", "http-poll", "mqtt", "file-drop"
_OPTIONS = {HTTP_PUSH: PUSH_OPTIONS, HTTP_POLL: POLL_OPTIONS, MQTT: MQTT_OPTIONS, FILE_DROP: WHOLE_FILE_OPTIONS}
# Of one payload; what is more is answered with one refusal.
ENTRIES_MAX = 20_000
KEPT_CHARACTERS_MAX = 80


def transport_options(*names: str) -> frozenset[str]:
    """Return the names of all options that transports have, for ``refuse_unknown``."""
    options = frozenset[str]().union(*(_OPTIONS[name] for name in names))
    return options | {"transport"} if len(names) > 1 else options


def transport_from(
    options: Mapping[str, Any], names: tuple[str, ...], *, name: str, topic_filters: tuple[str, ...] = ()
) -> Transport:
    """Return the transport that the options choose.

    Args:
        options: the connector's options.
        names: the transports it allows; the first is the default.
        name: the connector's name; what is taken by push comes to ``/in/<name>`` unless an option says otherwise.
        topic_filters: what an MQTT subscription takes unless an option says otherwise.

    Raises:
        ConnectorConfigError: an option is missing or wrong.
    """
    chosen = choice_option(options, "transport", names[0], names)
    if chosen == HTTP_PUSH:
        return PushConfig.from_options(options, url_path=f"/in/{name}")
    if chosen == HTTP_POLL:
        return PollConfig.from_options(options)
    if chosen == FILE_DROP:
        return WholeFilesConfig.from_options(options)
    client_id = f"goldentime-{name.replace('_', '-')}"
    return MqttConfig.from_options(options, client_id=client_id, topic_filters=topic_filters)


class PayloadSource:
    """A source over HTTP push, HTTP poll, MQTT or whole files.

    Args:
        transport: where payloads come from.
        context: the surroundings.
        topic: where a payload is answered that is refused as a whole.
        memory: what the connector remembers of cases between payloads; kept over restarts. None where it needs none.

    Attributes:
        findings: how often what was noticed in payloads, by kebab-case word.
        context: the surroundings.
        ear: what the transport speaks to in place of this source; a trial listens in by it.
    """

    def __init__(
        self, transport: Transport, context: ConnectorContext, *, topic: Topic, memory: Remembers | None = None
    ) -> None:
        self.findings: Counter[str] = Counter()
        self._memory = None if memory is None else Memory(memory, context, self.note)
        self.context = context
        self.ear: AnswersPayloads = self
        self._transport = transport
        self._topic = topic
        self._link: Link | None = None
        if isinstance(transport, PushConfig):
            context.listeners.expect(transport.host, transport.port, transport.url_path)

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return the entries of a payload, without cursors. To be written by the connector.

        Raises:
            EntryRefusedError: nothing of it can be used; it is answered by one refusal.
        """
        raise NotImplementedError

    def next_url(self, payload: bytes, arrival: Arrival) -> str | None:
        """Return where the rest of a polled answer lies; None, as here, where a payload is all.

        Raises:
            EntryRefusedError: the payload is no page; its own answer says so, and nothing is looked for behind it.
        """
        del payload, arrival
        return None

    def note(self, finding: str) -> None:
        """Count a finding, a kebab-case word."""
        self.findings[finding] += 1

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield the entries of all payloads after ``cursor``, for ever.

        Raises:
            SourceUnavailableError: the other system does not answer, or the broker, where a memory is kept.
            ConnectorConfigError: a secret is not there, or two connectors want one address.
        """
        if self._memory is not None:
            for ended in await self._memory.recall():
                yield ended
        link = self._link = self._linked()
        try:
            async with aclosing(link.entries(cursor)) as entries:
                async for entry in entries:
                    yield entry
        finally:
            self._link = None

    @property
    def is_connected(self) -> bool:
        """Return whether the other system was reached and can be heard now."""
        return self._link is not None and self._link.is_connected

    @property
    def remembers(self) -> bool:
        """Return whether it remembers cases between payloads, which the kit keeps over a restart."""
        return self._memory is not None

    def acknowledged(self, cursor: str) -> None:
        """Pass on to the transport that every entry up to ``cursor`` stands in Kafka."""
        if self._link is not None:
            self._link.acknowledged(cursor)

    def answers(self, payload: bytes, arrival: Arrival) -> Sequence[Entry]:
        """Return the entries of a payload, whatever is in it: what cannot be used is refused.

        What the payload has changed in the connector's memory comes behind them.

        Raises:
            ConnectorCodeError: the connector's code broke on it.
        """
        return [*self._events(payload, arrival), *self.newly_remembered()]

    def newly_remembered(self) -> Sequence[Entry]:
        """Return what has changed in the connector's memory; to be yielded behind entries that no payload gave."""
        return () if self._memory is None else self._memory.entries()

    def _events(self, payload: bytes, arrival: Arrival) -> list[Entry]:
        try:
            limit = getattr(self._transport, "max_payload_bytes", None)
            if limit is not None and len(payload) > limit:
                raise EntryRefusedError("too-large", None, f"at most {limit} bytes are read, got {len(payload)}")
            entries = list(self.read(payload, arrival))
            if len(entries) > ENTRIES_MAX:
                raise EntryRefusedError("too-many", None, f"at most {ENTRIES_MAX} entries, got {len(entries)}")
        except EntryRefusedError as error:
            return [refusal(self._topic, error, json.dumps({"bytes": len(payload)}).encode(), arrival.number)]
        except ConnectorError:
            raise
        except Exception as error:
            raise code_fault(error) from error
        return entries

    def each(
        self,
        items: Iterable[Any],
        map_one: Callable[[Any], Mapped],
        *,
        kept: Sequence[str] = (),
        topic: Topic | None = None,
    ) -> list[Entry]:
        """Return the entries of many items; one that is refused harms none of its neighbours.

        Args:
            items: the items of a payload.
            map_one: gives the entry or entries of an item, or None where it tells nothing; may raise
                ``EntryRefusedError``.
            kept: fields of an item that a dead letter may keep; never a person's.
            topic: where refused items are answered; that of the source if None.
        """
        entries: list[Entry] = []
        for number, item in enumerate(items, start=1):
            try:
                mapped = map_one(item)
            except EntryRefusedError as error:
                entries.append(refusal(topic or self._topic, error, kept_of(item, kept), number))
                continue
            if mapped is None:
                self.note("passed-over")
            elif isinstance(mapped, Sequence):
                entries.extend(mapped)
            else:
                entries.append(mapped)
        return entries

    def _linked(self) -> Link:
        transport = self._transport
        if isinstance(transport, PushConfig):
            return PushLink(transport, self.ear, self.context)
        if isinstance(transport, PollConfig):
            return PollLink(transport, self.ear, self.context)
        if isinstance(transport, WholeFilesConfig):
            return WholeFilesLink(transport, self.ear, self.context)
        return MqttLink(transport, self.ear, self.context)


def kept_of(item: Any, names: Sequence[str]) -> bytes:
    """Return what a dead letter keeps of an item: the named fields, shortened, as JSON."""
    if not isinstance(item, Mapping):
        return json.dumps({"type": type(item).__name__}).encode()
    kept = {name: _shortened(item[name]) for name in names if name in item}
    return json.dumps(kept, ensure_ascii=False).encode("utf-8", "backslashreplace")


def refusal(topic: Topic, error: EntryRefusedError, payload: bytes, number: int) -> Refused:
    """Return the answer to an entry that cannot become a record."""
    return Refused(topic, error.reason, error.field, str(error), payload, number)


def _shortened(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    return text if len(text) <= KEPT_CHARACTERS_MAX else f"<{len(text)} characters>"
