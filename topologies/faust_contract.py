"""Every private part of Faust and aiokafka that this package leans on, and the check that they are still there.

``check_installed`` runs when an app is created: version, presence and signature. The contract test compares the
sources as well, because a method may keep its name and change its meaning.
"""

import hashlib
import importlib
import inspect
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from topologies.errors import TransportChangedError

FAUST_VERSION = "0.15.3"
AIOKAFKA_VERSIONS = ("0.14.",)


@dataclass(frozen=True, slots=True)
class Hook:
    """A method that is overridden, called or relied on.

    Attributes:
        owner: ``module:Class``.
        name: the method.
        parameters: names of its parameters, in order, without ``self``.
        digest: first 12 hex digits of the SHA-256 of its source at the pinned version.
        why: what would break.
    """

    owner: str
    name: str
    parameters: tuple[str, ...]
    digest: str
    why: str


CONSUMER = "faust.transport.consumer:Consumer"
DRIVER = "faust.transport.drivers.aiokafka"
RECOVERY = "faust.tables.recovery:Recovery"
HOOKS: tuple[Hook, ...] = (
    Hook(CONSUMER, "_wait_next_records", ("timeout",), "6218e1969a63", "overridden: its records are collapsed"),
    Hook(
        CONSUMER,
        "getmany",
        ("timeout",),
        "4b168d84882a",
        "delivers what _wait_next_records returns, buffered partitions too",
    ),
    Hook(CONSUMER, "_add_gap", ("tp", "offset_from", "offset_to"), "4df2573ded7c", "overridden: batches leave gaps"),
    Hook(CONSUMER, "_new_offset", ("tp",), "1d2c7ea89a7a", "overridden: the unit of work says what is durable"),
    Hook(
        CONSUMER,
        "_filter_tps_with_pending_acks",
        ("topics",),
        "f6f923977423",
        "overridden: durable later than acknowledged",
    ),
    Hook(CONSUMER, "_commit_tps", ("tps", "start_new_transaction"), "a20e230b05ae", "commits what _new_offset returns"),
    Hook(CONSUMER, "on_partitions_revoked", ("revoked",), "d04b7ae72c6f", "overridden: units end before partitions go"),
    Hook(CONSUMER, "on_buffer_full", ("tp",), "c8961679e0bc", "called: back-pressure of one partition"),
    Hook(CONSUMER, "on_buffer_drop", ("tp",), "4b57e8a418d5", "called: end of back-pressure"),
    Hook(CONSUMER, "_drain_messages", ("fetcher",), "44a2500309e8", "drops records below the offset it has read"),
    Hook(
        CONSUMER, "perform_seek", (), "0e8c130ff4b0", "overridden: goes back to committed offsets after every rebalance"
    ),
    Hook(f"{DRIVER}:Consumer", "_to_message", ("tp", "record"), "7c24f6511b2f", "reads the fields of CollapsedRecord"),
    Hook(
        f"{DRIVER}:Consumer",
        "verify_event_path",
        ("now", "tp"),
        "a17e8f0610e1",
        "overridden: its alarms would be false",
    ),
    Hook(f"{DRIVER}:Consumer", "_new_consumer_thread", (), "0870ec53dea7", "overridden: our thread class"),
    Hook(
        f"{DRIVER}:AIOKafkaConsumerThread",
        "_create_worker_consumer",
        ("transport",),
        "c2701bfc3e6f",
        "overridden: settings",
    ),
    Hook(f"{DRIVER}:AIOKafkaConsumerThread", "_ensure_consumer", (), "ff4a4c693b7e", "called: the aiokafka consumer"),
    Hook(
        f"{DRIVER}:ConsumerRebalanceListener",
        "on_partitions_assigned",
        ("assigned",),
        "1c1f8406ad36",
        "overridden: heartbeats",
    ),
    Hook(
        RECOVERY, "on_recovery_completed", ("generation_id",), "6ef567acf072", "resumes the streams after a rebalance"
    ),
    Hook(
        RECOVERY,
        "_build_highwaters",
        ("consumer", "tps", "destination", "title"),
        "91b4cc0d3724",
        "compares persisted offsets",
    ),
    Hook(RECOVERY, "_slurp_changelogs", (), "7825c7e50f76", "hands live changes to apply_changelog_batch, one by one"),
    Hook(RECOVERY, "need_recovery", (), "fd1dc345b5d5", "overridden: the stores have read everything"),
    Hook(RECOVERY, "_restart_recovery", (), "6bd8a8558a2d", "delivers tables with a buffer of one again"),
    Hook(
        RECOVERY,
        "_seek_offsets",
        ("consumer", "tps", "offsets", "title"),
        "19598ca63d94",
        "delivers from persisted offsets on",
    ),
    Hook("faust.tables.manager:TableManager", "recovery", (), "f0bf5de78b4c", "overridden: our recovery service"),
    Hook(
        "mode.services:Service",
        "_crash",
        ("reason",),
        "7bc0c709a151",
        "overridden: a crash of any part ends the worker",
    ),
    Hook(
        "faust.tables.manager:TableManager",
        "on_rebalance",
        ("assigned", "revoked", "newly_assigned", "generation_id"),
        "2d2c23a07bf5",
        "awaits the stores before streams resume",
    ),
    Hook(
        "faust.tables.base:Collection",
        "_changelog_topic_name",
        (),
        "f341fe97037b",
        "overridden: public topics as changelogs",
    ),
    Hook("faust.app.base:App", "on_rebalance_start", (), "5c1e23de3067", "sets app.rebalancing before anything else"),
    Hook("faust.app.base:App", "on_rebalance_end", (), "b7ff69e1e377", "overridden: units may run again"),
    Hook(
        "aiokafka.consumer.group_coordinator:GroupCoordinator",
        "_start_heartbeat_task",
        (),
        "358d0cfad997",
        "called: heartbeats while restoring",
    ),
    Hook(
        "aiokafka.consumer.subscription_state:TopicPartitionState",
        "position",
        (),
        "816b6b289bd1",
        "read: tells whether a partition is read to its end, markers of transactions included",
    ),
    Hook(
        "aiokafka.consumer.fetcher:PartitionRecords",
        "_unpack_records",
        (),
        "b803e6d46480",
        "moves the position beyond markers of transactions",
    ),
)


def check_installed() -> None:
    """Check that the installed Faust and aiokafka are those this package was written for.

    Raises:
        TransportChangedError: another version, or a hook is missing or has other parameters; the message lists all.
    """
    problems = _version_problems() + [problem for hook in HOOKS if (problem := _hook_problem(hook))]
    if problems:
        raise TransportChangedError(
            "the batch transport leans on parts of Faust that have changed: "
            + "; ".join(problems)
            + ". Read the new sources, adapt topologies/batches.py, then topologies/faust_contract.py"
        )


def _version_problems() -> list[str]:
    problems = []
    faust_version, aiokafka_version = metadata.version("faust-streaming"), metadata.version("aiokafka")
    if faust_version != FAUST_VERSION:
        problems.append(f"faust-streaming must be {FAUST_VERSION}, is {faust_version}")
    if not aiokafka_version.startswith(AIOKAFKA_VERSIONS):
        problems.append(f"aiokafka must be {' or '.join(AIOKAFKA_VERSIONS)}x, is {aiokafka_version}")
    return problems


def _hook_problem(hook: Hook) -> str | None:
    function = _function(hook)
    if function is None:
        return f"{hook.owner}.{hook.name} is gone ({hook.why})"
    parameters = tuple(inspect.signature(function).parameters)[1:]
    if parameters != hook.parameters:
        return f"{hook.owner}.{hook.name} takes {parameters}, took {hook.parameters} ({hook.why})"
    return None


def source_digest(hook: Hook) -> str:
    """Return the digest of a hook's installed source; empty if it is gone."""
    function = _function(hook)
    if function is None:
        return ""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


def _function(hook: Hook) -> Any | None:
    module, _, class_name = hook.owner.partition(":")
    owner = getattr(importlib.import_module(module), class_name, None)
    function = getattr(owner, hook.name, None)
    # Background tasks of mode are wrapped in a ServiceTask.
    return function.fget if isinstance(function, property) else getattr(function, "fun", function)
