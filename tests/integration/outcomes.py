"""What a worker says of itself over HTTP: how many records of each topic ended in which outcome."""

import asyncio
import urllib.request
from collections import Counter
from collections.abc import Mapping

Outcomes = Counter[tuple[str, str]]


def get(url: str) -> str:
    """Return the body of a page.

    Raises:
        urllib.error.HTTPError: the answer is not 200.
    """
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


async def settled_outcomes(url: str, expected: Mapping[str, int]) -> Outcomes:
    """Return the worker's outcomes by (topic, outcome), once they add up to what is on the topics."""
    totals: dict[str, int] = {}
    try:
        async with asyncio.timeout(30):
            while True:
                outcomes = _outcomes(await asyncio.to_thread(get, url + "/metrics"))
                totals = {topic: sum(n for (name, _), n in outcomes.items() if name == topic) for topic in expected}
                if totals == expected:
                    return outcomes
                await asyncio.sleep(0.05)
    except TimeoutError as error:
        raise AssertionError(f"outcomes must add up to {dict(expected)}, got {totals}") from error


def _outcomes(metrics: str) -> Outcomes:
    outcomes: Outcomes = Counter()
    for line in metrics.splitlines():
        if line.startswith("goldentime_records_total{"):
            labels, value = line.removeprefix("goldentime_records_total{").split("} ")
            names = dict(label.split("=") for label in labels.split(","))
            outcomes[names["topic"].strip('"'), names["outcome"].strip('"')] += int(float(value))
    return outcomes
