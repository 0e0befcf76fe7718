"""Spreads what changes to those who watch (wire contract, section 3).

A change of the store reaches the synced watchers of its key at once; whoever is behind, because it asked for history
or because its stream was full, reads the history of the store until it has caught up (catch_up.py).  Nothing is kept
for slow streams but the revision they have got to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from pyetcd.mvcc.query import Change
from pyetcd.mvcc.record import varint
from pyetcd.watch.catch_up import CatchUp
from pyetcd.watch.group import Group, Members
from pyetcd.watch.messages import SharedEvent
from pyetcd.watch.stream import Outlet, WatchStream
from pyetcd.watch.watcher import State, Watcher

FRAGMENT_LIMIT = 1572864 + 512 * 1024
"""--max-request-bytes by default, and what gRPC may add to it."""
GATHER_LIMIT = 4 << 20
"""Bytes that may wait for flush(); notify() sends by itself beyond them."""


class History(Protocol):
    """What the hub needs of the store."""

    revision: int
    compact_revision: int

    def changes(self, start: int, end: int, limit_revisions: int, *, with_prev: bool) -> list[tuple[int, list[Change]]]:
        """Whole revisions of [start, end) in order, at most ``limit_revisions``, for start >= compact_revision."""


def revision_header(revision: int) -> bytes:
    """A header with nothing but the revision, for a hub that belongs to no member."""
    body = b"\x18" + varint(revision) if revision else b""
    return b"\x0a" + varint(len(body)) + body


class Hub:
    """All watchers of a member.

    ``header``: framed response header for a revision; the member's, set by whoever serves streams.
    ``wake``: called when sync_step() has something to do that it did not have before.
    ``fragment_limit``: bytes, for watchers that asked for fragments.
    """

    __slots__ = ("_bounds", "_gathered", "_keys", "_touched", "catch_up", "fragment_limit", "header", "store",
                 "stream_count", "synced", "wake", "watcher_count")  # fmt: skip

    def __init__(
        self,
        store: History,
        header: Callable[[int], bytes] = revision_header,
        *,
        fragment_limit: int = FRAGMENT_LIMIT,
    ) -> None:
        self.store = store
        self.header = header
        self.fragment_limit = fragment_limit
        self.wake: Callable[[], object] = int
        self.synced = Group()
        self.catch_up = CatchUp(self)
        self.stream_count = 0
        self.watcher_count = 0
        self._keys = self.synced.keys
        self._bounds = self.synced.intervals.bounds
        self._touched: list[WatchStream] = []
        self._gathered = 0

    def open(self, outlet: Outlet) -> WatchStream:
        """A new stream that answers through ``outlet``; close() it when the outlet is gone."""
        return WatchStream(self, outlet)

    # -- live -------------------------------------------------------------------------------------------------

    def notify(self, revision: int, changes: Sequence[Change]) -> None:
        """The store has just got ``revision``.  What it means for synced watchers waits for flush()."""
        if len(changes) != 1:
            self._notify_many(revision, changes)
            return
        change = changes[0]
        exact = self._keys.get(change.key)
        if self._bounds:
            intervals = self.synced.intervals.covering(change.key)
            if intervals:
                sets = [each.members for each in intervals]
                if exact is not None:
                    sets.append(exact)
                self._deliver(revision, change, sets)
                return
        if exact is not None:
            self._deliver(revision, change, (exact,))

    def flush(self) -> None:
        """Send what notify() gathered, in one piece per stream."""
        if self._touched:
            touched, self._touched = self._touched, []
            self._gathered = 0
            for stream in touched:
                stream.flush()

    def _deliver(self, revision: int, change: Change, sets: Sequence[Members]) -> None:
        """One change to all its watchers; those with nothing special about them cost one concatenation."""
        head = self.header(revision)
        shared = SharedEvent(change)
        tail = shared.encoded(False)
        tail_with_prev = b""  # made when the first asks for it
        size = (len(head) + len(tail) + len(change.prev or b"")) * sum(map(len, sets))
        if self._gathered + size > GATHER_LIMIT:
            self._offer_each([w for members in sets for w in members], revision, head, (shared,))
            return
        self._gathered += size
        touch = self._touched.append
        special: list[Watcher] = []
        for members in sets:
            for watcher in members:
                if watcher.plain:
                    stream = watcher.stream
                    if not stream.full:
                        outbox = stream.outbox
                        if not outbox:
                            touch(stream)
                        watcher.due = False
                        if watcher.prev_kv:
                            tail_with_prev = tail_with_prev or shared.encoded(True)
                            outbox.append(head + watcher.id_field + tail_with_prev)
                        else:
                            outbox.append(head + watcher.id_field + tail)
                        continue
                special.append(watcher)
        if special:
            self._offer_each(special, revision, head, (shared,))

    def _offer_each(
        self, watchers: Sequence[Watcher], revision: int, head: bytes, events: Sequence[SharedEvent]
    ) -> None:
        for watcher in watchers:
            self._offer(watcher, revision, head, events)

    def _notify_many(self, revision: int, changes: Sequence[Change]) -> None:
        """The changes of one revision: one response per watcher, its events in their order."""
        wanted: dict[Watcher, list[SharedEvent]] = {}
        watching = self.synced.watching
        for change in changes:
            sets = watching(change.key)
            if sets:
                event = SharedEvent(change)
                for members in sets:
                    for watcher in members:
                        wanted.setdefault(watcher, []).append(event)
        if wanted:
            head = self.header(revision)
            for watcher, events in wanted.items():
                self._offer(watcher, revision, head, events)

    def _offer(self, watcher: Watcher, revision: int, head: bytes, events: Sequence[SharedEvent]) -> None:
        """The events of one revision to one synced watcher, which may want none of them or have no room."""
        if revision < watcher.next_revision or watcher.state is not State.SYNCED:
            return
        watcher.plain = not watcher.special
        wanted = watcher.wanted(events)
        if not wanted:
            return
        stream = watcher.stream
        if stream.full:
            self.synced.remove(watcher)
            self.hold(watcher, revision)
            return
        if not stream.outbox:
            self._touched.append(stream)
        self._gathered += stream.queue_events(watcher, head, wanted)
        if self._gathered > GATHER_LIMIT:
            self.flush()

    # -- moving watchers --------------------------------------------------------------------------------------

    def add(self, watcher: Watcher) -> None:
        """A new watcher finds its place: synced when it wants only what is still to come."""
        self.watcher_count += 1
        current = self.store.revision
        if watcher.start_revision == 0 or watcher.start_revision > current:
            self.settle(watcher)
        else:
            self.catch_up.add(watcher)

    def settle(self, watcher: Watcher) -> None:
        """It has got everything up to the current revision."""
        watcher.settle(self.store.revision + 1)
        self.synced.add(watcher)

    def hold(self, watcher: Watcher, next_revision: int) -> None:
        """Its stream is full; it misses ``next_revision`` and has to read it from history later."""
        watcher.state = State.HELD
        watcher.next_revision = next_revision
        watcher.stream.held[watcher] = None

    def remove(self, watcher: Watcher) -> None:
        """Canceled, whatever state it is in."""
        if watcher.state is State.SYNCED:
            self.synced.remove(watcher)
        elif watcher.state is State.UNSYNCED:
            self.catch_up.remove(watcher)
        elif watcher.state is State.HELD:
            del watcher.stream.held[watcher]
        watcher.state = State.CANCELED
        self.watcher_count -= 1

    # -- behind -----------------------------------------------------------------------------------------------

    def sync_step(self, now: float) -> float | None:
        """A bounded piece of catching up: seconds until the next piece is due, None when nobody is behind.

        Watchers held by full streams are not counted; they come back through ``wake``.
        """
        return self.catch_up.step(now)

    @property
    def slow_count(self) -> int:
        """Watchers that are behind (etcd's slow_watcher_total)."""
        return self.watcher_count - len(self.synced)

    def check(self) -> None:
        """Assert every invariant; for tests."""
        self.synced.check()
        self.catch_up.check()
        assert self._bounds is self.synced.intervals.bounds and self._keys is self.synced.keys
        assert all(watcher.state is State.SYNCED for watcher in self.synced)
        assert len(self.synced) <= self.watcher_count
