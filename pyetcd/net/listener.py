"""``listen``: one URL, one port, both protocols.

On an asyncio reactor the hot listener is the loop's own server with the loop's own transports: half the CPU of
Twisted's (ARCHITECTURE).  Elsewhere Twisted's transports carry the same sessions.  A listener that wraps its transports
in TLS belongs beside ``_serve_on_loop``: it gets the same bound socket and the same gates.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IStreamServerEndpoint
from zope.interface import implementer

from pyetcd.net.address import Address, bind, parse_url, printed, twisted_address
from pyetcd.net.gate import Gate
from pyetcd.net.port import ConnectionFactory, Port, running_loop
from pyetcd.net.turns import LoopTurns, ReactorTurns
from pyetcd.net.twisted_edge import TwistedGates


def listen(url: str, new_connection: ConnectionFactory, http_factory: Any = None, *, reactor: Any = None) -> Port:
    """Listens on ``url`` and serves gRPC, and HTTP/1.1 when ``http_factory`` (an IProtocolFactory) is given.

    The socket is bound when this returns (port 0: see ``Port.name`` for the one taken); connections are accepted as
    soon as the reactor runs.  ValueError for a bad URL, OSError when the address cannot be had."""
    return listen_on(bind(parse_url(url)), new_connection, http_factory, reactor=reactor)


def listen_on(
    listening: socket.socket, new_connection: ConnectionFactory, http_factory: Any = None, *, reactor: Any = None
) -> Port:
    """``listen`` on a socket that is already bound and listening; the port owns it from now on."""
    if reactor is None:
        from twisted.internet import reactor
    name = printed(listening.getsockname())
    host = twisted_address(listening.getsockname())
    loop = running_loop(reactor)
    if loop is None:
        port = Port(ReactorTurns(reactor), new_connection, http_factory, name, host)
        _serve_on_reactor(reactor, listening, port)
    else:
        port = Port(LoopTurns(loop), new_connection, http_factory, name, host)
        _serve_on_loop(loop, listening, port)
    return port


@implementer(IStreamServerEndpoint)
class ClientEndpoint:
    """The same as a Twisted endpoint: ``listen(factory)`` serves HTTP/1.1 by the factory and gRPC by
    ``new_connection``; its Deferred gives the Port."""

    def __init__(self, url: str, new_connection: ConnectionFactory, reactor: Any = None) -> None:
        self._url = url
        self._new_connection = new_connection
        self._reactor = reactor

    def listen(self, protocolFactory: Any) -> Deferred[Port]:
        try:
            return succeed(listen(self._url, self._new_connection, protocolFactory, reactor=self._reactor))
        except Exception:
            return fail()


def _serve_on_loop(loop: asyncio.AbstractEventLoop, listening: socket.socket, port: Port) -> None:
    starting = loop.create_task(loop.create_server(lambda: Gate(port), sock=listening))

    def close() -> None:
        if starting.done() and not starting.cancelled():
            starting.result().close()
        else:
            starting.cancel()
            listening.close()

    port.opens_with(close)


def _serve_on_reactor(reactor: Any, listening: socket.socket, port: Port) -> None:
    accepting = reactor.adoptStreamPort(listening.fileno(), listening.family, TwistedGates(port))
    listening.close()  # the reactor has its own duplicate

    def close() -> None:
        accepting.stopListening()

    port.opens_with(close)


__all__ = ["Address", "ClientEndpoint", "Port", "listen", "listen_on", "parse_url"]
