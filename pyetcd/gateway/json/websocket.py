"""A WebSocket under ``/v3/``: its messages are the body of a POST, each line of the answer is a message back.

Only calls that answer while the body is still open have a use for it: watch and keep-alive.  Any other method waits,
as in etcd, for a body that ends only with the connection."""

from __future__ import annotations

import base64
import hashlib
import re
from binascii import Error
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyetcd.gateway.exchange import Answer, Channel, Exchange, Receiver, Request, http_error
from pyetcd.gateway.json.frames import (
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameFault,
    FrameReader,
    close_answer,
    close_frame,
    frame,
)

if TYPE_CHECKING:
    from pyetcd.gateway.json.gateway import Conversation, JSONGateway

_ACCEPT_KEY = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BEARER = "Bearer"
_COOKIE = re.compile(r"(?:^|;)\s*token=\"?([^;\"]*)")


def wanted(headers: dict[str, str]) -> bool:
    """Whether a request asks for an upgrade to a WebSocket."""
    return _has_token(headers, "connection", "upgrade") and _has_token(headers, "upgrade", "websocket")


def _has_token(headers: dict[str, str], name: str, token: str) -> bool:
    return any(part.strip(" \t").lower() == token for part in headers.get(name, "").split(","))


def upgrade(gateway: JSONGateway, request: Request, exchange: Exchange) -> None:
    """Shake hands and hand the request on, or refuse."""
    refusal = _refusal(request)
    if refusal is not None:
        exchange.answer(refusal)
        return
    protocols = request.headers.get("sec-websocket-protocol", "")
    accept = hashlib.sha1((request.headers["sec-websocket-key"] + _ACCEPT_KEY).encode("latin-1")).digest()
    head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += f"Sec-WebSocket-Accept: {base64.b64encode(accept).decode()}\r\n"
    if protocols.startswith(_BEARER):
        head += f"Sec-WebSocket-Protocol: {_BEARER}\r\n"
    socket = WebSocket(gateway, exchange)
    socket.begin_talk(exchange.upgrade(f"{head}\r\n".encode(), socket), _outgoing(request))


def _refusal(request: Request) -> Answer | None:
    code = 0
    if request.method != "GET":
        code = 405
    elif not _has_token(request.headers, "sec-websocket-version", "13") or not _is_key(request.headers):
        code = 400
    if not code:
        return None
    text = "Method Not Allowed" if code == 405 else "Bad Request"
    return http_error(code, text, **{"Sec-Websocket-Version": "13"})


def _is_key(headers: dict[str, str]) -> bool:
    try:
        key = headers.get("sec-websocket-key", "")
        return len(base64.b64decode(key.encode("latin-1"), validate=True)) == 16
    except Error:
        return False


def _outgoing(request: Request) -> Request:
    """The POST a handshake stands for; few of its headers count."""
    headers = {name: value for name, value in request.headers.items() if name in ("origin", "referer")}
    protocols = request.headers.get("sec-websocket-protocol", "")
    if protocols:
        _, comma, token = protocols.partition(f"{_BEARER},")
        headers["authorization"] = f"{_BEARER} {token.strip(' ')}" if comma else ""
    cookie = _COOKIE.search(request.headers.get("cookie", ""))
    if cookie is not None:
        headers["authorization"] = f"{_BEARER} {cookie[1]}"
    return Request("POST", request.path, request.query, headers)


class WebSocket:
    """Both ends: frames in become the body, what the call answers becomes frames.  An Exchange and its Receiver."""

    def __init__(self, gateway: JSONGateway, exchange: Exchange) -> None:
        self._gateway = gateway
        self._reader = FrameReader(gateway.body_limit)
        self._conversation: Conversation | None = None
        self._line = b""
        self._channel: Channel
        self.peer = ""
        self.lost = False
        self.on_lost: Callable[[], object] | None = None
        self.on_drain: Callable[[], object] | None = None
        exchange.on_lost = self.gone

    def begin_talk(self, channel: Channel, request: Request) -> None:
        self._channel = channel
        self._conversation = self._gateway.converse(request, self)

    # -- Receiver ---------------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while not self.lost and (found := self._reader.next()) is not None:
                self._take(*found)
        except FrameFault as fault:
            self._channel.write(close_frame(fault.code, fault.text))
            self._close()

    def _take(self, kind: int, body: bytes) -> None:
        if kind == CLOSE:
            self._channel.write(close_answer(body))
            self._close()
        elif kind == PING:
            self._channel.write(frame(PONG, body))
        elif kind != PONG and self._conversation is not None:
            self._conversation.feed(body + b"\n")
            if self._conversation.held > self._gateway.body_limit:
                raise FrameFault(1009)

    def drained(self) -> None:
        if self.on_drain is not None:
            self.on_drain()

    def gone(self) -> None:
        self.lost = True
        on_lost, self.on_lost = self.on_lost, None
        if on_lost is not None:
            on_lost()

    # -- Exchange ---------------------------------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        return self._channel.pending

    def answer(self, answer: Answer) -> None:
        self.write(answer.body)
        self.end()

    def begin(self, code: int, headers: dict[str, str]) -> None:
        """There is no place for a status or headers."""

    def write(self, piece: bytes) -> None:
        """Lines as messages; empty ones are none."""
        if self.lost:
            return
        *lines, self._line = (self._line + piece).split(b"\n")
        for line in lines:
            if line:
                self._channel.write(frame(TEXT, line))

    def end(self, trailers: dict[str, str] | None = None) -> None:
        """The connection closes without a closing frame."""
        if not self.lost:
            self.write(b"\n")
            self._close()

    def abort(self) -> None:
        self._close()

    def add_headers(self, headers: dict[str, str]) -> None: ...

    def close_after(self) -> None:
        """It is the last one anyway."""

    def upgrade(self, head: bytes, receiver: Receiver) -> Channel:
        raise RuntimeError("it is upgraded")

    def _close(self) -> None:
        self._channel.close()
        self.gone()
