"""The router behind twisted.web: HTTP/1.0 and 1.1 framing by Twisted, the bytes of answers as Go writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.web import http
from twisted.web.http_headers import Headers

from pyetcd.gateway.exchange import REASONS, Answer
from pyetcd.gateway.paths import BadTarget
from pyetcd.gateway.router import Router

_BUFFERED = 2048
"""Up to this size Go knows the length of what it sends; beyond, the answer is chunked."""
_HEADER_LIMIT = (1 << 20) + 4096
_HEADER_TIMEOUT = 300
_BODY_LIMIT = 256 << 10
"""More than this of a body nobody reads ends the connection."""
_HOST = re.compile(r"[A-Za-z0-9!$%&'()*+,\-._~:;=\[\]@]*")


def refusal(code: int, why: str = "") -> bytes:
    """What Go answers before a handler is found: the connection closes after it."""
    text = f"{code} {REASONS[code]}" + (f": {why}" if why else "")
    body = "Unsupported transfer encoding" if code == 501 else text
    return f"HTTP/1.1 {text}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{body}".encode()


class GatewayRequest(http.Request):
    """One request; its body is thrown away, no endpoint here has a use for it."""

    channel: GatewayChannel
    _gone = False
    _discarded = 0

    def gotLength(self, length: int | None) -> None:
        self._discarded = 0

    def handleContentChunk(self, data: bytes) -> None:
        self._discarded += len(data)
        if self._discarded > _BODY_LIMIT:
            self.channel.refuse(400)

    def connectionLost(self, reason: Any) -> None:
        self._gone = True
        super().connectionLost(reason)  # type: ignore[no-untyped-call]

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if self.channel.refused:
            return
        self.method, self.uri, self.clientproto = command, path, version
        self.responseHeaders = Headers()
        headers = {
            name.lower().decode("latin-1"): values[0].decode("latin-1")
            for name, values in self.requestHeaders.getAllRawHeaders()
        }
        complaint = self._host_complaint(headers)
        if complaint is not None:
            self.channel.refuse(400, complaint)
            return
        method, target = command.decode("latin-1"), path.decode("latin-1")
        if (method, target) == ("OPTIONS", "*"):
            self._send(Answer(200, headers={"Content-Length": "0"}))
            return
        try:
            self.channel.router.handle(method, target, headers, self._send)
        except BadTarget:
            self.channel.refuse(400)

    def _host_complaint(self, headers: dict[str, str]) -> str | None:
        hosts = self.requestHeaders.getRawHeaders(b"host", [])
        if len(hosts) > 1:
            return ""
        if not hosts and self.clientproto == b"HTTP/1.1":
            return "missing required Host header"
        return None if _HOST.fullmatch(headers.get("host", "")) else "malformed Host header"

    def _send(self, answer: Answer) -> None:
        """Headers of the handler sorted, then date, length, found type and connection: Go's order."""
        if self._gone or self.finished:
            return
        known = self._knows_length(answer)
        lines = sorted(answer.headers.items())
        lines.append(("Date", http.datetimeToString().decode()))  # type: ignore[no-untyped-call]
        if known and "Content-Length" not in answer.headers:
            lines.append(("Content-Length", str(len(answer.body))))
        if answer.found_type:
            lines.append(("Content-Type", answer.found_type))
        connection = self._connection(answer, known)
        if connection:
            lines.append(("Connection", connection))
        for name, value in lines:
            self.responseHeaders.addRawHeader(name.encode(), value.encode("latin-1"))
        self.setResponseCode(answer.code, REASONS[answer.code].encode())
        self.write(answer.body)  # type: ignore[no-untyped-call]
        self.finish()  # type: ignore[no-untyped-call]

    def _knows_length(self, answer: Answer) -> bool:
        if len(answer.body) > _BUFFERED:
            return False
        return self.method != b"HEAD" or bool(answer.body)

    def _connection(self, answer: Answer, known: bool) -> str:
        """Sets whether the channel stays open and gives the header that says so, if one does."""
        if answer.close:
            self.channel.persistent = False
            return ""
        if self.clientproto == b"HTTP/1.0":
            self.channel.persistent = self.channel.persistent and known
            return "keep-alive" if self.channel.persistent else ""
        return "" if self.channel.persistent else "close"


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

    def dataReceived(self, data: bytes) -> None:
        if not self.refused:
            super().dataReceived(data)  # type: ignore[no-untyped-call]

    def checkPersistence(self, request: http.Request, version: bytes) -> bool:
        tokens = b",".join(request.requestHeaders.getRawHeaders(b"connection", [])).lower()
        wanted = {token.strip() for token in tokens.split(b",")}
        return b"keep-alive" in wanted if version == b"HTTP/1.0" else b"close" not in wanted

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
