"""A worker process with the counting engine, for tests that kill it: ``python -m tests.topologies.counting_worker``.

Settings come from the environment; the city's name is also the topic prefix.
"""

import logging
import sys

from tests.topologies.counting_engine import CountingEngine
from topologies.settings import settings_from
from topologies.worker import run_worker

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    settings = settings_from()
    sys.exit(run_worker(settings, prefix=settings.city, city=settings.city, engine=CountingEngine(remember=False)))
