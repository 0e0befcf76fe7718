"""What a peer may waste.  Frames that cost us work or answers but bring no request forward are paid from a budget.

The defence is the same for every flood (RST_STREAM, SETTINGS, PRIORITY, empty DATA, tiny WINDOW_UPDATE, frames on
dead streams): a bucket that refills with time, and for frames that belong to honest work also with that work.  An
empty bucket is a connection error, ENHANCE_YOUR_CALM (RFC 9113 §10.5).
"""

from __future__ import annotations

from pyetcd.wire.frames import END_HEADERS, ConnectionFault, ErrorCode

RESETS = (2_000, 200.0)
"""Streams a client may cancel: burst, and per second.  Enough for a client that closes thousands of watches at once,
far below what a rapid-reset attack (CVE-2023-44487) needs."""

CONTROL = (10_000, 1_000.0)
"""Other frames that bring nothing: burst, and per second."""

WORK = 4
"""Control frames one request or one DATA frame of ours pays for: a careful client answers each DATA frame with two
tiny WINDOW_UPDATEs."""

TINY_WINDOW = 1_024
"""A WINDOW_UPDATE of fewer bytes costs one token; larger ones are bounded by the bytes they stand for."""

MAX_CONTINUATIONS = 128

MAX_UNSENT_FRAMES = 10_000
"""Frames that may wait for a transport that takes nothing more."""


class Budget:
    """A token bucket on the connection's clock."""

    __slots__ = ("_burst", "_filled_at", "_rate", "_tokens", "_worked", "name")

    def __init__(self, name: str, limit: tuple[int, float], now: float) -> None:
        self.name = name
        self._burst, self._rate = limit
        self._tokens: float = self._burst
        self._filled_at = now
        self._worked = 0

    def spend(self, now: float, work: int = 0) -> None:
        """Pays for one frame; ``work`` counts the honest work of the connection so far."""
        self._tokens -= 1
        if self._tokens >= 0:
            return
        earned = (now - self._filled_at) * self._rate + (work - self._worked) * WORK
        self._tokens = min(self._burst, self._tokens + earned)
        self._filled_at = now
        self._worked = work
        if self._tokens < 0:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, f"too many {self.name}")


class BlockAssembly:
    """A header block that arrives as HEADERS and CONTINUATION frames; nothing else may come between (RFC 9113 §6.10).

    Bounded in bytes and in frames, because fragments cost nothing to send and may be empty."""

    __slots__ = ("_frames", "_limit", "_parts", "_size", "flags", "self_dependent", "stream")

    def __init__(self, stream: int, flags: int, fragment: bytes, limit: int, self_dependent: bool) -> None:
        self.stream = stream
        self.flags = flags
        self.self_dependent = self_dependent
        self._parts = [fragment]
        self._size = len(fragment)
        self._frames = 0
        self._limit = limit

    def add(self, stream: int, flags: int, fragment: bytes) -> bytes | None:
        """The whole block when this fragment ends it."""
        if stream != self.stream:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of another stream")
        self._frames += 1
        self._size += len(fragment)
        if self._size > self._limit or self._frames > MAX_CONTINUATIONS:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "header block too large")
        self._parts.append(fragment)
        return b"".join(self._parts) if flags & END_HEADERS else None
