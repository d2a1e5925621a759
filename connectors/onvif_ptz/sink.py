"""The sink: orders to heads, all heads side by side."""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.kit.context import ConnectorContext
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.option_values import flag_option, number_option, refuse_unknown, text_option
from connectors.kit.reading.json_records import record_to_json
from connectors.kit.secrets import Secret
from connectors.kit.sink import Delivered
from connectors.kit.state_file import StateFile
from connectors.onvif_ptz.aiming import move_of
from connectors.onvif_ptz.device import OnvifHead
from connectors.onvif_ptz.orders import TURN, Orders
from connectors.onvif_ptz.parse import Head
from connectors.onvif_ptz.table import read_heads
from schemas.ptz import PtzAction, PtzCommand
from schemas.topics import PTZ_COMMANDS, Topic

logger = logging.getLogger(__name__)

OPTIONS = frozenset(
    {
        "devices", "username", "password_file", "password_env", "timeout_s", "give_up_s", "at_once", "exercises",
        "state_file",
    }
)  # fmt: skip
# How often it is looked for deadlines that are over and for orders that wait for a head to answer.
WATCH_S = 1.0
RETRY_FIRST_S, RETRY_MAX_S = 0.25, 30.0
# Connections that are kept; a city has more heads than are turned at once.
CONNECTED_MAX = 256
OVERTAKEN = "overtaken"


@dataclass(frozen=True, slots=True)
class Config:
    """The options of this connector; ``manifest.toml`` describes them."""

    devices: str
    state_file: str
    username: str = ""
    password: Secret = field(default_factory=lambda: Secret("password"))
    timeout_s: float = 5.0
    give_up_s: float = 5.0
    at_once: int = 32
    exercises: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Config":
        """Return the configuration that the options make.

        Raises:
            ConnectorConfigError: an option is missing, wrong or unknown; the message names it.
        """
        refuse_unknown(options, OPTIONS)
        return cls(
            text_option(options, "devices"),
            text_option(options, "state_file"),
            text_option(options, "username", ""),
            Secret.from_options(options, "password"),
            number_option(options, "timeout_s", 5.0, least=0.1, most=60),
            number_option(options, "give_up_s", 5.0, least=0, most=300),
            int(number_option(options, "at_once", 32, least=1, most=256)),
            flag_option(options, "exercises", default=False),
        )


@dataclass(slots=True)
class _Driven:
    """A head at work: its orders, its connection, and since when it does not answer (loop seconds)."""

    head: Head
    device: OnvifHead
    orders: Orders
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)
    away_since_s: float | None = None
    retry_at_s: float = 0.0
    failures: int = 0


class OnvifPtzSink:
    """Turns heads as ordered.

    Attributes:
        topics: the topics it wants.
        findings: how often what happened: ``turned``, ``sent-home``, ``obsolete``, ``shadow``, ``drill``, ``too-late``,
            ``out-of-reach``, ``refused`` and others.
    """

    topics: tuple[Topic, ...] = (PTZ_COMMANDS,)

    def __init__(self, config: Config, context: ConnectorContext) -> None:
        self.findings: Counter[str] = Counter()
        self._config = config
        self._clock = context.clock
        self._file = StateFile(config.state_file)
        self._driven: dict[str, _Driven] | None = None
        self._connected: OrderedDict[str, OnvifHead] = OrderedDict()
        self._at_once = asyncio.Semaphore(config.at_once)
        self._watch: asyncio.Task[None] | None = None

    def render(self, delivered: Delivered) -> Any:
        """Return what a head is told of an order before the table of heads is looked at; None for nothing."""
        command = delivered.record
        if command is None or command.shadow or (command.exercise and not self._config.exercises):
            return None
        if command.deadline_us <= self._clock.now_us() or command.action not in (PtzAction.MOVE, PtzAction.RETURN_HOME):
            return None
        return {
            "camera_id": command.camera_id,
            "fence": command.fence,
            "do": command.action,
            "aim": record_to_json(command.aim),
        }

    async def start(self) -> None:
        """Read the table of heads and begin to watch deadlines; safe to call again.

        Raises:
            ConnectorConfigError: the table or the kept state cannot be read; the message names the line.
        """
        if self._driven is None:
            self._driven = await asyncio.to_thread(self._read)
        if self._watch is None:
            self._watch = asyncio.create_task(self._watching())

    async def write(self, batch: Sequence[Delivered]) -> None:
        """Carry out the newest order to each head of the batch.

        Raises:
            SinkUnavailableError: a head does not answer, since less than ``give_up_s``.
        """
        await self.start()
        touched: dict[str, _Driven] = {}
        for delivered in batch:
            command = delivered.record
            if command is None:
                continue
            driven = self._take(command)
            if driven is not None:
                touched[command.camera_id] = driven
        away = await self._attend(touched.values())
        self._keep()
        now_s = asyncio.get_running_loop().time()
        fresh = [d for d in away if now_s - (d.away_since_s or now_s) < self._config.give_up_s]
        if fresh:
            raise SinkUnavailableError(f"{len(fresh)} heads do not answer, the first is {fresh[0].head.camera_id}")

    async def close(self) -> None:
        """Free the connections; safe to call twice. Heads stay where they are."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        while self._connected:
            await self._connected.popitem()[1].close()

    async def attend_what_is_due(self) -> None:
        """Send home the heads whose deadline is over, and try again what could not be done."""
        now_s = asyncio.get_running_loop().time()
        waiting = [d for d in (self._driven or {}).values() if d.orders.is_open and d.retry_at_s <= now_s]
        if [d for d in waiting if d.orders.wants(self._clock.now_us()) is not None]:
            await self._attend(waiting)
            self._keep()

    async def _watching(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            try:
                await self.attend_what_is_due()
            except (SinkUnavailableError, ConnectorConfigError) as error:
                logger.warning("what is due could not be attended: %s", error)

    def _take(self, command: PtzCommand) -> _Driven | None:
        driven = (self._driven or {}).get(command.camera_id)
        if driven is None:
            self.findings["no-device"] += 1
            return None
        found = driven.orders.take(command, turns=self._config.exercises)
        if found != "taken":
            self.findings[found] += 1
        elif command.deadline_us <= self._clock.now_us():
            self.findings["too-late"] += 1
        return driven

    async def _attend(self, heads: Iterable[_Driven]) -> list[_Driven]:
        """Do for each head what its newest order wants; return those that do not answer."""
        attended = list(heads)
        outcomes = await asyncio.gather(*(self._attend_one(driven) for driven in attended))
        return [driven for driven, answers in zip(attended, outcomes, strict=True) if not answers]

    async def _attend_one(self, driven: _Driven) -> bool:
        async with self._at_once, driven.busy:
            orders = driven.orders
            wanted, command = orders.wants(self._clock.now_us()), orders.command
            if wanted is None or command is None:
                return True
            try:
                found = await self._carry_out(driven, wanted, command)
            except SinkUnavailableError as error:
                await self._is_away(driven, error)
                return False
            driven.away_since_s, driven.failures, driven.retry_at_s = None, 0, 0.0
            self.findings[found] += 1
            if found != OVERTAKEN and orders.command is command:
                orders.settle(wanted)
            return True

    async def _carry_out(self, driven: _Driven, wanted: str, command: PtzCommand) -> str:
        """Turn a head, or send it home; return what was found.

        Raises:
            SinkUnavailableError: it does not answer.
        """
        await self._make_room(driven)
        offered = await driven.device.offered()
        if offered is None:
            return self._not_taken(driven, "refused")
        # Connecting takes a while: what has become too late or was replaced meanwhile must not be carried out.
        if driven.orders.command is not command or driven.orders.wants(self._clock.now_us()) != wanted:
            return OVERTAKEN
        if wanted != TURN:
            return "sent-home" if await driven.device.go_home() else self._not_taken(driven, "no-home")
        if command.aim is None:
            return self._not_taken(driven, "no-aim")
        move = move_of(command.aim, driven.head, offered)
        if isinstance(move, str):
            return self._not_taken(driven, move)
        return "turned" if await driven.device.turn(move) else self._not_taken(driven, "refused")

    def _not_taken(self, driven: _Driven, reason: str) -> str:
        logger.warning("the head of %s was not turned: %s", driven.head.camera_id, reason)
        return reason

    async def _is_away(self, driven: _Driven, error: SinkUnavailableError) -> None:
        now_s = asyncio.get_running_loop().time()
        if driven.away_since_s is None:
            driven.away_since_s = now_s
            logger.warning("%s; trying again", error)
        driven.failures += 1
        driven.retry_at_s = now_s + min(RETRY_MAX_S, RETRY_FIRST_S * 2 ** min(driven.failures - 1, 10))
        self._connected.pop(driven.head.camera_id, None)
        await driven.device.close()

    async def _make_room(self, driven: _Driven) -> None:
        self._connected[driven.head.camera_id] = driven.device
        self._connected.move_to_end(driven.head.camera_id)
        for camera_id in list(self._connected):
            if len(self._connected) <= CONNECTED_MAX:
                return
            other = (self._driven or {})[camera_id]
            if not other.busy.locked():
                await self._connected.pop(camera_id).close()

    def _read(self) -> dict[str, _Driven]:
        config = self._config
        heads = read_heads(Path(config.devices), (config.username, config.password))
        kept = self._file.load()
        driven = {}
        for camera_id, head in heads.items():
            try:
                orders = Orders.of_kept(camera_id, kept[camera_id]) if camera_id in kept else Orders()
            except (ValueError, AttributeError):
                raise ConnectorConfigError("option state_file must name a file that this connector wrote") from None
            driven[camera_id] = _Driven(head, OnvifHead(head, config.timeout_s), orders)
        return driven

    def _keep(self) -> None:
        heads = (self._driven or {}).items()
        self._file.save({camera_id: d.orders.kept() for camera_id, d in heads if d.orders.fence >= 0})
