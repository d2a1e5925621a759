"""What the outside calls a case and a camera: our own ids, and the forms in which our sinks told them. Pure."""

import re
from collections import OrderedDict
from urllib.parse import unquote

from connectors.kit.errors import EntryRefusedError
from connectors.kit.reading.dispatch_rows import digest, looks_like_phone

CHARACTERS_MAX = 200
CAMERA_CHARACTERS_MAX = 128
# Far beyond the cases of any city at once; the one heard of longest ago is forgotten first.
CASES_MAX = 50_000
# What the sink ngsi_ld_entities calls an alert and a camera.
ALERT_IDS = "urn:ngsi-ld:Alert:goldentime:"
CAMERA_IDS = "urn:ngsi-ld:Camera:goldentime:"
# What the sink vms_webhook adds to a case: its opening, in an idempotency key also version and reason. Microseconds
# since the epoch have 16 digits until the year 2286.
_OPENING = re.compile(r"/\d{16}(/\d{1,9}(/[a-z0-9-]{1,40}){0,2})?\Z")
# A pseudonym of the kit, or the id of an incident: its source, and what the source calls it.
_PSEUDONYM = re.compile(r"s:[a-z2-7]{24}")
_INCIDENT = re.compile(r"(?!s:)[A-Za-z0-9][A-Za-z0-9_.-]{0,40}:(\S+)")


class Cases:
    """The cases there are, as far as a look must know them.

    Args:
        cases_max: how many are remembered.
    """

    def __init__(self, cases_max: int = CASES_MAX) -> None:
        self._cases_max = cases_max
        self._drills: OrderedDict[str, bool] = OrderedDict()
        self._of_digest: dict[str, str] = {}

    def __len__(self) -> int:
        """Return how many are known."""
        return len(self._drills)

    def put(self, case_id: str, *, exercise: bool) -> None:
        """Take note of a case, and whether it is a drill."""
        if case_id not in self._drills:
            self._of_digest[digest(case_id)] = case_id
        self._drills[case_id] = exercise
        self._drills.move_to_end(case_id)
        while len(self._drills) > self._cases_max:
            self.forget(next(iter(self._drills)))

    def forget(self, case_id: str) -> None:
        """Forget a case."""
        if self._drills.pop(case_id, None) is not None:
            self._of_digest.pop(digest(case_id), None)

    def is_drill(self, case_id: str) -> bool | None:
        """Return whether a case is a drill; None for one that is not known."""
        return self._drills.get(case_id)

    def of_digest(self, number: str) -> str | None:
        """Return the case that a digest stands for; None for none that is known."""
        return self._of_digest.get(number)


def case_of(text: str, field: str, cases: Cases) -> str:
    """Return the case that a reference means: its id, a session of the video wall, or an alert of an NGSI-LD broker.

    Args:
        text: the reference.
        field: where it stood, for messages.
        cases: the cases that are known.

    Raises:
        EntryRefusedError: it is no reference of ours, or a digest of no case that is known.
    """
    if text.startswith(ALERT_IDS):
        found = cases.of_digest(text.removeprefix(ALERT_IDS))
        if found is None:
            raise EntryRefusedError("unknown-case", field, f"{field}: no case that is known has this digest")
        return found
    if cases.is_drill(text) is not None:
        return text
    opening = _OPENING.search(text)
    case_id = text if opening is None else text[: opening.start()]
    if cases.is_drill(case_id) is not None:
        return case_id
    if not _is_case(case_id):
        rule = f"must be a case_id, a session or an alert's id, at most {CHARACTERS_MAX} characters"
        raise EntryRefusedError("unusable-id", field, f"{field}: {rule}, got {len(text)} characters")
    return case_id


def camera_of(text: str) -> str:
    """Return the camera that a reference means: its id, or the URI of its entity at an NGSI-LD broker.

    Raises:
        EntryRefusedError: it cannot be the id of a camera.
    """
    camera_id = unquote(text.removeprefix(CAMERA_IDS)) if text.startswith(CAMERA_IDS) else text
    if not camera_id or len(camera_id) > CAMERA_CHARACTERS_MAX or not _is_plain(camera_id):
        rule = f"must be text of at most {CAMERA_CHARACTERS_MAX} characters without spaces"
        raise EntryRefusedError("unusable-id", "camera_id", f"camera_id: {rule}, got {len(text)} characters")
    return camera_id


def _is_case(text: str) -> bool:
    """Return whether a text has the form of a case_id; ASCII only, since a name must not come in."""
    if len(text) > CHARACTERS_MAX or not text.isascii() or not _is_plain(text):
        return False
    incident = _INCIDENT.fullmatch(text)
    is_incident = incident is not None and not looks_like_phone(incident[1])
    return is_incident or _PSEUDONYM.fullmatch(text) is not None


def _is_plain(text: str) -> bool:
    """Return whether a text has neither spaces, control characters nor halves of characters."""
    return text.isprintable() and " " not in text
