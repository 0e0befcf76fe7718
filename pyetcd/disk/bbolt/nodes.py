"""The elements of a leaf or a branch, read with every length and position checked."""

from __future__ import annotations

from pyetcd.disk.bbolt.page import BRANCH_ELEMENT, ELEMENT_BYTES, LEAF_ELEMENT, Row


class BadNode(Exception):
    """An element of a node cannot be what it says."""


def leaf_rows(data: bytes, count: int, flags: int) -> list[Row]:
    """The rows of a leaf; ``data`` is what follows its header, ``flags`` what every element must carry."""
    _check_count(data, count)
    rows = []
    size, elements_end = len(data), count * ELEMENT_BYTES
    at = 0
    for kind, position, key_bytes, value_bytes in LEAF_ELEMENT.iter_unpack(data[:elements_end]):
        key_at = at + position
        value_at = key_at + key_bytes
        end = value_at + value_bytes
        if kind != flags or not key_bytes or key_at < elements_end or end > size:
            raise _bad(at // ELEMENT_BYTES, kind, flags, key_bytes, end, size)
        rows.append((data[key_at:value_at], data[value_at:end]))
        at += ELEMENT_BYTES
    return rows


def branch_children(data: bytes, count: int) -> list[tuple[bytes, int]]:
    """(first key, page) of every child of a branch."""
    _check_count(data, count)
    if not count:
        raise BadNode("a branch without children")
    children = []
    elements_end = count * ELEMENT_BYTES
    at = 0
    for position, key_bytes, page in BRANCH_ELEMENT.iter_unpack(data[:elements_end]):
        key_at = at + position
        if not key_bytes or key_at < elements_end or key_at + key_bytes > len(data):
            raise _bad(at // ELEMENT_BYTES, 0, 0, key_bytes, key_at + key_bytes, len(data))
        children.append((data[key_at : key_at + key_bytes], page))
        at += ELEMENT_BYTES
    return children


def _check_count(data: bytes, count: int) -> None:
    if count * ELEMENT_BYTES > len(data):
        raise BadNode(f"{count} elements do not fit into {len(data)} bytes")


def _bad(element: int, kind: int, flags: int, key_bytes: int, end: int, size: int) -> BadNode:
    if kind != flags:
        what = "a bucket where a value should be" if kind & 1 else "a value where a bucket should be"
        return BadNode(f"element {element}: flags {kind:#x}, {what}")
    if not key_bytes:
        return BadNode(f"element {element}: an empty key")
    if end > size:
        return BadNode(f"element {element}: ends at byte {end} of {size}")
    return BadNode(f"element {element}: its key lies among the elements")
