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
        findings: why records led to no call, by kebab-case word; ``refused``: calls that were understood and not taken.
    """

    topics: tuple[Topic, ...] = (PROTECTED_SUBJECTS, WANDERING_ALERTS, CAMERA_ASSIGNMENTS)

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self.findings: Counter[str] = Counter()
        self._config = config
        self._clock = context.clock
        self._calls = HttpCalls(config.calls)
        self._memory = GuardianMemory(config.memory_file)

    def render(self, delivered: Delivered) -> Any:
        """Return what a call says, the guardian's reference left open; None where it says nothing."""
        notice = notice_of(delivered.record)
        if notice is None or self._unwanted(notice) or self._is_too_old(notice):
            return None
        return self._call(notice, _SHOWN_REF)

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
        guardian_ref, finding = await asyncio.to_thread(self._guardian_or_why_none, notice, now_us)
        if finding or guardian_ref is None:
            self.findings[finding] += 1
            return
        body = json.dumps(self._call(notice, guardian_ref), ensure_ascii=False).encode()
        answer = await self._calls.send(body, idempotency_key=key_of(notice))
        if answer.refused:
            self.findings["refused"] += 1
            place = f"{delivered.topic.name} {delivered.partition}/{delivered.offset}"
            logger.warning("%s was not taken: status %d", place, answer.status)
        await asyncio.to_thread(self._remember, notice, now_us)

    def _guardian_or_why_none(self, notice: Notice, now_us: int) -> tuple[str | None, str]:
        """Return whom to tell, or why nobody: an empty reason goes with a reference."""
        finding = self._unwanted(notice)
        if finding:
            return None, finding
        told = self._memory.told(notice.case_id)
        # Who was told that somebody is lost hears how it ended, however late and whatever has run out meanwhile.
        ends_told = notice.notice != ALERT and bool(told)
        if not ends_told and self._is_too_old(notice):
            return None, "too-old"
        guardian_ref = self._memory.guardian_of(notice.case_id, 0 if ends_told else now_us)
        if guardian_ref is None:
            return None, "no-guardian"
        if self._memory.is_done(key_of(notice)):
            return None, "told-before"
        finding = self._told_before(notice, told)
        if finding == "told-before":
            # All later versions of this opening are the same alert, also after the memory of the case has ended.
            self._memory.settle(key_of(notice), now_us)
        return guardian_ref, finding

    def _unwanted(self, notice: Notice) -> str:
        """Return why nobody is ever to be told of a notice; empty where somebody may be."""
        config = self._config
        if notice.notice not in config.notices:
            return "notice-not-wanted"
        if notice.exercise and not config.exercises:
            return "exercise"
        if notice.notice == ALERT and notice.reason in config.except_kinds:
            return "kind-not-wanted"
        return ""

    def _is_too_old(self, notice: Notice) -> bool:
        return notice.time_us < self._clock.now_us() - self._config.max_age_s * _US_PER_S

    def _told_before(self, notice: Notice, told: Mapping[str, int]) -> str:
        """Return why a notice would be one too many; empty where it would not."""
        if notice.notice == CLOSED:
            return "" if told else "nothing-was-told"
        return "told-before" if self._is_recent(told.get(_alert(notice)), notice) else ""

    def _is_recent(self, told_us: int | None, notice: Notice) -> bool:
        if told_us is None:
            return False
        return abs(notice.time_us - told_us) <= self._config.repeat_after_s * _US_PER_S

    def _remember(self, notice: Notice, now_us: int) -> None:
        self._memory.settle(key_of(notice), now_us)
        if notice.notice == CLOSED:
            self._memory.end(notice.case_id)
        else:
            self._memory.tell(notice.case_id, _alert(notice), notice.time_us)

    def _call(self, notice: Notice, guardian_ref: str) -> Mapping[str, Any]:
        config = self._config
        return call_of(notice, guardian_ref, with_place=config.with_place, with_reason=config.with_reason)


def _alert(notice: Notice) -> str:
    return f"{notice.notice}:{notice.reason}"
