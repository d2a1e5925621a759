"""The guardian's notice as a sink: a call per notice, to whoever holds the guardians' contacts."""

import asyncio
import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.guardian_notice.memory import GuardianMemory
from connectors.guardian_notice.parse import ALERT, CLOSED, NOTICES, Notice, call_of, key_of, notice_of
from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.option_values import flag_option, names_option, number_option, refuse_unknown, text_option
from connectors.kit.sink import Delivered
from connectors.kit.transports.http_calls import CALL_OPTIONS, CallsConfig, HttpCalls, require_secret
from schemas.topics import CAMERA_ASSIGNMENTS, PROTECTED_SUBJECTS, WANDERING_ALERTS, Topic
from schemas.wandering_alert import AlertKind

logger = logging.getLogger(__name__)

_OWN = frozenset(
    {"memory_file", "notices", "except_kinds", "with_place", "with_reason", "exercises", "max_age_s", "repeat_after_s"}
)
_US_PER_S = 1_000_000
# A flat battery is for whoever looks after the tracker, not for a call at night.
EXCEPT_KINDS = (AlertKind.LOW_BATTERY.value,)
# No case is open for longer (two days); what was told of it is forgotten then.
FORGET_AFTER_US = 172_800 * _US_PER_S
_SHOWN_REF = "(by the registry)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    calls: CallsConfig
    memory_file: Path
    notices: tuple[str, ...] = NOTICES
    except_kinds: tuple[str, ...] = EXCEPT_KINDS
    with_place: bool = False
    with_reason: bool = False
    exercises: bool = False
    max_age_s: float = 3600.0
    repeat_after_s: float = 1800.0

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, CALL_OPTIONS | _OWN)
        calls = CallsConfig.from_options(options)
        require_secret(calls)
        notices = names_option(options, "notices") or NOTICES
        if unknown := sorted(set(notices) - set(NOTICES)):
            raise ConnectorConfigError(f"option notices: {unknown[0]!r} is none of {', '.join(NOTICES)}")
        return cls(
            calls=calls,
            memory_file=Path(text_option(options, "memory_file")).expanduser(),
            notices=notices,
            except_kinds=names_option(options, "except_kinds") if "except_kinds" in options else EXCEPT_KINDS,
            with_place=flag_option(options, "with_place", default=False),
            with_reason=flag_option(options, "with_reason", default=False),
            exercises=flag_option(options, "exercises", default=False),
            max_age_s=number_option(options, "max_age_s", 3600, least=60, most=86_400),
            repeat_after_s=number_option(options, "repeat_after_s", 1800, least=0, most=86_400),
        )


class GuardianNoticeSink:
    """Tells guardians' sides of alerts and ends.

    Attributes:
        topics: the topics it wants.
        refused: how many calls the other system understood and did not take.
        findings: why records led to no call, by kebab-case word.
    """

    topics: tuple[Topic, ...] = (PROTECTED_SUBJECTS, WANDERING_ALERTS, CAMERA_ASSIGNMENTS)

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self.refused = 0
        self.findings: Counter[str] = Counter()
        self._config = config
        self._clock = context.clock
        self._calls = HttpCalls(config.calls)
        self._memory = GuardianMemory(config.memory_file)

    def render(self, delivered: Delivered) -> Any:
        """Return what a call says, the guardian's reference left open; None where it says nothing."""
        notice = notice_of(delivered.record)
        return None if notice is None or self._unwanted(notice) else self._call(notice, _SHOWN_REF)

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Take over registrations, then call once per notice.

        Raises:
            SinkUnavailableError: the other system does not take calls now, or the disk does not.
        """
        try:
            await asyncio.to_thread(self._register, batch)
            for delivered in batch:
                notice = notice_of(delivered.record)
                if notice is not None:
                    await self._tell(notice, delivered)
        except sqlite3.DatabaseError as error:
            raise SinkUnavailableError(f"the memory file cannot be used: {type(error).__name__}") from error

    async def close(self) -> None:
        """Free the connections and the file; safe to call twice."""
        await self._calls.close()
        self._memory.close()

    def _register(self, batch: Sequence[Delivered]) -> None:
        subjects = [
            ((delivered.key or b"").decode(errors="replace"), delivered.record)
            for delivered in batch
            if delivered.topic is PROTECTED_SUBJECTS
        ]
        if subjects:
            self._memory.register(subjects)
        self._memory.forget(self._clock.now_us() - FORGET_AFTER_US)

    async def _tell(self, notice: Notice, delivered: Delivered) -> None:
        """Call for a notice, unless nobody is to be told or has been already."""
        now_us = self._clock.now_us()
        finding = self._unwanted(notice)
        guardian_ref = None
        if not finding:
            guardian_ref = await asyncio.to_thread(self._memory.guardian_of, notice.case_id, now_us)
            finding = "no-guardian" if guardian_ref is None else await self._told_before(notice)
        if finding or guardian_ref is None:
            self.findings[finding] += 1
            return
        body = json.dumps(self._call(notice, guardian_ref), ensure_ascii=False).encode()
        answer = await self._calls.send(body, idempotency_key=key_of(notice))
        if answer.refused:
            self.refused += 1
            place = f"{delivered.topic.name} {delivered.partition}/{delivered.offset}"
            logger.warning("%s was not taken: status %d", place, answer.status)
        await asyncio.to_thread(self._remember, notice)

    def _unwanted(self, notice: Notice) -> str:
        """Return why nobody is to be told of a notice; empty where somebody is."""
        config = self._config
        if notice.notice not in config.notices:
            return "notice-not-wanted"
        if notice.exercise and not config.exercises:
            return "exercise"
        if notice.notice == ALERT and notice.reason in config.except_kinds:
            return "kind-not-wanted"
        if notice.time_us < self._clock.now_us() - config.max_age_s * _US_PER_S:
            return "too-old"
        return ""

    async def _told_before(self, notice: Notice) -> str:
        """Return why a notice would be one too many; empty where it would not."""
        told = await asyncio.to_thread(self._memory.told, notice.case_id)
        if notice.notice == CLOSED:
            return "" if told else "nothing-was-told"
        if notice.opened_us is not None:
            # An alert that was told opened this case; or an earlier version of it was told.
            is_told = f"opened:{notice.opened_us}" in told or self._is_recent(told.get(_alert(notice)), notice)
            return "told-before" if is_told else ""
        return "told-before" if self._is_recent(told.get(_alert(notice)), notice) else ""

    def _is_recent(self, told_us: int | None, notice: Notice) -> bool:
        if told_us is None:
            return False
        return abs(notice.time_us - told_us) <= self._config.repeat_after_s * _US_PER_S

    def _remember(self, notice: Notice) -> None:
        if notice.notice == CLOSED:
            self._memory.end(notice.case_id)
            return
        what = [_alert(notice)] if notice.opened_us is None else [_alert(notice), f"opened:{notice.opened_us}"]
        self._memory.tell(notice.case_id, what, notice.time_us)

    def _call(self, notice: Notice, guardian_ref: str) -> Mapping[str, Any]:
        config = self._config
        return call_of(notice, guardian_ref, with_place=config.with_place, with_reason=config.with_reason)


def _alert(notice: Notice) -> str:
    return f"{notice.notice}:{notice.reason}"
