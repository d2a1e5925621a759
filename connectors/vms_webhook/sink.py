"""The sink: one call per case and version, and calls of its own for what time ends."""

import asyncio
import contextlib
import json
import logging
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.option_values import flag_option, names_option, number_option, refuse_unknown, text_option
from connectors.kit.sink import Delivered
from connectors.kit.state_file import StateFile
from connectors.kit.transports.http_calls import CALL_OPTIONS, CallsConfig, HttpCalls, require_secret
from connectors.vms_webhook.parse import FORGOTTEN, Call, Rules, Session, calls_for, due, ending
from schemas.topics import CAMERA_ASSIGNMENTS, Topic

logger = logging.getLogger(__name__)

OPTIONS = CALL_OPTIONS | {"owners", "agencies", "exercises", "sessions_max", "state_file"}
# A person must mend the token or the address; no case is passed over meanwhile.
_CALLER_REFUSED = frozenset({401, 403, 404, 405})
SESSIONS_MAX_MOST = 100_000
_FIELDS = tuple(field.name for field in fields(Session))
# How often it is looked for views that time has ended. A second late is what a wall shows anyway.
WATCH_S = 1.0


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    calls: CallsConfig
    rules: Rules
    sessions_max: int = 10_000
    state_file: str = ""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, OPTIONS)
        calls = CallsConfig.from_options(options)
        # Who opens views must be known.
        require_secret(calls)
        rules = Rules(
            frozenset(names_option(options, "owners")),
            frozenset(names_option(options, "agencies")),
            flag_option(options, "exercises", default=False),
        )
        sessions_max = int(number_option(options, "sessions_max", 10_000, least=1, most=SESSIONS_MAX_MOST))
        return cls(calls, rules, sessions_max, text_option(options, "state_file", ""))


class VmsWebhookSink:
    """Keeps the views of a video system in step with the assignments.

    Attributes:
        topics: the topics it wants.
        findings: how often what happened: ``refused``, ``ended-by-time``, ``forgotten-session``.
    """

    topics: tuple[Topic, ...] = (CAMERA_ASSIGNMENTS,)

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self.findings: Counter[str] = Counter()
        self._config = config
        self._clock = context.clock
        self._calls = HttpCalls(config.calls)
        self._file = StateFile(config.state_file)
        self._sessions: OrderedDict[str, Session] | None = None
        # Cases whose sessions the file does not have as they are, in the order of their changes.
        self._unkept: dict[str, None] = {}
        # A version and the end of the same session must not be told at once.
        self._telling = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    def render(self, delivered: Delivered) -> Any:
        """Return what a system that knows of nothing yet is told of a record; None where that is nothing."""
        if delivered.record is None:
            return None
        calls = calls_for(delivered.record, None, self._config.rules, self._clock.now_us())
        return calls[0].body if calls else None

    async def start(self) -> None:
        """Begin to watch for views that time ends; safe to call again.

        Raises:
            ConnectorConfigError: the file of the sessions cannot be read.
        """
        self._known()
        if self._watch is None:
            self._watch = asyncio.create_task(self._watching())

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Tell the newest version of each case of the batch.

        Raises:
            SinkUnavailableError: the other system does not take calls now.
        """
        await self.start()
        newest: dict[str, Delivered] = {}
        for delivered in batch:
            case_id = (delivered.key or b"").decode("utf-8", "replace")
            # Taken out first, so that cases are told in the order of their newest versions.
            newest.pop(case_id, None)
            newest[case_id] = delivered
        async with self._telling:
            for case_id, delivered in newest.items():
                told = self._known().get(case_id)
                if delivered.record is None:
                    calls = [] if told is None else ending(told, FORGOTTEN)
                else:
                    calls = calls_for(delivered.record, told, self._config.rules, self._clock.now_us())
                taken = [await self._tell(call) for call in calls]
                if calls:
                    # Remembered once all were told: where one fails, the next try tells the others again under the same
                    # keys. The first is about the newest opening; what was not taken is opened by the next version.
                    views = calls[0].after.views if taken[0] else {} if told is None else told.views
                    self._remember(replace(calls[0].after, views=views))
            self._keep()

    async def close(self) -> None:
        """Free the connections; safe to call twice. Sessions go on: their views end with their lease."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        await self._calls.close()

    async def end_what_is_due(self) -> None:
        """Close the views and sessions that time has ended.

        Raises:
            SinkUnavailableError: the other system does not take calls now; what is left is due again.
        """
        async with self._telling:
            now_us, known = self._clock.now_us(), self._known()
            over = [
                s for s in known.values() if s.lease_us <= now_us or min(s.views.values(), default=now_us + 1) <= now_us
            ]
            for session in over:
                for call in due(session, now_us):
                    await self._tell(call)
                    self._remember(call.after)
                    self.findings["ended-by-time"] += 1
                if session.lease_us <= now_us:
                    self._forget(session.case_id)
            if over:
                self._keep()

    async def _watching(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            with contextlib.suppress(SinkUnavailableError):
                await self.end_what_is_due()

    async def _tell(self, call: Call) -> bool:
        """Make a call; return whether it was taken.

        Raises:
            SinkUnavailableError: the other system does not take calls now, or does not let us in.
        """
        body = json.dumps(call.body, ensure_ascii=False).encode()
        answer = await self._calls.send(body, idempotency_key=call.key)
        if answer.status in _CALLER_REFUSED:
            raise SinkUnavailableError(f"the video system answers {answer.status}: token or address must be mended")
        if answer.refused:
            self.findings["refused"] += 1
            logger.warning("a call was understood and not taken: status %d", answer.status)
        return not answer.refused

    def _remember(self, session: Session) -> None:
        known = self._known()
        known[session.case_id] = session
        known.move_to_end(session.case_id)
        self._note_change(session.case_id)
        while len(known) > self._config.sessions_max:
            # Its views still end at the times that every call has named.
            self._forget(next(iter(known)))
            self.findings["forgotten-session"] += 1

    def _forget(self, case_id: str) -> None:
        self._known().pop(case_id, None)
        self._note_change(case_id)

    def _note_change(self, case_id: str) -> None:
        if self._config.state_file:
            self._unkept.pop(case_id, None)
            self._unkept[case_id] = None

    def _known(self) -> "OrderedDict[str, Session]":
        if self._sessions is None:
            kept = self._file.load()
            try:
                self._sessions = OrderedDict((case_id, Session(**session)) for case_id, session in kept.items())
            except TypeError:
                raise ConnectorConfigError("option state_file must name a file that this connector wrote") from None
        return self._sessions

    def _keep(self) -> None:
        """Keep what has changed since the last time."""
        if self._unkept:
            known = self._known()
            changed = {case_id: _kept(known[case_id]) if case_id in known else None for case_id in self._unkept}
            self._file.change(changed, lambda: {case_id: _kept(session) for case_id, session in known.items()})
            self._unkept.clear()


def _kept(session: Session) -> dict[str, Any]:
    """Return a session as JSON values."""
    return {name: getattr(session, name) for name in _FIELDS}
