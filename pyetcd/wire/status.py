"""gRPC statuses as header blocks: constant bytes that never touch the peer's HPACK table.

All fields are literals without indexing (RFC 7541 §6.2.2), so a block means the same whatever was sent before.
"""

from __future__ import annotations

import functools

from hpack.hpack import encode_integer

from pyetcd.wire.frames import END_HEADERS, END_STREAM, HEADERS, U32

CONTENT_TYPE = b"application/grpc"
_UNRESERVED = frozenset(range(0x20, 0x7F)) - {0x25}


def literal(name: bytes, value: bytes) -> bytes:
    """One header field that neither side indexes, without Huffman coding."""
    return b"\x00" + encode_integer(len(name), 7) + name + encode_integer(len(value), 7) + value


def lead(block: bytes, end_stream: bool = False) -> bytes:
    """The five bytes of a HEADERS frame before the stream number, for a block that fits one frame."""
    flags = END_HEADERS | END_STREAM if end_stream else END_HEADERS
    return U32.pack(len(block) << 8 | HEADERS) + bytes((flags,))


@functools.lru_cache(maxsize=64)
def response_block(http_status: int, content_type: bytes, encoding: bytes | None = None) -> bytes:
    """``:status``, ``content-type`` and, when replies are compressed, ``grpc-encoding``."""
    status = b"\x88" if http_status == 200 else literal(b":status", b"%d" % http_status)
    block = status + literal(b"content-type", content_type)
    return block + literal(b"grpc-encoding", encoding) if encoding else block


def percent_encoded(text: str) -> bytes:
    """A status text as grpc-message: everything but printable ASCII, and %, becomes %XX of its UTF-8 bytes.

    Bytes that came in as lone surrogates are sent as U+FFFD, which is what Go makes of invalid UTF-8."""
    raw = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()
    return b"".join(bytes((byte,)) if byte in _UNRESERVED else b"%%%02X" % byte for byte in raw)


@functools.lru_cache(maxsize=1024)
def trailer_block(code: int, text: str) -> bytes:
    """``grpc-status`` and ``grpc-message``; the message is sent when it is empty, too (wire contract §8.2)."""
    return literal(b"grpc-status", b"%d" % code) + literal(b"grpc-message", percent_encoded(text))


OK_BLOCK = trailer_block(0, "")
OK_LEAD = lead(OK_BLOCK, end_stream=True)


def quoted(raw: bytes) -> str:
    """Header bytes as Go's %q prints a string."""
    out = ['"']
    position = 0
    while position < len(raw):
        char, size = _rune(raw, position)
        out.append(_escaped(char, raw[position]))
        position += size
    out.append('"')
    return "".join(out)


def _rune(raw: bytes, position: int) -> tuple[str | None, int]:
    """The character at a position and its size in bytes; (None, 1) for a byte that is not UTF-8."""
    for size in (1, 2, 3, 4):
        try:
            return raw[position : position + size].decode(), size
        except UnicodeDecodeError:
            continue
    return None, 1


_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
_ESCAPES |= {'"': '\\"', "\\": "\\\\"}


def _escaped(char: str | None, byte: int) -> str:
    if char is None:
        return f"\\x{byte:02x}"
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    number = ord(char)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
