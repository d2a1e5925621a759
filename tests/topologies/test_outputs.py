from pipeline.reading.batch import Refusal, StepResult
from schemas.camera_assignment import InputRef
from schemas.case_state import CaseState
from schemas.cloud_events import rfc3339
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.ptz import PtzGrant
from tests.pipeline.head_records import HeadRun, a_request
from tests.pipeline.heads.test_camera_desk import a_look
from tests.topologies.counting_engine import assignment, case_state
from topologies.dead_letters import PAYLOAD_BYTES_MAX, dead_letter
from topologies.outputs import OutputWriter
from topologies.partitioning import partition_of
from topologies.unit_of_work import NEXT_OFFSETS_HEADER, Unit, mark_offsets, marked_offsets

NOW_US = 1_790_000_000_123_456
REF = InputRef(topic="incidents", partition=0, offset=1)
WRITER = OutputWriter(lambda name: f"city.{name}", "city")


def refusal(payload: bytes = b"bad") -> Refusal:
    return Refusal("incidents", 0, 7, b"k", payload, "avro", None, "does not parse", NOW_US)


def test_a_step_that_decided_nothing_writes_nothing() -> None:
    assert WRITER.outgoing(StepResult(), NOW_US) == []


def test_what_was_decided_comes_before_the_state_it_was_decided_from() -> None:
    result = StepResult(
        assignments=[assignment("a", 1, REF, NOW_US, "v")],
        case_states={"a": case_state("a", 1, NOW_US)},
        tracks=[(b"a", b"row"), (b"b", None)],
        refusals=[refusal()],
    )
    outgoing = WRITER.outgoing(result, NOW_US)
    assert [out.topic for out in outgoing] == [
        "city.incidents-dlq",
        "city.camera-assignments",
        "city.case-states",
        "city.subject-tracks",
    ]
    assert outgoing[1].timestamps_ms == [NOW_US // 1000]
    assert dict(outgoing[1].headers[0])["ce_time"] == rfc3339(NOW_US).encode() == b"2026-09-21T14:13:20.123456Z"
    assert decode(CaseState, outgoing[2].values[0]).version == 1
    assert outgoing[3].values == [b"row", None]


def test_forgetting_a_case_removes_its_state_and_its_picture() -> None:
    result = StepResult(assignments=[assignment("a", 9, REF, NOW_US, "v")], case_states={"a": None})
    assignments, states = WRITER.outgoing(result, NOW_US)
    assert [value is None for value in assignments.values] == [False, True]
    assert (states.keys, states.values) == ([b"a"], [None])


def test_the_last_state_row_says_how_far_the_state_stands() -> None:
    result = StepResult(case_states={"a": case_state("a", 1, NOW_US), "b": None}, tracks=[(b"a", b"row")])
    _, states, tracks = WRITER.outgoing(result, NOW_US)
    mark_offsets(Unit(0, [states, tracks], {"city.incidents": 8, "city.ptz-requests": 3}))
    # Requests for heads are not what these rows were made from.
    assert [NEXT_OFFSETS_HEADER in dict(headers) for headers in states.headers] == [False, True]
    assert dict(states.headers[0])["ce_type"] == b"goldentime.CaseState"
    assert states.headers[1][0][0] == NEXT_OFFSETS_HEADER
    assert marked_offsets(states.headers[1]) == {"city.incidents": 8}
    assert marked_offsets(tracks.headers[0]) == {}


def a_grant(case_id: str, camera_id: str = "ptz-1") -> PtzGrant:
    return PtzGrant(
        event_id=f"{camera_id}/1/{case_id}",
        case_id=case_id,
        opened_us=1,
        camera_id=camera_id,
        result="granted",
        reason="free",
        fence=1,
        decided_us=NOW_US,
        until_us=NOW_US + 1,
    )


def test_requests_looks_and_grants_go_to_the_partition_of_their_key_and_the_rest_stays() -> None:
    writer = OutputWriter(lambda name: name, "city", partitions=4)
    cameras, cases = [f"ptz-{n}" for n in range(20)], [f"case-{n}" for n in range(20)]
    run = HeadRun()
    command = run.ask(0).command
    assert command is not None
    assert run.head is not None
    result = StepResult(
        ptz_requests=[a_request(camera_id=camera) for camera in cameras],
        observations=[a_look(camera) for camera in cameras],
        ptz_grants=[a_grant(case) for case in cases],
        ptz_commands=[command],
        heads={"ptz-1": run.head},
        knowledge={"cam-1": None},
    )
    outgoing = writer.outgoing(result, NOW_US)
    for topic in ("ptz-requests", "camera-observations", "ptz-grants"):
        of_topic = [out for out in outgoing if out.topic == topic]
        assert [out.partition for out in of_topic] == [0, 1, 2, 3]
        assert all(partition_of(key or b"", 4) == out.partition for out in of_topic for key in out.keys)
        assert sum(len(out.keys) for out in of_topic) == 20
    rest = {out.topic: out.partition for out in outgoing if out.topic in {"ptz-commands", "ptz-heads"}}
    assert rest == {"ptz-commands": None, "ptz-heads": None}
    assert [out.partition for out in outgoing if out.topic == "camera-knowledge"] == [0]
    headers = {out.topic: bool(out.headers[0]) for out in outgoing}
    assert headers == {
        "ptz-requests": True,
        "camera-observations": True,
        "ptz-commands": True,
        "ptz-grants": True,
        "ptz-heads": True,
        "camera-knowledge": False,
    }


def test_state_of_heads_and_of_cases_each_say_how_far_they_stand() -> None:
    run = HeadRun()
    run.ask(0)
    assert run.head is not None
    result = StepResult(case_states={"a": case_state("a", 1, NOW_US)}, heads={"ptz-1": run.head})
    outgoing = WRITER.outgoing(result, NOW_US)
    mark_offsets(Unit(0, outgoing, {"city.incidents": 8, "city.ptz-requests": 3}))
    marks = {out.topic: marked_offsets(out.headers[-1]) for out in outgoing}
    assert marks == {"city.case-states": {"city.incidents": 8}, "city.ptz-heads": {"city.ptz-requests": 3}}


def test_a_dead_letter_carries_the_original_bytes_up_to_a_limit() -> None:
    assert dead_letter(refusal()).payload == b"bad"
    cut = dead_letter(refusal(b"x" * (PAYLOAD_BYTES_MAX + 5)))
    assert len(cut.payload) == PAYLOAD_BYTES_MAX
    assert cut.message == "does not parse (payload cut by 5 bytes)"
    letters = WRITER.outgoing(StepResult(refusals=[refusal(), refusal()]), NOW_US)
    assert [decode(DeadLetter, value).origin_offset for value in letters[0].values] == [7, 7]


def test_what_comes_back_as_an_input_has_the_time_it_was_written_at() -> None:
    requests = [a_request(camera_id="ptz-1")]
    (outgoing,) = WRITER.outgoing(StepResult(ptz_requests=requests), NOW_US, NOW_US + 7_000)
    assert outgoing.timestamps_ms == [NOW_US // 1_000 + 7]
    (untold,) = WRITER.outgoing(StepResult(ptz_requests=requests), NOW_US)
    assert untold.timestamps_ms == [NOW_US // 1_000]
