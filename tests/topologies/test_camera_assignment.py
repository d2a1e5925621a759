from schemas.camera_assignment import CameraAssignment
from schemas.codec import decode
from schemas.dead_letter import DeadLetter
from schemas.topics import CAMERA_ASSIGNMENTS, INCIDENTS, TRACKER_FIXES
from tests.topologies.counting_engine import CountingEngine
from tests.topologies.running import read, running_worker, until, write
from topologies.settings import Settings
from topologies.topics import ensure_topics


async def test_records_become_assignments_in_the_partition_of_their_case(settings: Settings, prefix: str) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    engine = CountingEngine()
    async with running_worker(settings, prefix, engine) as worker:
        await write(servers, f"{prefix}.{INCIDENTS.name}", [(b"a", b"1"), (b"b", b"2")], partition=1)
        await write(servers, f"{prefix}.{TRACKER_FIXES.name}", [(b"a", b"3")], partition=1)
        records = await read(servers, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 2, lambda r: len(r) >= 3)
        assert worker.topology is not None
        await until(lambda: worker.topology.crew.pumps[1].progress.records == 3)
    got = [decode(CameraAssignment, record.value) for record in records]
    assert {(a.case_id, a.version) for a in got} == {("a", 1), ("b", 1), ("a", 2)}
    assert {record.partition for record in records} == {1}
    assert dict(records[0].headers)["ce_id"] == got[0].event_id.encode()
    assert dict(records[0].headers)["ce_source"] == b"/goldentime/test"
    assert records[0].timestamp == got[0].decided_us // 1000


async def test_bad_records_are_dead_lettered_and_their_neighbours_pass(settings: Settings, prefix: str) -> None:
    servers = settings.bootstrap_servers[0]
    ensure_topics(settings, prefix)
    rows = [(b"first", b"1"), (b"x", b"bad one"), (b"last", b"3")]
    async with running_worker(settings, prefix, CountingEngine()):
        await write(servers, f"{prefix}.{INCIDENTS.name}", rows)
        good = await read(servers, f"{prefix}.{CAMERA_ASSIGNMENTS.name}", 2, lambda r: len(r) >= 2)
        bad = await read(servers, f"{prefix}.{INCIDENTS.name}-dlq", 2, lambda r: len(r) >= 1)
    assert [record.key for record in good] == [b"first", b"last"]
    letter = decode(DeadLetter, bad[0].value)
    assert (letter.payload, letter.reason, letter.origin_offset) == (b"bad one", "avro", 1)
    assert letter.origin_topic == INCIDENTS.name
