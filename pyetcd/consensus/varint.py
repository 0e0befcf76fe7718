"""Protobuf's base-128 integers and the walk over a message's fields, for the few records coded by hand."""

from __future__ import annotations

from collections.abc import Iterator

_ONE = [bytes([n]) for n in range(128)]


def encode_varint(value: int) -> bytes:
    """The shortest varint of an unsigned 64-bit ``value``."""
    if value < 128:
        return _ONE[value]
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def decode_varint(data: bytes, offset: int) -> tuple[int, int]:
    """``(value, offset after it)``; ValueError when the bytes end inside it or it is longer than ten bytes."""
    value = shift = 0
    for position in range(offset, min(offset + 10, len(data))):
        byte = data[position]
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFFFFFFFFFFFFFF, position + 1
        shift += 7
    raise ValueError(f"malformed varint at byte {offset}")


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Every ``(field number, value)`` of a message in wire order: int for varints, bytes for length-delimited fields.

    Raft's records know no other wire types; ValueError on one, or on bytes that end inside a field.
    """
    offset, end = 0, len(data)
    while offset < end:
        tag, offset = decode_varint(data, offset)
        number, wire_type = tag >> 3, tag & 7
        value, offset = decode_varint(data, offset)
        if wire_type == 0:
            yield number, value
        elif wire_type == 2:
            if offset + value > end:
                raise ValueError(f"field {number} wants {value} bytes, {end - offset} are left")
            yield number, data[offset : offset + value]
            offset += value
        else:
            raise ValueError(f"field {number} has wire type {wire_type}")
