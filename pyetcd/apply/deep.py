"""Transactions nested deeper than protobuf's C parser takes by default (100 messages, 50 transactions).

etcd's parser takes 10,000.  The C parser can be told to, but then recurses as deep as the bytes say and ends the
process on its own stack, so the depth is measured first, without recursion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from google.protobuf.message import DecodeError

from pyetcd.mvcc.record import read_varint

_allow_deep: Callable[[bool], None] | None
try:
    from google._upb._message import SetAllowOversizeProtos as _allow_deep
except ImportError:  # another implementation of protobuf: its own limit stands
    _allow_deep = None

T = TypeVar("T")

DEEPEST = 5000  # nested transactions in etcd's 10,000 nested messages
MOST_OPS = 50_000  # looked at before giving up
_BRANCHES = (2, 3)  # TxnRequest.success, failure
_NESTED = 4  # RequestOp.request_txn
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def parse_deep(parse: Callable[[bytes], T], body: bytes, transaction: bytes) -> T:
    """``parse(body)`` again, deeper; ``transaction`` is the TxnRequest in it.  Raises DecodeError."""
    if _allow_deep is None or depth(transaction) > DEEPEST:
        raise DecodeError("nested too deep")
    _allow_deep(True)
    try:
        return parse(body)
    finally:
        _allow_deep(False)


def depth(transaction: bytes) -> int:
    """How many transactions are nested in each other, at most; DEEPEST + 1 is as deep as it looks.

    Raises DecodeError for what is no transaction, or has more parts than any transaction etcd would take.
    """
    level, deepest, seen = [memoryview(transaction)], 0, 0
    while level and deepest <= DEEPEST:
        deepest += 1
        ops = [op for outer in level for op in fields(outer, *_BRANCHES)]
        level = [inner for op in ops for inner in fields(op, _NESTED)]
        seen += len(ops)
        if seen > MOST_OPS:
            raise DecodeError("too many operations")
    return deepest


def fields(message: memoryview, *numbers: int) -> list[memoryview]:
    """Values of the length-delimited fields with these numbers, uncopied.  Raises DecodeError."""
    found, at = [], 0
    try:
        while at < len(message):
            tag, at = read_varint(message, at)
            kind = tag & 7
            if kind == _BYTES:
                size, at = read_varint(message, at)
                if tag >> 3 in numbers:
                    found.append(message[at : at + size])
                at += size
            else:
                at = _skip(message, at, kind)
    except IndexError:
        raise DecodeError("message ends inside a field") from None
    return found


def _skip(message: memoryview, at: int, kind: int) -> int:
    if kind == _VARINT:
        return read_varint(message, at)[1]
    if kind in (_FIXED64, _FIXED32):
        return at + (8 if kind == _FIXED64 else 4)
    raise DecodeError(f"wire type {kind}")


def parse_txn(kind: Any, body: bytes) -> Any:
    """A TxnRequest of any depth etcd takes.  Raises DecodeError."""
    try:
        return kind.FromString(body)
    except DecodeError:
        return parse_deep(kind.FromString, body, body)
