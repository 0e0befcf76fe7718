"""A loop's transport with the face of Twisted's TCP transport, so that twisted.web speaks over it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IConsumer, IPushProducer, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer

if TYPE_CHECKING:
    from pyetcd.net.port import Port


@implementer(ITCPTransport, IConsumer, IPushProducer)
class LoopConsumer(asyncio.Protocol):
    """Between an asyncio transport and a Twisted protocol.  Methods Twisted calls have Twisted's names."""

    undecided = False

    def __init__(self, port: Port, transport: asyncio.Transport, protocol: Any, host: IAddress, peer: IAddress) -> None:
        self._port = port
        self._transport = transport
        self._protocol = protocol
        self._host = host
        self._peer = peer
        self._producer: Any = None
        self._streaming = False
        self._full = False
        self._reading = True
        self.disconnecting = False
        self.disconnected = False
        self.connected = True
        port.links.add(self)

    # -- asyncio calls these ---------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if not self.disconnecting:
            self._protocol.dataReceived(data)

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._full = True
        if self._producer is not None and self._streaming:
            self._producer.pauseProducing()

    def resume_writing(self) -> None:
        self._full = False
        if self._producer is not None:
            self._producer.resumeProducing()

    def connection_lost(self, problem: Exception | None) -> None:
        self.connected = False
        self.disconnected = True
        self._port.remove_link(self)
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        reason = ConnectionDone() if problem is None else ConnectionLost(str(problem))
        self._protocol.connectionLost(Failure(reason))  # type: ignore[no-untyped-call]

    def abort(self) -> None:
        self._transport.abort()

    # -- ITransport ------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if data and self.connected and not self.disconnecting:
            self._transport.write(data)
            self._pull()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """Closes when everything is written; a producer may finish first."""
        if self.disconnecting or not self.connected:
            return
        if self._producer is not None:
            self._port.turns.soon(self._close_when_done)
            self._closing_after_producer = True
            return
        self.disconnecting = True
        self._transport.close()

    _closing_after_producer = False

    def _close_when_done(self) -> None:
        if self._producer is None:
            self.loseConnection()

    def abortConnection(self) -> None:
        self.disconnecting = True
        self._transport.abort()

    def loseWriteConnection(self) -> None:
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def getPeer(self) -> IAddress:
        return self._peer

    def getHost(self) -> IAddress:
        return self._host

    # -- ITCPTransport ---------------------------------------------------------------------------------------------

    def _socket(self) -> socket.socket:
        connected: socket.socket = self._transport.get_extra_info("socket")
        return connected

    def getTcpNoDelay(self) -> bool:
        return bool(self._socket().getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def setTcpNoDelay(self, enabled: bool) -> None:
        if self._socket().family in (socket.AF_INET, socket.AF_INET6):
            self._socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, bool(enabled))

    def getTcpKeepAlive(self) -> bool:
        return bool(self._socket().getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))

    def setTcpKeepAlive(self, enabled: bool) -> None:
        self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, bool(enabled))

    # -- IConsumer -------------------------------------------------------------------------------------------------

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        if self._producer is not None:
            raise RuntimeError(f"cannot register {producer!r}: {self._producer!r} was not unregistered")
        if self.disconnected:
            producer.stopProducing()
            return
        self._producer = producer
        self._streaming = streaming
        if not streaming:
            self._pull()
        elif self._full:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        self._producer = None
        if self._closing_after_producer:
            self.loseConnection()

    def _pull(self) -> None:
        """A pull producer is asked for its next piece when the transport takes more."""
        if self._producer is not None and not self._streaming and not self._full:
            self._port.turns.soon(self._ask)

    def _ask(self) -> None:
        if self._producer is not None and not self._streaming and not self._full:
            self._producer.resumeProducing()

    # -- IPushProducer: the protocol holds back what the client sends ----------------------------------------------

    def pauseProducing(self) -> None:
        if self._reading and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def resumeProducing(self) -> None:
        if not self._reading and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    def stopProducing(self) -> None:
        self.loseConnection()
