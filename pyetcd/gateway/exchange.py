"""A request and an answer as plain values, and the answers Go's standard handlers give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pyetcd.gateway.paths import query_values

TEXT = "text/plain; charset=utf-8"

REASONS = {
    200: "OK",
    307: "Temporary Redirect",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    421: "Misdirected Request",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class Request:
    """method and path as Go sees them: the path unescaped, the query raw.  Header names in lower case."""

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)

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
