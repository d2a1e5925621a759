"""Checking the chains of access decisions, and the views in them, on a broker."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from console.embedded_broker import EmbeddedBroker
from pipeline.decisions.audit import AuditChain, hash_of
from schemas.access_audit import AccessAudit
from schemas.topics import ACCESS_AUDITS
from tests.console.commands import call
from tests.console.topics import write, write_records
from tests.pipeline.decisions.test_audit import a_chain
from tests.pipeline.decisions.test_view_check import chained, version, view
from tests.support.records import a_refused_view


@pytest.fixture
def empty() -> Iterator[EmbeddedBroker]:
    """Give a broker with the demo's topics and nothing in them."""
    with EmbeddedBroker() as broker:
        call("topics", "create", broker=broker)
        yield broker


def put(broker: EmbeddedBroker, records: Sequence[AccessAudit]) -> None:
    write_records(broker.bootstrap_servers, "demo.access-audits", ACCESS_AUDITS, records)


def verified(broker: EmbeddedBroker, *arguments: str, exit_code: int) -> dict[str, Any]:
    result = call("audit", "verify", "--json", *arguments, broker=broker)
    assert result.exit_code == exit_code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_no_records_are_a_whole_chain(empty: EmbeddedBroker) -> None:
    assert verified(empty, exit_code=0)["partitions"] == []
    assert "every chain is whole" in call("audit", "verify", broker=empty).output


def test_a_whole_chain_is_told_with_its_end(empty: EmbeddedBroker) -> None:
    put(empty, records := a_chain(5))
    found = verified(empty, exit_code=0)
    (row,) = found["partitions"]
    end = AuditChain.after(records[-1])
    assert (found["whole"], row["partition"], row["records"], row["first"], row["last"]) == (True, 0, 5, 1, 5)
    assert (row["last_hash"], row["findings"]) == (end.last_hash, [])
    text = call("audit", "verify", broker=empty).output
    assert "partition 0: 5 records, 1 to 5, 0 faults" in text
    assert end.last_hash in text


def test_changed_missing_and_reordered_records_are_found_and_end_with_1(empty: EmbeddedBroker) -> None:
    records = a_chain(12)
    changed = replace(records[1], camera_ids=("z",))
    put(empty, [records[0], changed, *records[2:4], *records[6:8], records[9], records[8], *records[10:]])
    (row,) = verified(empty, exit_code=1)["partitions"]
    assert [(f["kind"], f["sequence"]) for f in row["findings"]] == [("changed", 2), ("missing", 5), ("reordered", 9)]
    text = call("audit", "verify", broker=empty).output
    assert "FAULT missing at 5: 2 records are missing, up to 6" in text
    assert "NOT WHOLE" in text


def test_exact_repeats_are_told_and_tolerated(empty: EmbeddedBroker) -> None:
    records = a_chain(4)
    put(empty, [*records, records[3]])
    (row,) = verified(empty, exit_code=0)["partitions"]
    assert row["repeats"] == 1
    assert "note  repeated at 4: written more than once" in call("audit", "verify", broker=empty).output


def test_what_does_not_decode_is_a_fault(empty: EmbeddedBroker) -> None:
    put(empty, a_chain(2))
    write(empty.bootstrap_servers, "demo.access-audits", [(b"x", b"no avro")])
    found = verified(empty, exit_code=1)
    assert (found["whole"], found["undecodable"]) == (False, 1)


def test_a_chain_written_anew_or_cut_is_found_by_a_hash_that_was_kept(empty: EmbeddedBroker) -> None:
    records, chain = a_chain(4), AuditChain()
    for record in records[:3]:
        anew = replace(record, actor="nobody", previous_hash=chain.last_hash)
        anew = replace(anew, hash=hash_of(anew))
        put(empty, [anew])
        chain = AuditChain.after(anew)
    verified(empty, exit_code=0)
    verified(empty, "--known", f"0:2:{records[1].hash}", exit_code=1)
    verified(empty, "--known", f"0:4:{records[3].hash}", exit_code=1)
    verified(empty, "--known", f"0:3:{chain.last_hash}", exit_code=0)


def test_views_are_counted_and_checked_against_what_was_allowed_then(empty: EmbeddedBroker) -> None:
    first = view(1)
    put(empty, chained([version(1, 0), first, (2.0, first[1]), (3.0, a_refused_view())]))
    found = verified(empty, exit_code=0)
    assert (found["whole"], found["views_allowed"]) == (True, True)
    assert found["partitions"][0]["views"] == {"issued": 1, "refused": 1, "repeats": 1, "unjudged": 0}
    text = call("audit", "verify", broker=empty).output
    assert "  views: 1 given, 1 refused; 0 too old" in text
    assert "note  view-repeated at 3: a view was recorded more than once; tolerated" in text


def test_a_view_that_was_changed_is_found_and_so_is_one_that_nothing_allowed(empty: EmbeddedBroker) -> None:
    records = chained([version(1, 0), view(1), view(2, "z"), view(3, "b")])
    put(empty, records[:3])
    found = verified(empty, exit_code=1)
    assert (found["whole"], found["views_allowed"]) == (True, False)
    assert [(f["kind"], f["sequence"]) for f in found["partitions"][0]["findings"]] == [("view-not-granted", 3)]
    assert "FAULT view-not-granted at 3: a link was given" in call("audit", "verify", broker=empty).output
    put(empty, [replace(records[3], camera_ids=("a",))])
    found = verified(empty, exit_code=1)
    assert (found["whole"], found["partitions"][0]["faults"]) == (False, 2)
    assert [f["kind"] for f in found["partitions"][0]["findings"]] == ["view-not-granted", "changed"]


@pytest.mark.parametrize("known", ["0:1", "x:1:" + "0" * 64, "0:1:abc"])
def test_wrong_usage_ends_with_2(known: str) -> None:
    assert call("audit", "verify", "--known", known).exit_code == 2


def test_a_broker_that_does_not_answer_is_told_in_one_line() -> None:
    result = call("audit", "verify")
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert "no broker answers at 127.0.0.1:1" in line
