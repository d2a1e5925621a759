"""The second step: does what the outside sends fit, and if not, which field of which item and what was meant."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from connectors.kit.ladder.remarks import Remark, Surroundings, remarks_of
from connectors.kit.ladder.sample_items import items_in
from connectors.kit.ladder.suggesting import suggestions_of
from connectors.kit.source import Accepted, Entry, Refused
from schemas.codec import encode
from schemas.errors import RecordEncodeError

EXAMPLES_PER_FAULT = 3


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which items do not fit.

    Attributes:
        topic: where they would have gone.
        reason: class of failure.
        field: the field that broke the rule, if one did.
        message: rule and what was got, of the first such item.
        count: how many items have it.
        numbers: numbers of the first of them, from 1.
        suggestions: what may have been meant; empty where nothing is alike.
    """

    topic: str
    reason: str
    field: str | None
    message: str
    count: int
    numbers: tuple[int, ...]
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Validation:
    """What became of a sample.

    Attributes:
        payloads: how many payloads or files were looked at.
        accepted: how many records each topic would get.
        faults: what did not fit, the most frequent first.
        remarks: what looks wrong although it may have been taken, the most frequent first.
        findings: how often the connector noticed what, by kebab-case word.
    """

    payloads: int
    accepted: Mapping[str, int]
    faults: tuple[Fault, ...]
    remarks: tuple[Remark, ...] = ()
    findings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """A payload or file, and what a source made of it.

    Attributes:
        payload: the bytes, in which suggestions are looked for; empty for none.
        entries: the entries.
    """

    payload: bytes
    entries: Sequence[Entry]


def validate(
    samples: Sequence[Sample], around: Surroundings | None = None, findings: Mapping[str, int] | None = None
) -> Validation:
    """Return what became of samples.

    Args:
        samples: payloads with their entries.
        around: what tells a good value from a bad one; without it there are no remarks.
        findings: how often the source noticed what.
    """
    accepted: Counter[str] = Counter()
    faults: dict[tuple[str, str, str | None], Fault] = {}
    for sample in samples:
        for number, entry in enumerate(sample.entries, start=1):
            answer = _unless_it_fits(entry, number)
            if answer is None:
                accepted[entry.topic.name] += 1
                continue
            place = (answer.topic.name, answer.reason, answer.field)
            faults[place] = _more(faults.get(place), answer, sample.payload)
    remarks: tuple[Remark, ...] = ()
    if around is not None:
        items = [item for sample in samples for item in items_in(sample.payload, is_page=_is_page(sample))]
        noticed = around.findings | {fault.reason for fault in faults.values()}
        said = " ".join(text for fault in faults.values() for text in fault.suggestions)
        remarks = tuple(
            remark
            for remark in remarks_of(items, replace(around, findings=noticed))
            if not (remark.reason == "unknown-field" and f'"{remark.field}"' in said)
        )
    return Validation(
        payloads=len(samples),
        accepted=dict(accepted),
        faults=tuple(sorted(faults.values(), key=lambda fault: -fault.count)),
        remarks=remarks,
        findings=dict(findings or {}),
    )


def _is_page(sample: Sample) -> bool:
    """Return whether several entries of one topic were made; of one item come at most one for each topic."""
    return max(Counter(entry.topic.name for entry in sample.entries).values(), default=0) > 1


def _more(fault: Fault | None, answer: Refused, payload: bytes) -> Fault:
    """Return a fault with one more item."""
    if fault is None:
        suggestions = suggestions_of(answer, payload)
        return Fault(answer.topic.name, answer.reason, answer.field, answer.message, 1, (answer.number,), suggestions)
    numbers = fault.numbers if len(fault.numbers) >= EXAMPLES_PER_FAULT else (*fault.numbers, answer.number)
    return Fault(fault.topic, fault.reason, fault.field, fault.message, fault.count + 1, numbers, fault.suggestions)


def _unless_it_fits(entry: Entry, number: int) -> Refused | None:
    """Return None for a record that fits its schema, else the refusal."""
    if not isinstance(entry, Accepted):
        return entry
    try:
        if entry.record is not None:
            encode(entry.record)
    except RecordEncodeError as error:
        return Refused(entry.topic, "does-not-fit-schema", None, str(error), b"", number)
    return None
