"""A listening port: its connections, the end-of-turn flush, the timer wheel, the graceful stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress, IListeningPort
from zope.interface import implementer

from pyetcd.net.session import Session
from pyetcd.net.turns import Turns, Wheel
from pyetcd.wire.connection import Connection

GATE_TIMEOUT = 300.0
"""Seconds a new connection may take to show which protocol it speaks (etcd's ReadHeaderTimeout)."""

USER_TIMEOUT = 20.0
"""TCP_USER_TIMEOUT in seconds: gRPC-Go sets its keepalive timeout."""


class ConnectionFactory(Protocol):
    """Makes the wire's end of an accepted connection, e.g. ``functools.partial(Connection, router, settings)``."""

    def __call__(self, *, now: float, peer: str, on_output: Callable[[Connection], None]) -> Connection: ...


class Link(Protocol):
    """A connection that is not gRPC, or not known yet."""

    @property
    def undecided(self) -> bool:
        """It has not said yet which protocol it speaks."""
        ...

    def abort(self) -> None: ...


@implementer(IListeningPort)
class Port:
    """Everything the connections of one listening socket share.  ``opened`` counts accepted connections,
    ``len(port.sessions)`` the gRPC ones that are open, ``len(port.links)`` the others."""

    def __init__(
        self, turns: Turns, new_connection: ConnectionFactory, http_factory: Any, name: str, host: IAddress
    ) -> None:
        self.turns = turns
        self.new_connection = new_connection
        self.http_factory = http_factory
        """An IProtocolFactory for connections that do not begin with the HTTP/2 preface; None: they are closed."""
        self.name = name
        """``host:port`` it listens on."""
        self._host = host
        self.wheel = Wheel(turns)
        self.sessions: set[Session] = set()
        self.links: set[Link] = set()
        self.opened = 0
        self.stopping = False
        self._dirty: list[Session] = []
        self._close_listener: Callable[[], None] = lambda: None
        self._stopped: Deferred[None] | None = None
        self._cancel_limit: Callable[[], None] = lambda: None

    def opens_with(self, close_listener: Callable[[], None]) -> None:
        """The listener is open; this function closes it."""
        self._close_listener = close_listener

    def getHost(self) -> IAddress:
        return self._host

    def startListening(self) -> None:
        """It listens from the beginning."""

    def stopListening(self) -> Deferred[None]:
        """IListeningPort: stops accepting; connections live on (``stop`` ends them, too)."""
        self.stop_accepting()
        return succeed(None)

    # -- connections -----------------------------------------------------------------------------------------------

    def add(self, session: Session) -> None:
        self.sessions.add(session)

    def remove(self, session: Session) -> None:
        self.sessions.discard(session)
        self.wheel.forget(session)
        self._check_stopped()

    def remove_link(self, link: Link) -> None:
        self.links.discard(link)
        self._check_stopped()

    def mark(self, session: Session) -> None:
        """``session`` has something to write at the end of this turn."""
        if not self._dirty:
            self.turns.soon(self._flush)
        self._dirty.append(session)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for session in dirty:
            session.flush()

    # -- the end ---------------------------------------------------------------------------------------------------

    def stop_accepting(self) -> None:
        """Closes the listening socket; connections live on."""
        close, self._close_listener = self._close_listener, lambda: None
        close()

    def stop(self, limit: float) -> Deferred[None]:
        """Graceful stop: GOAWAY to every gRPC client, running calls may end, and after ``limit`` seconds what is left
        is cut.  Fires when the last connection is gone; HTTP/1.1 connections go with the last gRPC one."""
        self.stop_accepting()
        if self._stopped is not None:
            return self._stopped
        if not self.sessions and not self.links:
            self.wheel.stop()
            return succeed(None)
        self._stopped = Deferred()
        self.stopping = True
        self._cancel_limit = self.turns.later(limit, self.abort)
        for link in tuple(self.links):
            if link.undecided:
                link.abort()
        for session in tuple(self.sessions):
            session.shut_down()
        self._check_stopped()
        return self._stopped

    def abort(self) -> None:
        """Cuts every connection."""
        for session in tuple(self.sessions):
            session.abort()
        for link in tuple(self.links):
            link.abort()

    def _check_stopped(self) -> None:
        if not self.stopping or self.sessions:
            return
        if self.links:
            for link in tuple(self.links):
                link.abort()
            return
        if self._stopped is not None and not self._stopped.called:
            self._cancel_limit()
            self.wheel.stop()
            self._stopped.callback(None)


def running_loop(reactor: Any) -> asyncio.AbstractEventLoop | None:
    """The asyncio loop under a Twisted reactor; None when it has its own."""
    loop = getattr(reactor, "_asyncioEventloop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None
