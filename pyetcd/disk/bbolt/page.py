"""One page of a bbolt file: header, elements, then keys and values; the two meta pages (wire contract 11.3).

All numbers are little-endian.  A page that needs more room than PAGE_SIZE goes on in the pages behind it (overflow).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain
from struct import Struct
from typing import NamedTuple

PAGE_SIZE = 4096
BRANCH, LEAF, META, FREELIST = 0x01, 0x02, 0x04, 0x10
SUB_BUCKET = 0x01  # flag of a leaf element whose value is a bucket
MAGIC, VERSION = 0xED0CDAED, 2
NO_FREELIST = 0xFFFFFFFFFFFFFFFF  # etcd never stores the list of free pages; it is derived by a walk

HEADER = Struct("<QHHI")  # id, flags, count of elements, overflow pages
BUCKET = Struct("<QQ")  # root page (0: the page follows inline), sequence
LEAF_ELEMENT = Struct("<IIII")  # flags, position of the key from here, key bytes, value bytes
BRANCH_ELEMENT = Struct("<IIQ")  # position of the key from here, key bytes, child page
ELEMENT_BYTES = 16
_META = Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root, sequence, freelist, high-water mark, txid
_CHECKSUM = Struct("<Q")
META_BYTES = _META.size + _CHECKSUM.size

Row = tuple[bytes, bytes]


class Meta(NamedTuple):
    """What a meta page says: where the root bucket is and how many pages there are."""

    page_size: int
    root: int
    sequence: int
    freelist: int
    pages: int  # the high-water mark: pages from here on do not exist
    txid: int


def fnv1a(data: bytes) -> int:
    """64-bit FNV-1a, the checksum of meta pages."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def encode_meta(page: int, meta: Meta) -> bytes:
    """Meta page ``page`` (0 or 1), padded."""
    fields = _META.pack(
        MAGIC, VERSION, meta.page_size, 0, meta.root, meta.sequence, meta.freelist, meta.pages, meta.txid
    )
    head = HEADER.pack(page, META, 0, 0)
    return (head + fields + _CHECKSUM.pack(fnv1a(fields))).ljust(meta.page_size, b"\0")


def decode_meta(data: bytes) -> Meta:
    """The meta fields, ``META_BYTES`` at the start of ``data``; raises ValueError saying what is wrong with them."""
    if len(data) < META_BYTES:
        raise ValueError("the file ends inside the meta page")
    fields = data[: _META.size]
    magic, version, page_size, _, root, sequence, freelist, pages, txid = _META.unpack(fields)
    if magic != MAGIC:
        raise ValueError(f"not a bbolt file: magic is {magic:#010x}, not {MAGIC:#010x}")
    if version != VERSION:
        raise ValueError(f"bbolt format version {version}, not {VERSION}")
    (checksum,) = _CHECKSUM.unpack_from(data, _META.size)
    if checksum != fnv1a(fields):
        raise ValueError("checksum mismatch")
    return Meta(page_size, root, sequence, freelist, pages, txid)


def encode_leaf(page: int, rows: Sequence[Row], flags: int = 0) -> bytes:
    """A leaf of rows in key order, padded to whole pages; ``flags`` are those of every element."""
    count = len(rows)
    elements: list[int] = []
    at = count * ELEMENT_BYTES
    for key, value in rows:
        key_bytes, value_bytes = len(key), len(value)
        elements += (flags, at, key_bytes, value_bytes)
        at += key_bytes + value_bytes - ELEMENT_BYTES
    return _page(page, LEAF, count, _leaf_elements(count).pack(*elements), chain.from_iterable(rows))


def encode_branch(page: int, children: Sequence[tuple[bytes, int]]) -> bytes:
    """A branch over ``(first key, page)`` of each child, padded to whole pages."""
    count = len(children)
    elements: list[int] = []
    at = count * ELEMENT_BYTES
    for key, child in children:
        elements += (at, len(key), child)
        at += len(key) - ELEMENT_BYTES
    return _page(page, BRANCH, count, _branch_elements(count).pack(*elements), (key for key, _ in children))


def encode_inline(rows: Sequence[Row]) -> bytes:
    """The value of a bucket small enough to live in its parent's leaf: bucket header, then a page without padding."""
    page = encode_leaf(0, rows)
    used = HEADER.size + sum(ELEMENT_BYTES + len(key) + len(value) for key, value in rows)
    return BUCKET.pack(0, 0) + page[:used]


def page_count(used: int) -> int:
    """Pages that ``used`` bytes take, header included."""
    return -(-used // PAGE_SIZE)


def _page(page: int, kind: int, count: int, elements: bytes, data: Iterable[bytes]) -> bytes:
    body = b"".join((elements, *data))
    pages = page_count(HEADER.size + len(body))
    padding = bytes(pages * PAGE_SIZE - HEADER.size - len(body))
    return b"".join((HEADER.pack(page, kind, count, pages - 1), body, padding))


@cache
def _leaf_elements(count: int) -> Struct:
    return Struct("<" + count * "IIII")


@cache
def _branch_elements(count: int) -> Struct:
    return Struct("<" + count * "IIQ")
