"""WebSocket frames (RFC 6455) as a server reads and writes them; faults in the words of Go's gorilla/websocket."""

from __future__ import annotations

import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_CONTINUATION = 0
_LARGEST_CONTROL = 125
_CLOSE_CODES = frozenset((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013))


class FrameFault(Exception):
    """The client breaks the protocol; ``code`` and the text go into the closing frame."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text


def frame(kind: int, body: bytes) -> bytes:
    """One unfragmented frame."""
    size = len(body)
    if size < 126:
        return struct.pack("!BB", 0x80 | kind, size) + body
    if size < 1 << 16:
        return struct.pack("!BBH", 0x80 | kind, 126, size) + body
    return struct.pack("!BBQ", 0x80 | kind, 127, size) + body


def close_frame(code: int, text: str) -> bytes:
    return frame(CLOSE, (struct.pack("!H", code) + text.encode())[:_LARGEST_CONTROL])


def close_answer(body: bytes) -> bytes:
    """The frame that answers a closing frame with this body.  Raises FrameFault for a body that is none."""
    if len(body) < 2:
        return frame(CLOSE, b"")
    code = int.from_bytes(body[:2], "big")
    if code not in _CLOSE_CODES and not 3000 <= code < 5000:
        raise FrameFault(1002, f"bad close code {code}")
    try:
        body[2:].decode()
    except UnicodeDecodeError:
        raise FrameFault(1002, "invalid utf8 payload in close frame") from None
    return frame(CLOSE, body[:2])


def unmasked(body: bytes, key: bytes) -> bytes:
    size = len(body)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(body, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")


class FrameReader:
    """``feed`` bytes; ``next`` gives (kind, body): whole messages, and control frames between their parts."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._parts: list[bytes] = []
        self._size = 0
        self._kind = 0
        """Of the message whose parts are gathered; 0 between messages."""

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def next(self) -> tuple[int, bytes] | None:
        """None: more bytes are needed.  Raises FrameFault."""
        while (found := self._frame()) is not None:
            kind, final, body = found
            if kind >= CLOSE:
                return kind, body
            if kind != _CONTINUATION:
                self._kind = kind
            self._parts.append(body)
            self._size += len(body)
            if final:
                whole = self._kind, b"".join(self._parts)
                self._parts, self._size, self._kind = [], 0, 0
                return whole
        return None

    def _frame(self) -> tuple[int, bool, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        first, second = buffer[0], buffer[1]
        kind, final, size = first & 0x0F, bool(first & 0x80), second & 0x7F
        self._check(first, second)
        head = 2
        if size >= 126:
            head = 4 if size == 126 else 10
            if len(buffer) < head:
                return None
            size = int.from_bytes(buffer[2:head], "big")
        if kind < CLOSE and self._size + size > self._limit:
            raise FrameFault(1009)
        end = head + 4 + size
        if len(buffer) < end:
            return None
        body = unmasked(bytes(buffer[head + 4 : end]), bytes(buffer[head : head + 4]))
        del buffer[:end]
        return kind, final, body

    def _check(self, first: int, second: int) -> None:
        """Everything that is wrong with the first two bytes of a frame."""
        kind, final = first & 0x0F, first & 0x80
        wrong = [f"RSV{number} set" for number, bit in ((1, 0x40), (2, 0x20), (3, 0x10)) if first & bit]
        if kind in (CLOSE, PING, PONG):
            if second & 0x7F > _LARGEST_CONTROL:
                wrong.append("len > 125 for control")
            if not final:
                wrong.append("FIN not set on control")
        elif kind in (TEXT, BINARY):
            if self._kind:
                wrong.append("data before FIN")
        elif kind == _CONTINUATION:
            if not self._kind:
                wrong.append("continuation after FIN")
        else:
            wrong.append(f"bad opcode {kind}")
        if not second & 0x80:
            wrong.append("bad MASK")
        if wrong:
            raise FrameFault(1002, ", ".join(wrong))
