"""Transactions: compares on the state before, then one branch in order (wire contract, section 2.8).

The three steps are etcd's: choose a path through all nested transactions, check everything that may fail, then
execute.  Once executing has begun nothing can fail, so a refused transaction leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from pyetcd.apply.guarded import GuardedPut
from pyetcd.apply.kv import Writes, query, range_tail, resolve_ignored, split
from pyetcd.apply.outcome import Applied
from pyetcd.errors import Compacted, FutureRevision
from pyetcd.mvcc import record
from pyetcd.mvcc.query import Change, Query, RangeResult
from pyetcd.mvcc.record import varint
from pyetcd.mvcc.store import Store
from pyetcd.mvcc.txn import WriteTxn

VERSION, CREATE, MOD, VALUE, LEASE = range(5)
EQUAL, GREATER, LESS, NOT_EQUAL = range(4)

_TARGET_FIELDS = {VERSION: "version", CREATE: "create_revision", MOD: "mod_revision", VALUE: "value", LEASE: "lease"}
_READERS = {
    VERSION: record.version_of,
    CREATE: record.create_of,
    MOD: record.mod_of,
    VALUE: record.value_of,
    LEASE: record.lease_of,
}
_EMPTY_HEADER = b"\x0a\x00"

Path = Iterator[bool]


class ReadView(Protocol):
    """What ranges inside a transaction are read from: the store itself, or a write transaction on it."""

    @property
    def revision(self) -> int: ...

    def range(self, q: Query) -> RangeResult: ...


# -- compares ---------------------------------------------------------------------------------------------------


def choose_path(store: Store, r: Any) -> list[bool]:
    """Which branch each transaction takes, in the order they are met; all compares see the state before."""
    taken = all(compare(store, c) for c in r.compare)
    path = [taken]
    for op in r.success if taken else r.failure:
        if op.WhichOneof("request") == "request_txn":
            path += choose_path(store, op.request_txn)
    return path


def compare(store: Store, c: Any) -> bool:
    """One compare; with a range_end it must hold for every key there."""
    if c.range_end:
        found: Sequence[bytes] = split(store.range(Query(key=c.key, end=c.range_end)).kvs.join())
    else:
        newest = store.get(c.key)
        found = () if newest is None else (newest,)
    if not found:
        return c.target != VALUE and holds(c.result, sign(0, operand(c)))
    reader = _READERS.get(c.target)
    if reader is None:  # a target outside the enumeration counts as equal
        return holds(c.result, 0)
    wanted = operand(c)
    return all(holds(c.result, sign(reader(kv), wanted)) for kv in found)


def operand(c: Any) -> Any:
    """The value compared with; another member of the oneof than the target's counts as zero."""
    name = _TARGET_FIELDS.get(c.target)
    if name is None:
        return 0
    return getattr(c, name)  # an unset oneof member reads as its zero value


def sign(a: Any, b: Any) -> int:
    """-1, 0 or 1 as a is less than, equal to or greater than b."""
    return int(a > b) - int(a < b)


def holds(result: int, order: int) -> bool:
    """Whether a compare's ``result`` accepts this order; results outside the enumeration accept all."""
    if result == EQUAL:
        return order == 0
    if result == NOT_EQUAL:
        return order != 0
    if result == GREATER:
        return order > 0
    if result == LESS:
        return order < 0
    return True


# -- the transaction --------------------------------------------------------------------------------------------


def is_read_only(r: Any) -> bool:
    """True when every operation of both branches is a Range; a nested transaction counts as a write."""
    return all(op.WhichOneof("request") == "request_range" for branch in (r.success, r.failure) for op in branch)


def is_serializable(r: Any) -> bool:
    """True when every Range of a read-only transaction is serializable (an empty transaction is)."""
    return all(op.request_range.serializable for branch in (r.success, r.failure) for op in branch)


def read(writes: Writes, r: Any) -> Applied:
    """A read-only transaction on the present state; raises Compacted or FutureRevision."""
    store = writes.store
    path = choose_path(store, r)
    check(writes, r, iter(path))
    return Applied(store.revision, Execution(writes, store, None).body(r, iter(path)))


def write(writes: Writes, r: Any) -> Applied:
    """A transaction that may write; raises before anything is changed."""
    if type(r) is GuardedPut:
        return r.write(writes)
    store = writes.store
    path = choose_path(store, r)
    check(writes, r, iter(path))
    txn = store.begin()
    body = Execution(writes, txn, txn).body(r, iter(path))
    changes: list[Change] = txn.end()
    writes.operations.txns += 1
    return Applied(store.revision, body, changes)


def check(writes: Writes, r: Any, path: Path) -> None:
    """Everything that may fail in the chosen branches: range revisions, leases, ignored fields' previous keys."""
    for op in branch_of(r, path):
        kind = op.WhichOneof("request")
        if kind == "request_range":
            check_revision(writes.store, op.request_range.revision)
        elif kind == "request_put":
            writes.put_operands(op.request_put)
        elif kind == "request_txn":
            check(writes, op.request_txn, path)


def branch_of(r: Any, path: Path) -> Any:
    """The operations of the branch that ``path`` takes next."""
    return r.success if next(path) else r.failure


def check_revision(store: Store, revision: int) -> None:
    """A range's revision inside a transaction; negative ones are compared as they are, unlike in a plain Range."""
    if revision == 0:
        return
    if revision > store.revision:
        raise FutureRevision
    if revision < store.compact_revision:
        raise Compacted


class Execution:
    """Runs the chosen branches and assembles the responses; ``txn`` is None for a read-only transaction."""

    def __init__(self, writes: Writes, view: ReadView, txn: WriteTxn | None) -> None:
        self.writes = writes
        self.view = view
        self.txn = txn

    def body(self, r: Any, path: Path) -> bytes:
        """TxnResponse bytes without its header field."""
        taken = next(path)
        pieces = [b"\x10\x01"] if taken else []
        for op in r.success if taken else r.failure:
            response = self.response(op, path)
            pieces.append(b"\x1a" + varint(len(response)) + response)
        return b"".join(pieces)

    def response(self, op: Any, path: Path) -> bytes:
        """One ResponseOp."""
        kind = op.WhichOneof("request")
        if kind == "request_range":
            return tagged(b"\x0a", self.range(op.request_range))
        if kind == "request_put":
            return tagged(b"\x12", self.put(op.request_put))
        if kind == "request_delete_range":
            return tagged(b"\x1a", self.delete_range(op.request_delete_range))
        return tagged(b"\x22", _EMPTY_HEADER + self.body(op.request_txn, path))

    def range(self, r: Any) -> bytes:
        result = self.view.range(query(r))
        self.writes.operations.ranges += 1
        return self.header() + result.kvs.join() + range_tail(result)

    def put(self, r: Any) -> bytes:
        assert self.txn is not None
        value, lease, prev = r.value, r.lease, None
        if r.prev_kv or r.ignore_value or r.ignore_lease:
            prev = self.newest(r.key)
            # Missing only where an earlier from-key delete of this transaction took it (the duplicate-key rule has
            # that hole); official etcd ends its process there, we go on with what the request itself says.
            if prev is not None and (r.ignore_value or r.ignore_lease):
                value, lease = resolve_ignored(r, prev)
        self.txn.put(r.key, value, lease)
        self.writes.operations.puts += 1
        self.writes.attach(r.key, lease)
        return self.header() + (prev if prev is not None and r.prev_kv else b"")

    def delete_range(self, r: Any) -> bytes:
        assert self.txn is not None
        # Not Change.prev: that is the state before the transaction, the answer shows the state before this operation.
        previous = self.view.range(Query(key=r.key, end=r.range_end)).kvs.join() if r.prev_kv else b""
        changes = self.txn.delete_range(r.key, r.range_end)
        self.writes.operations.deletes += 1
        self.writes.detach(changes)
        deleted = b"\x10" + varint(len(changes)) if changes else b""
        return self.header() + deleted + b"".join(b"\x1a" + kv[1:] for kv in split(previous))

    def newest(self, key: bytes) -> bytes | None:
        """The framed KeyValue this operation would replace, earlier operations of the transaction included."""
        return self.view.range(Query(key=key)).kvs.join() or None

    def header(self) -> bytes:
        """A sub-response's header: only the revision, begin before the first change and begin+1 after it."""
        revision = varint(self.view.revision)
        return b"\x0a" + bytes((len(revision) + 1,)) + b"\x18" + revision


def tagged(tag: bytes, message: bytes) -> bytes:
    """``message`` as a length-delimited field."""
    return tag + varint(len(message)) + message
