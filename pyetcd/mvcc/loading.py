"""Rebuilding the index from the backend after a restart: one pass over every revision, then one sort.

A million keys are a million small objects, so nothing is decoded that is not needed and the collector sees no new
container per key.  (The caller may want to switch garbage collection off meanwhile and freeze the result.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.compaction import FINISHED, SCHEDULED, read_meta, schedule
from pyetcd.mvcc.record import FRAMES, frame, key_of_body
from pyetcd.mvcc.revision import MAIN_SHIFT, TOMBSTONE, main_key

if TYPE_CHECKING:
    from pyetcd.mvcc.hashing import Entries
    from pyetcd.mvcc.history import History
    from pyetcd.mvcc.store import Store

BATCH = 10_000


def load(store: Store) -> None:
    """See Store.load; ``store`` is new."""
    finished, scheduled = read_meta(store, FINISHED), read_meta(store, SCHEDULED)
    if finished is not None:
        store.compact_revision = finished
    loader = _Loader(store.history, store.compact_revision)
    at = main_key(1)
    while True:
        entries = store.backend.scan(Bucket.KEY, at, None, BATCH)
        loader.feed(entries)
        if len(entries) < BATCH:
            break
        at = entries[-1][0] + b"\0"
    store.revision = max(1, loader.last >> MAIN_SHIFT, finished or 0, scheduled or 0)
    keys = sorted(loader.framed)
    store.live.fill(keys, list(map(loader.framed.__getitem__, keys)), list(map(loader.revs.__getitem__, keys)))
    store.history.dead.fill(sorted(key for key in store.history.revs if key not in loader.framed))
    if scheduled is not None and scheduled > store.compact_revision:
        schedule(store, scheduled)


class _Loader:
    """Entries in revision order -> newest of each live key, and the history of the others."""

    def __init__(self, history: History, compacted: int) -> None:
        self.framed: dict[bytes, bytes] = {}
        self.revs: dict[bytes, int] = {}
        self.last = 0
        self._history = history
        self._logged_from = compacted << MAIN_SHIFT if compacted > 0 else 0

    def feed(self, entries: Entries) -> None:
        revs, framed, heads = self.revs, self.framed, FRAMES
        limit, from_bytes, rev = len(heads), int.from_bytes, self.last
        new_keys: list[bytes] = []
        new_revs: list[int] = []
        for raw, body in entries:
            tail = raw[9:17]
            rev = from_bytes(raw[:8], "big") << MAIN_SHIFT
            if tail != _ZERO or len(raw) == 18:
                rev |= from_bytes(tail, "big") << 1 | len(raw) - 17
            size = body[1]
            key = body[2 : size + 2] if size < 0x80 else key_of_body(body)
            new_keys.append(key)
            new_revs.append(rev)
            if key in revs or rev & TOMBSTONE:
                self._again(key, rev, body)
            else:
                revs[key] = rev
                size = len(body)
                framed[key] = heads[size] + body if size < limit else frame(body)
        assert rev >= self.last
        self.last = rev
        self._log(new_keys, new_revs)

    def _again(self, key: bytes, rev: int, body: bytes) -> None:
        """A key that is live already, or a tombstone."""
        old = self.revs.pop(key, 0)
        if old:
            self._history.supersede(key, old)
            del self.framed[key]
        if rev & TOMBSTONE:
            self._history.supersede(key, rev)
        else:
            self.revs[key] = rev
            self.framed[key] = frame(body)

    def _log(self, keys: list[bytes], revs: list[int]) -> None:
        if revs and revs[-1] >= self._logged_from:
            if revs[0] < self._logged_from:
                skip = next(i for i, rev in enumerate(revs) if rev >= self._logged_from)
                del keys[:skip], revs[:skip]
            self._history.log_keys += keys
            self._history.log_revs += revs


_ZERO = bytes(8)
