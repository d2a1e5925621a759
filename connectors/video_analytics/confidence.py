"""How far the score of an analytics system can be believed. Pure.

A score is no probability: 0.9 of one system is right nine times in ten, that of another one time in two. The table says
what its scores were worth where they were counted; the city's own figure for analytics is the most that is believed.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from connectors.kit.errors import ConnectorConfigError
from connectors.kit.reading.places import number_of

POINTS_MAX = 50
# What the policies of all cities that come with the product say of analytics; holds where there is no city.
USUAL_CAP = 0.8


@dataclass(frozen=True, slots=True)
class Scale:
    """From scores to reliabilities, linear between the points.

    Attributes:
        points: score (0 to 1) and reliability (0 to 1) of each, rising in both; empty takes a score for a probability.
        whole: the score of one who is sure: 1, or 100 for percent.
        cap: no reliability is above it.
    """

    points: tuple[tuple[float, float], ...] = ()
    whole: float = 1.0
    cap: float = USUAL_CAP

    def share(self, value: object) -> float | None:
        """Return a score as a share of the whole; None where it is no number or outside."""
        number = number_of(value)
        return None if number is None or not 0 <= number <= self.whole else number / self.whole

    def reliability(self, share: float) -> float | None:
        """Return how far a score is believed, 0 to ``cap``; None where it is too low to be a word at all."""
        if not self.points:
            return min(share, self.cap)
        if share < self.points[0][0]:
            return None
        place = bisect_right(self.points, share, key=lambda point: point[0])
        low, believed = self.points[place - 1]
        if place < len(self.points):
            high, more = self.points[place]
            believed += (more - believed) * (share - low) / (high - low)
        return min(believed, self.cap)


def points_of(words: Iterable[str]) -> tuple[tuple[float, float], ...]:
    """Return the points that words such as ``0.8:0.6`` say: score and reliability.

    Raises:
        ConnectorConfigError: one does not, they do not rise, or there are too many.
    """
    points = []
    for word in words:
        score, _, believed = (part.strip() for part in word.partition(":"))
        pair = number_of(score), number_of(believed)
        if pair[0] is None or pair[1] is None or not (0 <= pair[0] <= 1 and 0 <= pair[1] <= 1):
            raise ConnectorConfigError(f"option reliability must list 'score:reliability', both 0 to 1, got {word!r}")
        points.append((pair[0], pair[1]))
    if len(points) > POINTS_MAX or any(b[0] <= a[0] or b[1] < a[1] for a, b in pairwise(points)):
        raise ConnectorConfigError(f"option reliability must rise from point to point, at most {POINTS_MAX}")
    return tuple(points)
