"""What a call answers, as HTTP: one JSON object, or a line per message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from google.protobuf.message import DecodeError

from pyetcd.gateway.exchange import Answer, Exchange
from pyetcd.gateway.json.encode import STREAM, UNARY
from pyetcd.gateway.json.failures import HTTP_CODES
from pyetcd.gateway.json.shapes import Shape
from pyetcd.wire.call import Code

JSON = {"Content-Type": "application/json"}
_CALLED = {"Grpc-Metadata-Content-Type": "application/grpc"}
_TRAILER = "Grpc-Trailer-Content-Type"
_LARGE = 64 * 1024
"""Bytes of a message from which on its JSON is made in pieces."""
_BURST = 256 * 1024
"""Bytes of JSON made in one turn of the loop."""
_BUFFER = 2048
"""Go's buffer in front of a chunk: a newline behind a line that fills it makes a chunk of its own."""

Soon = Callable[[Callable[[], object]], object]


def refuse(exchange: Exchange, code: int, text: str, *, trailers: bool = False, by_service: bool = False) -> None:
    """A failure as the whole answer.  ``trailers``: the client takes them (TE)."""
    status = HTTP_CODES.get(code, 500)
    headers = dict(JSON)
    if code == Code.UNAUTHENTICATED:
        headers["Www-Authenticate"] = text
    body = UNARY.status(code, text)
    if not trailers:
        exchange.answer(Answer(status, body, headers))
        return
    if by_service:
        headers["Trailer"] = _TRAILER
    exchange.begin(status, headers)
    exchange.write(body)
    exchange.end({_TRAILER: "application/grpc"} if by_service else None)


class SingleAnswer:
    """The answer of a unary call."""

    def __init__(self, exchange: Exchange, shape: Shape, soon: Soon, trailers: bool) -> None:
        self._exchange = exchange
        self._shape = shape
        self._soon = soon
        self._trailers = trailers

    @property
    def pending(self) -> int:
        return self._exchange.pending

    def headers(self) -> None:
        """They come with the message."""

    def message(self, size: int, pieces: Iterable[bytes]) -> None:
        exchange = self._exchange
        if size > _LARGE:
            exchange.begin(200, {**JSON, **_CALLED})
            Pump(exchange, UNARY.pieces(pieces, self._shape), self._soon).run()
            return
        try:
            body = UNARY.encode(b"".join(pieces), self._shape)
        except DecodeError:
            refuse(exchange, Code.INTERNAL, "failed to marshal error message")
            return
        if self._trailers:
            exchange.begin(200, {**JSON, **_CALLED})
            exchange.write(body)
            exchange.end()
        else:
            exchange.answer(Answer(200, body, {**JSON, **_CALLED}))

    def end(self) -> None:
        """The message was all."""

    def fail(self, code: int, text: str, *, by_service: bool) -> None:
        refuse(self._exchange, code, text, trailers=self._trailers, by_service=by_service)


class Pump:
    """A large answer, made as fast as the client takes it and with other work in between."""

    def __init__(self, exchange: Exchange, pieces: Iterator[bytes], soon: Soon) -> None:
        self._exchange = exchange
        self._pieces = pieces
        self._soon = soon

    def run(self) -> None:
        exchange = self._exchange
        exchange.on_drain = None
        sent = 0
        while not exchange.pending and sent < _BURST and not exchange.lost:
            try:
                piece = next(self._pieces, None)
            except Exception:
                exchange.abort()
                raise
            if piece is None:
                exchange.end()
                return
            exchange.write(piece)
            sent += len(piece)
        if exchange.pending:
            exchange.on_drain = self.run
        elif not exchange.lost:
            self._soon(self.run)


class LineAnswer:
    """The answers of a streaming call, a line each."""

    def __init__(self, exchange: Exchange, shape: Shape) -> None:
        self._exchange = exchange
        self._shape = shape
        self._begun = False
        self._headers: dict[str, str] = {}

    @property
    def pending(self) -> int:
        return self._exchange.pending

    def headers(self) -> None:
        self._headers = _CALLED

    def message(self, size: int, pieces: Iterable[bytes]) -> None:
        self._headers = _CALLED
        try:
            line = b'{"result":%s}' % STREAM.encode(b"".join(pieces), self._shape)
        except DecodeError:
            self._exchange.abort()
            return
        self._begin(200, JSON)
        self._line(line)

    def end(self) -> None:
        self._begin(200, {})
        self._exchange.end()

    def fail(self, code: int, text: str, *, by_service: bool) -> None:
        self._begin(HTTP_CODES.get(code, 500), JSON)
        self._line(b'{"error":%s}' % STREAM.status(code, text))
        self._exchange.end()

    def _begin(self, code: int, headers: dict[str, str]) -> None:
        if not self._begun:
            self._begun = True
            self._exchange.begin(code, {**headers, **self._headers})

    def _line(self, line: bytes) -> None:
        if len(line) < _BUFFER:
            self._exchange.write(line + b"\n")
        else:
            self._exchange.write(line)
            self._exchange.write(b"\n")
