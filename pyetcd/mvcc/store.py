"""The store: etcd's multi-version key-value state over a Backend (wire contract, section 2).

Live keys are in memory with their encoded KeyValue (tree.py), what came before in the backend, indexed by history.py.
Pure: no clock, no randomness, no I/O but the Backend it is given; whoever owns the backend commits it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from pyetcd.errors import Compacted, FutureRevision
from pyetcd.mvcc import checking, hashing, loading, past, reading
from pyetcd.mvcc.backend import Backend, Bucket
from pyetcd.mvcc.compaction import Compaction, schedule
from pyetcd.mvcc.hashing import HashCache, HashResult
from pyetcd.mvcc.history import History
from pyetcd.mvcc.query import Change, Query, RangeResult
from pyetcd.mvcc.record import FRAMES, create_of, encode_deleted, encode_tombstone, first, frame, successor, varint
from pyetcd.mvcc.revision import MAIN_SHIFT, TOMBSTONE, to_key
from pyetcd.mvcc.rope import EMPTY, Rope
from pyetcd.mvcc.stream import RangeStreamCursor
from pyetcd.mvcc.tree import LiveTree
from pyetcd.mvcc.txn import WriteTxn

_KEY = Bucket.KEY
_ZERO_SUB = b"_" + bytes(8)
_FRAMES = len(FRAMES)


class Store:
    """``revision``: main revision of the last change, 1 when empty.  ``compact_revision``: -1 when never compacted.

    ``compaction``: the newest compaction whose background pass is not done (also one that ``load`` resumes), or None.
    """

    __slots__ = ("backend", "compact_revision", "compaction", "hashes", "history", "live", "revision")

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.revision = 1
        self.compact_revision = -1
        self.compaction: Compaction | None = None
        self.live = LiveTree()
        self.history = History()
        self.hashes = HashCache()

    def load(self) -> None:
        """Rebuild everything from the backend.  An unfinished compaction is then in ``compaction``, to be stepped."""
        loading.load(self)

    # -- reading

    def get(self, key: bytes) -> bytes | None:
        """The newest framed KeyValue of a live key."""
        return self.live.get(key)

    def range(self, q: Query) -> RangeResult:
        """The answer at once.  Raises Compacted, FutureRevision or InvalidSortOption."""
        return self.range_at(q, self.revision)

    def range_at(self, q: Query, current: int) -> RangeResult:
        """``range`` with ``current`` as the store's revision: inside a transaction it is already the next one."""
        if q.plain and (q.revision <= 0 or q.revision == current):
            if q.end:
                return reading.interval(self.live, q, current)
            framed = self.live.get(q.key)
            if framed is None:
                return RangeResult(EMPTY, 0, False, 0, current)
            if q.count_only:
                return RangeResult(EMPTY, 0, False, 1, current)
            return RangeResult(Rope(len(framed), ((framed,),)), 1, False, 1, current)
        for result in reading.steps(self, q, current):
            if result is not None:
                return result
        raise AssertionError("a range ended without a result")

    def range_steps(self, q: Query) -> Iterator[RangeResult | None]:
        """The same in bounded slices: None between them, the result last.  Consistent at one revision."""
        return reading.steps(self, q, self.revision)

    def stream(self, q: Query) -> RangeStreamCursor:
        """A cursor pinned to a revision, for RangeStream.  Raises Compacted or FutureRevision."""
        return RangeStreamCursor(self, q)

    def resolve(self, revision: int, current: int) -> int:
        """The revision to read at.  Raises FutureRevision or Compacted (section 2.4)."""
        if revision > current:
            raise FutureRevision
        if revision <= 0:
            return current
        if revision < self.compact_revision:
            raise Compacted
        return revision

    def fetch(self, rev: int) -> bytes:
        """The framed KeyValue of a packed revision, from the backend."""
        body = self.backend.get(_KEY, to_key(rev))
        assert body is not None, f"revision {rev >> MAIN_SHIFT} is in the index and not in the backend"
        return frame(body)

    def changes(
        self, start: int, end: int, limit_revisions: int, *, with_prev: bool = True
    ) -> list[tuple[int, list[Change]]]:
        """Changes of the revisions ``start`` .. ``end`` - 1, whole revisions, at most ``limit_revisions`` of them.

        ``prev`` is filled where it is not compacted (costs a backend read each; none when not ``with_prev``).
        Raises Compacted when ``start`` lies before the compact revision.
        """
        return past.changes(self, start, end, limit_revisions, with_prev)

    # -- writing

    def put(self, key: bytes, value: bytes, lease: int = 0) -> Change:
        """One put is one revision."""
        main = self.revision + 1
        change = self.write(key, value, lease, main, 0)
        self.revision = main
        return change

    def delete_range(self, key: bytes, end: bytes) -> list[Change]:
        """One revision when anything matched; ascending keys."""
        changes = self.erase(key, end, self.revision + 1, 0)
        if changes:
            self.revision += 1
        return changes

    def begin(self) -> WriteTxn:
        """Several changes in one revision."""
        return WriteTxn(self)

    def write(self, key: bytes, value: bytes, lease: int, main: int, sub: int) -> Change:
        """Put one key as change ``sub`` of revision ``main``.  The hot path: long on purpose."""
        assert key
        live, history = self.live, self.history
        i = bisect_right(live.firsts, key) - 1
        leaf = live.leaves[i]
        keys = leaf.keys
        j = bisect_left(keys, key)
        rev = main << MAIN_SHIFT | sub << 1
        if j < len(keys) and keys[j] == key:
            key = keys[j]
            if leaf.shared:
                leaf.framed = leaf.framed.copy()
                leaf.shared = False
            prev = leaf.framed[j]
            body = successor(prev, len(key), b"\x18" + varint(main), value, lease)
            size = len(body)
            framed = FRAMES[size] + body if size < _FRAMES else frame(body)
            live.sizes[i] += len(framed) - len(prev)
            leaf.framed[j] = framed
            old = leaf.revs[j]
            leaf.revs[j] = rev
            history.supersede(key, old)
            change = Change(False, key, framed, prev, old >> MAIN_SHIFT == main and create_of(framed) == main)
        else:
            body = first(key, main, value, lease)
            framed = frame(body)
            live.insert(i, j, key, framed, rev)
            if key in history.revs:
                history.dead.discard(key)
            change = Change(False, key, framed, None, True)
        history.log_revs.append(rev)
        history.log_keys.append(key)
        self.backend.put(_KEY, main.to_bytes(8, "big") + _ZERO_SUB if not sub else to_key(rev), body)
        return change

    def erase(self, key: bytes, end: bytes, main: int, sub: int) -> list[Change]:
        """Delete the live keys of an interval as changes ``sub``, ``sub`` + 1, … of revision ``main``."""
        live = self.live
        changes: list[Change] = []
        i, a, k, b = live.bounds(key, end or key + b"\0")
        for n in range(i, k + 1):
            leaf = live.leaves[n]
            part = slice(a if n == i else 0, b if n == k else None)
            for name, framed, old in zip(leaf.keys[part], leaf.framed[part], leaf.revs[part], strict=True):
                self._bury(name, old, main << MAIN_SHIFT | sub + len(changes) << 1 | TOMBSTONE)
                changes.append(Change(True, name, frame(encode_deleted(name, main)), framed, False))
        if changes:
            live.cut(i, a, k, b)
        return changes

    def _bury(self, key: bytes, old: int, tombstone: int) -> None:
        history = self.history
        history.supersede(key, old)
        history.supersede(key, tombstone)
        history.dead.add(key)
        history.log_revs.append(tombstone)
        history.log_keys.append(key)
        self.backend.put(_KEY, to_key(tombstone), encode_tombstone(key))

    # -- compaction and hashes

    def compact(self, revision: int) -> Compaction:
        """Logical at once; the returned Compaction's ``step`` removes old revisions in bounded batches.

        Raises Compacted or FutureRevision.  Writes scheduledCompactRev: commit the backend before stepping.
        """
        return schedule(self, revision)

    def hash_kv(self, revision: int) -> HashResult:
        """HashKV (section 6.5).  Raises Compacted or FutureRevision."""
        for result in self.hash_kv_steps(revision):
            if result is not None:
                return result
        raise AssertionError("a hash ended without a result")

    def hash_kv_steps(self, revision: int) -> Iterator[HashResult | None]:
        """The same in bounded slices: None between them, the result last."""
        return hashing.steps(self, revision)

    # -- looking

    def describe(self, key: bytes) -> str:
        """``foo {2.0, 3.0(t)} {5.0}``; just the key when the index does not know it."""
        name = key.decode("utf-8", "backslashreplace")
        return f"{name} {self.history.describe(key, self.live.revision_of(key))}".rstrip()

    def check(self) -> None:
        """Asserts every invariant, against the backend too.  Slow; for tests and offline checks."""
        checking.check(self)
