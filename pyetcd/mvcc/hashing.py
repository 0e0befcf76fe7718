"""HashKV: one CRC-32C over the entries of the ``key`` bucket up to a revision (wire contract, section 6.5)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import google_crc32c

from pyetcd.errors import Compacted, FutureRevision
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.revision import after, main_key, to_key

if TYPE_CHECKING:
    from pyetcd.mvcc.store import Store

BATCH = 1000
CACHED = 10
EMPTY_HASH: int = google_crc32c.extend(0, b"key")

Entries = list[tuple[bytes, bytes]]


class HashResult(NamedTuple):
    """``compact_revision`` is the one the hash was computed under: a cached hash keeps the previous one."""

    hash: int
    compact_revision: int
    hash_revision: int


class HashCache:
    """The hashes of the last ten compactions, by revision; asked before anything else, lost on restart."""

    __slots__ = ("results",)

    def __init__(self) -> None:
        self.results: list[HashResult] = []

    def store(self, result: HashResult) -> None:
        self.results.append(result)
        self.results.sort(key=lambda r: r.hash_revision)
        del self.results[:-CACHED]

    def find(self, revision: int) -> HashResult | None:
        """By the revision as requested: compact(0) leaves a hash that answers every later request for 0."""
        return next((r for r in self.results if r.hash_revision == revision), None)


class Hasher:
    """Feeds backend entries in order.

    ``skip``: backend keys that do not count if their main is <= ``compact_revision``.
    """

    __slots__ = ("_compacted", "_lower", "_skip", "crc")

    def __init__(self, compact_revision: int, skip: set[bytes]) -> None:
        self.crc = EMPTY_HASH
        self._lower = main_key(compact_revision + 1)
        self._compacted = main_key(compact_revision)[:9] if compact_revision >= 0 else b"\xff"
        self._skip = skip

    def feed(self, entries: Entries) -> None:
        """Entries with main <= the revision hashed."""
        if entries and entries[0][0] < self._lower:
            entries = [entry for entry in entries if self._counts(entry[0])]
        self.crc = google_crc32c.extend(self.crc, b"".join(chain.from_iterable(entries)))

    def _counts(self, key: bytes) -> bool:
        if key >= self._lower:
            return True
        return key not in self._skip and not (len(key) == 18 and key.startswith(self._compacted))


def steps(store: Store, request: int) -> Iterator[HashResult | None]:
    """HashKV of revision ``request`` (0: the current one); starts over when a compaction comes in between."""
    while True:
        compacted = store.compact_revision
        cached = store.hashes.find(request)
        if cached is not None:
            yield cached
            return
        if 0 < request < compacted:
            raise Compacted
        if request > store.revision:
            raise FutureRevision
        result = yield from _compute(store, request or store.revision, compacted)
        if result is not None:
            yield result
            return


def _compute(store: Store, revision: int, compacted: int) -> Generator[None, None, HashResult | None]:
    """None when a compaction overtook it."""
    if revision < 0:
        return HashResult(EMPTY_HASH, compacted, revision)
    skip = yield from _skipped(store, revision, compacted)
    hasher = Hasher(compacted, skip)
    at, stop = bytes(17), main_key(revision + 1)
    while store.compact_revision == compacted:
        entries = store.backend.scan(Bucket.KEY, at, stop, BATCH)
        hasher.feed(entries)
        if len(entries) < BATCH:
            return HashResult(hasher.crc, compacted, revision)
        at = entries[-1][0] + b"\0"
        yield
    return None


def _skipped(store: Store, revision: int, compacted: int) -> Generator[None, None, set[bytes]]:
    """Backend keys with main <= ``compacted`` that a compaction at ``revision`` would drop.

    What a running compaction has already forgotten, and not yet deleted, is among them.  A tombstone at ``revision``
    counts as dropped here, unlike in a compaction.  When such a compaction would keep
    nothing at all, nothing is skipped (etcd takes an empty keep set for "there was no compaction").
    """
    skip: set[bytes] = set()
    if compacted < 0:
        return skip
    history, live, bound = store.history, store.live, after(compacted)
    start, stop = history.log_position(-1), history.log_position(revision)
    for at in range(start, stop, BATCH):
        for key in history.log_slice(at, min(at + BATCH, stop)):
            revs = history.revs.get(key)
            if revs is not None and revs[0] < bound:
                kept = 0 if 0 < live.revision_of(key) < after(revision) else history.at(key, revision)
                skip.update(to_key(rev) for rev in revs if rev < bound and rev != kept)
        yield
    if store.compaction is not None:
        skip |= store.compaction.dropping()
    return skip if anything_kept(store, revision) else set()


def anything_kept(store: Store, revision: int) -> bool:
    """Whether any key was live at ``revision``."""
    if live_at(store, revision):
        return True
    at = store.history.at
    return any(at(key, revision) for key in store.history.revs)


def live_at(store: Store, revision: int) -> bool:
    """Whether any live key has not changed since ``revision``."""
    bound = after(revision)
    return any(min(leaf.revs) < bound for leaf in store.live.leaves if leaf.revs)
