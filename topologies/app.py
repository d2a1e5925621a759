"""The Faust app of a worker: the only place that makes one."""

import asyncio
from typing import Any

import faust

from topologies import batches, stores
from topologies.batches import BatchControl
from topologies.connection import faust_credentials
from topologies.faust_contract import check_installed
from topologies.settings import Settings

# Records a fetch may return at most; what does not fit into a unit of work waits in the pump.
FETCH_RECORDS_MAX = 5_000
FETCH_BYTES_MAX = 4 << 20
COMMIT_INTERVAL_S = 0.25
# A worker that reads back its state cannot join the next rebalance; two million cameras take it up to a minute.
REBALANCE_TIMEOUT_S = 120.0
# Batches that wait between the consumer and the agent; the agent only passes them on.
BUFFERED_BATCHES = 64


class WorkerApp(faust.App):  # type: ignore[misc]
    """Faust's app, which tells the units of work when a rebalance is over.

    Attributes:
        batch_control: set by the topology that is added to the app.
        failed: set by whoever runs the app; gets the first error that makes a part of Faust crash.
    """

    batch_control: BatchControl
    failed: "asyncio.Future[BaseException] | None" = None

    def _crash(self, reason: BaseException) -> None:
        super()._crash(reason)
        if self.failed is not None and not self.failed.done():
            # Crashes may come from the consumer's thread.
            self.failed.get_loop().call_soon_threadsafe(_settle, self.failed, reason)

    def on_rebalance_end(self) -> None:
        """Let the units of work run (again)."""
        super().on_rebalance_end()
        self.batch_control.resume()


def _settle(failed: "asyncio.Future[BaseException]", reason: BaseException) -> None:
    if not failed.done():
        failed.set_result(reason)


def group_of(prefix: str) -> str:
    """Return the consumer group (and Faust id) of a city's workers."""
    return f"{prefix}.camera-assignment" if prefix else "camera-assignment"


def create_app(settings: Settings, prefix: str) -> WorkerApp:
    """Return the app of a worker, without topologies yet.

    Args:
        settings: the worker's settings.
        prefix: the city's topic prefix.

    Raises:
        TransportChangedError: the installed Faust is not the one the transport was written for.
    """
    check_installed()
    batches.register()
    stores.register()
    options: dict[str, Any] = {
        "broker": batches.broker_url(settings.bootstrap_servers),
        "broker_credentials": faust_credentials(settings.security),
        "broker_client_id": f"goldentime-{settings.worker_id}",
        "broker_session_timeout": settings.session_timeout_s,
        "broker_heartbeat_interval": min(3.0, settings.session_timeout_s / 3),
        "broker_rebalance_timeout": REBALANCE_TIMEOUT_S,
        # A JoinGroup request waits for the slowest member of the group.
        "broker_request_timeout": REBALANCE_TIMEOUT_S + settings.request_timeout_s,
        "broker_commit_interval": COMMIT_INTERVAL_S,
        "broker_max_poll_records": FETCH_RECORDS_MAX,
        "consumer_max_fetch_size": FETCH_BYTES_MAX,
        "consumer_group_instance_id": settings.group_instance_id,
        "producer_request_timeout": settings.request_timeout_s,
        "stream_buffer_maxsize": BUFFERED_BATCHES,
        "stream_recovery_delay": 0.0,
        # The assignor knows workers by their URL; nothing listens there.
        "canonical_url": f"http://{settings.worker_id}.goldentime.invalid:1",
        "datadir": str(settings.data_dir),
        "store": "memory://",
        "table_standby_replicas": 0,
        "topic_partitions": settings.case_partitions,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
        "autodiscover": False,
        "recovery_consistency_check": False,
        "TableManager": stores.SettledTables,
        "Table": stores.PublicTable,
        "GlobalTable": stores.PublicGlobalTable,
    }
    return WorkerApp(group_of(prefix), **options)
