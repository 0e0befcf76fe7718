"""A write transaction: several changes under one main revision (wire contract, section 2.8).

It writes through: nothing is rolled back, because everything that can fail is checked before the first change
(``apply`` does that), as in etcd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyetcd.mvcc.query import Change, Query, RangeResult

if TYPE_CHECKING:
    from pyetcd.mvcc.store import Store


class WriteTxn:
    """``changes`` in the order executed (their index is the sub revision).  Call ``end`` once, at the end."""

    __slots__ = ("_before", "_begin", "_store", "changes")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begin = store.revision
        self._before: dict[bytes, bytes | None] = {}  # the state before the transaction of every key it changed
        self.changes: list[Change] = []

    @property
    def revision(self) -> int:
        """The store's revision when it began, one more after the first change: what sub-responses report."""
        return self._begin + 1 if self.changes else self._begin

    def range(self, q: Query) -> RangeResult:
        """Sees the changes made so far.  Raises Compacted, FutureRevision or InvalidSortOption."""
        return self._store.range_at(q, self.revision)

    def put(self, key: bytes, value: bytes, lease: int = 0) -> Change:
        change = self._store.write(key, value, lease, self._begin + 1, len(self.changes))
        self._add(change)
        return change

    def delete_range(self, key: bytes, end: bytes) -> list[Change]:
        """The changes of this operation alone."""
        changes = self._store.erase(key, end, self._begin + 1, len(self.changes))
        for change in changes:
            self._add(change)
        return changes

    def _add(self, change: Change) -> None:
        change.prev = self._before.setdefault(change.key, change.prev)
        self.changes.append(change)

    def end(self) -> list[Change]:
        """Makes the revision current when anything changed; returns all changes."""
        self._store.revision = self.revision
        return self.changes
