"""gRPC message framing on the general path: messages split over DATA frames, several in one, compressed ones.

A message is a flag byte (1: compressed), four bytes of length and the body.
"""

from __future__ import annotations

import zlib

from pyetcd.wire.frames import PREFIX
from pyetcd.wire.status import quoted

RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL, UNKNOWN = 8, 12, 13, 2


class StatusFault(Exception):
    """A call that ends with this status; the connection goes on."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class MessageReader:
    """Cuts the DATA of one stream into messages.

    A length above ``max_receive`` is refused when its prefix arrives, a bad flag when the message is complete:
    the order in which gRPC-Go looks.
    """

    __slots__ = ("_buffer", "_encoding", "_max_receive", "_need")

    def __init__(self, max_receive: int, encoding: bytes | None) -> None:
        self._buffer = bytearray()
        self._need = 5
        self._max_receive = max_receive
        self._encoding = encoding

    @property
    def held(self) -> int:
        """Bytes of a message that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> bytes | None:
        """The next whole message, None when more bytes are needed; raises StatusFault."""
        buffer = self._buffer
        if len(buffer) < self._need:
            return None
        flag, length = PREFIX.unpack_from(buffer)
        if length > self._max_receive:
            text = f"grpc: received message larger than max ({length} vs. {self._max_receive})"
            raise StatusFault(RESOURCE_EXHAUSTED, text)
        end = self._need = 5 + length
        if len(buffer) < end:
            return None
        body = bytes(memoryview(buffer)[5:end])
        del buffer[:end]
        self._need = 5
        return body if flag == 0 else self._uncompressed(flag, body)

    def _uncompressed(self, flag: int, body: bytes) -> bytes:
        if flag != 1:
            raise StatusFault(INTERNAL, f"grpc: received unexpected payload format {flag}")
        if self._encoding is None:
            raise StatusFault(INTERNAL, "grpc: compressed flag set with identity or empty encoding")
        return gunzip(body, self._max_receive)


def decompressor_missing(encoding: bytes) -> tuple[int, str]:
    return UNIMPLEMENTED, f"grpc: Decompressor is not installed for grpc-encoding {quoted(encoding)}"


def gunzip(body: bytes, limit: int) -> bytes:
    """The uncompressed message, never inflating more than ``limit`` + 1 bytes; raises StatusFault."""
    if len(body) < 10:
        raise StatusFault(INTERNAL, f"grpc: failed to decompress the message: {'unexpected EOF' if body else 'EOF'}")
    if body[:3] != b"\x1f\x8b\x08":
        raise StatusFault(INTERNAL, "grpc: failed to decompress the message: gzip: invalid header")
    out = b""
    while body:
        engine = zlib.decompressobj(wbits=31)
        try:
            out += engine.decompress(body, limit + 1 - len(out))
        except zlib.error as problem:
            raise StatusFault(INTERNAL, f"grpc: failed to read decompressed data: {_go_text(problem)}") from None
        if len(out) > limit:
            raise StatusFault(RESOURCE_EXHAUSTED, f"grpc: received message after decompression larger than max {limit}")
        if not engine.eof:
            raise StatusFault(INTERNAL, "grpc: failed to read decompressed data: unexpected EOF")
        body = engine.unused_data  # gzip members may follow each other
    return out


def _go_text(problem: zlib.error) -> str:
    text = str(problem)
    if "incorrect data check" in text or "incorrect length check" in text:
        return "gzip: invalid checksum"
    if "incorrect header check" in text or "unknown compression" in text:
        return "gzip: invalid header"
    return "flate: corrupt input before offset 0"


def gzip(body: bytes) -> bytes:
    """A compressed message; the time stamp is zero, so equal messages give equal bytes."""
    engine = zlib.compressobj(wbits=31)
    return engine.compress(body) + engine.flush()


def framed(body: bytes, compress: bool) -> bytes:
    """A message with its prefix; an empty one is never compressed, as in gRPC-Go."""
    if compress and body:
        body = gzip(body)
        return PREFIX.pack(1, len(body)) + body
    return PREFIX.pack(0, len(body)) + body
