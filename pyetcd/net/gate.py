"""The port multiplexer: the first bytes decide between gRPC and HTTP/1.1 (wire contract §8.3).

HTTP/2's preface (prior knowledge) means gRPC, whatever the path; everything else, ``Upgrade: h2c`` included, goes to
the HTTP factory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from pyetcd.net.address import printed, tune
from pyetcd.net.consumer import LoopConsumer
from pyetcd.net.port import GATE_TIMEOUT, USER_TIMEOUT, Port
from pyetcd.net.session import Session
from pyetcd.wire.frames import PREFACE


def speaks_http2(first: bytes) -> bool | None:
    """None while the bytes could still become either."""
    if not PREFACE.startswith(first[: len(PREFACE)]):
        return False
    return True if len(first) >= len(PREFACE) else None


def twisted_address(name: object) -> IAddress:
    """A socket address as Twisted's protocols expect it."""
    if isinstance(name, tuple):
        kind = IPv6Address if ":" in name[0] else IPv4Address
        return cast(IAddress, kind("TCP", name[0], name[1]))
    return cast(IAddress, UNIXAddress(str(name) if name else None))


class Gate(asyncio.Protocol):
    """The first protocol of every accepted transport; hands the transport on when the protocol is known."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._first = b""
        self._cancel_timeout: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        port = self._port
        port.opened += 1
        port.links.add(self)
        connected = transport.get_extra_info("socket")
        if connected is not None:
            tune(connected, USER_TIMEOUT)
        self._cancel_timeout = port.turns.later(GATE_TIMEOUT, self.abort)

    def data_received(self, data: bytes) -> None:
        self._first += data
        http2 = speaks_http2(self._first)
        if http2 is None:
            return
        self._leave()
        if http2:
            self._to_session()
        else:
            self._to_http()

    def connection_lost(self, _problem: Exception | None) -> None:
        self._leave()

    def abort(self) -> None:
        self._transport.abort()

    def _leave(self) -> None:
        self._cancel_timeout()
        self._port.links.discard(self)

    def _to_session(self) -> None:
        transport = self._transport
        session = Session(self._port, transport, printed(transport.get_extra_info("peername")))
        transport.set_protocol(session)
        session.data_received(self._first)
        if self._port.stopping:
            session.shut_down()

    def _to_http(self) -> None:
        transport = self._transport
        factory = self._port.http_factory
        peer = twisted_address(transport.get_extra_info("peername"))
        protocol = factory.buildProtocol(peer) if factory is not None else None
        if protocol is None or self._port.stopping:
            transport.abort()
            return
        host = twisted_address(transport.get_extra_info("sockname"))
        consumer = LoopConsumer(self._port, transport, protocol, host, peer)
        transport.set_protocol(consumer)
        protocol.makeConnection(consumer)
        consumer.data_received(self._first)
