"""Header blocks judged: which call a request opens, or how it is refused (wire contract §1.1, §8.2).

Judging is done once per distinct header block; the verdict, a Head, is shared by all calls that carry it.  The order
of checks is gRPC-Go's: malformed HTTP/2, then content-type, then header values, then :method, then the service.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

from pyetcd.wire.binary import decode_binary, decode_timeout
from pyetcd.wire.call import Call, Code, Inbound, Kind, Metadata, Method, Phase, Router
from pyetcd.wire.frames import ErrorCode
from pyetcd.wire.headers import Field, list_size
from pyetcd.wire.messages import MessageReader, decompressor_missing
from pyetcd.wire.settings import Settings
from pyetcd.wire.status import CONTENT_TYPE, lead, quoted, response_block, trailer_block

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_PSEUDO = frozenset((b":method", b":scheme", b":path", b":authority", b":protocol"))
_CONNECTION_SPECIFIC = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))
_HIDDEN = frozenset((b"te", b"grpc-timeout", b"grpc-encoding", b"grpc-message", b"grpc-status", b"grpc-message-type"))


class Malformed(Exception):
    """A request that HTTP/2 forbids: its stream is reset with ``code``."""

    def __init__(self, code: ErrorCode = ErrorCode.PROTOCOL_ERROR) -> None:
        super().__init__(code.name)
        self.code = code


class Reader(Protocol):
    """Cuts the DATA of a stream into what its handler gets; MessageReader for gRPC."""

    @property
    def held(self) -> int: ...

    def feed(self, data: bytes) -> None: ...

    def next(self) -> bytes | None: ...


class Head:
    """The verdict on a header block.

    ``reset`` (an error code) or ``abort`` (a header block that answers and ends the stream) refuse the request at
    once, ``refusal`` (code, text) as soon as what came with it is read; otherwise ``start`` takes the call.
    ``direct``: a call of the hot path, no refusal and nothing unusual.
    """

    __slots__ = (
        "abort",
        "block",
        "compress",
        "direct",
        "expected",
        "lead",
        "metadata",
        "method",
        "new_reader",
        "only_block",
        "phase",
        "refusal",
        "reset",
        "start",
        "timeout",
    )

    metadata: Metadata
    method: Method
    start: Callable[..., Inbound | None]
    new_reader: Callable[[], Reader]

    def __init__(self) -> None:
        self.reset: ErrorCode | None = None
        self.abort: bytes | None = None
        self.refusal: tuple[int, str] | None = None
        self.direct = False
        self.phase = Phase.MIXED
        self.compress = False
        self.expected: int | None = None
        """content-length, when the request has one."""
        self.timeout: float | None = None
        """grpc-timeout in seconds, when it is part of the block's repeated fields."""
        self.answer_with(CONTENT_TYPE, None)

    def answer_with(self, content_type: bytes, encoding: bytes | None) -> None:
        self.only_block = response_block(200, content_type)
        self.block = response_block(200, content_type, encoding)
        self.lead = lead(self.block)
        self.compress = encoding is not None


def refused(http_status: int, code: int, text: str, content_type: bytes = CONTENT_TYPE) -> bytes:
    """The one header block of a refusal."""
    return response_block(http_status, content_type) + trailer_block(code, text)


def checked(fields: tuple[Field, ...]) -> dict[bytes, bytes]:
    """The pseudo-header fields of a request; raises Malformed for what RFC 9113 §8.2, §8.3 forbid."""
    pseudo: dict[bytes, bytes] = {}
    regular = False
    for name, value in fields:
        if _BAD_VALUE.search(value):
            raise Malformed
        if name[:1] == b":":
            if regular or name not in _PSEUDO or name in pseudo:
                raise Malformed
            pseudo[name] = value
            continue
        regular = True
        if _NAME.fullmatch(name) is None or name in _CONNECTION_SPECIFIC:
            raise Malformed
        if name == b"te" and value != b"trailers":
            raise Malformed
    return pseudo


def check_trailers(fields: tuple[Field, ...], max_header_list: int) -> None:
    """Request trailers may hold anything but pseudo-header fields."""
    if list_size(fields) > max_header_list:
        raise Malformed(ErrorCode.FRAME_SIZE_ERROR)
    if checked(fields):
        raise Malformed


class Resolver:
    """Header fields → Head, for one router."""

    def __init__(self, router: Router, settings: Settings) -> None:
        self._router = router
        self._settings = settings
        self._nothing = Method(b"", Kind.UNARY, _refusing(Code.UNIMPLEMENTED, ""))
        """Stands for the method of calls that have none; its counters count for nobody."""
        self._services = {path[1 : path.rindex(b"/")] for path in router.methods}

    def resolve(self, fields: tuple[Field, ...], timeout: bytes | None = None) -> Head:
        """``timeout``: a literal grpc-timeout, given here only when its value is malformed."""
        head = Head()
        try:
            if list_size(fields) > self._settings.max_header_list:
                raise Malformed(ErrorCode.FRAME_SIZE_ERROR)
            pseudo = checked(fields)
            self._check_request(pseudo)
            head.expected = _content_length(fields)
            self.judge(head, pseudo, fields, timeout)
        except Malformed as problem:
            head.reset = problem.code
        return head

    @staticmethod
    def _check_request(pseudo: dict[bytes, bytes]) -> None:
        if b":method" not in pseudo:
            raise Malformed
        connect = pseudo[b":method"] == b"CONNECT" and b":protocol" not in pseudo
        if connect == bool(pseudo.get(b":path")) or connect == bool(pseudo.get(b":scheme")):
            raise Malformed

    def judge(self, head: Head, pseudo: dict[bytes, bytes], fields: tuple[Field, ...], timeout: bytes | None) -> None:
        """Fills ``head`` for a well-formed request."""
        hosts = [value for name, value in fields if name == b"host"]
        if len(hosts) > 1:
            count = f"num values of :authority: {int(b':authority' in pseudo)}, num values of host: {len(hosts)}"
            head.abort = refused(400, Code.INTERNAL, f"{count}, both must only have 1 value as per HTTP/2 spec")
            return
        content_type = _answer_type(fields)
        if isinstance(content_type, str):
            head.abort = refused(415, Code.INVALID_ARGUMENT, content_type)
            return
        try:
            shown = self._values(head, fields if timeout is None else (*fields, (b"grpc-timeout", timeout)))
        except ValueError as problem:
            head.abort = refused(400, Code.INTERNAL, str(problem), content_type)
            return
        if pseudo[b":method"] != b"POST":
            text = f"Received a HEADERS frame with :method {quoted(pseudo[b':method'])} which should be POST"
            head.abort = refused(405, Code.INTERNAL, text, content_type)
            return
        authority = pseudo.get(b":authority") or (hosts[0] if hosts else b"")
        self._route(head, Metadata(pseudo[b":path"], authority, shown), content_type, fields)

    @staticmethod
    def _values(head: Head, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        """The fields a handler sees, binary ones decoded; ValueError with the text of the last bad value."""
        shown: list[Field] = []
        error: ValueError | None = None
        for name, value in fields:
            if name == b"grpc-timeout":
                try:
                    head.timeout = decode_timeout(value)
                except ValueError as problem:
                    error = ValueError(f"malformed grpc-timeout: {problem}")
            elif name.endswith(b"-bin"):
                try:
                    shown.append((name, decode_binary(value)))
                except ValueError as problem:
                    where = f"malformed binary metadata {quoted(value)} in header {quoted(name)}"
                    error = ValueError(f"{where}: {problem}")
            elif name == b":authority" or not (name[:1] == b":" or name in _HIDDEN or name == b"host"):
                shown.append((name, value))
        if error is not None:
            raise error
        return tuple(shown)

    def _route(self, head: Head, metadata: Metadata, content_type: bytes, fields: tuple[Field, ...]) -> None:
        method = self._router.methods.get(metadata.path)
        encoding = _encoding(fields)
        if method is None:
            head.refusal = Code.UNIMPLEMENTED, self._unknown(metadata.path)
        elif encoding not in (None, b"gzip"):
            head.refusal = decompressor_missing(encoding or b"")
        head.metadata = metadata
        if head.refusal is not None or method is None:
            head.method = self._nothing
            head.answer_with(content_type, None)
            return
        head.method = method
        head.start = method.start
        head.answer_with(content_type, encoding)
        max_receive = self._settings.max_receive
        head.new_reader = lambda: MessageReader(max_receive, encoding)
        refusal = self._router.admit(metadata, method)
        if refusal is not None:
            head.start = _refusing(*refusal)
        elif encoding is None and head.expected is None:
            head.phase = Phase.BETWEEN if method.kind is Kind.BIDI else Phase.FRESH
        usual = head.expected is None and (head.timeout is None or head.timeout > 0)
        head.direct = usual and (method.kind is not Kind.BIDI or head.phase is Phase.BETWEEN)

    def ended_with_headers(self, call: Call) -> None:
        """A request whose HEADERS end the stream.  gRPC-Go never tells its handlers, so such a call waits until its
        deadline or until the client goes away [quirk, wire contract §8.2]."""

    def _unknown(self, path: bytes) -> str:
        service, slash, name = path[1:].rpartition(b"/")
        if path[:1] != b"/" or not slash:
            return f"malformed method name: {quoted(path)}"
        if service not in self._services:
            return f"unknown service {_text(service)}"
        return f"unknown method {_text(name)} for service {_text(service)}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _refusing(code: int, text: str) -> Callable[..., Inbound | None]:
    """A handler that refuses its calls; like any other it answers once the message is there."""

    def start(call: Call, _message: bytes = b"") -> None:
        call.fail(code, text)

    return start


def _content_length(fields: tuple[Field, ...]) -> int | None:
    values = {value for name, value in fields if name == b"content-length"}
    if not values:
        return None
    if len(values) > 1 or not (value := values.pop()).isdigit() or len(value) > 18:
        raise Malformed
    return int(value)


def _answer_type(fields: tuple[Field, ...]) -> bytes | str:
    """The content-type of the answer, or the text of the refusal when the request has none of gRPC's."""
    good: bytes | None = None
    bad = b""
    for name, value in fields:
        if name != b"content-type":
            continue
        subtype = value[len(CONTENT_TYPE) :]
        if value.startswith(CONTENT_TYPE) and subtype[:1] in (b"", b"+", b";"):
            good = CONTENT_TYPE + b"+" + subtype[1:] if subtype[1:] else CONTENT_TYPE
        else:
            bad = value
    return good if good is not None else f"invalid gRPC request content-type {quoted(bad)}"


def _encoding(fields: tuple[Field, ...]) -> bytes | None:
    """The last grpc-encoding; identity and empty mean none."""
    encoding: bytes | None = None
    for name, value in fields:
        if name == b"grpc-encoding":
            encoding = value
    return None if encoding in (b"", b"identity") else encoding
