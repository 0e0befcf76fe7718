"""The port multiplexer: the first bytes decide between gRPC and HTTP/1.1 (wire contract §8.3).

HTTP/2's preface (prior knowledge) means gRPC, whatever the path; an HTTP/1.x request line, with ``Upgrade: h2c`` or
not, goes to the HTTP factory; anything else is closed without a word.  The rules are those of cmux, which official
etcd uses, its limit of 4096 bytes for the request line included.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Literal, cast

from pyetcd.net.address import printed, tune, twisted_address
from pyetcd.net.consumer import LoopConsumer
from pyetcd.net.port import GATE_TIMEOUT, USER_TIMEOUT, Port
from pyetcd.net.session import Session
from pyetcd.wire.frames import PREFACE

Spoken = Literal["grpc", "http", "neither"]

_LONGEST_REQUEST_LINE = 4096
_REQUEST_LINE = re.compile(rb"[^ ]* .* HTTP/1\.[0-9]")


def spoken(first: bytes) -> Spoken | None:
    """What a connection speaks; None while its first bytes do not tell."""
    if first.startswith(PREFACE[: len(first)]):
        return "grpc" if len(first) >= len(PREFACE) else None
    line, newline, _ = first[:_LONGEST_REQUEST_LINE].partition(b"\n")
    if newline:
        return "http" if _REQUEST_LINE.fullmatch(line.removesuffix(b"\r")) else "neither"
    return "neither" if len(line) == _LONGEST_REQUEST_LINE else None


class Gate(asyncio.Protocol):
    """The first protocol of every accepted transport; hands the transport on when the protocol is known."""

    undecided = True

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
        protocol = spoken(self._first)
        if protocol is None:
            return
        self._leave()
        if protocol == "grpc":
            self._to_session()
        elif protocol == "http":
            self._to_http()
        else:
            self._transport.close()

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
