"""The tree ``/v3/``: a request becomes a call of a service's method, in the order grpc-gateway looks at things."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from pyetcd.gateway.exchange import Exchange, Request
from pyetcd.gateway.json import websocket
from pyetcd.gateway.json.answers import LineAnswer, SingleAnswer, refuse
from pyetcd.gateway.json.call import Answerer, GatewayCall
from pyetcd.gateway.json.decode import decode
from pyetcd.gateway.json.failures import Failure
from pyetcd.gateway.json.metadata import metadata, timeout
from pyetcd.gateway.json.routes import Route, routes
from pyetcd.gateway.json.scanner import Scanner
from pyetcd.gateway.json.shapes import Shape
from pyetcd.wire.call import Code, Kind, Router
from pyetcd.wire.outbox import Traffic

_FORM = "application/x-www-form-urlencoded"
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")
_UNREAD = 256 << 10
"""Go reads this much of a body nobody wants; when there is more, the connection ends."""
_PER_MESSAGE = 16
"""Bytes of JSON that may stand for one byte of the largest message."""
LONGEST_TIMER = 1e9


class Clock(Protocol):
    """What the gateway needs of the loop."""

    def now(self) -> float: ...

    def soon(self, action: Callable[[], object]) -> object: ...

    def later(self, seconds: float, action: Callable[[], object]) -> Callable[[], None]: ...


class JSONGateway:
    """Everything under ``/v3/``; ``router`` knows the methods, ``max_receive`` is the largest message in bytes."""

    def __init__(
        self,
        router: Router,
        *,
        max_receive: int,
        traffic: Traffic,
        loop: Clock,
        on_error: Callable[[Exception], object],
    ) -> None:
        self.body_limit = _PER_MESSAGE * max_receive
        self._router = router
        self._routes = routes(router.methods)
        self._max_receive = max_receive
        self._traffic = traffic
        self._loop = loop
        self._on_error = on_error

    def __call__(self, request: Request, exchange: Exchange) -> None:
        if websocket.wanted(request.headers):
            websocket.upgrade(self, request, exchange)
            return
        if request.body is None:
            refuse(exchange, Code.RESOURCE_EXHAUSTED, self._too_large(self.body_limit + 1))
            return
        conversation = self.converse(request, exchange)
        if conversation is not None:
            conversation.feed(request.body)
            conversation.end()

    def converse(self, request: Request, exchange: Exchange) -> Conversation | None:
        """Everything but the body.  None: the request is already refused."""
        try:
            method, formed = _method(request)
            route = self._route(method, request.path)
            return self._call(route, request, exchange, formed)
        except Failure as failure:
            _leave_unread(exchange, len(request.body or b""))
            refuse(exchange, failure.code, failure.text)
            return None

    def _route(self, method: str, path: str) -> Route:
        route = self._routes.get(path)
        if route is None:
            raise Failure(Code.NOT_FOUND, "Not Found")
        if method != "POST":
            raise Failure(Code.UNIMPLEMENTED, "Method Not Allowed")
        return route

    def _call(self, route: Route, request: Request, exchange: Exchange, formed: bool) -> Conversation:
        method = route.method
        seconds = timeout(request.headers)
        fields = metadata(method.path, request.headers, exchange.peer.rpartition(":")[0])
        trailers = "trailers" in request.headers.get("te", "").lower()
        if seconds is not None and seconds <= 0:
            raise Failure(Code.DEADLINE_EXCEEDED, "context deadline exceeded")
        answerer: Answerer
        if method.kind is Kind.UNARY:
            answerer = SingleAnswer(exchange, route.response, self._loop.soon, trailers)
        else:
            answerer = LineAnswer(exchange, route.response)
        call = GatewayCall(method, fields, exchange.peer, answerer, self._traffic, self._on_error)
        exchange.on_lost = call.cancel
        exchange.on_drain = call.drained
        if seconds is not None:
            seconds = min(seconds, LONGEST_TIMER)
            call.expires_with(self._loop.now() + seconds, self._loop.later(seconds, call.expire))
        refusal = self._router.admit(fields, method)
        kind = StreamConversation if method.kind is Kind.BIDI else SingleConversation
        conversation = kind(self, call, route.request, exchange, trailers)
        conversation.formed = formed
        if refusal is not None:
            call.fail(*refusal)
        elif method.kind is Kind.BIDI:
            call.open_stream()
        return conversation

    def message(self, value: bytes, shape: Shape) -> bytes:
        """JSON as the bytes of a message; raises ValueError, or Failure for one that is too large."""
        body = decode(value, shape)
        if len(body) > self._max_receive:
            raise Failure(Code.RESOURCE_EXHAUSTED, self._too_large(len(body)))
        return body

    def _too_large(self, size: int) -> str:
        return f"grpc: received message larger than max ({size} vs. {self._max_receive})"


class Conversation:
    """A call and the JSON that comes for it."""

    formed = False
    """The body was read as a form before, nothing is left of it."""

    def __init__(
        self, gateway: JSONGateway, call: GatewayCall, shape: Shape, exchange: Exchange, trailers: bool
    ) -> None:
        self._gateway = gateway
        self._call = call
        self._shape = shape
        self._exchange = exchange
        self._trailers = trailers
        self._scanner = Scanner()

    def feed(self, data: bytes) -> None: ...

    def end(self) -> None: ...

    @property
    def held(self) -> int:
        """Bytes kept because their value is not complete."""
        return self._scanner.held


class SingleConversation(Conversation):
    """One message: the first value, or nothing at all.  What follows it is not looked at."""

    _message: bytes | None = None
    _failed = False

    def feed(self, data: bytes) -> None:
        if not self.formed:
            self._scanner.feed(data)
            self._look()

    def end(self) -> None:
        if self._message is None and not self._failed:
            self._scanner.end()
            self._look()
        if not self._failed and self._call.open:
            self._call.start(self._message or b"")

    def _look(self) -> None:
        if self._message is not None or self._failed:
            return
        try:
            value = self._scanner.next()
            if value is not None:
                self._message = self._gateway.message(value, self._shape)
        except Failure as failure:
            self._failed = True
            self._call.abandon(failure.code, failure.text)
        except ValueError as problem:
            self._failed = True
            self._refuse(str(problem))

    def _refuse(self, text: str) -> None:
        """The service never hears of it."""
        if self._call.discard():
            _leave_unread(self._exchange, self._scanner.held)
            refuse(self._exchange, Code.INVALID_ARGUMENT, text, trailers=self._trailers)


class StreamConversation(Conversation):
    """A message per value; the first that is none ends the client's side."""

    _ended = False

    def feed(self, data: bytes) -> None:
        if not self._ended and not self.formed:
            self._scanner.feed(data)
            self._deliver()

    def end(self) -> None:
        if not self._ended:
            self._scanner.end()
            self._deliver()
        if not self._ended:
            self._half_close()

    def _deliver(self) -> None:
        try:
            while self._call.open and (value := self._scanner.next()) is not None:
                self._call.take(self._gateway.message(value, self._shape))
        except Failure as failure:
            self._ended = True
            self._call.abandon(failure.code, failure.text)
        except ValueError:
            self._half_close()

    def _half_close(self) -> None:
        self._ended = True
        self._call.half_close()


def _method(request: Request) -> tuple[str, bool]:
    """The method a request stands for, and whether its body was spent on a form."""
    override = request.headers.get("x-http-method-override", "")
    if not override or request.method != "POST" or request.headers.get("content-type") != _FORM:
        return request.method, False
    for pairs in ((request.body or b"").decode("latin-1"), request.query):
        _check_form(pairs)
    return override.upper(), True


def _check_form(pairs: str) -> None:
    for pair in pairs.split("&"):
        if ";" in pair:
            raise Failure(Code.INVALID_ARGUMENT, "invalid semicolon separator in query")
        for at, char in enumerate(pair):
            if char == "%" and _ESCAPE.match(pair, at) is None:
                raise Failure(Code.INVALID_ARGUMENT, f'invalid URL escape "{pair[at : at + 3]}"')


def _leave_unread(exchange: Exchange, size: int) -> None:
    if size > _UNREAD:
        exchange.close_after()
