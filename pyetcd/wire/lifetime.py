"""The life of a connection beside its frames: limits, deadlines, keepalive, drain, end.

Base of Connection; the handlers of frames (opening, inbound, peer_frames) work on it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from pyetcd.wire.call import Call, Code
from pyetcd.wire.frames import (
    MAX_WINDOW,
    ConnectionFault,
    ErrorCode,
    goaway_frame,
    ping_frame,
)
from pyetcd.wire.guard import CONTROL, RESETS, BlockAssembly, Budget
from pyetcd.wire.headers import Field, HeaderDecoder
from pyetcd.wire.keepalive import IdlePing, PingPolicy
from pyetcd.wire.outbox import Traffic
from pyetcd.wire.requests import Head, Resolver
from pyetcd.wire.sending import Output
from pyetcd.wire.settings import Settings
from pyetcd.wire.states import TABLE, StreamInput, StreamState, Verdict

DRAIN_PING = b"\x01\x06\x01\x08\x00\x03\x03\x09"
"""gRPC-Go's PING between the two GOAWAYs of a graceful stop."""

_DRAIN_TIMEOUT = 5.0
_KEEPALIVE_PING = bytes(8)
_TICK_PER_STREAM = 2e-6
"""Looking at one stream's deadline costs about a tenth of this: expiry never takes more than that share of the loop."""


class Lifetime:
    """State shared by the frame handlers of one connection."""

    def __init__(
        self,
        settings: Settings,
        resolver: Resolver,
        now: float,
        peer: str,
        traffic: Traffic,
        announce: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.settings = settings
        self.resolver = resolver
        self.now = self.last_read = now
        self.on_error = on_error
        self.output = Output(peer, traffic, announce, on_error)
        self.streams = self.output.streams
        self.closing = False
        self.draining = False
        self.refusing = False
        """New calls need a closer look: too many streams, too much held, draining."""
        self.max_streams = min(settings.max_concurrent_streams, MAX_WINDOW)
        self.last_stream = -1
        """The highest stream the client opened; -1 before the first."""
        self.skipped: list[range] = []
        self.lengths: dict[int, int] = {}
        """Bytes of DATA a stream still owes its content-length."""
        self.whole: list[Call] = []
        self.decoder = HeaderDecoder()
        self.assembly: BlockAssembly | None = None
        self.blocks: dict[bytes, Head] = {}
        self.heads: dict[tuple[Field, ...], Head] = {}
        self.resets = Budget("resets", RESETS, now)
        self.control = Budget("frames", CONTROL, now)
        self.pings = PingPolicy(settings)
        self._idle_ping = IdlePing(settings, now)
        self._preface_at = now + settings.preface_timeout
        self._drain_at = inf
        self.acks_due = inf
        """When answers to PINGs leave alone at the latest, if there are any."""
        self.wake_at = min(self._preface_at, self._idle_ping.due)

    def greeted(self) -> None:
        """The client's preface is complete."""
        self._preface_at = inf
        self.wake_at = self._idle_ping.due

    # -- streams ---------------------------------------------------------------------------------------------------

    def state_of(self, stream: int) -> StreamState:
        """The state of a stream that has no call."""
        if not stream & 1 or stream > self.last_stream:
            return StreamState.IDLE
        if stream in self.output.forgiven:
            return StreamState.RESET
        if any(stream in gap for gap in self.skipped):
            return StreamState.SKIPPED
        return StreamState.CLOSED

    def judge(self, stream: int, given: StreamInput) -> bool:
        """Moves a stream by the table.  False: the frame is to be dropped; connection errors are raised."""
        call = self.streams.get(stream)
        outcome = TABLE[call.state if call is not None else self.state_of(stream), given]
        verdict = outcome.verdict
        if verdict is Verdict.MOVE:
            if call is not None:
                call.state = outcome.state
            return True
        self.control.spend(self.now, self.work)
        if verdict is Verdict.STREAM_ERROR:
            if call is not None:
                self.stream_error(call, outcome.code)
            else:
                self.output.reset_stream(stream, outcome.code)
        elif verdict is Verdict.CONNECTION_ERROR:
            raise ConnectionFault(outcome.code, f"{given.name} on a stream that is {outcome.state.name}")
        return False

    def stream_error(self, call: Call, code: ErrorCode) -> None:
        """The client's mistake on one stream: RST_STREAM.  Resets it provokes count like its own."""
        self.output.reset(call, code)
        self.lengths.pop(call.stream, None)
        self.resets.spend(self.now)

    @property
    def work(self) -> int:
        """Requests and DATA frames of answers so far: what honest control frames are paid from."""
        return self.last_stream // 2 + self.output.data_frames

    def overloaded(self) -> None:
        """More is held for this client than it may: refuse new calls, at twice the limit end the connection."""
        self.refusing = True
        if self.output.held > 2 * self.settings.max_held:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "too much data held for this connection")

    def must_refuse(self) -> bool:
        """The closer look at ``refusing``."""
        self.refusing = len(self.streams) >= self.max_streams or self.output.held > self.settings.max_held
        return self.refusing

    def handler_failed(self, call: Call, problem: Exception) -> None:
        """A handler raised: its client must not wait for ever."""
        self.abandon(call, Code.INTERNAL, "internal error")
        self.on_error(problem)

    @staticmethod
    def abandon(call: Call, code: int, text: str) -> None:
        """Ends a call from the wire's side: the client gets a status, the handler is told to stop."""
        callback = call.on_cancel
        call.fail(code, text)
        if callback is not None:
            call.output.guarded(callback)

    # -- time ------------------------------------------------------------------------------------------------------

    def deadline(self, timeout: float) -> float:
        """The moment a call that may take ``timeout`` seconds expires; the connection wakes by then."""
        moment = self.now + timeout
        if moment < self.wake_at:
            self.wake_at = moment
        return moment

    def next_deadline(self) -> float | None:
        """When ``tick`` wants to be called; moves when frames arrive."""
        return None if self.closing or self.wake_at == inf else self.wake_at

    def tick(self, now: float) -> None:
        """Deadlines of calls, keepalive, preface timeout, drain.  Calling it early or late does no harm."""
        self.now = now
        if self.closing:
            return
        if now >= self._preface_at:
            self.lost()
            return
        if now >= self._drain_at:
            self._last_goaway()
        verdict = self._idle_ping.check(now, self.last_read)
        if verdict == "dead":
            self.lost()
            return
        if verdict == "ping":
            self.output.put(ping_frame(_KEEPALIVE_PING))
        if now >= self.acks_due or not self.output.acks:
            self.output.acknowledge()
            self.acks_due = inf
        next_call = self._expire(now)
        self.wake_at = min(self._preface_at, self._drain_at, self._idle_ping.due, self.acks_due, next_call)

    def _expire(self, now: float) -> float:
        """Ends calls whose deadline has passed; returns when to look again."""
        timed = [call for call in self.streams.values() if call.deadline is not None and call.open]
        earliest = inf
        for call in timed:
            moment = call.deadline
            assert moment is not None
            if moment <= now:
                self.abandon(call, Code.DEADLINE_EXCEEDED, "context deadline exceeded")
            elif moment < earliest:
                earliest = moment
        return max(earliest, now + len(timed) * _TICK_PER_STREAM)

    # -- ends ------------------------------------------------------------------------------------------------------

    def fail(self, code: ErrorCode, debug: str) -> None:
        """A connection error: GOAWAY, every call cancelled, close."""
        self._cancel_all()
        self.output.put(goaway_frame(max(0, self.last_stream), code, debug.encode()))
        self.closing = True

    def lost(self) -> None:
        """The transport is gone, or to be closed without a word: every call is cancelled."""
        self.closing = True
        self._cancel_all()
        self.output.frames.clear()

    def _cancel_all(self) -> None:
        for call in list(self.streams.values()):
            self.output.drop(call, StreamState.CLOSED)
            self.output.cancel(call)
        self.whole.clear()

    def shut_down(self, now: float) -> None:
        """Graceful stop as gRPC-Go does it: a GOAWAY that still lets streams in, a PING, and when its answer came (or
        after five seconds) the GOAWAY that names the last stream; closed when the calls have ended."""
        self.now = now
        if self.closing or self._drain_at != inf or self.draining:
            return
        if self._preface_at != inf:
            self.lost()
            return
        self.output.put(goaway_frame(MAX_WINDOW, ErrorCode.NO_ERROR, b"graceful_stop") + ping_frame(DRAIN_PING))
        self._drain_at = now + _DRAIN_TIMEOUT
        self.wake_at = min(self.wake_at, self._drain_at)

    def drain_acknowledged(self) -> None:
        """The client has seen the first GOAWAY."""
        if self._drain_at != inf:
            self._last_goaway()

    def _last_goaway(self) -> None:
        self._drain_at = inf
        self.draining = self.refusing = True
        self.output.put(goaway_frame(max(0, self.last_stream), ErrorCode.NO_ERROR, b"graceful_stop"))
        self.finish_drain()

    def finish_drain(self) -> None:
        """The last call has ended: what is gathered goes out, then the transport closes."""
        if not self.streams:
            self.closing = True
