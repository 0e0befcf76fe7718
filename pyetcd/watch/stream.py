"""One Watch stream: the watchers of one client call, and the order of what is said to it.

Everything a stream says goes through one queue, so a control reply or a progress reply can never overtake an event
that happened before it (wire contract 3.7, bookmark safety).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from pyetcd.watch import messages
from pyetcd.watch.watcher import State, Watcher

if TYPE_CHECKING:
    from pyetcd.watch.hub import Hub

HIGH_WATER = 2 << 20
"""Bytes a stream may owe to its client's flow control before its watchers are held."""
CROWDED_HIGH_WATER = 64 << 10
"""The same while the streams of its connection owe much together; above the mark under which drained() is called."""

EMPTY_RANGE = "mvcc: watcher range is empty"
DUPLICATE_ID = "mvcc: duplicate watch ID provided on the WatchStream"
COMPACTED = "etcdserver: mvcc: required revision has been compacted"


class Outlet(Protocol):
    """Where responses go: a call of the wire room."""

    @property
    def pending(self) -> int:
        """Bytes accepted that the client's flow control has not let out yet."""

    @property
    def crowded(self) -> bool:
        """Whether the connection as a whole owes its client much."""

    def send(self, body: bytes) -> None: ...

    def send_many(self, bodies: list[bytes]) -> None: ...


class WatchStream:
    """``full``: the client reads too slowly, events are not queued until drained().

    ``unread_replies``: control replies queued while full; only a client that asks and never reads makes it grow.
    """

    __slots__ = ("_hub", "_next_id", "full", "held", "outbox", "outlet", "unread_replies", "watchers")

    def __init__(self, hub: Hub, outlet: Outlet) -> None:
        self._hub = hub
        self.outlet = outlet
        self.watchers: dict[int, Watcher] = {}
        self.held: dict[Watcher, None] = {}
        self.outbox: list[bytes] = []
        self.full = False
        self.unread_replies = 0
        self._next_id = 0
        hub.stream_count += 1

    # -- requests ---------------------------------------------------------------------------------------------

    def create(
        self,
        key: bytes,
        range_end: bytes = b"",
        start_revision: int = 0,
        *,
        watch_id: int = 0,
        filters: Iterable[int] = (),
        prev_kv: bool = False,
        progress: bool = False,
        fragment: bool = False,
        refusal: str | None = None,
    ) -> Watcher | None:
        """WatchCreateRequest (wire contract 3.2, 3.3): the watcher, or None when the client was told why not.

        ``refusal``: the reason when the caller may not watch this range.
        """
        key = key or b"\0"
        end = None if not range_end else b"" if range_end == b"\0" else range_end
        if start_revision < 0:
            reason: str | None = COMPACTED
        elif refusal is not None:
            reason = refusal
        elif end and key >= end:
            reason = EMPTY_RANGE
        elif watch_id in self.watchers and watch_id != 0:
            reason = DUPLICATE_ID
        else:
            reason = None
        header = self._hub.header(self._hub.store.revision)
        if reason is not None:
            self.say(messages.rejected(header, reason))
            return None
        id = watch_id or self._free_id()
        watcher = self.watchers[id] = Watcher(
            self, id, key, end, start_revision,
            filters=frozenset(filters), prev_kv=prev_kv, progress=progress, fragment=fragment,
        )  # fmt: skip
        self.say(messages.created(header, id))
        self._hub.add(watcher)
        return watcher

    def cancel(self, watch_id: int) -> None:
        """WatchCancelRequest: an unknown id gets no reply at all."""
        watcher = self.watchers.pop(watch_id, None)
        if watcher is not None:
            self._hub.remove(watcher)
            self.say(messages.canceled(self._hub.header(self._hub.store.revision), watch_id))

    def report_progress(self) -> None:
        """WatchProgressRequest: one reply for the stream, or none unless every watcher has got to the present."""
        current = self._hub.store.revision
        if self.watchers and not self.full and all(_is_current(each, current) for each in self.watchers.values()):
            self.say(messages.progress(self._hub.header(current), messages.STREAM_WIDE))

    def tick(self) -> None:
        """The periodic progress: each watcher that asked for it and had no events since the last tick."""
        current = self._hub.store.revision
        for watcher in list(self.watchers.values()):
            if watcher.progress:
                if watcher.due and not self.full and _is_current(watcher, current):
                    self.say(messages.progress(self._hub.header(current), watcher.id))
                watcher.due = True

    def close(self) -> None:
        """The call is over; the client hears nothing more."""
        for watcher in self.watchers.values():
            self._hub.remove(watcher)
        self.watchers.clear()
        self.outbox.clear()
        self.full = True
        self._hub.stream_count -= 1

    # -- sending ----------------------------------------------------------------------------------------------

    def say(self, body: bytes) -> None:
        """One response, behind everything that is queued."""
        if self.outbox:
            self.outbox.append(body)
        else:
            self.outlet.send(body)
            self._measure()
        if self.full:
            self.unread_replies += 1

    def queue_events(self, watcher: Watcher, head: bytes, events: Sequence[bytes]) -> int:
        """One response with events, or its fragments, to wait for flush(); returns its bytes."""
        watcher.due = False
        head += watcher.id_field
        if watcher.fragment:
            bodies = list(messages.fragments(head, events, self._hub.fragment_limit))
            self.outbox += bodies
            return sum(map(len, bodies))
        body = head + (events[0] if len(events) == 1 else b"".join(events))
        self.outbox.append(body)
        return len(body)

    def flush(self) -> None:
        bodies = self.outbox
        if bodies:
            self.outbox = []
            self.outlet.send_many(bodies)
            self._measure()

    def _measure(self) -> None:
        pending = self.outlet.pending
        if pending > HIGH_WATER or (pending > CROWDED_HIGH_WATER and self.outlet.crowded):
            self.full = True

    def drained(self) -> None:
        """The client has read: held watchers go on from history."""
        self.full = False
        self.unread_replies = 0
        held, self.held = self.held, {}
        for watcher in held:
            self._hub.catch_up.add(watcher, urgent=True)

    # -- ids --------------------------------------------------------------------------------------------------

    def _free_id(self) -> int:
        """The next automatic id: counts up, never back, over ids in use."""
        while self._next_id in self.watchers:
            self._next_id += 1
        self._next_id += 1
        return self._next_id - 1


def _is_current(watcher: Watcher, revision: int) -> bool:
    return watcher.state is State.SYNCED and watcher.start_revision <= revision
