"""Whom the guardian's notice tells what, and what it never says."""

import hashlib
import hmac
import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import connectors.guardian_notice as package
from connectors.guardian_notice.memory import GuardianMemory
from connectors.kit.errors import ConnectorConfigError, SinkUnavailableError
from connectors.kit.manifest import build_sink
from connectors.kit.reading.json_records import record_from_json
from connectors.kit.sink import Delivered
from schemas.camera_assignment import CameraAssignment
from schemas.protected_subject import ProtectedSubject
from schemas.topics import PROTECTED_SUBJECTS, TOPICS, WANDERING_ALERTS
from schemas.wandering_alert import WanderingAlert
from tests.connectors.local_context import NOON_US, a_context
from tests.support.connector_suite import HttpOutside, SinkSamples, sink_suite

EXAMPLE = Path(package.__file__).parent / "examples" / "exit.json"
EXIT = record_from_json(WanderingAlert, json.loads(EXAMPLE.read_text("utf-8")))
CASES = ["s:" + letter * 24 for letter in "abc"]
MINUTE_US = 60_000_000


def subject(case_id: str, guardian_ref: str | None = "G-1", **fields: Any) -> ProtectedSubject:
    return ProtectedSubject(
        event_id=f"welfare:{case_id}:{guardian_ref}",
        source="welfare_registry",
        observed_us=NOON_US,
        ingested_us=NOON_US,
        case_id=case_id,
        subject_ref=case_id,
        guardian_ref=guardian_ref,
        **fields,
    )


def alert(kind: str = "sos", *, case_id: str = CASES[0], after_min: int = 0, **fields: Any) -> WanderingAlert:
    time_us = EXIT.observed_us + after_min * MINUTE_US
    event_id = f"tracker_push:{kind}:{case_id}:{after_min}"
    return replace(EXIT, event_id=event_id, kind=kind, case_id=case_id, observed_us=time_us, **fields)


def assignment(status: str, *, version: int = 1, kind: str = "sos", **fields: Any) -> CameraAssignment:
    return CameraAssignment(
        case_id=fields.pop("case_id", CASES[0]),
        opened_us=fields.pop("opened_us", EXIT.observed_us),
        version=version,
        event_id=f"case:{status}:{version}",
        status=status,
        reason="closed" if status == "released" else "reported",
        exercise=False,
        services=("dementia",),
        kind=kind,
        rank=1,
        occurred_us=fields.pop("occurred_us", EXIT.observed_us),
        decided_us=NOON_US,
        valid_from_us=NOON_US,
        valid_until_us=NOON_US + MINUTE_US,
        policy_version="1",
        camera_table_version="cameras@0/health@0",
        **fields,
    )


class GuardianOutside(HttpOutside):
    """The welfare office's web hook, and a memory in which every guardian is known."""

    async def __aenter__(self) -> "GuardianOutside":
        self.folder = tempfile.TemporaryDirectory()
        memory = GuardianMemory(Path(self.folder.name) / "guardians.sqlite")
        memory.register([(case_id, subject(case_id, f"G-{case_id[2]}")) for case_id in CASES])
        memory.close()
        self.options["memory_file"] = str(Path(self.folder.name) / "guardians.sqlite")
        await super().__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await super().__aexit__(*error)
        self.folder.cleanup()


TestGuardianNotice = sink_suite(
    "guardian_notice",
    SinkSamples(
        outside=GuardianOutside, records=[alert(case_id=case_id) for case_id in CASES], secret_option="hmac_file"
    ),
)


class Office:
    """A running web hook, and a sink that can be made anew over the same memory."""

    def __init__(self, outside: HttpOutside, folder: Path) -> None:
        self.outside = outside
        (folder / "key").write_text("the key of the tests")
        self._options = {
            "url": outside.options["url"],
            "hmac_file": str(folder / "key"),
            "memory_file": str(folder / "guardians.sqlite"),
        }
        self.sink: Any = None
        self._offset = 0

    async def restart(self, *, now_us: int = NOON_US, **options: Any) -> None:
        if self.sink is not None:
            await self.sink.close()
        self.sink = build_sink("guardian_notice", {**self._options, **options}, a_context(now_us=now_us))

    async def write(self, *records: Any) -> None:
        batch = []
        for record in records:
            key, value = record if isinstance(record, tuple) else (record.case_id, record)
            topic = PROTECTED_SUBJECTS if value is None else next(t for t in TOPICS if t.record is type(value))
            self._offset += 1
            batch.append(Delivered(topic, 0, self._offset, key.encode(), value))
        await self.sink.write(batch)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(call["guardian_ref"], call["notice"]) for call in map(json.loads, self.outside.bodies)]


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with HttpOutside() as outside:
        made = Office(outside, tmp_path)
        await made.restart()
        yield made
        await made.sink.close()


async def test_a_guardian_is_told_of_the_alert_of_found_and_of_the_end_and_nothing_in_between(
    office: Office,
) -> None:
    await office.write(subject(CASES[0]), alert(), assignment("active"), assignment("active", version=2))
    await office.write(alert("found", after_min=8), assignment("released", version=3))

    assert office.told == [("G-1", "alert"), ("G-1", "found"), ("G-1", "closed")]


async def test_a_notice_says_whom_what_and_when_and_nothing_else(office: Office) -> None:
    await office.write(subject(CASES[0]), alert())

    (body,) = office.outside.bodies
    call = json.loads(body)
    assert set(call) == {"guardian_ref", "notice", "time_us", "case_ref", "exercise"}
    assert CASES[0] not in body.decode()
    expected = "sha256=" + hmac.new(b"the key of the tests", body, hashlib.sha256).hexdigest()
    assert office.outside.headers[0]["X-Hub-Signature-256"] == expected


async def test_place_and_reason_are_told_only_where_the_city_says_so(office: Office) -> None:
    await office.restart(with_place=True, with_reason=True)
    await office.write(subject(CASES[0]), alert())

    call = json.loads(office.outside.bodies[0])
    assert call["reason"] == "sos"
    assert call["place"] == {"lat_deg": 37.5665, "lon_deg": 126.978, "accuracy_m": 20.0}


async def test_a_missing_child_that_only_a_report_told_of_is_told_once_per_opening(office: Office) -> None:
    opened = assignment("needs-location", kind="missing-child")
    await office.write(subject(CASES[0]), opened, assignment("active", version=2, kind="missing-child"))
    await office.write(assignment("released", version=3))
    again = EXIT.observed_us + 5 * MINUTE_US
    await office.write(assignment("active", version=4, kind="missing-child", opened_us=again, occurred_us=again))

    assert [notice for _, notice in office.told] == ["alert", "closed", "alert"]


async def test_what_the_registry_said_is_known_after_a_restart_and_so_is_what_was_told(office: Office) -> None:
    await office.write(subject(CASES[0]))
    await office.restart()
    await office.write(alert())
    await office.restart()
    await office.write(alert(), alert(after_min=5), assignment("active"), assignment("released", version=2))

    assert office.told == [("G-1", "alert"), ("G-1", "closed")]


async def test_a_case_that_was_told_to_its_end_and_is_read_again_after_a_restart_is_not_told_again(
    office: Office,
) -> None:
    run = (subject(CASES[0]), alert(), assignment("active"), alert("found"), assignment("released", version=2))
    await office.write(*run)
    await office.restart()
    await office.write(*run)
    await office.write(assignment("active", version=1))

    assert [notice for _, notice in office.told] == ["alert", "found", "closed"]


async def test_a_case_that_goes_on_for_hours_with_newer_news_is_one_alert(office: Office) -> None:
    await office.write(subject(CASES[0]), alert(), assignment("active"))
    newer = EXIT.observed_us + 45 * MINUTE_US
    await office.write(*(assignment("active", version=n, occurred_us=newer) for n in range(2, 5)))

    assert office.told == [("G-1", "alert")]


async def test_who_was_told_of_an_alert_hears_of_its_end_after_an_outage_and_after_the_registration_ran_out(
    office: Office,
) -> None:
    await office.write(subject(CASES[0], valid_until_us=NOON_US + 1), alert())
    await office.restart(now_us=NOON_US + 300 * MINUTE_US)
    await office.write(alert("found", after_min=1), assignment("released", version=2))
    await office.write(alert("no-contact", after_min=290))

    assert [notice for _, notice in office.told] == ["alert", "found", "closed"]


async def test_the_memory_is_for_its_owner_alone(office: Office, tmp_path: Path) -> None:
    await office.write(subject(CASES[0]))

    assert (tmp_path / "guardians.sqlite").stat().st_mode & 0o077 == 0


async def test_an_alert_that_goes_on_is_told_again_after_a_while_and_another_kind_at_once(office: Office) -> None:
    await office.restart(repeat_after_s=600)
    await office.write(subject(CASES[0]), *(alert(after_min=minute) for minute in (-30, -25, -15)))
    await office.write(alert("no-contact", after_min=-14))

    assert len(office.told) == 3


async def test_nobody_is_told_where_no_guardian_is_registered_or_not_any_more(office: Office) -> None:
    registered = [
        subject(CASES[0], None),
        subject(CASES[1]),
        subject(CASES[2], "G-3", valid_until_us=NOON_US - 1),
    ]
    await office.write(*registered, (CASES[1], None))
    await office.write(*(alert(case_id=case_id) for case_id in (*CASES, "112:17")))

    assert office.told == []
    assert office.sink.findings == {"no-guardian": 4}


async def test_a_registration_that_comes_later_in_the_same_batch_counts_for_its_alerts(office: Office) -> None:
    await office.write(alert(), subject(CASES[0]))

    assert office.told == [("G-1", "alert")]


@pytest.mark.parametrize(
    ("record", "finding"),
    [
        (alert("low-battery"), "kind-not-wanted"),
        (alert(exercise=True), "exercise"),
        (alert(after_min=-120), "too-old"),
        (assignment("released"), "nothing-was-told"),
        (alert("found"), "notice-not-wanted"),
    ],
)
async def test_what_a_guardian_need_not_know_is_passed_over_and_counted(
    office: Office, record: Any, finding: str
) -> None:
    await office.restart(notices=["alert", "closed"])
    await office.write(subject(CASES[0]), record, assignment("denied"))

    assert office.told == []
    assert office.sink.findings == {finding: 1}


async def test_a_person_heard_again_or_back_in_a_safe_zone_is_told_by_the_end_of_the_case_only(office: Office) -> None:
    await office.write(subject(CASES[0]), alert("night-outing"), alert("heard-again", after_min=4))
    await office.write(alert("returned", after_min=5))
    await office.write(assignment("released", version=2, kind="night-outing"))

    assert [notice for _, notice in office.told] == ["alert", "closed"]


async def test_drills_are_told_as_drills_where_the_city_wants_that(office: Office) -> None:
    await office.restart(exercises=True)
    await office.write(subject(CASES[0]), alert(exercise=True))

    assert json.loads(office.outside.bodies[0])["exercise"] is True


async def test_a_call_that_the_office_refuses_is_counted_and_the_next_one_goes_out(office: Office) -> None:
    office.outside.fail(1, status=422)
    await office.write(subject(CASES[0]), subject(CASES[1], "G-2"), alert(), alert(case_id=CASES[1]))

    assert office.told == [("G-2", "alert")]
    assert office.sink.findings["refused"] == 1


async def test_a_notice_that_was_not_taken_goes_out_again_with_the_same_key_and_only_that_one(office: Office) -> None:
    batch: Sequence[Any] = (subject(CASES[0]), subject(CASES[1], "G-2"), alert(), alert(case_id=CASES[1]))
    office.outside.fail(1)
    with pytest.raises(SinkUnavailableError):
        await office.write(*batch)
    await office.write(*batch)
    await office.write(*batch)

    assert office.told == [("G-1", "alert"), ("G-2", "alert")]
    assert office.outside.calls == 3


def options(**changed: Any) -> dict[str, Any]:
    return {"url": "https://o.example", "hmac_env": "K", "memory_file": "m.sqlite", **changed}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"hmac_env": ""}, "hmac_file"),
        ({"notices": ["alarm"]}, "notices"),
        ({"memory_file": ""}, "memory_file"),
        ({"max_age_s": 0}, "max_age_s"),
    ],
)
def test_an_option_that_cannot_be_is_named(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConnectorConfigError, match=message):
        build_sink("guardian_notice", options(**changed), a_context())


async def test_a_folder_that_is_not_there_is_for_a_person_to_mend_and_a_broken_file_is_tried_again(
    tmp_path: Path,
) -> None:
    delivered = [Delivered(WANDERING_ALERTS, 0, 0, b"k", alert())]
    missing: Any = build_sink("guardian_notice", options(memory_file=str(tmp_path / "no" / "m")), a_context())
    (tmp_path / "m").write_bytes(b"no database at all, but long enough to be looked at as one" * 50)
    broken: Any = build_sink("guardian_notice", options(memory_file=str(tmp_path / "m")), a_context())

    with pytest.raises(ConnectorConfigError, match="memory_file"):
        await missing.write(delivered)
    with pytest.raises(SinkUnavailableError):
        await broken.write(delivered)
    await missing.close()
    await broken.close()
