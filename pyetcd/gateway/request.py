"""One HTTP request on twisted.web and the way back to its client; the bytes of answers as Go writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.web import http
from twisted.web.http_headers import Headers

from pyetcd.gateway import exchange
from pyetcd.gateway.exchange import REASONS, Answer
from pyetcd.gateway.outlet import Outlet
from pyetcd.gateway.paths import BadTarget

if TYPE_CHECKING:
    from pyetcd.gateway.site import GatewayChannel

_BUFFERED = 2048
"""Up to this size Go knows the length of what it sends; beyond, the answer is chunked."""
_BODY_LIMIT = 256 << 10
"""More than this of a body nobody reads ends the connection."""
_HOST = re.compile(r"[A-Za-z0-9!$%&'()*+,\-._~:;=\[\]@]*")


class GatewayRequest(http.Request):
    """One request and the way back to its client: an Exchange.  A body nobody asks for is thrown away."""

    channel: GatewayChannel
    lost = False
    _size = 0
    _wanted = 0
    _early = False

    def gotLength(self, length: int | None) -> None:
        self.on_lost: Callable[[], object] | None = None
        self.on_drain: Callable[[], object] | None = None
        self._size = 0
        self._body: list[bytes] = []
        self._extra: dict[str, str] = {}
        self._outlet: Outlet | None = None
        command, target = self.channel.request_line()
        self._wanted = self.channel.router.body_limit(command, target)

    def handleContentChunk(self, data: bytes) -> None:
        if self._early or self.channel.refused:
            return
        self._size += len(data)
        if self._size <= self._wanted:
            self._body.append(data)
        elif self._size > max(_BODY_LIMIT, self._wanted):
            self._too_large()

    def _too_large(self) -> None:
        """What the client still sends is not looked at."""
        if not self._wanted:
            self.channel.refuse(400)
            return
        self._body = []
        self._early = True
        self.channel.answer_early()

    def connectionLost(self, reason: Any) -> None:
        self.lost = True
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        on_lost, self.on_lost = self.on_lost, None
        if on_lost is not None:
            on_lost()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        if not self.channel.refused:
            self.hand_on(command, path, version)

    def hand_on(self, command: bytes, path: bytes, version: bytes) -> None:
        """To the router."""
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
            self.answer(Answer(200, headers={"Content-Length": "0"}))
            return
        body = b"".join(self._body) if self._size <= self._wanted else None
        self._body = []
        try:
            self.channel.router.handle(method, target, headers, self, body)
        except BadTarget:
            self.channel.refuse(400)

    def _host_complaint(self, headers: dict[str, str]) -> str | None:
        hosts = self.requestHeaders.getRawHeaders(b"host", [])
        if len(hosts) > 1:
            return ""
        if not hosts and self.clientproto == b"HTTP/1.1":
            return "missing required Host header"
        return None if _HOST.fullmatch(headers.get("host", "")) else "malformed Host header"

    # -- Exchange ---------------------------------------------------------------------------------------------------

    @property
    def peer(self) -> str:
        return f"{self.client.host}:{self.client.port}" if hasattr(self.client, "port") else ""

    @property
    def pending(self) -> int:
        return 0 if self._outlet is None else self._outlet.pending

    def add_headers(self, headers: dict[str, str]) -> None:
        self._extra.update(headers)

    def close_after(self) -> None:
        self.channel.persistent = False

    def answer(self, answer: Answer) -> None:
        if self.lost or self.finished:
            return
        self.on_lost = None
        known = self._knows_length(answer)
        self._head(answer, None if not known or "Content-Length" in answer.headers else len(answer.body), known)
        self.write_now(answer.body)
        self.finish()  # type: ignore[no-untyped-call]

    def begin(self, code: int, headers: dict[str, str]) -> None:
        if self.lost:
            return
        self._head(Answer(code, headers=headers), None, False)
        self._outlet = Outlet(self.write_now, self.channel.full, self._drained)
        self.channel.registerProducer(self._outlet, True)  # type: ignore[no-untyped-call]

    def write(self, piece: bytes) -> None:
        if self._outlet is not None and not self.lost:
            self._outlet.put(piece)

    def end(self, trailers: dict[str, str] | None = None) -> None:
        if self._outlet is not None and not self.lost:
            self._outlet.end(lambda: self._finish(trailers or {}))

    def abort(self) -> None:
        if not self.lost:
            self.channel.abort()

    def upgrade(self, head: bytes, receiver: exchange.Receiver) -> exchange.Channel:
        return self.channel.upgrade(head, receiver)

    def write_now(self, data: bytes) -> None:
        if not self.lost:
            http.Request.write(self, data)  # type: ignore[no-untyped-call]

    def _drained(self) -> None:
        if self.on_drain is not None:
            self.on_drain()

    def _finish(self, trailers: dict[str, str]) -> None:
        self.on_lost = None
        if not self.startedWriting:
            self.write_now(b"")
        if trailers and self.chunked:
            self.chunked = 0
            lines = "".join(f"{name}: {value}\r\n" for name, value in trailers.items())
            self.channel.write(f"0\r\n{lines}\r\n".encode())  # type: ignore[no-untyped-call]
        self.channel.unregisterProducer()  # type: ignore[no-untyped-call]
        self.finish()  # type: ignore[no-untyped-call]

    def _head(self, answer: Answer, length: int | None, known: bool) -> None:
        """Headers of the handler sorted, then date, length, found type and connection: Go's order."""
        lines = sorted({**answer.headers, **self._extra}.items())
        lines.append(("Date", http.datetimeToString().decode()))  # type: ignore[no-untyped-call]
        if length is not None:
            lines.append(("Content-Length", str(length)))
        if answer.found_type:
            lines.append(("Content-Type", answer.found_type))
        connection = self._connection(answer, known)
        if connection:
            lines.append(("Connection", connection))
        for name, value in lines:
            self.responseHeaders.addRawHeader(name.encode(), value.encode("latin-1", "replace"))
        self.setResponseCode(answer.code, REASONS[answer.code].encode())

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
