"""Which partition a key has, and that partitions of the same number stay together."""

from types import SimpleNamespace
from typing import Any

import pytest
from faust.assignor.client_assignment import ClientAssignment, ClientMetadata
from faust.assignor.partition_assignor import PartitionAssignor
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import murmur2

from schemas.topics import CASE_STATES
from topologies.partitioning import partition_of
from topologies.pump import UNIT_INPUTS

TOPICS = {*(topic.name for topic in UNIT_INPUTS), CASE_STATES.name}


@given(st.binary(max_size=60), st.integers(1, 64))
def test_a_key_has_the_partition_that_other_clients_give_it(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions


def test_a_key_has_the_partition_that_the_java_client_gives_it() -> None:
    # From the tests of Kafka's own murmur2 (org.apache.kafka.common.utils.UtilsTest).
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, java_hash in hashes.items():
        assert partition_of(key, 1_000) == (java_hash & 0x7FFFFFFF) % 1_000


class Cluster:
    def __init__(self, partitions: int) -> None:
        self.partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int]:
        return set(range(self.partitions))


def assigned(workers: int, partitions: int, before: dict[str, ClientAssignment] | None = None) -> dict[str, Any]:
    """Return what Faust's assignor gives to each of so many workers, all with the same subscription."""
    app = SimpleNamespace(
        tables=SimpleNamespace(data={}, changelog_topics={CASE_STATES.name}, changelog_queue=None),
        conf=SimpleNamespace(canonical_url="http://w0"),
    )
    members = {}
    for number in range(workers):
        name = f"w{number}"
        own = (before or {}).get(name) or ClientAssignment(actives={}, standbys={})
        metadata = ClientMetadata(
            assignment=own, url=f"http://{name}", changelog_distribution={}, external_topic_distribution={}
        )
        members[name] = SimpleNamespace(subscription=sorted(TOPICS), user_data=metadata.dumps())
    assignor = PartitionAssignor(app)
    assignor._global_table_standby_assignments = lambda assignments, partitions_by_topic: assignments
    given_out = assignor._perform_assignment(Cluster(partitions), members)
    return {
        name: ClientMetadata.loads(assignor._decompress(protocol.user_data)).assignment
        for name, protocol in given_out.items()
    }


@pytest.mark.parametrize("workers", [1, 2, 3, 5])
@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_partition_p_of_all_inputs_and_of_the_state_belongs_to_one_worker(workers: int, partitions: int) -> None:
    before = assigned(workers, partitions)
    # Then one worker leaves, and the others keep what they can.
    for assignment in (before, assigned(max(1, workers - 1), partitions, before)):
        owners: dict[int, set[str]] = {}
        for worker, own in assignment.items():
            assert len({tuple(sorted(own.actives.get(topic, []))) for topic in TOPICS}) == 1
            for partition in own.actives.get(CASE_STATES.name, []):
                owners.setdefault(partition, set()).add(worker)
        assert sorted(owners) == list(range(partitions))
        assert all(len(of_partition) == 1 for of_partition in owners.values())
