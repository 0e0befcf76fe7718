"""A request and an answer as plain values, and the answers Go's standard handlers give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pyetcd.gateway.paths import query_values

TEXT = "text/plain; charset=utf-8"

REASONS = {
    200: "OK",
    307: "Temporary Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    421: "Misdirected Request",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    499: "status code 499",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass(frozen=True, slots=True)
class Request:
    """method and path as Go sees them: the path unescaped, the query raw.  Header names in lower case.

    ``body`` is kept for trees only; None: it is larger than the tree takes."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = b""

    def values(self, name: str) -> list[str]:
        """Values of one query parameter."""
        return query_values(self.query, name)


@dataclass(frozen=True, slots=True)
class Answer:
    """``headers`` are what the handler sets, sent sorted; a type that Go finds out by itself comes after them."""

    code: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    found_type: str = ""
    close: bool = False


Done = Callable[[Answer], object]
Handler = Callable[[Request, Done], object]
"""Answers one request, at once or later; ``done`` is called exactly once."""


class Exchange(Protocol):
    """A request's way back: one Answer, or a head and a body that comes piece by piece.

    Calls after ``lost`` are ignored silently (the client is gone)."""

    lost: bool
    on_lost: Callable[[], object] | None
    """Called once when the client goes away before the answer has ended."""
    on_drain: Callable[[], object] | None
    """Called when the client has taken what waited for it."""

    @property
    def peer(self) -> str:
        """``127.0.0.1:4711``"""

    @property
    def pending(self) -> int:
        """Bytes that wait because the client does not read; whoever sends a lot stops while there are any."""

    def add_headers(self, headers: dict[str, str]) -> None:
        """Headers that every answer of this exchange has."""

    def answer(self, answer: Answer) -> object: ...

    def begin(self, code: int, headers: dict[str, str]) -> None: ...

    def write(self, piece: bytes) -> None:
        """A piece of the body, sent as one chunk."""

    def end(self, trailers: dict[str, str] | None = None) -> None: ...

    def abort(self) -> None:
        """What was begun cannot be ended: the client must see that."""

    def close_after(self) -> None:
        """The answer is the last one on its connection.  To be said before it begins."""

    def upgrade(self, head: bytes, receiver: Receiver) -> Channel:
        """HTTP ends here: ``head`` is sent, and bytes go both ways from now on."""


class Receiver(Protocol):
    """Takes what a client sends after an upgrade."""

    def received(self, data: bytes) -> None: ...

    def drained(self) -> None:
        """Nothing is pending any more."""

    def gone(self) -> None: ...


class Channel(Protocol):
    """The way to a client after an upgrade."""

    @property
    def pending(self) -> int: ...

    def write(self, data: bytes) -> None: ...

    def close(self) -> None:
        """When everything is written."""


class Tree(Protocol):
    """Answers every request below a path."""

    body_limit: int
    """How much of a request's body is kept for it."""

    def __call__(self, request: Request, exchange: Exchange) -> None: ...


def http_error(code: int, text: str, **headers: str) -> Answer:
    """Go's http.Error: the text and a newline, never sniffed by browsers."""
    return Answer(
        code,
        text.encode() + b"\n",
        {"Content-Type": TEXT, "X-Content-Type-Options": "nosniff", **headers},
    )


def not_found() -> Answer:
    return http_error(404, "404 page not found")


def method_not_allowed() -> Answer:
    return http_error(405, "Method Not Allowed", Allow="GET")
