"""mvccpb.KeyValue as bytes, by hand.

Two forms travel through the store:

- a **body** is the encoded KeyValue, exactly what etcd stores in the ``key`` bucket (fields ascending, zeros omitted);
- **framed** is ``0x12, length, body``: field 2 of RangeResponse, of PutResponse (prev_kv) and of watch events alike,
  so that an answer is made by joining ready pieces.

Field order is the protocol's: key 1, create_revision 2, mod_revision 3, version 4, value 5, lease 6.
"""

from __future__ import annotations

from typing import NamedTuple

_MASK64 = (1 << 64) - 1
_SMALL = 1 << 14


class Record(NamedTuple):
    """One KeyValue, decoded."""

    key: bytes
    create_revision: int
    mod_revision: int
    version: int
    value: bytes
    lease: int


def _varint(number: int) -> bytes:
    number &= _MASK64
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_LAST = [bytes((n,)) for n in range(128)]  # the last byte of a varint, and one with more to follow
_MORE = [bytes((n,)) for n in range(128, 256)]
VARINTS: tuple[bytes, ...] = (*_LAST, *[low + high for high in _LAST[1:] for low in _MORE])
_LOW14: tuple[bytes, ...] = tuple([low + high for high in _MORE for low in _MORE])
FRAMES: tuple[bytes, ...] = tuple([b"\x12" + v for v in VARINTS])  # head of a framed body, by the body's length


def varint(number: int) -> bytes:
    """A protobuf varint; negative numbers take ten bytes, as int64 does."""
    if 0 <= number < _SMALL:
        return VARINTS[number]
    if 0 <= number < _SMALL * _SMALL:
        return _LOW14[number & 0x3FFF] + VARINTS[number >> 14]
    return _varint(number)


def read_varint(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """(value, index after it), for an unsigned varint at ``at``."""
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7


def frame(body: bytes) -> bytes:
    """``body`` as field 2 of a message."""
    size = len(body)
    return (FRAMES[size] if size < _SMALL else b"\x12" + varint(size)) + body


def body_of(framed: bytes) -> bytes:
    """The encoded KeyValue inside a framed entry."""
    return framed[_body_start(framed) :]


def _body_start(framed: bytes) -> int:
    at = 1
    while framed[at] > 0x7F:
        at += 1
    return at + 1


def _tail(value: bytes, lease: int) -> bytes:
    """Fields 5 and 6."""
    if lease:
        lease_field = b"\x30" + varint(lease)
        return b"\x2a" + varint(len(value)) + value + lease_field if value else lease_field
    return b"\x2a" + varint(len(value)) + value if value else b""


def encode_kv(key: bytes, create: int, mod: int, version: int, value: bytes, lease: int = 0) -> bytes:
    """The body of a live key: create, mod and version are at least 1."""
    assert key and create > 0 and mod > 0 and version > 0
    return b"".join(
        (
            b"\x0a" + varint(len(key)),
            key,
            b"\x10" + varint(create) + b"\x18" + varint(mod) + b"\x20" + varint(version),
            _tail(value, lease),
        )
    )


def encode_tombstone(key: bytes) -> bytes:
    """What the backend holds for a delete: only the key."""
    return b"\x0a" + varint(len(key)) + key


def encode_deleted(key: bytes, mod: int) -> bytes:
    """The body of the KeyValue in a DELETE event: key and mod_revision."""
    return b"\x0a" + varint(len(key)) + key + b"\x18" + varint(mod)


def successor(framed: bytes, key_size: int, mod_field: bytes, value: bytes, lease: int) -> bytes:
    """The body that follows the live entry ``framed``: same key and create revision, version + 1.  The hot path.

    ``mod_field`` is field 3, ready.  Key and create revision are copied as bytes, not decoded.
    """
    start = 2 if framed[1] < 0x80 else _body_start(framed)
    at = start + 1
    while framed[at] > 0x7F:
        at += 1
    at += key_size + 2  # at the first byte of create_revision
    while framed[at] > 0x7F:
        at += 1
    head = framed[start : at + 1]
    at += 2
    while framed[at] > 0x7F:
        at += 1
    version = framed[at + 2]
    if version > 0x7F:
        version = read_varint(framed, at + 2)[0]
    size = len(value)
    if size and not lease:
        return b"".join((head, mod_field, b"\x20" + varint(version + 1) + b"\x2a" + varint(size), value))
    return head + mod_field + b"\x20" + varint(version + 1) + _tail(value, lease)


def first(key: bytes, main: int, value: bytes, lease: int) -> bytes:
    """The body of a key that did not exist: create and mod revision ``main``, version 1."""
    revision = varint(main)
    return b"".join(
        (
            b"\x0a" + varint(len(key)),
            key,
            b"\x10" + revision + b"\x18" + revision + b"\x20\x01",
            _tail(value, lease),
        )
    )


# -- reading ----------------------------------------------------------------------------------------------------


def key_of_body(body: bytes) -> bytes:
    """The key of a body (it is always there, and first)."""
    size = body[1]
    if size < 0x80:
        return body[2 : 2 + size]
    size, at = read_varint(body, 1)
    return body[at : at + size]


def key_of(framed: bytes) -> bytes:
    """The key of a framed entry."""
    start = 2 if framed[1] < 0x80 else _body_start(framed)
    size, at = read_varint(framed, start + 1)
    return framed[at : at + size]


def _numbers(framed: bytes) -> tuple[int, int, int, int]:
    """(create, mod, version, index after version) of a live framed entry."""
    start = 2 if framed[1] < 0x80 else _body_start(framed)
    size, at = read_varint(framed, start + 1)
    create, at = read_varint(framed, at + size + 1)
    mod, at = read_varint(framed, at + 1)
    version, at = read_varint(framed, at + 1)
    return create, mod, version, at


def create_of(framed: bytes) -> int:
    return _numbers(framed)[0]


def mod_of(framed: bytes) -> int:
    return _numbers(framed)[1]


def version_of(framed: bytes) -> int:
    return _numbers(framed)[2]


def value_of(framed: bytes) -> bytes:
    at = _numbers(framed)[3]
    if at == len(framed) or framed[at] != 0x2A:
        return b""
    size, at = read_varint(framed, at + 1)
    return framed[at : at + size]


def lease_of(framed: bytes) -> int:
    """The lease id of a live framed entry (signed, 0: none)."""
    at = _numbers(framed)[3]
    if at < len(framed) and framed[at] == 0x2A:
        size, at = read_varint(framed, at + 1)
        at += size
    return _lease_at(framed, at)


def _lease_at(data: bytes, at: int) -> int:
    if at == len(data):
        return 0
    lease = read_varint(data, at + 1)[0]
    return lease - (1 << 64) if lease >> 63 else lease


def without_value(framed: bytes, *, keep_lease: bool) -> bytes:
    """The entry of a keys_only answer: field 5 dropped, and field 6 too unless ``keep_lease``."""
    at = end = _numbers(framed)[3]
    if keep_lease and at < len(framed) and framed[at] == 0x2A:
        size, end = read_varint(framed, at + 1)
        end += size
    body = framed[_body_start(framed) : at]
    return frame(body + framed[end:] if keep_lease else body)


def decode(framed: bytes) -> Record:
    """All fields of a live framed entry."""
    create, mod, version, _ = _numbers(framed)
    return Record(key_of(framed), create, mod, version, value_of(framed), lease_of(framed))
