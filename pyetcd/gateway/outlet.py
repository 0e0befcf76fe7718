"""What waits for a client that reads slowly: Twisted says when the transport is full, the rest is kept here."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer


@implementer(IPushProducer)
class Outlet:
    """Pieces leave in order, at once or as the transport takes more."""

    def __init__(
        self,
        write: Callable[[bytes], object],
        full: bool,
        drained: Callable[[], object],
        paused: Callable[[], object] = lambda: None,
    ) -> None:
        self._write = write
        self._drained = drained
        self._paused = paused
        self._full = full
        self._waiting: deque[bytes] = deque()
        self._at_end: Callable[[], object] | None = None
        self.pending = 0

    def put(self, piece: bytes) -> None:
        if self._full or self._waiting:
            self._waiting.append(piece)
            self.pending += len(piece)
        else:
            self._write(piece)

    def end(self, then: Callable[[], object]) -> None:
        """``then`` is called when the last piece has left."""
        if self._waiting:
            self._at_end = then
        else:
            then()

    def pauseProducing(self) -> None:
        self._full = True
        self._paused()

    def resumeProducing(self) -> None:
        self._full = False
        while self._waiting and not self._full:
            piece = self._waiting.popleft()
            self.pending -= len(piece)
            self._write(piece)
        if self._waiting:
            return
        if self._at_end is not None:
            then, self._at_end = self._at_end, None
            then()
        elif not self._full:
            self._drained()

    def stopProducing(self) -> None:
        self._waiting.clear()
        self.pending = 0
        self._at_end = None
