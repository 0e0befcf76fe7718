"""What counts as equal: bytes, but for shifted numbers, captured values and the declared list."""

from __future__ import annotations

import pytest
from pyetcd.conformance.case import Answer, Outcome, Status
from pyetcd.conformance.compare import compare, digest
from pyetcd.conformance.declared import entries
from pyetcd.conformance.rebase import KINDS, Rebase, Variable
from pyetcd.conformance.schema import RPCS
from pyetcd.conformance.text import CLUSTER_ID, MEMBER_ID

from pyetcd.pb import lock_pb2, rpc_pb2

HEADER = rpc_pb2.ResponseHeader(cluster_id=CLUSTER_ID, member_id=MEMBER_ID, revision=5, raft_term=2)


def outcome(*messages: object, status: Status | None = None) -> Outcome:
    bodies = [m if isinstance(m, bytes) else m.SerializeToString() for m in messages]  # type: ignore[attr-defined]
    return Outcome(tuple(Answer(body, len(body)) for body in bodies), status)


def places(
    left: Outcome, right: Outcome, kind: type = rpc_pb2.RangeResponse, rebase: Rebase | None = None
) -> list[str]:
    return [item.where for item in compare(left, right, kind, rebase or Rebase(), False).differences]


def test_equal_bytes_are_equal() -> None:
    answer = rpc_pb2.RangeResponse(header=HEADER, count=3)
    assert places(outcome(answer), outcome(answer)) == []


@pytest.mark.parametrize(
    ("other", "where"),
    [
        (rpc_pb2.RangeResponse(header=HEADER, count=4), ["count"]),
        (rpc_pb2.RangeResponse(count=3), ["header"]),
        (rpc_pb2.RangeResponse(header=HEADER, count=3, kvs=[{"key": b"a"}]), ["kvs"]),
        (
            rpc_pb2.RangeResponse(
                header={"cluster_id": 1, "member_id": MEMBER_ID, "revision": 6, "raft_term": 2}, count=3
            ),
            None,
        ),
    ],
)
def test_a_field_that_differs_is_named(other: rpc_pb2.RangeResponse, where: list[str] | None) -> None:
    found = places(outcome(rpc_pb2.RangeResponse(header=HEADER, count=3)), outcome(other))
    assert found == (where or ["header.cluster_id", "header.revision"])


def test_the_same_message_in_other_bytes_differs() -> None:
    answer = rpc_pb2.RangeResponse(header=HEADER, count=3)
    other = (
        rpc_pb2.RangeResponse(count=3).SerializeToString() + rpc_pb2.RangeResponse(header=HEADER).SerializeToString()
    )
    assert places(outcome(answer), outcome(other)) == ["encoding"]


def test_an_unknown_field_differs() -> None:
    answer = rpc_pb2.RangeResponse(header=HEADER)
    assert "encoding" in places(outcome(answer), outcome(answer.SerializeToString() + b"\x78\x01"))


def test_missing_and_surplus_messages_differ() -> None:
    answer = rpc_pb2.RangeResponse(header=HEADER)
    assert places(outcome(answer), outcome()) == ["messages"]
    assert places(outcome(), outcome(answer)) == ["messages"]


@pytest.mark.parametrize(
    "status", [None, Status("OK", ""), Status("NotFound", "etcdserver: x"), Status("InvalidArgument", "etcdserver: y")]
)
def test_status_counts_to_the_letter(status: Status | None) -> None:
    recorded = outcome(status=Status("InvalidArgument", "etcdserver: x"))
    assert places(recorded, outcome(status=status)) == ["status"]
    assert places(recorded, recorded) == []


def test_large_messages_are_compared_by_digest() -> None:
    body = rpc_pb2.RangeResponse(header=HEADER, kvs=[{"value": b"x" * 9000}]).SerializeToString()
    recorded = Outcome((Answer(None, len(body), digest(body)),))
    assert places(recorded, outcome(body)) == []
    assert places(recorded, outcome(body + b"\x20\x01")) == ["bytes"]


def test_a_shifted_store_is_rebased() -> None:
    shifted = Rebase(cluster_id=11, member_id=12, revision=100, raft_term=3, raft_index=50)
    there = rpc_pb2.RangeResponse(
        header={"cluster_id": 11, "member_id": 12, "revision": 105, "raft_term": 5},
        kvs=[{"key": b"a", "create_revision": 103, "mod_revision": 104, "version": 2}],
    )
    here = rpc_pb2.RangeResponse(
        header=HEADER, kvs=[{"key": b"a", "create_revision": 3, "mod_revision": 4, "version": 2}]
    )
    assert places(outcome(here), outcome(there), rebase=shifted) == []
    assert places(outcome(here), outcome(there)) != []
    request = shifted.request(rpc_pb2.RangeRequest(revision=4, min_mod_revision=0, max_mod_revision=-1))
    assert request == rpc_pb2.RangeRequest(revision=104, max_mod_revision=-1)


def test_captured_values_are_replaced_wherever_they_stand() -> None:
    rebase = Rebase(variables={"L": Variable(recorded=0x1234567890, actual=0x9876543210)})
    here = lock_pb2.LockResponse(key=b"name/1234567890")
    there = lock_pb2.LockResponse(key=b"name/9876543210")
    assert places(outcome(here), outcome(there), lock_pb2.LockResponse, rebase) == []
    kept = rpc_pb2.LeaseLeasesResponse(leases=[{"ID": 0x1234567890}, {"ID": 3}])
    given = rpc_pb2.LeaseLeasesResponse(leases=[{"ID": 0x9876543210}, {"ID": 3}])
    assert places(outcome(kept), outcome(given), rpc_pb2.LeaseLeasesResponse, rebase) == []


def test_declared_fields_may_differ_and_are_counted() -> None:
    left = rpc_pb2.StatusResponse(header=HEADER, dbSize=1, raftIndex=4)
    right = rpc_pb2.StatusResponse(header=HEADER, dbSize=2, raftIndex=4)
    found = compare(outcome(left), outcome(right), rpc_pb2.StatusResponse, Rebase(), False)
    assert (found.same, found.declared) == (True, ["etcdserverpb.StatusResponse.dbSize"])
    right.raftIndex = 5
    assert places(outcome(left), outcome(right), rpc_pb2.StatusResponse) == ["raftIndex"]


def test_order_is_free_only_where_declared() -> None:
    def keys(*names: bytes) -> Outcome:
        return outcome(rpc_pb2.LeaseTimeToLiveResponse(header=HEADER, keys=names))

    assert places(keys(b"a", b"b"), keys(b"b", b"a"), rpc_pb2.LeaseTimeToLiveResponse) == []
    assert places(keys(b"a", b"b"), keys(b"b", b"b"), rpc_pb2.LeaseTimeToLiveResponse) == ["keys[0]"]
    left, right = (rpc_pb2.LeaseLeasesResponse(leases=[{"ID": n} for n in ids]) for ids in ((1, 2), (2, 1)))
    assert len(places(outcome(left), outcome(right), rpc_pb2.LeaseLeasesResponse)) == 2


def test_messages_of_watchers_are_sorted_by_id() -> None:
    one, two = (rpc_pb2.WatchResponse(header=HEADER, watch_id=number) for number in (1, 2))
    found = compare(outcome(one, two), outcome(two, one), rpc_pb2.WatchResponse, Rebase(), True)
    assert found.same
    assert places(outcome(one, two), outcome(two, one), rpc_pb2.WatchResponse) != []


def test_tables_name_fields_that_exist() -> None:
    """The rebase table and the declared list are full names of fields; a typing error would silently do nothing."""
    known: set[str] = set()

    def walk(descriptor: object) -> None:
        for field in descriptor.fields:  # type: ignore[attr-defined]
            if field.full_name not in known:
                known.add(field.full_name)
                if field.message_type is not None:
                    walk(field.message_type)

    for rpc in RPCS.values():
        walk(rpc.request.DESCRIPTOR)
        walk(rpc.response.DESCRIPTOR)
    assert set(KINDS) <= known
    assert {entry.path for entry in entries() if "." in entry.path} <= known
    assert all(entry.reason for entry in entries())
