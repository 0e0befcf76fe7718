"""HPACK decoding for requests (RFC 7541), shaped by what gRPC clients send.

A Go client with a deadline puts a changing ``grpc-timeout`` into the dynamic table on every call, so no block ever
repeats.  The usual block is seven indexed fields and that one literal; decoding it must cost a few microseconds.
The library gives the static table, the Huffman machine and long integers; this file walks the block once, front to
back, and never copies more than the strings it returns.
"""

from __future__ import annotations

from collections import deque

from hpack.exceptions import HPACKError
from hpack.hpack import decode_integer
from hpack.huffman_table import HUFFMAN_COMPLETE, HUFFMAN_EMIT_SYMBOL, HUFFMAN_FAIL, HUFFMAN_TABLE
from hpack.table import HeaderTable

from pyetcd.wire.frames import ConnectionFault, ErrorCode

Field = tuple[bytes, bytes]

TABLE_SIZE = 4096
"""What we advertise (the default), hence the largest table a client may ask for."""

_STATIC: tuple[Field, ...] = tuple(HeaderTable.STATIC_TABLE)
_MAX_INTEGER_BYTES = 6


class _HuffmanSteps(dict[int, tuple[int, bytes, bool]]):
    """The library's nibble machine, a byte at a time: state << 8 | byte → (next state << 8, output, may end here).

    Filled as bytes are met; at most 257 × 256 entries."""

    def __missing__(self, key: int) -> tuple[int, bytes, bool]:
        state, byte = key >> 8, key & 0xFF
        out = bytearray()
        flags = 0
        for nibble in (byte >> 4, byte & 0xF):
            state, flags, symbol = HUFFMAN_TABLE[(state << 4) + nibble]
            if flags & HUFFMAN_FAIL:
                raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "invalid Huffman code")
            if flags & HUFFMAN_EMIT_SYMBOL:
                out.append(symbol)
        step = self[key] = (state << 8, bytes(out), bool(flags & HUFFMAN_COMPLETE))
        return step


_STEPS = _HuffmanSteps()


def unhuffman(data: bytes) -> bytes:
    """A Huffman-coded string; COMPRESSION_ERROR when the code or its padding is wrong."""
    steps = _STEPS
    state = 0
    complete = True
    out = []
    for byte in data:
        state, symbols, complete = steps[state | byte]
        out.append(symbols)
    if not complete:
        raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "invalid Huffman padding")
    return b"".join(out)


def _integer(block: bytes, position: int, prefix: int) -> tuple[int, int]:
    """An integer whose prefix is full, and where it ends."""
    window = block[position : position + _MAX_INTEGER_BYTES]
    try:
        number, consumed = decode_integer(window, prefix)
    except HPACKError as problem:
        raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "invalid integer") from problem
    return number, position + consumed


def _string(block: bytes, position: int) -> tuple[bytes, int]:
    length = block[position]
    huffman = length & 0x80
    length &= 0x7F
    if length == 0x7F:
        length, position = _integer(block, position, 7)
    else:
        position += 1
    end = position + length
    if end > len(block):
        raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "truncated string")
    value = block[position:end]
    return (unhuffman(value) if huffman else value), end


class HeaderDecoder:
    """The dynamic table of one connection's requests."""

    __slots__ = ("_entries", "_max_size", "_size", "changes", "timeout")

    def __init__(self) -> None:
        self._entries: deque[Field] = deque()
        self._size = 0
        self._max_size = TABLE_SIZE
        self.changes = 0
        """Counts every change of the table: while it stands still, equal blocks mean equal headers."""
        self.timeout: bytes | None = None
        """The literal grpc-timeout of the last block, kept out of its fields so that these repeat."""

    def decode(self, block: bytes) -> tuple[Field, ...]:
        """The fields of a block in order, without a literal grpc-timeout; COMPRESSION_ERROR when it is malformed."""
        self.timeout = None
        try:
            return self._decode(block)
        except IndexError:
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "invalid index or truncated block") from None

    def _decode(self, block: bytes) -> tuple[Field, ...]:
        entries = self._entries
        fields: list[Field] = []
        size = len(block)
        position = 0
        while position < size and block[position] & 0xE0 == 0x20:
            position = self._resize(block, position)
        while position < size:
            byte = block[position]
            if byte & 0x80:
                if byte == 0xFF:
                    index, position = _integer(block, position, 7)
                else:
                    index = byte & 0x7F
                    position += 1
                if index > 61:
                    fields.append(entries[index - 62])
                elif index:
                    fields.append(_STATIC[index - 1])
                else:
                    raise IndexError
                continue
            if byte & 0x40:
                full, index = 6, byte & 0x3F
                position = self._literal(block, position, full, 0x3F, index, fields)
            elif byte & 0x20:
                raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "table size update inside a block")
            else:
                position = self._literal(block, position, 4, 0x0F, byte & 0x0F, fields)
        return tuple(fields)

    def _literal(self, block: bytes, position: int, prefix: int, full: int, index: int, fields: list[Field]) -> int:
        """One literal field; ``prefix`` 6 goes into the table, too.  Returns where it ends."""
        if index == 0:
            name, position = _string(block, position + 1)
        else:
            if index == full:
                index, position = _integer(block, position, prefix)
            else:
                position += 1
            name = (_STATIC[index - 1] if index <= 61 else self._entries[index - 62])[0]
        value, position = _string(block, position)
        if prefix == 6:
            self._insert((name, value))
        if name == b"grpc-timeout":
            self.timeout = value
        else:
            fields.append((name, value))
        return position

    def _insert(self, field: Field) -> None:
        """RFC 7541 §4.4: entries are evicted until the new one fits; one larger than the table empties it."""
        self.changes += 1
        entries = self._entries
        size = len(field[0]) + len(field[1]) + 32
        self._size += size
        while self._size > self._max_size and entries:
            name, value = entries.pop()
            self._size -= len(name) + len(value) + 32
        if size > self._max_size:
            self._size = 0
        else:
            entries.appendleft(field)

    def _resize(self, block: bytes, position: int) -> int:
        """A dynamic table size update, which may only stand in front of the fields."""
        if block[position] == 0x3F:
            size, position = _integer(block, position, 5)
        else:
            size, position = block[position] & 0x1F, position + 1
        if size > TABLE_SIZE:
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, "table size above SETTINGS_HEADER_TABLE_SIZE")
        self.changes += 1
        self._max_size = size
        while self._size > size:
            name, value = self._entries.pop()
            self._size -= len(name) + len(value) + 32
        return position


def list_size(fields: tuple[Field, ...]) -> int:
    """The size of a header list as SETTINGS_MAX_HEADER_LIST_SIZE counts it."""
    return sum(len(name) + len(value) for name, value in fields) + 32 * len(fields)
