"""The put of Kubernetes in one step: what it takes it reads as protobuf does, and does what the general way does."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from pyetcd.apply import guarded
from pyetcd.apply.guarded import GuardedPut
from pyetcd.apply.kv import Writes
from pyetcd.apply.outcome import Applied
from pyetcd.apply.txn import write
from pyetcd.errors import LeaseNotFound
from pyetcd.lease.lessor import Lessor
from pyetcd.mvcc.memory import MemoryBackend
from pyetcd.mvcc.store import Store
from pyetcd.pb import rpc_pb2 as rpc

KEY = b"/registry/pods/default/web-0"


def transaction(
    key: bytes = KEY, expected: int = 7, value: bytes = b"v" * 300, lease: int = 0, **changed: Any
) -> rpc.TxnRequest:
    return rpc.TxnRequest(
        compare=[rpc.Compare(key=key, target="MOD", mod_revision=expected)],
        success=[rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=value, lease=lease))],
        failure=[rpc.RequestOp(request_range=rpc.RangeRequest(key=key, **changed))],
    )


keys = st.binary(min_size=1, max_size=110)
values = st.binary(min_size=1, max_size=200)
numbers = st.integers(0, (1 << 63) - 1)
transactions = st.builds(transaction, keys, numbers, values, st.just(0) | numbers)


def agrees(put: GuardedPut, r: rpc.TxnRequest) -> bool:
    return r == transaction(put.key, put.expected, put.value, put.lease)


@given(transactions)
def test_the_usual_form_is_taken(r: rpc.TxnRequest) -> None:
    put = guarded.parse(r.SerializeToString())
    if len(r.compare[0].key) <= 100:
        assert put is not None and agrees(put, r)
        assert (put.compare, put.success, put.failure) == (r.compare, r.success, r.failure)
    else:
        assert put is None


@pytest.mark.parametrize(
    "r",
    [
        rpc.TxnRequest(),
        transaction(value=b""),
        transaction(expected=-1),
        transaction(lease=-1),
        transaction(serializable=True),
        transaction(key=b"k" * 101),
        rpc.TxnRequest(compare=transaction().compare, success=transaction().success),
        rpc.TxnRequest(compare=transaction().compare, success=transaction().failure, failure=transaction().success),
        rpc.TxnRequest(compare=transaction(b"other").compare, success=transaction().success),
        rpc.TxnRequest(
            compare=transaction(b"k1").compare, success=transaction(b"k2").success, failure=transaction(b"k1").failure
        ),
    ],
)
def test_everything_else_is_not(r: rpc.TxnRequest) -> None:
    assert guarded.parse(r.SerializeToString()) is None


@given(st.data(), transactions)
def test_damaged_bytes_are_read_as_protobuf_reads_them(data: st.DataObject, r: rpc.TxnRequest) -> None:
    body = bytearray(r.SerializeToString())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        if data.draw(st.booleans()):
            body[at] = data.draw(st.sampled_from([*b"\0\1\2\x0a\x12\x18\x1a\x30\x7f\x80\xff", body[at] ^ 1]))
        else:
            body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    put = guarded.parse(bytes(body))
    if put is not None:
        assert agrees(put, rpc.TxnRequest.FromString(bytes(body)))


def test_lengths_of_too_many_bytes_are_malformed() -> None:
    """Zeros that change nothing may make a length longer, but what protobuf does not take the log must not hold."""
    body = transaction(value=b"v" * 50).SerializeToString()
    at = body.index(b"\x12", 2 + body[1]) + 1
    for padding in range(20):
        stretched = body[:at] + bytes((body[at] | 0x80,)) + b"\x80" * padding + b"\0" + body[at + 1 :]
        put = guarded.parse(stretched)
        try:
            assert put is None or agrees(put, rpc.TxnRequest.FromString(stretched))
        except DecodeError:
            pytest.fail(f"taken with {padding + 2} bytes of length")


class World:
    def __init__(self) -> None:
        backend = MemoryBackend()
        self.store = Store(backend)
        self.lessor = Lessor(backend)
        self.lessor.grant(5, 60, 0.0)
        self.writes = Writes(self.store, self.lessor)

    def outcome(self, request: Any) -> object:
        """Everything a transaction gives back and leaves behind."""
        try:
            applied: Applied | None = write(self.writes, request)
        except LeaseNotFound:
            applied = None
        operations = self.writes.operations
        counted = operations.puts, operations.ranges, operations.txns, operations.deletes
        left = self.store.revision, self.store.get(KEY), self.lessor.lease_of_key(KEY)
        if applied is None:
            return counted, left
        changes = [(c.deleted, c.key, c.kv, c.prev, c.created) for c in applied.changes]
        return counted, left, applied.revision, applied.body, changes


steps = st.tuples(st.integers(0, 12), st.integers(0, 2), st.sampled_from([0, 0, 5, 6]))


@given(st.lists(steps, max_size=12))
def test_both_ways_give_the_same_bytes(steps: list[tuple[int, int, int]]) -> None:
    one, general = World(), World()
    for expected, size, lease in steps:
        r = transaction(expected=expected, value=b"value" * (size * 40 + 1), lease=lease)
        put = guarded.parse(r.SerializeToString())
        assert put is not None
        assert one.outcome(put) == general.outcome(r)
