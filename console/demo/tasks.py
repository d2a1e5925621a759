"""How the demonstration's tasks run side by side, and end together at a signal."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import Any, TypeVar

from console.errors import DemoFailedError

T = TypeVar("T")
# How long a cancelled part may take to end (real seconds) before it is left to end with the process.
STOP_S = 3.0


async def until_signal(play: Callable[[], Coroutine[Any, Any, None]]) -> int:
    """Run ``play`` to its end, or cancel it at the first SIGINT or SIGTERM; later ones are too late to matter.

    Returns:
        0 when it came to its end, else 128 and the signal's number, as shells expect.
    """
    loop = asyncio.get_running_loop()
    loop.set_default_executor(_LooseThreads())
    task = asyncio.create_task(play())
    received: list[int] = []

    def on_signal(number: int) -> None:
        if not received:
            received.append(number)
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    try:
        await task
    except asyncio.CancelledError:
        if not received:
            raise
    return 128 + received[0] if received else 0


async def beside(parts: "Sequence[asyncio.Task[None]]", work: Coroutine[Any, Any, T]) -> T:
    """Return the result of ``work``; when one of the parts ends before, raise why.

    Raises:
        DemoFailedError: a part ended without an error, which none should.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task, *parts], return_when=asyncio.FIRST_COMPLETED)
        for part in parts:
            if part.done():
                part.result()
                raise DemoFailedError("a part of the demonstration ended by itself")
        return task.result()
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=STOP_S)


class _LooseThreads(ThreadPoolExecutor):
    """Threads for blocking calls that nobody waits for at the end.

    A Kafka client whose broker is gone keeps trying for many seconds; a Ctrl-C must not wait for that.
    """

    def submit(self, call: Callable[..., T], /, *arguments: Any, **named: Any) -> "Future[T]":
        """Run a call in a thread of its own, which ends with the process at the latest."""
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(call(*arguments, **named))
            except BaseException as error:
                future.set_exception(error)

        Thread(target=work, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave running calls alone."""
