"""A gateway at work: a real server, the real runner and publisher, and a log in memory that can fail."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from connectors.kit.manifest import build
from connectors.kit.running.pacing import Backoff
from connectors.kit.running.publish import Publisher
from connectors.kit.running.runner import SourceJob, run_source
from schemas.camera_assignment import AssignedCamera, CameraAssignment
from schemas.codec import encode
from schemas.view_session import ViewSession
from tests.connectors.local_context import NOON_US, a_context
from tests.support.memory_log import SETTINGS, MemoryCursors, MemoryLog
from tests.support.memory_pictures import MemoryPictures

S = 1_000_000
KEY = "k" * 40
TOKENS = {"city-112": "token-of-112-5b1e9c77d0a3", "city-119": "token-of-119-77aa01bc4e5f"}


def camera(number: int, **changes: Any) -> AssignedCamera:
    made = AssignedCamera(
        camera_id=f"cam-{number}", site_id="pole-1", owner="Riverside", role="view", rank=0, distance_m=40.0,
        bearing_deg=10.0, level="observe", p_view=0.6, since_us=NOON_US,
    )  # fmt: skip
    return replace(made, **changes)


def assignment(version: int = 1, *cameras: AssignedCamera, **changes: Any) -> CameraAssignment:
    made = CameraAssignment(
        case_id="112:17", opened_us=NOON_US - S, version=version, event_id=f"112:17/{version}", status="active",
        reason="reported", exercise=False, services=("police",), kind="robbery", rank=1, occurred_us=NOON_US,
        decided_us=NOON_US, valid_from_us=NOON_US, valid_until_us=NOON_US + 120 * S, purpose="crime-prevention",
        legal_basis="PIPA18-2-3", recipients=("city-112:control-room",), cameras=cameras or (camera(1),),
        policy_version="demo", camera_table_version="cameras@1/health@1",
    )  # fmt: skip
    return replace(made, **changes)


class Gateway:
    """A running gateway."""

    def __init__(self, folder: Path, **options: Any) -> None:
        lines = []
        for name, token in TOKENS.items():
            (folder / name).write_text(token)
            lines.append(f'[[agency]]\nname = "{name}"\ntoken_file = "{folder / name}"\n')
        (folder / "agencies.toml").write_text("".join(lines))
        (folder / "key").write_text(KEY)
        self.options = {
            "listen": "127.0.0.1:0",
            "agencies": str(folder / "agencies.toml"),
            "key_file": str(folder / "key"),
            "link_url": "https://video.example/live/{camera_id}",
            **options,
        }
        self.log = MemoryLog()
        self.pictures = MemoryPictures(self.log)
        self.context = replace(a_context(), pictures=self.pictures)
        self.source: Any = build("link_gateway", self.options, self.context)
        self.job = SourceJob(
            name="gateway", kind="link_gateway", source=self.source, backoff=Backoff(first_s=0.01, limit_s=0.05),
            cursor_s=0.01,
        )  # fmt: skip

    def stands(self, *assignments: CameraAssignment) -> None:
        for made in assignments:
            self.log.append("camera-assignments", 0, made.case_id.encode(), encode(made))

    async def ask(
        self, body: Any = None, *, agency: str | None = "city-112", headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Ask for a link; return status and answer."""
        sent = {"Authorization": f"Bearer {TOKENS[agency]}"} if agency else {}
        asked = {"case_id": "112:17", "camera_id": "cam-1"} if body is None else body
        given: dict[str, Any] = {"data": asked} if isinstance(asked, bytes) else {"json": asked}
        url = f"http://127.0.0.1:{self.context.listeners.port_of('127.0.0.1', 0)}/links"
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, headers={**sent, **(headers or {})}, **given) as answer,
        ):
            return answer.status, await answer.json()

    def records(self) -> list[ViewSession]:
        return [stored.record for stored in self.log.of("view-sessions")]


@asynccontextmanager
async def gateway(folder: Path, *assignments: CameraAssignment, **options: Any) -> AsyncIterator[Gateway]:
    made = Gateway(folder, **options)
    made.stands(*assignments)
    stop, publisher = asyncio.Event(), Publisher(SETTINGS, opener=made.log.opener)
    running = asyncio.create_task(run_source(made.job, publisher, MemoryCursors(), stop, made.context.clock))
    try:
        async with asyncio.timeout(5):
            while made.context.listeners.port_of("127.0.0.1", 0) is None:
                assert not running.done(), running.exception()
                await asyncio.sleep(0.002)
            while made.pictures.gate.is_set() and not made.source._live.is_ready.is_set():
                await asyncio.sleep(0.002)
        yield made
        stop.set()
        await asyncio.wait_for(running, 2)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await publisher.close()
