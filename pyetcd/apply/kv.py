"""Put, DeleteRange, Range and Compact on the store (wire contract, sections 2.4 to 2.9)."""

from __future__ import annotations

from typing import Any

from pyetcd.apply.outcome import Applied
from pyetcd.errors import KeyNotFound, LeaseNotFound
from pyetcd.lease.lessor import Lessor
from pyetcd.mvcc import record
from pyetcd.mvcc.query import Change, Query, RangeResult
from pyetcd.mvcc.record import varint
from pyetcd.mvcc.store import Store

FROM_KEY = b"\0"


def query(r: Any) -> Query:
    """The store's query for a RangeRequest."""
    return Query(
        key=r.key,
        end=r.range_end,
        limit=r.limit,
        revision=r.revision,
        order=r.sort_order,
        target=r.sort_target,
        keys_only=r.keys_only,
        count_only=r.count_only,
        min_mod=r.min_mod_revision,
        max_mod=r.max_mod_revision,
        min_create=r.min_create_revision,
        max_create=r.max_create_revision,
    )


def range_tail(result: RangeResult) -> bytes:
    """Fields 3 and 4 (more, count) of a RangeResponse."""
    count = result.count
    tail = b""
    if count:
        tail = b"\x20" + (bytes((count,)) if count < 0x80 else varint(count))
    return b"\x18\x01" + tail if result.more else tail


def split(framed: bytes) -> list[bytes]:
    """The single entries of joined framed KeyValues."""
    entries, at = [], 0
    while at < len(framed):
        size, start = record.read_varint(framed, at + 1)
        entries.append(framed[at : start + size])
        at = start + size
    return entries


def compact(store: Store, r: Any) -> Applied:
    """Start a compaction; raises Compacted or FutureRevision."""
    compaction = store.compact(r.revision)
    return Applied(store.revision, compaction=compaction)


class Operations:
    """How often each was done to the store, for the metrics; a transaction's own operations count, too."""

    __slots__ = ("deletes", "puts", "ranges", "txns")

    def __init__(self) -> None:
        self.puts = self.deletes = self.ranges = self.txns = 0


class Writes:
    """Single puts and deletes, with the lease attachments that go with them."""

    def __init__(self, store: Store, lessor: Lessor) -> None:
        self.store = store
        self.lessor = lessor
        self.operations = Operations()

    def put(self, r: Any) -> Applied:
        """One Put; raises LeaseNotFound or, for ignore_*, KeyNotFound (in this order)."""
        key = r.key
        value, lease = self.put_operands(r)
        change = self.store.put(key, value, lease)
        self.operations.puts += 1
        self.attach(key, lease)
        prev = change.prev
        return Applied(self.store.revision, prev if prev is not None and r.prev_kv else b"", (change,))

    def put_operands(self, r: Any) -> tuple[bytes, int]:
        """The value and lease a Put will store, ignore_value and ignore_lease resolved."""
        lease: int = r.lease
        if lease and lease not in self.lessor:
            raise LeaseNotFound
        if not (r.ignore_value or r.ignore_lease):
            return r.value, lease
        return resolve_ignored(r, self.store.get(r.key))

    def attach(self, key: bytes, lease: int) -> None:
        """Move ``key`` to ``lease`` (0: to none)."""
        old = self.lessor.lease_of_key(key)
        if old != lease:
            if old:
                self.lessor.detach(old, key)
            if lease:
                self.lessor.attach(lease, key)

    def delete_range(self, r: Any) -> Applied:
        """One DeleteRange: keys go in ascending order, nothing matched is no error and no new revision."""
        changes = self.store.delete_range(r.key, r.range_end)
        self.operations.deletes += 1
        self.detach(changes)
        return Applied(self.store.revision, deleted_body(changes, r.prev_kv), changes)

    def detach(self, changes: list[Change]) -> None:
        """Deleted keys leave their leases."""
        for change in changes:
            if lease := self.lessor.lease_of_key(change.key):
                self.lessor.detach(lease, change.key)

    def revoke(self, lease_id: int) -> Applied:
        """End a lease: all its keys are deleted at one revision, ascending; raises LeaseNotFound."""
        txn = self.store.begin()
        for key in self.lessor.revoke(lease_id):
            txn.delete_range(key, b"")
        changes = txn.end()
        return Applied(self.store.revision, b"", changes)


def resolve_ignored(r: Any, previous: bytes | None) -> tuple[bytes, int]:
    """Operands of a Put with ignore_value or ignore_lease, from the newest framed KeyValue; raises KeyNotFound."""
    if previous is None:
        raise KeyNotFound
    value = record.value_of(previous) if r.ignore_value else r.value
    lease = record.lease_of(previous) if r.ignore_lease else r.lease
    return value, lease


def deleted_body(changes: list[Change], with_prev: bool) -> bytes:
    """Fields 2 and 3 (deleted, prev_kvs) of a DeleteRangeResponse."""
    if not changes:
        return b""
    body = b"\x10" + varint(len(changes))
    if with_prev:
        body += b"".join(b"\x1a" + c.prev[1:] for c in changes if c.prev is not None)
    return body
