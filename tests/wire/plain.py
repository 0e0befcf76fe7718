"""A plain HTTP/2 application on the same Connection: answers any request with a body.

h2spec sends bodiless GETs and needs an answer with DATA for some of its cases; a gRPC answer to them has none.
"""

from __future__ import annotations

from pyetcd.wire.call import Call, Kind, Metadata, Method, Phase
from pyetcd.wire.headers import Field
from pyetcd.wire.requests import Head, Resolver
from pyetcd.wire.settings import Settings
from pyetcd.wire.status import literal

BODY = b"an answer with a body\n"


class RawReader:
    """DATA as it comes, without gRPC's prefixes."""

    held = 0

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        self._data += data

    def next(self) -> bytes | None:
        data, self._data = self._data, b""
        return data or None


class Answer:
    """Answers when the request has ended."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def message(self, body: bytes) -> None:
        """Request bodies are read and forgotten."""

    def half_close(self) -> None:
        call = self._call
        call.send_headers()
        call.output.send_data(call, BODY)
        call.finish()


class PlainRouter:
    """No gRPC method at all."""

    def __init__(self) -> None:
        self.methods: dict[bytes, Method] = {}

    def admit(self, metadata: Metadata, method: Method) -> None:
        return None


class PlainResolver(Resolver):
    """Every well-formed request is a call of ``Answer``."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(PlainRouter(), settings)
        self._method = Method(b"*", Kind.BIDI, Answer)

    def judge(self, head: Head, pseudo: dict[bytes, bytes], fields: tuple[Field, ...], timeout: bytes | None) -> None:
        head.metadata = Metadata(pseudo.get(b":path", b""), pseudo.get(b":authority", b""), fields)
        head.method = self._method
        head.start = Answer
        head.new_reader = RawReader
        head.phase = Phase.MIXED
        head.block = literal(b":status", b"200") + literal(b"content-type", b"text/plain")

    def ended_with_headers(self, call: Call) -> None:
        if call.inbound is not None:
            call.inbound.half_close()
