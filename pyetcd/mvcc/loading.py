"""Rebuilding the index from the backend after a restart: one pass over every revision, then one sort.

A million keys wait for this, so it goes column by column: what touches every row runs in C or is one comprehension.
As long as no key was met twice and none was deleted, a set of the keys is all it takes to know that; the first batch
that says otherwise makes the loader keep where each key stands.  No container is made per key, so garbage collection
would only look at everything again and again: the caller may want to switch it off meanwhile and freeze the result.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from struct import unpack
from typing import TYPE_CHECKING

from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.compaction import FINISHED, SCHEDULED, read_meta, schedule
from pyetcd.mvcc.record import FRAMES, frame, key_of_body
from pyetcd.mvcc.revision import MAIN_SHIFT, TOMBSTONE, from_key

if TYPE_CHECKING:
    from pyetcd.mvcc.history import History
    from pyetcd.mvcc.store import Store

BATCH = 2000  # rows: few enough for the processor's cache, and for the allocator to use their memory again


def load(store: Store) -> None:
    """See Store.load; ``store`` is new."""
    finished, scheduled = read_meta(store, FINISHED), read_meta(store, SCHEDULED)
    if finished is not None:
        store.compact_revision = finished
    skip, batches = store.backend.columns(Bucket.KEY, BATCH)
    loader = _Loader(store.history, skip)
    for raws, bodies in batches:
        loader.feed(raws, bodies)
    last = loader.revs[-1] >> MAIN_SHIFT if loader.revs else 0
    store.revision = max(1, last, finished or 0, scheduled or 0)
    loader.fill(store)
    if scheduled is not None and scheduled > store.compact_revision:
        schedule(store, scheduled)


class _Loader:
    """Parallel lists over every revision in order, and what is known about the keys in them.

    ``_seen``: all keys, while every one of them is there once and lives; empty from then on.
    ``_newest``: from then on, where the newest revision of each live key stands.
    """

    def __init__(self, history: History, skip: int) -> None:
        self.keys: list[bytes] = []
        self.framed: list[bytes] = []
        self.revs: list[int] = []
        self._seen: set[bytes] = set()
        self._newest: dict[bytes, int] | None = None
        self._history = history
        self._skip = skip

    def feed(self, raws: Sequence[bytes], bodies: Sequence[bytes]) -> None:
        """One batch: keys of the backend and what they hold."""
        revs = revisions(raws, self._skip)
        try:
            keys = _keys(bodies)
        except IndexError:
            self._feed_without_blanks(raws, bodies)
            return
        start = len(self.keys)
        if self._newest is None and not self._all_new(keys, raws):
            self._newest = dict(zip(self.keys, range(start), strict=True))
            self._seen = set()
        self.keys += keys
        self.framed += _framed(bodies)
        self.revs += revs
        if self._newest is not None:
            self._place(self._newest, start, keys, revs)

    def _feed_without_blanks(self, raws: Sequence[bytes], bodies: Sequence[bytes]) -> None:
        """A restore to a higher revision leaves a record of no key there (section 11.4); no request can reach it."""
        rows = [(raw, body) for raw, body in zip(raws, bodies, strict=True) if body]
        if len(rows) == len(raws):
            raise ValueError("a revision's record is cut off")
        if rows:
            self.feed([raw for raw, _ in rows], [body for _, body in rows])

    def _all_new(self, keys: list[bytes], raws: Sequence[bytes]) -> bool:
        """None of the batch is a tombstone, and no key in it was there before."""
        if len(b"".join(raws)) > len(raws) * (self._skip + 17):
            return False
        seen = self._seen
        seen.update(keys)
        return len(seen) == len(self.keys) + len(keys)

    def _place(self, newest: dict[bytes, int], start: int, keys: list[bytes], revs: list[int]) -> None:
        places = list(range(start, start + len(keys)))
        found = list(map(newest.setdefault, keys, places))
        for key, at, old, rev in zip(keys, places, found, revs, strict=True):
            if at != old or rev & TOMBSTONE:
                self._again(newest, key, at, rev)

    def _again(self, newest: dict[bytes, int], key: bytes, at: int, rev: int) -> None:
        """A key that was there before, or a tombstone.  (Where it was is asked anew: the batch may have it thrice.)"""
        old = newest.get(key, at)
        if old != at:
            self._history.supersede(key, self.revs[old])
            self.framed[old] = b""
        if rev & TOMBSTONE:
            newest.pop(key, None)
            self._history.supersede(key, rev)
            self.framed[at] = b""
        else:
            newest[key] = at

    def fill(self, store: Store) -> None:
        """Put everything in its place; the lists of the loader become the store's log."""
        history, newest = self._history, self._newest
        places = range(len(self.keys)) if newest is None else newest.values()
        if newest is not None:
            history.dead.fill(sorted(key for key in history.revs if key not in newest))
        order = sorted(places, key=self.keys.__getitem__)
        del places, newest
        self._seen, self._newest = set(), None
        framed = list(map(self.framed.__getitem__, order))
        self.framed.clear()
        store.live.fill(list(map(self.keys.__getitem__, order)), framed, list(map(self.revs.__getitem__, order)))
        logged = bisect_left(self.revs, max(store.compact_revision, 0) << MAIN_SHIFT)
        del self.keys[:logged], self.revs[:logged]
        history.log_keys, history.log_revs = self.keys, self.revs


def _keys(bodies: Sequence[bytes]) -> list[bytes]:
    """The key of each body.  IndexError when one is blank."""
    sizes = set(map(itemgetter(1), bodies))
    size = sizes.pop()
    if not sizes and size < 0x80:  # one size: a slice for all
        return list(map(itemgetter(slice(2, size + 2)), bodies))
    return [body[2 : body[1] + 2] if body[1] < 0x80 else key_of_body(body) for body in bodies]


def _framed(bodies: Sequence[bytes]) -> list[bytes]:
    heads = FRAMES
    try:
        return [heads[len(body)] + body for body in bodies]
    except IndexError:  # a large one
        return list(map(frame, bodies))


def revisions(raws: Sequence[bytes], skip: int = 0) -> list[int]:
    """Packed revisions of ascending backend keys, each behind ``skip`` bytes.  ValueError when one is none."""
    count, row = len(raws), skip + 17
    joined = b"".join(raws)
    if len(joined) == count * row and raws[-1][skip : skip + 4] == bytes(4):  # no tombstone, no main of five bytes
        column = [joined[at::row] for at in range(skip, row)]
        no_large_sub = column[9] == column[10] == column[11] == column[12] == bytes(count) and column[13].isascii()
        if no_large_sub and column[8] == b"_" * count:
            return _from_columns(count, column)
    return [from_key(raw[skip:]) for raw in raws]


def _from_columns(count: int, column: list[bytes]) -> list[int]:
    """The same from the columns of all keys: four bytes of main and of sub each go into 64-bit lanes.

    Subs are shifted all at once, in one integer as long as the batch.
    """
    mains, subs = bytearray(count * 8), bytearray(count * 8)
    for at in range(4):
        mains[at::8], subs[at + 4 :: 8] = column[at + 4], column[at + 13]
    packed = int.from_bytes(mains, "big") | int.from_bytes(subs, "big") << 1
    return list(unpack(f">{count}Q", packed.to_bytes(count * 8, "big")))
