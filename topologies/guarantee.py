"""Which guarantee the broker can give: asked once at start."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, UnknownError, UnsupportedVersionError

from topologies.connection import client_options
from topologies.errors import UnitFailedError
from topologies.settings import Guarantee, Settings
from topologies.unit_of_work import PlainUnitOfWork, TransactionalUnitOfWork, UnitOfWork

log = logging.getLogger(__name__)


async def unit_of_work_for(settings: Settings, group: str) -> UnitOfWork:
    """Return the form of the unit of work that the settings ask for; with ``auto``, the best the broker has.

    Args:
        settings: the guarantee wanted and how to reach the broker.
        group: the consumer group, whose name the transactional ids carry.

    Raises:
        UnitFailedError: the broker has transactions but does not let this worker use them.
    """
    guarantee = settings.guarantee
    if guarantee is Guarantee.AUTO:
        guarantee = Guarantee.TRANSACTIONAL if await has_transactions(settings, group) else Guarantee.PLAIN
        log.info("the broker gives: %s", guarantee.value)
    if guarantee is Guarantee.TRANSACTIONAL:
        return TransactionalUnitOfWork(settings, group)
    return PlainUnitOfWork(settings, group)


async def has_transactions(settings: Settings, group: str) -> bool:
    """Return whether the broker gives out transactional producer ids.

    Raises:
        UnitFailedError: it does, but refuses this worker.
    """
    producer = AIOKafkaProducer(
        client_id=f"goldentime-{settings.worker_id}-probe",
        transactional_id=f"{group}-probe-{settings.worker_id}",
        request_timeout_ms=int(settings.request_timeout_s * 1000),
        **client_options(settings),
    )
    try:
        with _quiet("aiokafka.producer.sender"):
            await producer.start()
    except (UnknownError, UnsupportedVersionError):
        return False  # the embedded broker answers so
    except KafkaError as error:
        raise UnitFailedError(f"the broker refuses transactions: {error!r}") from error
    finally:
        await producer.stop()
    return True


@contextmanager
def _quiet(logger_name: str) -> Iterator[None]:
    """Silence a logger: a refusal is an answer here, not an error."""
    logger = logging.getLogger(logger_name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
