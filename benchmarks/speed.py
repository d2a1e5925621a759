"""Measure on this machine, in one run, and print the table: ``python -m benchmarks.speed`` (``make bench``).

``--quick`` takes under two minutes and proves that the benchmark works; its figures are small and cold.
``--write`` puts the table with date, CPU, commit and versions into ``benchmarks/README.md``.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.feed import producer
from benchmarks.jobs import FULL, QUICK, Place, Scale, many_cameras, pass_through, real_job
from console.embedded_broker import EmbeddedBroker
from tests.support.kafka_server import KafkaServer, why_not_available

BROKERS = ("embedded", "kafka")


@contextmanager
def broker(name: str) -> Iterator[str]:
    """Run a broker of a name; yield its address."""
    with EmbeddedBroker() if name == "embedded" else KafkaServer(heap_mb=1024) as running:
        yield running.bootstrap_servers


async def measure(name: str, servers: str, scale: Scale) -> dict[str, Any]:
    """Return all figures of one broker."""
    async with producer(servers) as to:
        place = Place(servers, to)
        figures = {}
        for kind, records in (("stock", scale.stock_records), ("batches", scale.batch_records)):
            _say(f"{name}: pass-through, {kind}, {records:,} records")
            figures[kind] = await pass_through(place, kind, records)
        _say(f"{name}: real job, {scale.cases:,} cases, {scale.backlog:,} fixes, then {scale.rate:,} fixes/s")
        figures["job"] = await real_job(place, scale)
        if scale.many_cameras and name == "kafka":
            _say(f"{name}: {scale.many_cameras:,} cameras")
            figures["many"] = await many_cameras(place, scale.many_cameras)
        return figures


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print; return the exit code: 0, or 2 where a broker is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and short: only proves that it works")
    parser.add_argument("--write", action="store_true", help="write the table into benchmarks/README.md")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--broker", choices=BROKERS, action="append", help="only this broker; may be repeated")
    options = parser.parse_args()
    names = options.broker or BROKERS
    if "kafka" in names and (missing := why_not_available()):
        print(f"cannot measure on Kafka: {missing}", file=sys.stderr)
        return 2
    # Right after a topic is made its leader is not known everywhere; the clients try again by themselves.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    scale = QUICK if options.quick else FULL
    figures: dict[str, Any] = {
        "circumstances": report.circumstances(
            time.strftime("%Y-%m-%d", time.gmtime()), "quick" if options.quick else "full"
        ),
        "scale": asdict(scale),
        "brokers": {},
    }
    for name in names:
        with broker(name) as servers:
            figures["brokers"][name] = asyncio.run(measure(name, servers, scale))
    text = report.table(figures)
    print(text)
    if options.json:
        report.write_json(figures, options.json)
    if options.write:
        report.write_into_readme(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
