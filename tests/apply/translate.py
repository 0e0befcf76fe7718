"""Between the dumb twin's values and etcd's messages."""

from __future__ import annotations

from typing import Any

from pyetcd.pb import rpc_pb2 as rpc
from tests.model import (
    KV,
    Answer,
    Compare,
    DeleteAnswer,
    DeleteRange,
    Op,
    Put,
    PutAnswer,
    Range,
    RangeAnswer,
    Txn,
    TxnAnswer,
)

TARGETS = ("version", "create_revision", "mod_revision", "value", "lease")


def request(op: Op) -> Any:
    """The message for one of the model's requests."""
    if isinstance(op, Range):
        return rpc.RangeRequest(
            key=op.key, range_end=op.end, limit=op.limit, revision=op.revision, sort_order=op.order,
            sort_target=op.target, keys_only=op.keys_only, count_only=op.count_only, min_mod_revision=op.min_mod,
            max_mod_revision=op.max_mod, min_create_revision=op.min_create, max_create_revision=op.max_create,
        )  # fmt: skip
    if isinstance(op, Put):
        return rpc.PutRequest(
            key=op.key, value=op.value, lease=op.lease, prev_kv=op.prev_kv, ignore_value=op.ignore_value,
            ignore_lease=op.ignore_lease,
        )  # fmt: skip
    if isinstance(op, DeleteRange):
        return rpc.DeleteRangeRequest(key=op.key, range_end=op.end, prev_kv=op.prev_kv)
    assert isinstance(op, Txn)
    return rpc.TxnRequest(
        compare=[compare(c) for c in op.compare],
        success=[request_op(o) for o in op.success],
        failure=[request_op(o) for o in op.failure],
    )


def request_op(op: Op) -> Any:
    """The same as a member of a transaction's branch; None is an empty RequestOp."""
    names = {Range: "request_range", Put: "request_put", DeleteRange: "request_delete_range", Txn: "request_txn"}
    return rpc.RequestOp() if op is None else rpc.RequestOp(**{names[type(op)]: request(op)})


def compare(c: Compare) -> Any:
    message = rpc.Compare(key=c.key, range_end=c.end, target=c.target, result=c.result)
    if c.operand is not None:
        setattr(message, TARGETS[c.target], c.operand)
    return message


def kv(message: Any) -> KV:
    m = message
    return KV(m.key, m.create_revision, m.mod_revision, m.version, m.value, m.lease)


def answer(op: Op, message: Any) -> Answer:
    """A response message as the model's answer."""
    revision = message.header.revision
    if isinstance(op, Range):
        return RangeAnswer(tuple(map(kv, message.kvs)), message.count, message.more, revision)
    if isinstance(op, Put):
        return PutAnswer(revision, kv(message.prev_kv) if message.HasField("prev_kv") else None)
    if isinstance(op, DeleteRange):
        return DeleteAnswer(message.deleted, revision, tuple(map(kv, message.prev_kvs)))
    assert isinstance(op, Txn)
    ops = op.success if message.succeeded else op.failure
    answers = [answer(o, getattr(r, r.WhichOneof("response"))) for o, r in zip(ops, message.responses, strict=True)]
    return TxnAnswer(message.succeeded, tuple(answers), revision if message.header.ByteSize() else None)


KINDS = {Range: "range", Put: "put", DeleteRange: "delete_range", Txn: "txn"}
RESPONSES = {
    Range: rpc.RangeResponse, Put: rpc.PutResponse, DeleteRange: rpc.DeleteRangeResponse, Txn: rpc.TxnResponse
}  # fmt: skip
