"""A sink before simulated heads, with a clock that is set by hand."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from connectors.kit.manifest import build_sink
from connectors.kit.sink import Delivered
from schemas.camera_assignment import Aim
from schemas.ptz import PtzCommand
from schemas.topics import PTZ_COMMANDS
from tests.connectors.local_context import NOON_US, a_context
from tests.connectors.onvif_ptz.simulated import SimulatedHead, write_table
from tests.support.connector_suite.sinks import SECRET

S = 1_000_000
AIM = Aim(
    pan_deg=90.0, tilt_deg=45.0, zoom=10.5, lat_deg=37.5666, lon_deg=126.9782, area_width_m=12.0, area_height_m=7.0
)


def order(fence: int, action: str = "move", **changes: Any) -> PtzCommand:
    command = PtzCommand(
        event_id=f"cam-1:{fence}",
        camera_id="cam-1",
        action=action,
        fence=fence,
        case_id="112:17",
        aim=AIM if action == "move" else None,
        issued_us=NOON_US,
        deadline_us=NOON_US + 60 * S,
    )
    return replace(command, **changes)


class Desk:
    """A sink before simulated heads, with a clock that is set by hand."""

    def __init__(self, folder: Path, heads: tuple[SimulatedHead, ...], **options: Any) -> None:
        (folder / "password").write_text(SECRET)
        self.heads = heads
        self.context = a_context()
        given = {
            "devices": write_table(folder, *heads),
            "password_file": str(folder / "password"),
            # One of its own each time, unless a test names one.
            "state_file": str(folder / f"state-{id(self)}.json"),
        }
        self.sink: Any = build_sink("onvif_ptz", {**given, **heads[0].options, **options}, self.context)

    async def tell(self, *commands: PtzCommand) -> list[tuple[str, dict[str, Any]]]:
        """Write orders and return what the first head was told by them."""
        before = len(self.heads[0].moves)
        await self.sink.write([Delivered(PTZ_COMMANDS, 0, n, c.camera_id.encode(), c) for n, c in enumerate(commands)])
        return self.heads[0].moves[before:]

    async def after_s(self, seconds: float) -> list[tuple[str, dict[str, Any]]]:
        """Let time go on and return what the first head was told by it."""
        before = len(self.heads[0].moves)
        self.context.clock.now = NOON_US + int(seconds * S)  # type: ignore[attr-defined]
        await self.sink.attend_what_is_due()
        return self.heads[0].moves[before:]


@asynccontextmanager
async def desk(folder: Path, *heads: SimulatedHead, **options: Any) -> AsyncIterator[Desk]:
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(head) for head in heads or (SimulatedHead(),)]
        made = Desk(folder, tuple(started), **options)
        stack.push_async_callback(made.sink.close)
        yield made


def names(moves: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [name for name, _ in moves]
