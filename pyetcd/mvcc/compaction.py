"""Compaction: logical at once, then a background pass in bounded steps (wire contract, sections 2.9 and 6.5).

    scheduled -> index (what to drop, from the log of changes) -> backend (delete and hash, in batches) -> done

``scheduledCompactRev`` is written before, ``finishedCompactRev`` with the last batch; a store loaded in between
starts the pass again from its beginning.  The steps never commit: batches reach the disk in order, so any prefix of
them is a state from which that works.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyetcd.errors import Compacted, FutureRevision
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.hashing import Entries, Hasher, HashResult, live_at
from pyetcd.mvcc.revision import after, from_key, main_key

if TYPE_CHECKING:
    from pyetcd.mvcc.store import Store

SCHEDULED = b"scheduledCompactRev"
FINISHED = b"finishedCompactRev"
BATCH_LIMIT = 1000  # etcd's --compaction-batch-limit
INDEX_SLICE = 1000
TRIM_SLICE = 20_000  # each cut moves the rest of the log, so not too few at once


def read_meta(store: Store, name: bytes) -> int | None:
    """A main revision from META, None when it was never written."""
    value = store.backend.get(Bucket.META, name)
    return None if value is None else from_key(value) >> 32


def schedule(store: Store, revision: int) -> Compaction:
    """See Store.compact."""
    if revision <= store.compact_revision:
        raise Compacted
    if revision > store.revision:
        raise FutureRevision
    whole = read_meta(store, SCHEDULED) == read_meta(store, FINISHED)
    compaction = Compaction(store, revision, store.compact_revision, whole, store.compaction)
    store.compact_revision = revision
    store.compaction = compaction
    store.backend.put(Bucket.META, SCHEDULED, main_key(revision))
    return compaction


class Compaction:
    """The background pass of one compaction.

    ``hash``: set at the end; cached only if the compaction before had been finished when this one was asked for.
    ``deleted``: backend entries removed so far.
    """

    __slots__ = (
        "_cursor",
        "_drop",
        "_hasher",
        "_log",
        "_previous",
        "_store",
        "_whole",
        "deleted",
        "done",
        "hash",
        "previous_revision",
        "revision",
    )

    def __init__(
        self, store: Store, revision: int, previous_revision: int, whole: bool, previous: Compaction | None
    ) -> None:
        self._store = store
        self.revision = revision
        self.previous_revision = previous_revision
        self._whole = whole
        self._previous = previous
        self._log = store.history.trimmed
        self._cursor = bytes(17)
        self._drop: set[bytes] = set()
        self._hasher: Hasher | None = None
        self.deleted = 0
        self.done = False
        self.hash: HashResult | None = None

    @property
    def in_backend(self) -> bool:
        """Whether the index is done, and steps are batches of the backend from now on."""
        return self._previous is None and self._hasher is not None

    def step(self, batch_limit: int = BATCH_LIMIT) -> bool:
        """One bounded piece of work; True when all is done.  An earlier compaction that is not done goes first."""
        if self._previous is not None:
            if self._previous.step(batch_limit):
                self._previous = None
            return False
        if not self.done:
            if self._hasher is None:
                self._index_step()
            else:
                self._backend_step(self._hasher, batch_limit)
        return self.done

    def dropping(self) -> set[bytes]:
        """Backend keys the index has forgotten, of this and earlier compactions; some may be deleted already."""
        return self._drop | self._previous.dropping() if self._previous is not None else self._drop

    def _index_step(self) -> None:
        """Every key with something to drop has a change <= revision in the log."""
        history, live, revision = self._store.history, self._store.live, self.revision
        stop = history.log_position(revision)
        start = max(self._log, history.trimmed)
        self._log = min(start + INDEX_SLICE, stop)
        for key in history.log_slice(start, self._log):
            self._drop.update(history.compact_key(key, live.revision_of(key), revision))
        if self._log >= stop and history.trim_log(revision, TRIM_SLICE):
            self._hasher = Hasher(self.previous_revision, self._drop if self._keeps_anything() else set())

    def _keeps_anything(self) -> bool:
        """An empty keep set makes etcd hash what the previous compaction had left."""
        bound = after(self.revision)
        return live_at(self._store, self.revision) or any(revs[0] < bound for revs in self._store.history.revs.values())

    def _backend_step(self, hasher: Hasher, batch_limit: int) -> None:
        backend = self._store.backend
        entries: Entries = backend.scan(Bucket.KEY, self._cursor, main_key(self.revision + 1), batch_limit)
        for key in [key for key, _ in entries if key in self._drop]:
            backend.delete(Bucket.KEY, key)
            self.deleted += 1
        hasher.feed(entries)
        if len(entries) < batch_limit:
            self._finish(hasher)
        else:
            self._cursor = entries[-1][0] + b"\0"

    def _finish(self, hasher: Hasher) -> None:
        store = self._store
        store.backend.put(Bucket.META, FINISHED, main_key(self.revision))
        self.hash = HashResult(hasher.crc, self.previous_revision, self.revision)
        if self._whole:
            store.hashes.store(self.hash)
        if store.compaction is self:
            store.compaction = None
        self.done = True
