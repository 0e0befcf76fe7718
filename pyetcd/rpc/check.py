"""Argument checks of the KV service, in etcd's order (wire contract, sections 2.2 and 2.8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyetcd.errors import (
    DuplicateKey,
    EmptyKey,
    InvalidSortOption,
    KeyNotFound,
    LeaseProvided,
    TooManyOps,
    ValueProvided,
)

_SORT_ORDERS = frozenset((0, 1, 2))
_SORT_TARGETS = frozenset((0, 1, 2, 3, 4))


def check_range(r: Any) -> None:
    """A RangeRequest, stand-alone or inside a transaction."""
    if not r.key:
        raise EmptyKey
    if r.sort_order not in _SORT_ORDERS or r.sort_target not in _SORT_TARGETS:
        raise InvalidSortOption


def check_put(r: Any) -> None:
    """A PutRequest."""
    if not r.key:
        raise EmptyKey
    if r.ignore_value and r.value:
        raise ValueProvided
    if r.ignore_lease and r.lease:
        raise LeaseProvided


def check_delete(r: Any) -> None:
    """A DeleteRangeRequest."""
    if not r.key:
        raise EmptyKey


def check_txn(r: Any, max_ops: int) -> None:
    """A TxnRequest with everything nested in it: shape first, then the duplicate-key rule of both branches."""
    check_shape(r, max_ops)
    if len(r.success) > 1 or has_nested(r.success):
        changed_keys(r.success)
    if len(r.failure) > 1 or has_nested(r.failure):
        changed_keys(r.failure)


def has_nested(ops: Any) -> bool:
    return any(op.WhichOneof("request") == "request_txn" for op in ops)


def check_shape(r: Any, max_ops: int) -> None:
    """Operation counts and each operation's own arguments; a nested transaction has what its parent left over."""
    used = max(len(r.compare), len(r.success), len(r.failure))
    if used > max_ops:
        raise TooManyOps
    for c in r.compare:
        if not c.key:
            raise EmptyKey
    for branch in (r.success, r.failure):
        for op in branch:
            check_op(op, max_ops - used)


def check_op(op: Any, max_ops: int) -> None:
    """One RequestOp; an empty one is reported as a missing key, as etcd does."""
    kind = op.WhichOneof("request")
    if kind == "request_range":
        check_range(op.request_range)
    elif kind == "request_put":
        check_put(op.request_put)
    elif kind == "request_delete_range":
        check_delete(op.request_delete_range)
    elif kind == "request_txn":
        check_shape(op.request_txn, max_ops)
    else:
        raise KeyNotFound


Interval = tuple[bytes, bytes | None]  # [start, end); end None: exactly the key start


def changed_keys(ops: Any) -> tuple[set[bytes], list[Interval]]:
    """Keys put and intervals deleted by a list of operations and everything below it; raises DuplicateKey.

    Quirks kept from etcd (section 2.8): the nested transactions are visited in order, so a delete of one conflicts
    with puts of later siblings only; and a from-key delete counts as the literal interval [key, "\\0"), which
    overlaps nothing.
    """
    puts: set[bytes] = set()
    deletes = [interval(op.request_delete_range) for op in ops if op.WhichOneof("request") == "request_delete_range"]
    for op in ops:
        if op.WhichOneof("request") == "request_txn":
            merge_nested(op.request_txn, puts, deletes)
    for op in ops:
        if op.WhichOneof("request") == "request_put":
            add_put(op.request_put.key, puts, deletes)
    return puts, deletes


def merge_nested(r: Any, puts: set[bytes], deletes: list[Interval]) -> None:
    """Add a nested transaction's changes; its two branches exclude each other and may share keys."""
    then_puts, then_deletes = changed_keys(r.success)
    else_puts, else_deletes = changed_keys(r.failure)
    for key in then_puts:
        add_put(key, puts, deletes)
    for key in else_puts:
        if key in then_puts:
            refuse_deleted(key, deletes)
        else:
            add_put(key, puts, deletes)
    deletes += then_deletes
    deletes += else_deletes


def add_put(key: bytes, puts: set[bytes], deletes: Iterable[Interval]) -> None:
    if key in puts:
        raise DuplicateKey
    refuse_deleted(key, deletes)
    puts.add(key)


def refuse_deleted(key: bytes, deletes: Iterable[Interval]) -> None:
    for start, end in deletes:
        if key == start if end is None else start <= key < end:
            raise DuplicateKey


def interval(r: Any) -> Interval:
    """The literal interval of a DeleteRangeRequest."""
    return r.key, r.range_end or None
