"""A server process for tests: ``python -m tests.wire.serving plain|grpc LOOP`` prints its port and serves."""

from __future__ import annotations

import functools
import sys

from pyetcd.net.loop import install_reactor


def main(application: str, loop: str) -> None:
    install_reactor(loop)  # type: ignore[arg-type]
    from twisted.internet import reactor
    from twisted.web.resource import Resource
    from twisted.web.server import Site

    from pyetcd.net.listener import listen
    from pyetcd.wire.connection import Connection
    from pyetcd.wire.settings import Settings
    from tests.wire.peer import EchoRouter
    from tests.wire.plain import PlainResolver, PlainRouter

    class Page(Resource):
        isLeaf = True

        def render_GET(self, request: object) -> bytes:
            return b"over HTTP/1.1\n"

        def render_POST(self, request: object) -> bytes:
            return request.content.read()  # type: ignore[attr-defined,no-any-return]

    settings = Settings(max_concurrent_streams=100)
    if application == "plain":
        new = functools.partial(Connection, PlainRouter(), settings, resolver=PlainResolver(settings))
    else:
        new = functools.partial(Connection, EchoRouter(), settings)
    port = listen("http://127.0.0.1:0", new, Site(Page()))
    print(port.name.rpartition(":")[2], flush=True)
    reactor.run()  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(*sys.argv[1:])
