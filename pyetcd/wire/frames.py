"""HTTP/2 frames as numbers and ready bytes (RFC 9113 §4, §6, §7).

A frame is nine bytes of head (length:24, type:8, flags:8, stream:32) and a payload.  ``FRAME`` reads a head in one
call: ``word, flags, stream = FRAME.unpack_from(...)``, length is ``word >> 8`` and type ``word & 0xFF``.
"""

from __future__ import annotations

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_SIZE = 9
STREAM_MASK = 0x7FFF_FFFF
MAX_WINDOW = 0x7FFF_FFFF
DEFAULT_WINDOW = 65_535
MIN_MAX_FRAME = 16_384
MAX_MAX_FRAME = 16_777_215

FRAME = struct.Struct(">IBI")
U32 = struct.Struct(">I")
SETTING = struct.Struct(">HI")
PREFIX = struct.Struct(">BI")
"""gRPC's message prefix: compressed flag, length."""

MESSAGE = struct.Struct(">IBIBI")
"""Head of a DATA frame that holds one whole uncompressed message, with the message's prefix behind it:
``((5 + size) << 8, 0, stream, 0, size)``."""

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITIZED = 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = (
    range(1, 7)
)


class ErrorCode(IntEnum):
    """RFC 9113 §7."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class ConnectionFault(Exception):
    """The peer broke a rule that ends the whole connection: GOAWAY with ``code`` and ``debug``, then close."""

    def __init__(self, code: ErrorCode, debug: str = "") -> None:
        super().__init__(f"{code.name}: {debug}")
        self.code = code
        self.debug = debug


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame as bytes."""
    return FRAME.pack(len(payload) << 8 | kind, flags, stream) + payload


def header_frames(stream: int, block: bytes, end_stream: bool, max_frame: int = MIN_MAX_FRAME) -> bytes:
    """A header block as HEADERS and as many CONTINUATION frames as ``max_frame`` demands."""
    flags = END_STREAM if end_stream else 0
    if len(block) <= max_frame:
        return frame(HEADERS, flags | END_HEADERS, stream, block)
    parts = [block[start : start + max_frame] for start in range(0, len(block), max_frame)]
    frames = [frame(HEADERS, flags, stream, parts[0])]
    frames += [frame(CONTINUATION, 0, stream, part) for part in parts[1:-1]]
    frames.append(frame(CONTINUATION, END_HEADERS, stream, parts[-1]))
    return b"".join(frames)


def settings_frame(values: dict[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(SETTING.pack(name, value) for name, value in values.items()))


SETTINGS_ACK = frame(SETTINGS, ACK, 0)


def ping_frame(data: bytes, ack: bool = False) -> bytes:
    return frame(PING, ACK if ack else 0, 0, data)


PING_ACK = FRAME.pack(8 << 8 | PING, ACK, 0)
"""Head of the answer to a PING; its eight bytes follow."""


def reset_frame(stream: int, code: int) -> bytes:
    return frame(RST_STREAM, 0, stream, U32.pack(code))


def window_frame(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, U32.pack(increment))


def goaway_frame(last_stream: int, code: int, debug: bytes = b"") -> bytes:
    return frame(GOAWAY, 0, 0, U32.pack(last_stream) + U32.pack(code) + debug)
