"""What differs between the kinds of connectors that can be scaffolded."""

from dataclasses import dataclass

_PLACES = "from connectors.kit.reading.places import PlaceRules, place_at"
_ROWS = "from connectors.kit.reading.dispatch_rows import digest"
_BODIES = "from connectors.kit.reading.json_bodies import require_object"
_ERRORS = "from connectors.kit.errors import EntryRefusedError"
_PERSON_RULES = "from connectors.kit.pseudonyms import Pseudonyms"
_STATES = 'STATES = {"open": "reported", "update": "updated", "closed": "closed"}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of source.

    Attributes:
        topic: constant of ``schemas.topics``.
        topic_name: the topic's name.
        record: class of the record.
        words: what a record is called in a sentence.
        module: module of the record in ``schemas``.
        items: what of ``kit.reading.items`` its parser uses.
        constants: its tables of codes.
        usual: the usual code of an item.
        expected: what the example in the manifest says of the record.
        refused: field that the refused example lacks.
        of_persons: whether its records speak of a person.
        raises: whether its parser refuses by itself.
        exempt: rules of the card that do not apply, with the reason.
    """

    topic: str
    topic_name: str
    record: str
    words: str
    module: str
    items: str
    constants: str
    usual: str
    expected: str
    refused: str
    of_persons: bool = False
    raises: bool = False
    exempt: tuple[tuple[str, str], ...] = ()

    @property
    def imports(self) -> str:
        """Return the imports of its parser from this project, not yet sorted."""
        lines = [_PLACES, _ROWS, _BODIES, f"from connectors.kit.reading.items import {self.items}"]
        lines.append(f"from schemas.{self.module} import {self.record}")
        return "\n".join(lines + [_PERSON_RULES] * self.of_persons + [_ERRORS] * self.raises)


_NO_PERSON = ("pseudonyms", "No id of a person is read at all.")
_REPLACE = "# Replace these by the codes of the system; case does not count.\n"
_CODES = f'{_REPLACE}KINDS = {{"panic": "panic-bell", "flood": "flood"}}\n'
_MOTIONS = f'{_REPLACE}KINDS = {{"fixed": "fixed", "ptz": "ptz", "dome": "all-round"}}\n'
_ALARMS = f'{_REPLACE}KINDS = {{"sos": "sos", "exit": "safe-zone-exit"}}\n'
_KEPT = 'KEPT = ("id", "type", "state")'

KINDS: dict[str, Kind] = {
    "incidents": Kind(
        topic="INCIDENTS",
        topic_name="incidents",
        record="Incident",
        words="incident",
        module="incident",
        items="is_true, plain_id, time_us_of, word_of",
        constants=f"{_CODES}{_STATES}\n{_KEPT}",
        usual="panic",
        expected='kind = "panic-bell", status = "reported", location = { lat_deg = 37.5665 }',
        refused="id",
        exempt=(_NO_PERSON,),
    ),
    "alerts": Kind(
        topic="WANDERING_ALERTS",
        topic_name="wandering-alerts",
        record="WanderingAlert",
        words="alert",
        module="wandering_alert",
        items="is_true, person_ref, time_us_of, word_of",
        constants=f'{_ALARMS}STATES = {{"open": "open", "closed": "closed"}}\nKEPT = ("type", "state")',
        usual="sos",
        expected='kind = "sos", location = { lat_deg = 37.5665 }',
        refused="person",
        of_persons=True,
    ),
    "fixes": Kind(
        topic="TRACKER_FIXES",
        topic_name="tracker-fixes",
        record="TrackerFix",
        words="fix",
        module="tracker_fix",
        items="is_true, person_ref, time_us_of",
        constants='KEPT = ("type", "state")',
        usual="fix",
        expected="location = { lat_deg = 37.5665 }",
        refused="person",
        of_persons=True,
        raises=True,
        exempt=(
            ("late-updates", "A fix says where a tracker was; nothing is closed by one."),
            ("unknown-codes", "A fix carries no code."),
        ),
    ),
    "cameras": Kind(
        topic="CAMERAS",
        topic_name="cameras",
        record="Camera",
        words="camera",
        module="camera",
        items="is_true, plain_id, time_us_of, word_of",
        constants=f'{_MOTIONS}STATES = {{"open": "active", "closed": "retired"}}\n{_KEPT}',
        usual="dome",
        expected='kind = "all-round", location = { lat_deg = 37.5665 }',
        refused="id",
        raises=True,
        exempt=(_NO_PERSON, ("late-updates", "The newest description of a camera replaces the older ones.")),
    ),
}
