"""A server process for the tests of net: ``python -m tests.net.serving LOOP`` prints its port.

It reads commands from standard input: ``stop LIMIT`` stops gracefully, then it says ``stopped`` and ends; ``open``
says how many gRPC connections there are."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Iterator


def main(kind: str) -> None:
    from pyetcd.net.loop import install_reactor

    installed = install_reactor(kind)  # type: ignore[arg-type]
    from twisted.internet import reactor
    from twisted.web.resource import Resource
    from twisted.web.server import NOT_DONE_YET, Site

    from pyetcd.net.listener import listen
    from pyetcd.wire.connection import Connection
    from tests.wire.peer import EchoRouter

    class Page(Resource):
        isLeaf = True

        def render_GET(self, request):  # type: ignore[no-untyped-def]
            if request.path == b"/large":
                Pushing(request)
                return NOT_DONE_YET
            return b"over HTTP/1.1\n"

        def render_POST(self, request):  # type: ignore[no-untyped-def]
            return request.content.read()

    class Pushing:
        """Ten megabytes by a push producer; fails when it is not held back."""

        def __init__(self, request) -> None:  # type: ignore[no-untyped-def]
            self.request, self.left, self.paused, self.running = request, 160, False, False
            request.registerProducer(self, True)
            self.resumeProducing()

        def resumeProducing(self) -> None:
            self.paused = False
            if self.running:
                return
            self.running = True
            while self.left and not self.paused:
                self.left -= 1
                self.request.write(bytes(65536))
            self.running = False
            if not self.left:
                self.left = -1
                self.request.unregisterProducer()
                self.request.finish()

        def pauseProducing(self) -> None:
            self.paused = True

        def stopProducing(self) -> None:
            self.paused = True

    router = EchoRouter()
    router.rope_size = 50_000_000
    port = listen("http://localhost:0", functools.partial(Connection, router), Site(Page()))
    print(installed, port.name, flush=True)

    def say(text: str) -> None:
        print(text, flush=True)

    def stopped(_: object) -> None:
        say("stopped")
        reactor.stop()  # type: ignore[attr-defined]

    def obey(line: str) -> None:
        command, *arguments = line.split()
        if command == "stop":
            port.stop(float(arguments[0])).addCallback(stopped)
        elif command == "open":
            say(f"{len(port.sessions)} {len(port.links)} {port.opened}")

    def read() -> None:
        for line in lines():
            reactor.callFromThread(obey, line)  # type: ignore[attr-defined]

    threading.Thread(target=read, daemon=True).start()
    reactor.run()  # type: ignore[attr-defined]


def lines() -> Iterator[str]:
    yield from sys.stdin


if __name__ == "__main__":
    main(sys.argv[1])
