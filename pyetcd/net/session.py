"""One gRPC connection on a transport: feeds a wire.Connection, writes what it gives, once per turn of the loop."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Protocol

from pyetcd.wire.connection import Connection

if TYPE_CHECKING:
    from pyetcd.net.port import Port

LINGER = 1.0
"""Seconds a closing connection goes on reading, so that unread input does not turn the close into a reset that
destroys the GOAWAY on its way (gRPC-Go waits as long)."""


class Pipe(Protocol):
    """What a session needs of a transport; asyncio's transports are pipes."""

    def write(self, data: bytes) -> None: ...

    def write_eof(self) -> None: ...

    def can_write_eof(self) -> bool: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...

    def is_closing(self) -> bool: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Session(asyncio.Protocol):
    """The protocol of a transport once its first bytes were those of HTTP/2."""

    def __init__(self, port: Port, pipe: Pipe, peer: str) -> None:
        self._port = port
        self._pipe = pipe
        self._dirty = False
        self._finishing = False
        self._clock = port.turns.now
        self.wake_scheduled = inf
        self.connection: Connection = port.new_connection(now=self._clock(), peer=peer, on_output=self._on_output)
        port.add(self)

    # -- the transport's side --------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        connection = self.connection
        connection.receive(data, self._clock())
        if self._wants_flush():
            self._dirty = True
            self._port.mark(self)

    def _wants_flush(self) -> bool:
        """Often a read brings nothing to write yet: what was asked for is on its way through the log."""
        connection = self.connection
        return not self._dirty and (
            connection.output.ready or connection.wake_at < self.wake_scheduled or connection.closing
        )

    def eof_received(self) -> bool:
        return False  # a client that ends its side has nothing more to ask: close

    def pause_writing(self) -> None:
        """The transport is full.  Reading stops, too: answers to more requests would only pile up."""
        self.connection.transport_writable(False)
        if not self._pipe.is_closing():
            self._pipe.pause_reading()

    def resume_writing(self) -> None:
        self.connection.transport_writable(True)
        if not self._pipe.is_closing():
            self._pipe.resume_reading()
        self._mark()

    def connection_lost(self, _problem: Exception | None) -> None:
        self._port.remove(self)
        self.connection.lost()

    # -- the connection's side -------------------------------------------------------------------------------------

    def _on_output(self, _connection: Connection) -> None:
        if not self._dirty:
            self._dirty = True
            self._port.mark(self)

    def _mark(self) -> None:
        if not self._dirty:
            self._dirty = True
            self._port.mark(self)

    def flush(self) -> None:
        """The end of a turn: everything gathered leaves in one write."""
        self._dirty = False
        connection = self.connection
        output = connection.output
        if output.writable or connection.closing:
            data = connection.take()
            if data and not self._finishing:
                self._pipe.write(data if isinstance(data, bytes) else b"".join(data))
            if not output.quiet and output.writable:
                self._mark()
        if connection.wake_at < self.wake_scheduled and not connection.closing:
            self._port.wheel.wake(self, connection.wake_at)
        if connection.closing:
            self._finish()

    def tick(self, now: float) -> None:
        """The wheel: something of the connection is due."""
        self.connection.tick(now)
        if self._wants_flush():
            self.flush()

    def shut_down(self) -> None:
        """Graceful stop."""
        self.connection.shut_down(self._clock())
        self.flush()

    def abort(self) -> None:
        self._pipe.abort()

    def _finish(self) -> None:
        """Ends our side, and the whole connection a moment later or when the client has ended, too."""
        if self._finishing:
            return
        self._finishing = True
        if self._pipe.is_closing():
            return
        if self._pipe.can_write_eof():
            self._pipe.write_eof()
            self._port.turns.later(LINGER, self._pipe.close)
        else:
            self._pipe.close()
