"""Which looks of analytics were told a moment ago. Pure but for its own memory.

A look is worth what an operator's glance of about ten seconds is. Analytics that repeat themselves with every picture
say the same again, mistakes included; weighed each time, one mistake would outweigh everything else.
"""

from collections import OrderedDict

from schemas.sighting import Sighting

LOOKS_MAX = 200_000
# Of each, so that a body that is sent again is known again by what it told.
TOLD_MAX = 8


class Recent:
    """The newest look of each case, camera and result.

    Args:
        every_us: of one case, camera and result one look is told in this time, microseconds; 0 tells all.
        looks_max: so many are remembered, those told longest ago are forgotten first.
    """

    def __init__(self, every_us: int, looks_max: int = LOOKS_MAX) -> None:
        self._every_us = every_us
        self._looks_max = looks_max
        self._told: OrderedDict[tuple[str, str | None, str], tuple[tuple[int, str], ...]] = OrderedDict()

    def is_repeat(self, look: Sighting) -> bool:
        """Return whether a look says again what was just told; else remember it.

        One that was told and is sent again is none: its sender does not know that it stands in Kafka.
        """
        key = (look.case_id, look.camera_id, look.result)
        told = self._told.get(key, ())
        if any(event_id == look.event_id for _, event_id in told):
            return False
        if any(abs(look.seen_us - told_us) < self._every_us for told_us, _ in told):
            return True
        self._told[key] = (*told, (look.seen_us, look.event_id))[-TOLD_MAX:]
        self._told.move_to_end(key)
        while len(self._told) > self._looks_max:
            self._told.popitem(last=False)
        return False
