"""The model judges others, so official etcd judges the model: random transactions, compares and refusals included."""

from __future__ import annotations

import random
from typing import Any

import grpc
import pytest

from pyetcd.pb import kv_pb2
from pyetcd.pb import rpc_pb2 as rpc
from tests.model import (
    KV,
    Answer,
    Compare,
    DeleteAnswer,
    DeleteRange,
    Model,
    Op,
    Put,
    PutAnswer,
    Range,
    RangeAnswer,
    Refused,
    Txn,
    TxnAnswer,
)
from tests.mvcc.test_against_etcd import Etcd, etcd

__all__ = ["etcd"]

KEYS = [b"a", b"b", b"c", b"d", b"e", b"f"]
ENDS = [b"", b"", b"", b"\0", b"c", b"e"]
OPERANDS = ("version", "create_revision", "mod_revision", "value", "lease")


class Draw(random.Random):
    """Random requests; most are valid."""

    def compare(self) -> Compare:
        target = self.randint(0, 4)
        operand: int | bytes | None = self.choice([None, 0, 1, self.randint(0, 60)])
        if target == 3 and operand is not None:
            operand = self.choice([b"", b"1", b"2"])
        return Compare(self.choice(KEYS), self.choice(ENDS), target, self.choice([0, 0, 0, 1, 2, 3, 7]), operand)

    def op(self, revision: int, depth: int) -> Op:
        kind = self.random()
        key, end = self.choice(KEYS), self.choice(ENDS)
        if kind < 0.35:
            return self.put(key)
        if kind < 0.6:
            at = self.choice([0, 0, 0, -1, self.randint(1, revision + 1)])
            return Range(key, end, self.randint(0, 2), at, self.randint(0, 2), self.randint(0, 4))
        if kind < 0.75:
            return DeleteRange(key, end, self.random() < 0.5)
        if kind < 0.98:
            return self.txn(revision, depth - 1) if depth else self.put(key)
        return self.choice([None, Put(b""), Range(b"a", order=9)])

    def put(self, key: bytes) -> Put:
        lease, value = self.choice([0, 0, 0, 0, 5, 77]), self.choice([b"", b"1", b"2"])
        flags = [self.random() < p for p in (0.3, 0.08, 0.08)]
        return Put(key, b"" if flags[1] else value, 0 if flags[2] else lease, *flags)

    def txn(self, revision: int, depth: int) -> Txn:
        def ops() -> tuple[Op, ...]:
            return tuple(self.op(revision, depth) for _ in range(self.randint(0, 3)))

        return Txn(tuple(self.compare() for _ in range(self.choice([0, 1, 1, 2]))), ops(), ops())


def compare_pb(c: Compare) -> Any:
    message = rpc.Compare(key=c.key, range_end=c.end, target=c.target, result=c.result)
    if c.operand is not None:
        setattr(message, OPERANDS[c.target], c.operand)
    return message


def op_pb(op: Op) -> Any:
    if isinstance(op, Txn):
        return rpc.RequestOp(request_txn=txn_pb(op))
    if isinstance(op, Put):
        put = rpc.PutRequest(
            key=op.key, value=op.value, lease=op.lease, prev_kv=op.prev_kv,
            ignore_value=op.ignore_value, ignore_lease=op.ignore_lease,
        )  # fmt: skip
        return rpc.RequestOp(request_put=put)
    if isinstance(op, DeleteRange):
        return rpc.RequestOp(
            request_delete_range=rpc.DeleteRangeRequest(key=op.key, range_end=op.end, prev_kv=op.prev_kv)
        )
    if isinstance(op, Range):
        ranged = rpc.RangeRequest(
            key=op.key, range_end=op.end, limit=op.limit, revision=op.revision,
            sort_order=op.order, sort_target=op.target,
        )  # fmt: skip
        return rpc.RequestOp(request_range=ranged)
    return rpc.RequestOp()


def txn_pb(t: Txn) -> Any:
    return rpc.TxnRequest(
        compare=map(compare_pb, t.compare), success=map(op_pb, t.success), failure=map(op_pb, t.failure)
    )


def kv_pb(kv: KV) -> Any:
    return kv_pb2.KeyValue(
        key=kv.key, create_revision=kv.create, mod_revision=kv.mod, version=kv.version, value=kv.value, lease=kv.lease
    )


def answer_pb(a: Answer) -> Any:
    header = rpc.ResponseHeader(revision=a.revision or 0)
    if isinstance(a, RangeAnswer):
        ranged = rpc.RangeResponse(header=header, kvs=map(kv_pb, a.kvs), more=a.more, count=a.count)
        return rpc.ResponseOp(response_range=ranged)
    if isinstance(a, PutAnswer):
        return rpc.ResponseOp(response_put=rpc.PutResponse(header=header, prev_kv=kv_pb(a.prev) if a.prev else None))
    if isinstance(a, DeleteAnswer):
        deleted = rpc.DeleteRangeResponse(header=header, deleted=a.deleted, prev_kvs=map(kv_pb, a.prevs))
        return rpc.ResponseOp(response_delete_range=deleted)
    return rpc.ResponseOp(response_txn=txn_answer_pb(a))


def txn_answer_pb(a: TxnAnswer) -> Any:
    header = rpc.ResponseHeader(revision=a.revision or 0)
    return rpc.TxnResponse(header=header, succeeded=a.succeeded, responses=map(answer_pb, a.responses))


@pytest.mark.parametrize("seed", range(3))
def test_transactions(etcd: Etcd, seed: int) -> None:
    draw, model = Draw(seed), Model()
    etcd.grant(5)
    model.grant(5)
    refused = 0
    for n in range(600):
        request = draw.txn(model.revision, 2)
        message = txn_pb(request)
        try:
            expected = txn_answer_pb(model.txn(request))
        except Refused as refusal:
            refused += 1
            with pytest.raises(grpc.RpcError) as caught:
                etcd.call("KV", "Txn", message, rpc.TxnResponse)
            assert caught.value.details() == refusal.text, message
            continue
        answer = etcd.call("KV", "Txn", message, rpc.TxnResponse)
        answer.header.CopyFrom(rpc.ResponseHeader(revision=answer.header.revision))
        assert answer == expected, message
        if n % 100 == 99:
            model.compact(model.revision - 5)
            etcd.compact(model.revision - 5)
    assert 20 < refused < 580
