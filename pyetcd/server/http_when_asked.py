"""HTTP/1.1 on the client port, imported when somebody speaks it.

What serves it (Twisted's web server, the metrics' library, the JSON gateway) takes a sixth of all time spent on
imports, and a start should not wait for it: gRPC clients never need it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


class HTTPWhenAsked:
    """An IProtocolFactory, as far as net asks: ``build`` makes the real one for the first connection."""

    def __init__(self, build: Callable[[], Any]) -> None:
        self._build = build
        self._site: Any = None

    def buildProtocol(self, address: object) -> Any:
        if self._site is None:
            self._site = self._build()
        return self._site.buildProtocol(address)


def import_http_side() -> None:
    """Do it beforehand, on any thread, so that the first question over HTTP stops nobody."""
    import_module("pyetcd.server.http_side")
