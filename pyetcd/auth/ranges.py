"""May a user touch [key, range_end)?  Merged intervals of keys, one set for reading and one for writing.

Wire contract, section 5.5.  Intervals of all roles count together: what touches or overlaps is one interval, so a
request may span several permissions as long as no key of it lies outside.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from pyetcd.auth.grant_tree import GrantTree

READ, WRITE, READWRITE = 0, 1, 2
OPEN_END = b"\0"
"""A range_end that means every key from the start on."""

Interval = tuple[bytes, bytes | None]
"""[start, end); end None: no end."""


def interval(key: bytes, range_end: bytes) -> Interval:
    """The keys a key and range_end stand for, as requests and permissions spell them (section 2.1)."""
    if not range_end:
        return key, key + b"\0"
    return key, None if range_end == OPEN_END else range_end


def is_valid_permission(key: bytes, range_end: bytes) -> bool:
    """Whether a permission may be granted on this: a key, and no end, an open end or an end behind the key."""
    return bool(key) and (not range_end or range_end == OPEN_END or key < range_end)


class RangeSet:
    """Disjoint intervals that do not even touch, ascending."""

    __slots__ = ("_ends", "_granted", "_starts", "_tree")

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._granted = tuple(intervals)  # in the order they were granted
        self._tree: GrantTree | None = None  # made when first asked for
        self._starts: list[bytes] = []
        self._ends: list[bytes | None] = []
        for start, end in sorted(self._granted, key=lambda each: each[0]):
            self._append(start, end)

    def _append(self, start: bytes, end: bytes | None) -> None:
        """Add an interval that starts no earlier than the last one."""
        if self._ends:
            last = self._ends[-1]
            if last is None or start <= last:
                if last is not None and (end is None or end > last):
                    self._ends[-1] = end
                return
        self._starts.append(start)
        self._ends.append(end)

    def covers(self, key: bytes, range_end: bytes) -> bool:
        """Whether every key a request names lies inside."""
        if range_end and range_end <= key and range_end != OPEN_END:
            if self._tree is None:
                self._tree = GrantTree(self._granted)
            return self._tree.allows(key, range_end)
        index = bisect_right(self._starts, key) - 1
        if index < 0:
            return False
        limit = self._ends[index]
        if limit is None:
            return True
        if not range_end:
            return key < limit
        return range_end != OPEN_END and range_end <= limit

    def intervals(self) -> list[Interval]:
        """The merged intervals, ascending."""
        return list(zip(self._starts, self._ends, strict=True))


class Permissions:
    """What the roles of one user allow together."""

    __slots__ = ("is_root", "read", "write")

    def __init__(self, is_root: bool, permissions: Iterable[Any]) -> None:
        """``permissions``: authpb.Permission of all roles; an unknown type allows nothing."""
        granted = [(each.permType, interval(each.key, each.range_end)) for each in permissions]
        self.is_root = is_root
        self.read = RangeSet(keys for kind, keys in granted if kind in (READ, READWRITE))
        self.write = RangeSet(keys for kind, keys in granted if kind in (WRITE, READWRITE))
