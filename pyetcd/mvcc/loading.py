"""Rebuilding the index from the backend after a restart: one pass over every revision, then one sort.

A million keys are a million small objects, so nothing is decoded that is not needed and the collector sees no new
container per key.  (The caller may want to switch garbage collection off meanwhile and freeze the result.)
"""

from __future__ import annotations

from bisect import bisect_left
from struct import Struct
from typing import TYPE_CHECKING

from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.compaction import FINISHED, SCHEDULED, read_meta, schedule
from pyetcd.mvcc.record import FRAMES, frame, key_of_body
from pyetcd.mvcc.revision import MAIN_SHIFT, TOMBSTONE, from_key, main_key

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
        if entries:
            loader.feed(entries)
        if len(entries) < BATCH:
            break
        at = entries[-1][0] + b"\0"
    last = loader.revs[-1] >> MAIN_SHIFT if loader.revs else 0
    store.revision = max(1, last, finished or 0, scheduled or 0)
    loader.fill(store)
    if scheduled is not None and scheduled > store.compact_revision:
        schedule(store, scheduled)


class _Loader:
    """Parallel lists over every revision in order, and where the newest of each live key stands in them."""

    def __init__(self, history: History, compacted: int) -> None:
        self.keys: list[bytes] = []
        self.framed: list[bytes] = []
        self.revs: list[int] = []
        self._newest: dict[bytes, int] = {}
        self._history = history
        self._logged_from = max(compacted, 0) << MAIN_SHIFT

    def feed(self, entries: Entries) -> None:
        """One batch, column by column: the loops run in C or in comprehensions."""
        raws, bodies = zip(*entries, strict=True)
        heads, limit = FRAMES, len(FRAMES)
        keys = [body[2 : body[1] + 2] if body[1] < 0x80 else key_of_body(body) for body in bodies]
        revs = _revisions(raws)
        start = len(self.keys)
        places = range(start, start + len(keys))
        self.keys += keys
        self.framed += [heads[len(body)] + body if len(body) < limit else frame(body) for body in bodies]
        self.revs += revs
        found = list(map(self._newest.setdefault, keys, places))
        special = [at for at, old, raw in zip(places, found, raws, strict=True) if at != old or len(raw) == 18]
        for at in special:
            self._again(at)
        if revs[-1] >= self._logged_from:
            skip = bisect_left(revs, self._logged_from)
            self._history.log_keys += keys[skip:]
            self._history.log_revs += revs[skip:]

    def _again(self, at: int) -> None:
        """A key that was there before, or a tombstone."""
        key, rev = self.keys[at], self.revs[at]
        old = self._newest.pop(key, at)
        if old != at:
            self._history.supersede(key, self.revs[old])
            self.framed[old] = b""
        if rev & TOMBSTONE:
            self._history.supersede(key, rev)
            self.framed[at] = b""
        else:
            self._newest[key] = at

    def fill(self, store: Store) -> None:
        """Put everything in its place."""
        newest = self._newest
        dead = sorted(key for key in self._history.revs if key not in newest)
        order = sorted(newest.values(), key=self.keys.__getitem__)
        newest.clear()
        store.live.fill(
            [self.keys[at] for at in order], [self.framed[at] for at in order], [self.revs[at] for at in order]
        )
        store.history.dead.fill(dead)


def _revisions(raws: tuple[bytes, ...]) -> list[int]:
    """Packed revisions of backend keys."""
    joined = b"".join(raws)
    if len(joined) == 17 * len(raws):
        return [main << MAIN_SHIFT | sub << 1 for main, sub in _PLAIN.iter_unpack(joined)]
    return [from_key(raw) for raw in raws]


_PLAIN = Struct(">QxQ")
