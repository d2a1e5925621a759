"""Which looks teach something new of a camera."""

from pipeline.rules.policy import US_PER_S

# What one camera shows is crossed in about so long at 0.9 m/s.
PASS_US = 30 * US_PER_S


class Lessons:
    """When each case last taught what of which camera: looks in a row at one who is not there are one look.

    In 10 s a walker is still where they were, so that a second miss says what the first said; counted as independent,
    a single pass of one person would make a camera dark. Lives with the partition's state and is written nowhere.
    """

    def __init__(self) -> None:
        self._taught_us: dict[bytes, dict[str, int]] = {}

    def is_due(self, key: bytes, camera_id: str, at_us: int, *, seen: bool) -> bool:
        """Return whether a look teaches anything new, and remember it if so; a sighting always does."""
        of_case = self._taught_us.setdefault(key, {})
        if not seen and 0 <= at_us - of_case.get(camera_id, -PASS_US) < PASS_US:
            return False
        of_case[camera_id] = at_us
        return True

    def forget(self, key: bytes) -> None:
        """Forget what is remembered of a case, as must be done when it ends."""
        self._taught_us.pop(key, None)
