"""The same port on Twisted's own transports, for reactors that do not run on asyncio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress, IPushProducer
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from pyetcd.net.address import printed, tune
from pyetcd.net.gate import spoken
from pyetcd.net.port import GATE_TIMEOUT, USER_TIMEOUT, Port
from pyetcd.net.session import Session


class TwistedPipe:
    """A Twisted transport as a session's Pipe."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.write: Callable[[bytes], None] = transport.write

    def can_write_eof(self) -> bool:
        return hasattr(self._transport, "loseWriteConnection")

    def write_eof(self) -> None:
        self._transport.unregisterProducer()
        self._transport.loseWriteConnection()

    def close(self) -> None:
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def abort(self) -> None:
        self._transport.abortConnection()

    def is_closing(self) -> bool:
        return not self._transport.connected or self._transport.disconnecting

    def pause_reading(self) -> None:
        self._transport.pauseProducing()

    def resume_reading(self) -> None:
        self._transport.resumeProducing()


@implementer(IPushProducer)
class _BackPressure:
    """Twisted tells a registered producer when its buffer is full; that is a session's pause_writing."""

    def __init__(self, session: Session) -> None:
        self.pauseProducing = session.pause_writing
        self.resumeProducing = session.resume_writing

    def stopProducing(self) -> None:
        """The connection is lost; connectionLost says so, too."""


class TwistedGate(Protocol):
    """Gate for a Twisted transport."""

    def __init__(self, port: Port, peer: IAddress) -> None:
        self._port = port
        self._peer = peer
        self._first = b""
        self._session: Session | None = None
        self._http: Any = None
        self._cancel_timeout: Callable[[], None] = lambda: None

    @property
    def undecided(self) -> bool:
        return self._session is None and self._http is None

    def connectionMade(self) -> None:
        port = self._port
        port.opened += 1
        port.links.add(self)
        transport: Any = self.transport
        tune(transport.getHandle(), USER_TIMEOUT)
        self._cancel_timeout = port.turns.later(GATE_TIMEOUT, self.abort)

    def dataReceived(self, data: bytes) -> None:
        if self._session is not None:
            self._session.data_received(data)
        elif self._http is not None:
            self._http.dataReceived(data)
        else:
            self._decide(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._cancel_timeout()
        if self._session is not None:
            self._session.connection_lost(None)
        elif self._http is not None:
            self._http.connectionLost(reason)
        self._port.remove_link(self)

    def abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()

    def _decide(self, data: bytes) -> None:
        self._first += data
        protocol = spoken(self._first)
        if protocol is None:
            return
        self._cancel_timeout()
        transport: Any = self.transport
        if protocol == "grpc":
            self._port.links.discard(self)
            handle = transport.getHandle()
            self._session = Session(self._port, TwistedPipe(transport), printed(handle.getpeername()))
            transport.registerProducer(_BackPressure(self._session), True)
            self._session.data_received(self._first)
            if self._port.stopping:
                self._session.shut_down()
            return
        if protocol == "neither":
            transport.loseConnection()
            return
        factory = self._port.http_factory
        self._http = factory.buildProtocol(self._peer) if factory is not None else None
        if self._http is None or self._port.stopping:
            self._http = None
            self.abort()
            return
        self._http.makeConnection(transport)
        self._http.dataReceived(self._first)


class TwistedGates(Factory):
    """Makes a gate per accepted connection."""

    noisy = False

    def __init__(self, port: Port) -> None:
        self._port = port

    def buildProtocol(self, addr: IAddress | None) -> TwistedGate:
        assert addr is not None
        return TwistedGate(self._port, addr)
