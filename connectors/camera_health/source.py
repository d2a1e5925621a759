"""Heartbeats as a source: beats to changes of states, and silence to the state down."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from connectors.camera_health.heard import Heard
from connectors.camera_health.parse import KEPT, SOURCE, Rules, parse_beat, silence
from connectors.kit.context import ConnectorContext
from connectors.kit.option_values import choice_option, number_option, refuse_unknown, text_option
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.source import Accepted, Entry
from schemas.topics import CAMERA_HEALTH

TRANSPORTS = ("http-push", "mqtt")
TOPIC_FILTERS = ("cameras/+/health",)
OWN_OPTIONS = frozenset({"feed", "silent_s", "feed_silence", "future_tolerance_s", "cameras_max"})
FEED_SILENCE = ("hold", "down")
# How often it is looked for silent cameras, as a share of the time they may be silent, and at most so long.
CHECK_SHARE, CHECK_S = 0.1, 5.0


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    feed: str = ""
    silent_s: float = 120.0
    feed_silence: str = "hold"
    future_tolerance_s: float = 300.0
    cameras_max: int = 200_000

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | OWN_OPTIONS)
        return cls(
            transport_from(options, TRANSPORTS, name=SOURCE, topic_filters=TOPIC_FILTERS),
            text_option(options, "feed", ""),
            number_option(options, "silent_s", 120.0, least=0, most=86_400),
            choice_option(options, "feed_silence", "hold", FEED_SILENCE),
            number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
            int(number_option(options, "cameras_max", 200_000, least=1, most=2_000_000)),
        )


class CameraHealthSource(PayloadSource):
    """Heartbeats of one feed."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        super().__init__(config.transport, context, topic=CAMERA_HEALTH)
        self._config = config
        # The feed's name keeps its cameras apart from those of other feeds of this kind.
        source = f"{SOURCE}:{config.feed}" if config.feed else SOURCE
        tolerance_us = int(config.future_tolerance_s * 1_000_000)
        self._rules = Rules(source, ZoneInfo(context.time_zone), tolerance_us, self.note)
        self._heard = Heard(config.cameras_max)

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return one entry per change of a state."""

        def changed(item: Any) -> Accepted | None:
            health = parse_beat(item, arrival.now_us, self._rules)
            found = self._heard.take(health, arrival.now_us)
            self.note(found)
            return Accepted(CAMERA_HEALTH, health) if found == "change" else None

        return self.each(json_items(payload), changed, kept=KEPT)

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield changes of states as they are told, and silence as it is noticed, for ever.

        Raises:
            SourceUnavailableError: the other system or the broker does not answer.
            ConnectorConfigError: a secret is not there, or two connectors want one address.
        """
        # What was taken but not published is told again: only what stands on the topic is known.
        self._heard = Heard(self._config.cameras_max)
        await self._seed()
        check_s = min(CHECK_S, max(0.01, self._config.silent_s * CHECK_SHARE))
        async with aclosing(super().entries(cursor)) as told:
            coming: asyncio.Future[Entry] | None = None
            try:
                while True:
                    coming = coming or asyncio.ensure_future(anext(told))
                    await asyncio.wait({coming}, timeout=check_s)
                    if coming.done():
                        ready, coming = coming, None
                        yield ready.result()
                    for entry in self.gone_silent():
                        yield entry
            finally:
                if coming is not None:
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)

    def gone_silent(self) -> Iterator[Accepted]:
        """Yield the cameras that have become silent; none where ``silent_s`` is 0."""
        silent_us, now_us = int(self._config.silent_s * 1_000_000), self.context.clock.now_us()
        if not silent_us:
            return
        although_all = self._config.feed_silence == "down"
        for camera_id, heard_us in self._heard.silent(now_us, silent_us, although_all=although_all):
            self.note("silent")
            yield Accepted(CAMERA_HEALTH, silence(camera_id, heard_us, silent_us, now_us, self._rules.source))

    async def _seed(self) -> None:
        """Read the states that this feed has told before, where a broker tells them."""
        if self.context.pictures is None or self.context.is_trial:
            return
        now_us = self.context.clock.now_us()
        async with aclosing(self.context.pictures.batches(CAMERA_HEALTH, follow=False)) as batches:
            async for batch in batches:
                for delivered in batch:
                    health = delivered.record
                    if health is None or health.source != self._rules.source:
                        self._heard.forget((delivered.key or b"").decode("utf-8", "replace"))
                    else:
                        self._heard.seed(health, now_us)
