"""The backend in memory: for tests and simulation, with crashes that lose a tail of the commits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from pyetcd.mvcc.backend import Bucket, Rows, scan_columns

Undo = list[tuple[Bucket, bytes, bytes | None]]


class _Table:
    """One bucket: a dict beside its sorted keys.

    A deleted key stays in ``order`` until a third of it is dead: compaction deletes a million keys one by one, and
    each removal from a list of a million would move megabytes.
    """

    __slots__ = ("order", "values")

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}
        self.order: list[bytes] = []

    def put(self, key: bytes, value: bytes) -> None:
        if key not in self.values:
            self._place(key)
        self.values[key] = value

    def _place(self, key: bytes) -> None:
        order = self.order
        if not order or key > order[-1]:
            order.append(key)
            return
        at = bisect_left(order, key)
        if order[at] != key:
            order.insert(at, key)

    def delete(self, key: bytes) -> None:
        if self.values.pop(key, None) is not None and len(self.order) > 16 + len(self.values) * 3 // 2:
            self.order = [k for k in self.order if k in self.values]

    def scan(self, start: bytes, end: bytes | None, limit: int) -> list[tuple[bytes, bytes]]:
        values, order = self.values, self.order
        found: list[tuple[bytes, bytes]] = []
        for at in range(bisect_left(order, start), len(order)):
            key = order[at]
            if (end is not None and key >= end) or (limit and len(found) >= limit):
                break
            if key in values:
                found.append((key, values[key]))
        return found


class MemoryBackend:
    """A Backend in memory.

    With ``crashable=True`` it remembers how to undo, so that ``crash(kept)`` can leave exactly the state after the
    first ``kept`` commits since the last ``flush``, as an unsynced write-ahead log would after a power cut.
    """

    def __init__(self, *, crashable: bool = False) -> None:
        self._tables: dict[Bucket, _Table] = {bucket: _Table() for bucket in Bucket}
        self._crashable = crashable
        self._open: Undo = []
        self._unflushed: list[Undo] = []

    def put(self, bucket: Bucket, key: bytes, value: bytes) -> None:
        table = self._tables[bucket]
        if self._crashable:
            self._open.append((bucket, key, table.values.get(key)))
        table.put(key, value)

    def delete(self, bucket: Bucket, key: bytes) -> None:
        table = self._tables[bucket]
        if self._crashable:
            self._open.append((bucket, key, table.values.get(key)))
        table.delete(key)

    def get(self, bucket: Bucket, key: bytes) -> bytes | None:
        return self._tables[bucket].values.get(key)

    def scan(self, bucket: Bucket, start: bytes, end: bytes | None, limit: int = 0) -> list[tuple[bytes, bytes]]:
        return self._tables[bucket].scan(start, end, limit)

    def columns(self, bucket: Bucket, size: int) -> tuple[int, Iterator[Rows]]:
        return 0, scan_columns(self, bucket, size)

    def commit(self) -> None:
        if self._crashable:
            self._unflushed.append(self._open)
            self._open = []

    def flush(self) -> None:
        """Commit, and make every commit so far survive any crash."""
        self.commit()
        self._unflushed.clear()

    @property
    def unflushed(self) -> int:
        """How many commits a crash may still take away."""
        return len(self._unflushed)

    def crash(self, kept: int) -> None:
        """Go back to the state after the first ``kept`` unflushed commits; uncommitted writes are lost."""
        assert self._crashable and 0 <= kept <= len(self._unflushed)
        self._undo(self._open)
        self._open = []
        while len(self._unflushed) > kept:
            self._undo(self._unflushed.pop())

    def _undo(self, batch: Undo) -> None:
        for bucket, key, value in reversed(batch):
            table = self._tables[bucket]
            if value is None:
                table.delete(key)
            else:
                table.put(key, value)
