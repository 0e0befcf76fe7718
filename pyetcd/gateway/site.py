"""The router behind twisted.web: HTTP/1.0 and 1.1 framing by Twisted, refusals in Go's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.web import http
from twisted.web.http_headers import Headers

from pyetcd.gateway.exchange import REASONS, Receiver
from pyetcd.gateway.outlet import Outlet
from pyetcd.gateway.request import GatewayRequest
from pyetcd.gateway.router import Router

_HEADER_LIMIT = (1 << 20) + 4096
_HEADER_TIMEOUT = 300


def refusal(code: int, why: str = "") -> bytes:
    """What Go answers before a handler is found: the connection closes after it."""
    text = f"{code} {REASONS[code]}" + (f": {why}" if why else "")
    body = "Unsupported transfer encoding" if code == 501 else text
    return f"HTTP/1.1 {text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{body}".encode()


class GatewayChannel(http.HTTPChannel):
    """Twisted's HTTP/1.1 connection with Go's limits and Go's words for what is no request."""

    MAX_LENGTH = _HEADER_LIMIT
    totalHeadersSize = _HEADER_LIMIT
    maxHeaders = 1 << 16
    requestFactory = GatewayRequest
    persistent: bool

    def __init__(self, router: Router) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.router = router
        self.refused = False
        self._upgraded: Upgraded | None = None

    def dataReceived(self, data: bytes) -> None:
        if self._upgraded is not None:
            self._upgraded.receiver.received(data)
        elif not self.refused:
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def rawDataReceived(self, data: bytes) -> None:
        """After an upgrade this is what the client sent before it knew of it: Go hangs up."""
        if self._upgraded is not None:
            self.abort()
        else:
            super().rawDataReceived(data)

    def allContentReceived(self) -> None:
        if self.requests:  # else the answer came before the end of the body
            super().allContentReceived()  # type: ignore[no-untyped-call]

    def request_line(self) -> tuple[str, str]:
        """Method and target of the request whose headers have just been read."""
        command: bytes = self._command
        path: bytes = self._path  # type: ignore[assignment]
        return command.decode("latin-1"), path.decode("latin-1")

    def answer_early(self) -> None:
        """Hand on a request whose body is larger than anybody wants; the rest of it is lost with the connection."""
        self.persistent = False
        request = self.requests[-1]
        self.setTimeout(None)  # type: ignore[no-untyped-call]
        self._handlingRequest = True
        request.hand_on(self._command, self._path, self._version)

    @property
    def full(self) -> bool:
        """The transport takes no more for now."""
        return bool(self._waitingForTransport)

    def abort(self) -> None:
        self.transport.abortConnection()  # type: ignore[union-attr]

    def upgrade(self, head: bytes, receiver: Receiver) -> Upgraded:
        self._upgraded = Upgraded(self, receiver)
        self.transport.write(head)  # type: ignore[union-attr,call-arg]
        return self._upgraded

    def checkPersistence(self, request: http.Request, version: bytes) -> bool:
        tokens = b",".join(request.requestHeaders.getRawHeaders(b"connection", [])).lower()
        wanted = {token.strip() for token in tokens.split(b",")}
        return b"keep-alive" in wanted if version == b"HTTP/1.0" else b"close" not in wanted

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """Go writes WWW-Authenticate like any other name."""
        lines = [b"%s %s %s\r\n" % (version, code, reason)]
        for name, values in headers.getAllRawHeaders():
            lines += [b"%s: %s\r\n" % (name.title(), value) for value in values]
        lines.append(b"\r\n")
        self.transport.writeSequence(lines)  # type: ignore[union-attr,call-arg]

    def refuse(self, code: int, why: str = "") -> None:
        """Answer what is no request, and close; what still arrives is not looked at."""
        if self.refused:
            return
        self.refused = True
        self.transport.write(refusal(code, why))  # type: ignore[union-attr,call-arg]
        self.loseConnection()  # type: ignore[no-untyped-call]

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(400)

    def lineLengthExceeded(self, line: bytes) -> None:
        self.refuse(431)


class Upgraded:
    """The way to a client that no longer speaks HTTP.  While it does not read, nothing is read from it."""

    def __init__(self, channel: GatewayChannel, receiver: Receiver) -> None:
        self.receiver = receiver
        self._channel = channel
        self._outlet = Outlet(channel.write, channel.full, self._drained, self._hold)
        channel.registerProducer(self._outlet, True)  # type: ignore[no-untyped-call]

    @property
    def pending(self) -> int:
        return self._outlet.pending

    def write(self, data: bytes) -> None:
        self._outlet.put(data)

    def close(self) -> None:
        self._outlet.end(self._close)

    def _hold(self) -> None:
        self._channel.transport.pauseProducing()  # type: ignore[union-attr]

    def _drained(self) -> None:
        self._channel.transport.resumeProducing()  # type: ignore[union-attr]
        self.receiver.drained()

    def _close(self) -> None:
        self._channel.unregisterProducer()  # type: ignore[no-untyped-call]
        self._channel.loseConnection()  # type: ignore[no-untyped-call]


class GatewayFactory(Factory):
    """Builds a connection for everything that does not speak HTTP/2."""

    noisy = False

    def __init__(self, router: Router, timeout: int | None = _HEADER_TIMEOUT) -> None:
        self.router = router
        self.timeout = timeout

    def buildProtocol(self, addr: IAddress | None) -> GatewayChannel:
        channel = GatewayChannel(self.router)
        channel.timeOut = self.timeout
        channel.factory = self
        return channel

    log: Callable[[Any, http.Request], None] = lambda self, request: None
    """Twisted would write an access log here; etcd has none."""
