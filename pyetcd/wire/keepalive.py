"""PINGs of both sides, by gRPC-Go's rules (wire contract §8.2).

Client's PINGs: more than two strikes and the connection ends.  Whatever the server sends on a stream clears the
strikes, and the PING after that is free.  Server's PINGs: after ``ping_idle`` seconds of silence one is sent; nothing
within ``ping_timeout`` means the peer is gone.
"""

from __future__ import annotations

from math import inf

from pyetcd.wire.settings import Settings

MAX_STRIKES = 2
IDLE_PING_INTERVAL = 7200.0
"""Without a call in flight a client may ping this often, and no more."""

ACK_PATIENCE = 0.1
"""Seconds the answer to a PING may wait for that to a request which came with it, to share its way.  Go's client sends
such a PING with nearly every request, to learn the bandwidth; whoever pings to see us alive waits for seconds."""


class PingPolicy:
    """Judges the client's PINGs."""

    __slots__ = ("_last", "_min_time", "_strikes", "_without_stream")

    def __init__(self, settings: Settings) -> None:
        self._min_time = settings.ping_min_time
        self._without_stream = settings.ping_without_stream
        self._last = -inf
        self._strikes = 0

    def allows(self, now: float, streams: int, wrote: bool) -> bool:
        """``wrote``: headers or data were sent since the last PING."""
        last, self._last = self._last, now
        if wrote:
            self._strikes = 0
            return True
        idle = streams == 0 and not self._without_stream
        if last + (IDLE_PING_INTERVAL if idle else self._min_time) > now:
            self._strikes += 1
        return self._strikes <= MAX_STRIKES


class IdlePing:
    """Decides when the server pings, and when it gives up."""

    __slots__ = ("_idle", "_pinged", "_seen", "_timeout", "due")

    def __init__(self, settings: Settings, now: float) -> None:
        self._idle = settings.ping_idle
        self._timeout = settings.ping_timeout
        self._pinged = False
        self._seen = now
        self.due = now + self._idle

    def check(self, now: float, last_read: float) -> str:
        """``ping`` to send one now, ``dead`` to close, else ``wait``; ``due`` says when to ask again."""
        if now < self.due:
            return "wait"
        if last_read > self._seen:
            self._seen = last_read
            self._pinged = False
            self.due = last_read + self._idle
            return "wait"
        if self._pinged:
            return "dead"
        self._pinged = True
        self.due = now + self._timeout
        return "ping"
