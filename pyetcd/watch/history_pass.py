"""One walk over history for a set of watchers that are behind.

Per watcher events gather into a response until it holds 1000 revisions, the pass holds too many bytes, or the present
is reached.  A revision is never cut in two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pyetcd.mvcc.query import Change
from pyetcd.watch import messages
from pyetcd.watch.group import Group
from pyetcd.watch.messages import SharedEvent
from pyetcd.watch.stream import CROWDED_HIGH_WATER
from pyetcd.watch.watcher import State, Watcher

if TYPE_CHECKING:
    from pyetcd.watch.hub import Hub

BATCH_REVISIONS = 1000
"""Revisions in one response, counted before filters."""
BATCH_BYTES = 16 << 20
"""Event bytes that all responses of a pass may gather together, each watcher's counted."""
SLICE_REVISIONS = 200
"""Revisions read in one step at most: about two milliseconds."""
MOST_REVISIONS = 2000
"""The same when so many are written between two steps that less would never catch up."""
FIRST_SLICE = 25
"""Revisions read in the first step, when nothing is known yet of values and interest."""
SLICE_WORK = 2000
"""What a step should do: events handed to watchers, and half kilobytes read."""


class _Batch:
    """Events from revision ``first`` on, encoded; ``revisions`` counts those that concern the watcher."""

    __slots__ = ("events", "first", "revisions", "size")

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.first = 0
        self.revisions = 0
        self.size = 0


class HistoryPass:
    """``near``: its watchers were nearly current when it began."""

    __slots__ = ("_batches", "_cursor", "_group", "_hub", "_seen", "_size", "_slice", "_with_prev", "near")

    def __init__(self, hub: Hub, watchers: Iterable[Watcher], near: bool) -> None:
        self._hub = hub
        self._batches = {watcher: _Batch() for watcher in watchers}
        self._group = Group()
        for watcher in self._batches:
            self._group.add(watcher)
        self._cursor = min(watcher.next_revision for watcher in self._batches)
        self._with_prev = any(watcher.prev_kv for watcher in self._batches)
        self._size = 0
        self._seen = hub.store.revision
        self._slice = min(FIRST_SLICE, SLICE_REVISIONS)
        self.near = near

    def step(self) -> bool:
        """Read one slice; True when the present was reached and all watchers have left."""
        store = self._hub.store
        if self._cursor < store.compact_revision:
            self._tell_compacted(store.compact_revision)
        # twice what was written since the last step, so that the present cannot run away
        asked = max(self._slice, min(2 * (store.revision - self._seen), MOST_REVISIONS))
        self._seen = store.revision
        end = store.revision + 1 if self._batches else 0
        history = store.changes(self._cursor, end, asked, with_prev=self._with_prev)
        work = 0
        for revision, changes in history:
            work += self._gather(revision, changes) + sum(len(change.kv) for change in changes) // 512
            if self._size > BATCH_BYTES:
                self._send_all()
        self._adapt(work)
        if len(history) == asked:
            self._cursor = history[-1][0] + 1
            return not self._batches
        self._finish()
        return True

    def _adapt(self, work: int) -> None:
        """Large values or many watchers: fewer revisions in the next slice."""
        if work > SLICE_WORK:
            self._slice = max(1, self._slice // 2)
        elif work < SLICE_WORK // 4:
            self._slice = min(SLICE_REVISIONS, self._slice * 2)

    def remove(self, watcher: Watcher) -> None:
        self._size -= self._batches.pop(watcher).size
        self._group.remove(watcher)

    # -- gathering --------------------------------------------------------------------------------------------

    def _gather(self, revision: int, changes: Sequence[Change]) -> int:
        """One revision to whom it concerns; how many that were."""
        wanted: dict[Watcher, list[SharedEvent]] = {}
        watching = self._group.watching
        for change in changes:
            sets = watching(change.key)
            if sets:
                event = SharedEvent(change)
                for members in sets:
                    for watcher in members:
                        if revision >= watcher.next_revision:
                            wanted.setdefault(watcher, []).append(event)
        for watcher, events in wanted.items():
            self._add(watcher, revision, watcher.wanted(events))
        return len(wanted)

    def _add(self, watcher: Watcher, revision: int, events: list[bytes]) -> None:
        batch = self._batches.get(watcher)
        if batch is not None and batch.revisions == BATCH_REVISIONS:
            self._send(watcher)
            batch = self._batches.get(watcher)
        if batch is None:
            return
        if not batch.revisions:
            batch.first = revision
        batch.revisions += 1
        batch.events += events
        size = sum(map(len, events))
        batch.size += size
        self._size += size
        if batch.size > CROWDED_HIGH_WATER and watcher.stream.outlet.crowded:
            self._send(watcher)  # small pieces, while the streams of its connection owe much together

    # -- sending ----------------------------------------------------------------------------------------------

    def _send_all(self) -> None:
        for watcher in list(self._batches):
            self._send(watcher)

    def _send(self, watcher: Watcher) -> None:
        """What the watcher has gathered; a watcher whose stream is full leaves the pass instead."""
        batch = self._batches.get(watcher)
        if batch is None or not batch.revisions:
            return
        stream = watcher.stream
        if batch.events and stream.full:
            self.remove(watcher)
            self._hub.hold(watcher, batch.first)
            return
        self._size -= batch.size
        self._batches[watcher] = _Batch()
        if batch.events:
            stream.queue_events(watcher, self._hub.header(self._hub.store.revision), batch.events)
            stream.flush()

    def _finish(self) -> None:
        """The present is reached: everybody left is synced."""
        for watcher in list(self._batches):
            self._send(watcher)
            if watcher in self._batches:
                self.remove(watcher)
                self._hub.settle(watcher)

    def _tell_compacted(self, compact_revision: int) -> None:
        """End the watchers whose next revision is gone; what was read before the compaction still goes out."""
        for watcher in list(self._batches):
            self._send(watcher)
            if watcher in self._batches and max(watcher.next_revision, self._cursor) < compact_revision:
                self.remove(watcher)
                watcher.state = State.COMPACTED
                watcher.stream.say(messages.compacted(self._hub.header(0), watcher.id, compact_revision))
        self._cursor = compact_revision

    def __contains__(self, watcher: Watcher) -> bool:
        return watcher in self._batches

    def __iter__(self) -> Iterator[Watcher]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)

    def check(self) -> None:
        self._group.check()
        assert set(self._group) == set(self._batches)
        assert self._size == sum(batch.size for batch in self._batches.values())
