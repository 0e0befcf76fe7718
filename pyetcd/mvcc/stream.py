"""A cursor over an interval, pinned to one revision: what RangeStream reads chunk by chunk (section 2.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyetcd.errors import Compacted
from pyetcd.mvcc.query import Query
from pyetcd.mvcc.record import key_of, without_value
from pyetcd.mvcc.walk import PIECE, count, fetched, upper, walk

if TYPE_CHECKING:
    from pyetcd.mvcc.store import Store


class RangeStreamCursor:
    """``revision``: the one read at; ``header_revision``: the store's own when the stream began.

    Nothing is held between calls: a compaction beyond the pinned revision ends the stream with Compacted.
    """

    __slots__ = ("_end", "_keys_only", "_next", "_store", "header_revision", "revision")

    def __init__(self, store: Store, q: Query) -> None:
        self._store = store
        self._next = q.key
        self._end = upper(q.key, q.end)
        self._keys_only = q.keys_only
        self.header_revision = store.revision
        self.revision = store.resolve(q.revision, store.revision)

    def next(self, limit: int) -> tuple[list[bytes], bool]:
        """The next ``limit`` framed entries (<= 0: all of them) and whether more follow.  Raises Compacted."""
        if self._store.compact_revision > self.revision:
            raise Compacted
        entries: list[bytes] = []
        for part in walk(
            self._store, self._next, self._end, self.revision, min(limit + 1, PIECE) if limit > 0 else PIECE
        ):
            entries += fetched(self._store, part)
            if 0 < limit < len(entries):
                break
        more = 0 < limit < len(entries)
        if more:
            del entries[limit:]
        if entries:
            self._next = key_of(entries[-1]) + b"\0"
        if self._keys_only:
            entries = [without_value(entry, keep_lease=False) for entry in entries]
        return entries, more

    def remaining(self) -> int:
        """How many entries ``next`` has not given yet.  Raises Compacted."""
        if self._store.compact_revision > self.revision:
            raise Compacted
        return count(self._store, self._next, self._end, self.revision)
