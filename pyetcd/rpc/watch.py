"""etcdserverpb.Watch: one bidirectional call is one stream of watchers (wire contract, section 3)."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import floor

from pyetcd.member.member import Member
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.watch.stream import WatchStream
from pyetcd.wire.call import Call, Code, Kind, Method

from .decode import STREAM, decode

PROGRESS_INTERVAL = 600.0
"""Seconds between periodic progress replies (--watch-progress-notify-interval)."""
LEAST_PROGRESS_INTERVAL = 0.1
RETRY_SECONDS = 1.0
"""Until the next try when a step of catching up failed in a way nobody foresaw."""
UNREAD_REPLIES = 100_000
"""Control replies a client may leave unread; etcd stops reading such a client's requests, we end its stream."""

Permit = Callable[[Call, bytes, bytes], str | None]


class WatchService:
    """Serves Watch calls from the member's hub, and drives the hub's catching up while anybody is behind.

    progress_interval  seconds; what lies below 0.1 is raised to it
    jitter             0 to 1, asked once per stream: which part of a tenth of the interval it waits longer
    permit             None, or the reason why the caller may not watch [key, range_end) as it was sent
    """

    def __init__(
        self,
        member: Member,
        *,
        progress_interval: float = PROGRESS_INTERVAL,
        jitter: Callable[[], float] = random.random,
        permit: Permit | None = None,
    ) -> None:
        self.member = member
        self.hub = member.hub
        self.progress_interval = max(progress_interval, LEAST_PROGRESS_INTERVAL)
        self.jitter = jitter
        self.permit = permit
        self.sessions: dict[WatchSession, None] = {}
        self._cancel_sync: Callable[[], None] | None = None
        self._sync_soon = False
        self.hub.header = member.header
        self.hub.wake = self._wake

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        return [Method(b"/etcdserverpb.Watch/Watch", Kind.BIDI, self.watch)]

    def watch(self, call: Call) -> WatchSession:
        session = WatchSession(self, call)
        self.sessions[session] = None
        return session

    def end_all(self, code: Code, text: str, *, only_with_leader: bool = False) -> None:
        """End every stream: the server stops, or (``only_with_leader``) the leader is lost for too long."""
        for session in list(self.sessions):
            if not only_with_leader or session.call.metadata.has_leader:
                session.fail(code, text)

    # -- catching up --------------------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Somebody is behind: look in the next turn, when all requests of this one are read."""
        if not self._sync_soon:
            self._sync_soon = True
            self.member.soon(self._sync)

    def _sync(self) -> None:
        self._sync_soon = False
        if self._cancel_sync is not None:
            self._cancel_sync()
            self._cancel_sync = None
        try:
            delay = self.hub.sync_step(self.member.now())
        except Exception:
            self._cancel_sync = self.member.later(RETRY_SECONDS, self._sync_later)  # nobody may be left behind for good
            raise
        if delay == 0.0:
            self._wake()
        elif delay is not None and not self._sync_soon:
            self._cancel_sync = self.member.later(delay, self._sync_later)

    def _sync_later(self) -> None:
        self._cancel_sync = None
        self._sync()


class WatchSession:
    """One call: requests in, the stream's responses out.  Half-closing changes nothing (wire contract 3.1)."""

    __slots__ = ("_cancel_tick", "_interval", "_opened", "_service", "call", "stream")

    def __init__(self, service: WatchService, call: Call) -> None:
        self._service = service
        self.call = call
        self.stream: WatchStream = service.hub.open(call)
        self._opened = service.member.now()
        self._interval = service.progress_interval * (1 + service.jitter() / 10)
        self._cancel_tick: Callable[[], None] | None = None
        call.on_cancel = self.closed
        call.on_drain = self.stream.drained

    # -- from the client ----------------------------------------------------------------------------------------

    def message(self, body: bytes) -> None:
        if not self.call.open:
            return
        request = decode(self.call, rpc.WatchRequest, body, STREAM)
        if request is None:
            self.closed()
            return
        kind = request.WhichOneof("request_union")
        if kind == "create_request":
            self._create(request.create_request)
        elif kind == "cancel_request":
            self.stream.cancel(request.cancel_request.watch_id)
        elif kind == "progress_request":
            self.stream.report_progress()
        if self.stream.unread_replies > UNREAD_REPLIES:
            self.fail(Code.RESOURCE_EXHAUSTED, "etcdserver: too many requests")

    def half_close(self) -> None:
        """The client asks for nothing more and goes on listening."""

    def closed(self) -> None:
        """The call is over, whoever ended it."""
        if self._service.sessions.pop(self, self) is None:
            self.call.on_drain = self.call.on_cancel = None
            self.stream.close()
            if self._cancel_tick is not None:
                self._cancel_tick()

    def fail(self, code: Code, text: str) -> None:
        self.closed()
        self.call.fail(code, text)

    def _create(self, r: rpc.WatchCreateRequest) -> None:
        permit = self._service.permit
        watcher = self.stream.create(
            r.key,
            r.range_end,
            r.start_revision,
            watch_id=r.watch_id,
            filters=r.filters,
            prev_kv=r.prev_kv,
            progress=r.progress_notify,
            fragment=r.fragment,
            refusal=None if permit is None else permit(self.call, r.key or b"\0", r.range_end),
        )
        if watcher is not None and watcher.progress and self._cancel_tick is None:
            self._schedule_tick()

    # -- periodic progress --------------------------------------------------------------------------------------

    def _schedule_tick(self) -> None:
        """Ticks keep the rhythm of the stream's opening, though the timer runs only while somebody wants them."""
        passed = (self._service.member.now() - self._opened) / self._interval
        # a timer may be a hair early, and the tick it stands for must not come twice
        left = floor(passed + 0.01) + 1 - passed
        self._cancel_tick = self._service.member.later(left * self._interval, self._tick)

    def _tick(self) -> None:
        self._cancel_tick = None
        self.stream.tick()
        if any(watcher.progress for watcher in self.stream.watchers.values()):
            self._schedule_tick()
