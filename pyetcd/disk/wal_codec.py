"""The framing of etcd's log (wire contract 11.1): bytes of records, and records out of bytes.  No files here.

A record is an eight-byte little-endian length field, a protobuf message {type=1, crc=2, data=3}, and zero bytes up to
a multiple of eight.  The length field holds the message's size in its low 56 bits; when padding follows, its top byte
is 0x80 plus the number of pad bytes.  So a length never straddles a sector and a torn one reads as zero.

``crc`` is CRC-32C over the data of every record since the log began, rolling on across segments.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

from google_crc32c import extend

from pyetcd.consensus.records import Entry, encode_entry
from pyetcd.consensus.varint import decode_varint, encode_varint, fields


class RecordType(IntEnum):
    """What a record's data is."""

    METADATA = 1
    ENTRY = 2
    STATE = 3
    CRC = 4
    SNAPSHOT = 5


class Record(NamedTuple):
    """One record and where it ends: ``end`` is the offset of the next one."""

    type: int
    crc: int
    data: bytes
    end: int


def length_field(size: int) -> bytes:
    """The eight bytes before a message of ``size`` bytes."""
    pad = -size & 7
    return (size | (0x80 | pad) << 56 if pad else size).to_bytes(8, "little")


# The hot path adds five pieces per entry; these tables spare it the arithmetic for usual sizes.
_COMMON = 4096
_ENTRY_HEADS = [length_field(size) + b"\x08\x02\x10" for size in range(_COMMON)]
_PADS = [bytes(-size & 7) for size in range(8)]
_LOW_14_BITS = [bytes((n & 127 | 128, n >> 7 | 128)) for n in range(1 << 14)]  # two varint bytes with more to follow
_ONE = [bytes((n,)) for n in range(128)]
_SMALL = [encode_varint(n) for n in range(_COMMON)]


class Encoder:
    """Turns records into bytes; keeps the rolling checksum, nothing else."""

    __slots__ = ("crc",)

    def __init__(self, crc: int = 0) -> None:
        self.crc = crc

    def record(self, kind: RecordType, data: bytes = b"") -> bytes:
        """One record, framed."""
        self.crc = crc = extend(self.crc, data)
        message = b"\x08%c\x10%b" % (kind, encode_varint(crc))
        if data:
            message += b"\x1a" + encode_varint(len(data)) + data
        return length_field(len(message)) + message + _PADS[len(message) & 7]

    def entries(self, entries: Iterable[Entry], out: list[bytes]) -> None:
        """Append the pieces of one record per entry to ``out``; joined they are what record() gives."""
        crc, add = self.crc, out.append
        heads, pads, low, one, small = _ENTRY_HEADS, _PADS, _LOW_14_BITS, _ONE, _SMALL
        term, head = -1, b""
        for entry in entries:
            data, index = entry.data, entry.index
            size = len(data)
            if entry.type or not 0 < size < _COMMON or not 16383 < index < 2097152:
                body = encode_entry(entry)
            else:
                if entry.term != term:
                    term = entry.term
                    head = b"\x10" + encode_varint(term) + b"\x18"
                body = b"".join((head, low[index & 16383], one[index >> 14], b'"', small[size], data))
            crc = extend(crc, body)
            code = low[crc & 16383] + low[crc >> 14 & 16383] + one[crc >> 28] if crc >> 28 else encode_varint(crc)
            size = len(body)
            length = small[size] if size < _COMMON else encode_varint(size)
            size += 4 + len(code) + len(length)
            add(heads[size] if size < _COMMON else length_field(size) + b"\x08\x02\x10")
            add(code + b"\x1a" + length)
            add(body)
            add(pads[size & 7])
        self.crc = crc


class BadRecord(Exception):
    """The bytes at ``offset`` are no record.  ``torn``: they look like a write that a power cut interrupted."""

    def __init__(self, offset: int, reason: str, torn: bool) -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason
        self.torn = torn


_SECTOR = 512


class Decoder:
    """Reads the records of one segment, checking the rolling checksum.

    ``crc`` is the checksum before the segment, None when it is not known (the first segment read tells it).
    Lengths that reach past ``size`` bytes and messages that cannot be parsed raise :class:`BadRecord`.
    """

    __slots__ = ("crc", "data", "offset")

    def __init__(self, data: bytes, crc: int | None = None) -> None:
        self.data = data
        self.crc = crc
        self.offset = 0

    def next(self) -> Record | None:
        """The record at ``offset``, which moves behind it; None at the end or where preallocated zeros begin."""
        data, offset = self.data, self.offset
        if offset and (record := self._usual_entry(data, offset)):
            return record
        field = int.from_bytes(data[offset : offset + 8], "little")
        if offset >= len(data) or (field == 0 and offset + 8 <= len(data)):
            return None
        size = field & 0x00FFFFFFFFFFFFFF
        pad = field >> 56 & 7 if field >> 63 else 0
        start, end = offset + 8, offset + 8 + size + pad
        if data[offset:start] != length_field(size):
            raise self._bad(offset, end, "malformed length")
        if end > len(data):
            raise self._bad(offset, end, f"record of {size} bytes reaches past the end of the file")
        record = self._checked(offset, start, start + size, end)
        self.offset = end
        return record

    def _usual_entry(self, data: bytes, offset: int) -> Record | None:
        """A restart reads entries by the hundred thousand: those of usual size whose bytes are as expected, at once.

        None says nothing about the record but that it takes the long way.
        """
        head = data[offset : offset + 11]
        size = int.from_bytes(head[:2], "little")
        start = offset + 8
        end = start + size + (-size & 7)
        if self.crc is None or not 10 < size < _COMMON or head != _ENTRY_HEADS[size] or end > len(data):
            return None
        at = start + 10 if data[start + 9] < 128 else start + 11
        body = data[at : start + size]
        crc = extend(self.crc, body)
        low = _LOW_14_BITS
        code = low[crc & 16383] + low[crc >> 14 & 16383] + _ONE[crc >> 28] + b"\x1a" + _SMALL[len(body)]
        if data[start + 3 : at] != code:
            return None
        self.crc = crc
        self.offset = end
        return Record(RecordType.ENTRY, crc, body, end)

    def _checked(self, offset: int, start: int, stop: int, end: int) -> Record:
        try:
            kind, crc, body = _message(self.data, start, stop)
        except ValueError as error:
            raise self._bad(offset, end, str(error)) from None
        if offset == 0 and kind != RecordType.CRC:
            raise self._bad(offset, end, "a segment must begin with its checksum")
        if kind == RecordType.CRC:
            if self.crc is not None and crc != self.crc:
                raise self._bad(offset, end, f"checksum chain broken: {crc:08x} recorded, {self.crc:08x} computed")
            self.crc = crc
        else:
            computed = extend(self.crc or 0, body)
            if computed != crc:
                raise self._bad(offset, end, f"checksum mismatch: {crc:08x} recorded, {computed:08x} computed")
            self.crc = computed
        return Record(kind, crc, body, end)

    def _bad(self, offset: int, end: int, reason: str) -> BadRecord:
        return BadRecord(offset, reason, self._is_torn(offset + 8, end))

    def _is_torn(self, start: int, end: int) -> bool:
        """Whether an unreadable record may be one that never reached the disk whole.

        As etcd judges: one of its sectors is all zero, or the file ends inside it.  We add two things.  It is torn
        too when it ends in zeros and so does the file behind it (the tail of a record is not zero, but for padding).
        And it is not when another record begins before the missing part: then its length is wrong, not its end lost.
        """
        data = self.data
        edges = [start, *range((start // _SECTOR + 1) * _SECTOR, min(end, len(data)), _SECTOR), min(end, len(data))]
        missing = [a for a, b in pairwise(edges) if a < b and data[a:b] == bytes(b - a)]
        pad = int.from_bytes(data[start - 8 : start], "little") >> 56 & 7
        tail = max(start, end - pad - 1)
        if missing:
            limit = missing[0]
        elif end > len(data) or data[tail:] == bytes(len(data) - tail):
            limit = len(data)
        else:
            return False
        return not _has_record(data, start, limit)


def _has_record(data: bytes, start: int, limit: int) -> bool:
    """Whether a whole record, as far as its framing goes, begins in ``data[start:limit]``; they begin at eights."""
    for kind in RecordType:
        at = data.find(b"\x08%c\x10" % kind, start, limit)
        while at >= 0:
            if at % 8 == 0 and at >= start + 8 and _is_framed(data, at):
                return True
            at = data.find(b"\x08%c\x10" % kind, at + 1, limit)
    return False


def _is_framed(data: bytes, message: int) -> bool:
    size = int.from_bytes(data[message - 8 : message], "little") & 0x00FFFFFFFFFFFFFF
    if message + size > len(data) or data[message - 8 : message] != length_field(size):
        return False
    try:
        _message(data, message, message + size)
    except ValueError:
        return False
    return True


def _message(data: bytes, start: int, stop: int) -> tuple[int, int, bytes]:
    """``(type, crc, data)`` of the record message; ValueError when it is none."""
    if data[start : start + 1] == b"\x08" and data[start + 2 : start + 3] == b"\x10":
        crc, offset = decode_varint(data, start + 3)
        if offset == stop:
            return data[start + 1], crc, b""
        if data[offset] == 0x1A:
            size, offset = decode_varint(data, offset + 1)
            if offset + size == stop:
                return data[start + 1], crc, data[offset:stop]
    found: dict[int, int | bytes] = dict(fields(data[start:stop]))
    kind, crc_field, body = found.get(1), found.get(2, 0), found.get(3, b"")
    if not isinstance(kind, int) or not isinstance(crc_field, int) or not isinstance(body, bytes):
        raise ValueError("not a log record")
    return kind, crc_field, body
