"""Statuses on their way to HTTP."""

from __future__ import annotations

HTTP_CODES = {
    0: 200,
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    15: 500,
    16: 401,
}
"""By gRPC code."""


class Failure(Exception):
    """A request that gets no further than the gateway: gRPC code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = int(code)
        self.text = text
