"""What one call still has to send: ready bytes, a lazy source, trailers.  And the count of what all calls sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator


class Traffic:
    """Bytes of gRPC messages in and out (etcd_network_client_grpc_{received,sent}_bytes_total count these)."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0


class Outbox:
    """What a call still has to send: ready chunks, then a lazy source, then the trailers."""

    __slots__ = ("chunks", "held", "offset", "source", "source_left", "trailers")

    def __init__(self) -> None:
        self.chunks: deque[bytes] = deque()
        self.offset = 0
        self.held = 0
        """Bytes given by send_data that are still here; what a source gives comes and goes and is not counted."""
        self.source: Iterator[bytes] | None = None
        self.source_left = 0
        self.trailers: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self.chunks) or self.source is not None

    def take(self, limit: int) -> list[bytes]:
        """Up to ``limit`` bytes from the front; ValueError when the source is not as long as promised."""
        parts: list[bytes] = []
        chunks = self.chunks
        while limit:
            if not chunks and not self._pull():
                break
            chunk = chunks[0]
            left = len(chunk) - self.offset
            if left <= limit:
                parts.append(chunk[self.offset :] if self.offset else chunk)
                chunks.popleft()
                self.offset = 0
                limit -= left
            else:
                parts.append(chunk[self.offset : self.offset + limit])
                self.offset += limit
                limit = 0
        return parts

    def _pull(self) -> bool:
        """One piece of the source becomes a chunk."""
        if self.source is None:
            return False
        piece = next(self.source, None)
        self.source_left -= 0 if piece is None else len(piece)
        if self.source_left < 0 or (piece is None and self.source_left):
            raise ValueError("a rope is not as long as it said")
        if self.source_left == 0:
            self.source = None
        if piece:
            self.chunks.append(piece)
        return bool(piece) or (self.source is not None and self._pull())
