"""The payload of a log entry: InternalRaftRequest bytes around a request's own bytes (wire contract, section 1.7).

A proposal embeds the client's request bytes as they came, so nothing is encoded twice; the request header with the
proposal's id follows, because field 100 comes after the requests of the hot path (and readers accept any order).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from pyetcd.apply.deep import fields, parse_deep
from pyetcd.auth.caller import Caller
from pyetcd.mvcc.record import varint
from pyetcd.pb import raft_internal_pb2 as internal

_FIELDS = {f.name: f for f in internal.InternalRaftRequest.DESCRIPTOR.fields}
_WIRE_TYPE_BYTES = 2


TAGS = {name: varint(f.number << 3 | _WIRE_TYPE_BYTES) for name, f in _FIELDS.items()}
_HEADER_TAG = TAGS["header"]
_IDS_APART = 1 << 14
_LOW_BITS = [bytes((0x08, n & 0x7F | 0x80, n >> 7 | 0x80)) for n in range(_IDS_APART)]  # the tag, and more to follow


def encode(field: str, request: bytes, request_id: int, caller: Caller | None = None) -> bytes:
    """InternalRaftRequest bytes with one request in ``field``; its header holds ``request_id`` and who asks."""
    if request_id < _IDS_APART:
        ident = b"\x08" + varint(request_id)
    else:
        ident = _LOW_BITS[request_id % _IDS_APART] + _high_bits(request_id // _IDS_APART)
    if caller is not None:
        return _encode_for(caller, field, request, ident)
    size = len(request)
    length = bytes((size,)) if size < 0x80 else varint(size)
    return b"".join((TAGS[field], length, request, _HEADER_TAG, bytes((len(ident),)), ident))


@lru_cache(maxsize=4)
def _high_bits(number: int) -> bytes:
    """The end of an id's nine bytes: ids count up, so it stays the same for thousands of them."""
    return varint(number)


def _encode_for(caller: Caller, field: str, request: bytes, ident: bytes) -> bytes:
    name = caller.username.encode()
    if name:
        ident += b"\x12" + varint(len(name)) + name
    if caller.revision:
        ident += b"\x18" + varint(caller.revision)
    return b"".join((TAGS[field], varint(len(request)), request, _HEADER_TAG, varint(len(ident)), ident))


def _parse(data: bytes) -> internal.InternalRaftRequest:
    try:
        return internal.InternalRaftRequest.FromString(data)
    except DecodeError:
        transactions = fields(memoryview(data), _FIELDS["txn"].number)
        inner = bytes(transactions[0]) if transactions else b""
        return parse_deep(internal.InternalRaftRequest.FromString, data, inner)


def decode(data: bytes) -> tuple[str, Any, Caller]:
    """(field name, request message, who asked) of an entry's payload.

    Raises ValueError when no request is set: such an entry cannot have been written by a healthy member.
    """
    message = _parse(data)
    for descriptor, value in message.ListFields():
        if descriptor.name not in ("header", "ID"):
            header = message.header
            return descriptor.name, value, Caller(header.username, header.auth_revision)
    raise ValueError(f"log entry without a request: {data[:64].hex()}")
