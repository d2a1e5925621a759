"""The story: one made-up afternoon of 36 minutes, as files that outside systems drop at their times.

The same city, seed and start give the same files. Who is told of is nobody: names, numbers and places are made up.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from console.demo import scenes
from console.demo.city import SyntheticCity
from console.demo.report_files import ReportFiles
from console.demo.scenes import Stage
from console.demo.streets import Spot
from console.demo.walker import Walker

US_PER_S = 1_000_000
# The last file comes before this; cases that end by a report have ended.
STORY_LENGTH_S = 36 * 60


@dataclass(frozen=True, slots=True)
class Drop:
    """A file that an outside system drops, or a line that it adds to one.

    Attributes:
        at_us: when, UTC microseconds since the epoch, on the story's clock.
        connector: name of the connector that reads the folder it is dropped into.
        file_name: its name, names of a folder sort by time; empty where the content is added to the one file that the
            connector follows.
        content: its bytes.
        says: what happens in the story, for the person who watches.
    """

    at_us: int
    connector: str
    file_name: str
    content: bytes
    says: str


@dataclass(frozen=True, slots=True)
class Story:
    """What happens, and what is true.

    Attributes:
        drops: all of them in order of time.
        start_us: when it begins, UTC microseconds since the epoch.
        end_us: when it is over.
        walker: the person with dementia: where they truly are.
        reported: when a place of the walker came in (seconds from the start), where, and its 68 % radius in metres.
    """

    drops: tuple[Drop, ...]
    start_us: int
    end_us: int
    walker: Walker
    reported: tuple[tuple[float, Spot, float], ...]


def build_story(city: SyntheticCity, seed: int, start_us: int, time_zone: str) -> Story:
    """Return the story of a seed in a city.

    Args:
        city: where it happens.
        seed: chooses places, ways and errors.
        start_us: when it begins, UTC microseconds since the epoch.
        time_zone: IANA name of the city's zone.
    """
    drops: list[Drop] = []

    def drop(at_s: float, connector: str, content: bytes, says: str) -> None:
        at_us = start_us + int(at_s * US_PER_S)
        name = "" if connector == scenes.REPLAY else f"{at_us // US_PER_S:011}-{len(drops):03}.csv"
        drops.append(Drop(at_us, connector, name, content, says))

    files, tag = ReportFiles(city.plane, time_zone), f"{seed}{start_us // US_PER_S % 100_000:05}"
    stage = Stage(city, files, Random(), start_us, tag, drop)
    for number, scene in enumerate(SCENES):
        # Chance of its own, so that a change of one scene leaves the others as they are.
        scene(replace(stage, random=Random(f"story:{seed}:{number}")))
    drops.sort(key=lambda one: one.at_us)
    walker = stage.walkers[0]
    reported = tuple(sorted(stage.reported[walker.case_id], key=lambda one: one[0]))
    return Story(tuple(drops), start_us, start_us + STORY_LENGTH_S * US_PER_S, walker, reported)


SCENES: tuple[Callable[[Stage], None], ...] = (
    scenes.robbery,
    scenes.structure_fire,
    scenes.flood,
    scenes.missing_child,
    scenes.person_with_dementia,
    scenes.odd_calls,
)
