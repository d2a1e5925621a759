"""How often somebody may ask."""

import asyncio


class Rate:
    """So many requests a second, saved up for a second at most.

    Args:
        per_s: requests a second.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._left = max(1.0, per_s)
        self._at_s = 0.0

    def allows(self) -> bool:
        """Take one of the requests that are left; return whether there was one."""
        now_s = asyncio.get_running_loop().time()
        self._left = min(max(1.0, self._per_s), self._left + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
