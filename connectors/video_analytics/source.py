"""Looks as a source: payloads to sightings, and the cases that they can be about."""

import asyncio
import re
import tomllib
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SourceUnavailableError
from connectors.kit.option_values import (
    choice_option,
    flag_option,
    names_option,
    number_option,
    refuse_unknown,
    text_option,
)
from connectors.kit.payloads import Arrival, PayloadSource, Transport, transport_from, transport_options
from connectors.kit.pictures import Pictures
from connectors.kit.reading.json_bodies import json_items
from connectors.kit.reading.places import PlaceRules
from connectors.kit.source import Accepted, Entry
from connectors.video_analytics.confidence import USUAL_CAP, Scale, points_of
from connectors.video_analytics.parse import BY, KEPT, SOURCE, Rules, parse_look
from connectors.video_analytics.recent import Recent
from connectors.video_analytics.references import Cases
from schemas.location import LocationQuality
from schemas.sighting import SightingSource
from schemas.topics import CAMERA_ASSIGNMENTS, SIGHTINGS

TRANSPORTS = ("http-push", "mqtt")
TOPIC_FILTERS = ("sightings/+",)
T = TypeVar("T")
EACH_ITEM = "each-item"
OWN_OPTIONS = frozenset(
    {"system", "by", "items_path", "reliability", "confidence_whole", "every_s", "accuracy_m", "late_s",
     "future_tolerance_s", "follow_cases"}
)  # fmt: skip
_SYSTEM = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}|")


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    transport: Transport
    system: str = ""
    by: str = BY[0]
    items_path: str = ""
    points: tuple[tuple[float, float], ...] = ()
    confidence_whole: float = 1.0
    every_s: float = 10.0
    accuracy_m: float = 10.0
    late_s: float = 300.0
    future_tolerance_s: float = 300.0
    follow_cases: bool = True

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, transport_options(*TRANSPORTS) | OWN_OPTIONS)
        system = text_option(options, "system", "")
        if not _SYSTEM.fullmatch(system):
            raise ConnectorConfigError("option system must be up to 40 small letters, digits, '.', '_' and '-'")
        return cls(
            transport=transport_from(options, TRANSPORTS, name=SOURCE, topic_filters=TOPIC_FILTERS),
            system=system,
            by=choice_option(options, "by", BY[0], (*BY, EACH_ITEM)),
            items_path=text_option(options, "items_path", ""),
            points=points_of(names_option(options, "reliability")),
            confidence_whole=number_option(options, "confidence_whole", 1.0, least=1, most=1_000_000),
            every_s=number_option(options, "every_s", 10.0, least=0, most=600),
            accuracy_m=number_option(options, "accuracy_m", 10.0, least=1, most=5_000),
            late_s=number_option(options, "late_s", 300.0, least=1, most=86_400),
            future_tolerance_s=number_option(options, "future_tolerance_s", 300.0, least=0, most=86_400),
            follow_cases=flag_option(options, "follow_cases", default=True),
        )


class VideoAnalyticsSource(PayloadSource):
    """Looks of one system."""

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        super().__init__(config.transport, context, topic=SIGHTINGS)
        self._config = config
        self._recent = Recent(int(config.every_s * 1_000_000))
        self._cases = Cases()
        self._rules = Rules(
            system=config.system,
            by="" if config.by == EACH_ITEM else config.by,
            late_us=int(config.late_s * 1_000_000),
            places=PlaceRules(config.accuracy_m, LocationQuality.OTHER.value, context.default_points, context.city_box),
            zone=ZoneInfo(context.time_zone),
            future_tolerance_us=int(config.future_tolerance_s * 1_000_000),
            scale=Scale(config.points, config.confidence_whole, city_cap(context.city_folder)),
            pseudonyms=context.pseudonyms,
            cases=self._cases,
            note=self.note,
        )

    def read(self, payload: bytes, arrival: Arrival) -> Iterable[Entry]:
        """Return one entry per look that says something new."""

        def mapped(item: Any) -> Accepted | None:
            look = parse_look(item, arrival.now_us, self._rules)
            if look is None:
                return None
            if look.by == SightingSource.ANALYTICS and self._recent.is_repeat(look):
                self.note("repeat")
                return None
            return Accepted(SIGHTINGS, look)

        return self.each(json_items(payload, self._config.items_path), mapped, kept=KEPT)

    async def entries(self, cursor: str | None) -> AsyncGenerator[Entry, None]:
        """Yield looks for ever; nothing is taken before the cases that stand are known.

        Raises:
            SourceUnavailableError: the other system or the broker does not answer.
            ConnectorConfigError: a secret is not there, or two connectors want one address.
        """
        # What was taken but not published comes again, and is no repeat then.
        self._recent = Recent(int(self._config.every_s * 1_000_000))
        pictures, ready = self.context.pictures, asyncio.Event()
        following: asyncio.Task[None] | None = None
        if pictures is not None and self._config.follow_cases and not self.context.is_trial:
            following = asyncio.create_task(self._follow(pictures, ready))
        try:
            if following is not None:
                await _unless_ended(asyncio.create_task(ready.wait()), following)
            async with aclosing(super().entries(cursor)) as told:
                while following is not None:
                    yield await _unless_ended(asyncio.ensure_future(anext(told)), following)
                async for entry in told:
                    yield entry
        finally:
            if following is not None:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    async def _follow(self, pictures: Pictures, ready: asyncio.Event) -> None:
        """Keep the cases as ``camera-assignments`` has them."""
        async with aclosing(pictures.batches(CAMERA_ASSIGNMENTS, follow=True)) as batches:
            async for batch in batches:
                for delivered in batch:
                    case_id = (delivered.key or b"").decode("utf-8", "replace")
                    if delivered.record is None:
                        self._cases.forget(case_id)
                    else:
                        self._cases.put(case_id, exercise=delivered.record.exercise)
                if not batch:
                    ready.set()


async def _unless_ended(wanted: "asyncio.Future[T]", following: "asyncio.Future[None]") -> T:
    """Return what is wanted; raise why the cases can no longer be followed, if that comes first."""
    both: set[asyncio.Future[Any]] = {wanted, following}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        following.result()
        raise SourceUnavailableError("camera-assignments ended")
    finally:
        if not wanted.done():
            wanted.cancel()
            await asyncio.gather(wanted, return_exceptions=True)


def city_cap(city_folder: Path | None) -> float:
    """Return the most that analytics are believed: the city's ``[belief.reliability]``, 0 to 1.

    Raises:
        ConnectorConfigError: the city's policy cannot be read, or does not say.
    """
    if city_folder is None or not (city_folder / "policy.toml").is_file():
        return USUAL_CAP
    try:
        policy = tomllib.loads((city_folder / "policy.toml").read_text("utf-8"))
        cap = float(policy["belief"]["reliability"][SightingSource.ANALYTICS.value])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConnectorConfigError(f"policy.toml: belief.reliability.analytics: {type(error).__name__}") from error
    if not 0 <= cap <= 1:
        raise ConnectorConfigError("policy.toml: belief.reliability.analytics must be 0 to 1")
    return cap
