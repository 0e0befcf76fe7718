"""Requests whose end lies in front of their key: they name no key at all, and etcd's verdict on them is an accident.

etcd walks its tree of granted intervals with the inverted interval; which branches the walk enters depends on the
shape of the tree, hence on the order of the grants.  Nothing is read or written whatever the answer, so this exists
only to give the same one (conformance case auth/inverted_ranges).  Every other request is judged in ranges.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Interval = tuple[bytes, bytes | None]
_End = tuple[bool, bytes]  # sorts "no end" behind every end


class _Node:
    __slots__ = ("end", "furthest", "left", "parent", "red", "right", "start")

    def __init__(self, start: bytes, end: _End, parent: _Node | None) -> None:
        self.start = start
        self.end = end
        self.furthest = end  # the greatest end here and below, once the tree is complete
        self.parent = parent
        self.left: _Node | None = None
        self.right: _Node | None = None
        self.red = True


class GrantTree:
    """The red-black tree of the textbook (Cormen and others, chapter 13), filled in the order of the grants."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._root: _Node | None = None
        for start, end in intervals:
            self._insert(start, as_end(end))
        if self._root is not None:
            _reach(self._root)

    def allows(self, key: bytes, end: bytes) -> bool:
        """The verdict on [key, end) with end <= key."""
        wanted = as_end(end)
        first: bytes | None = None
        reached = as_end(b"")
        for node in _walk(self._root, key, end):
            if first is None:
                first, reached = node.start, node.end
            elif reached < as_end(node.start):
                return False
            else:
                reached = max(reached, node.end)
        return first is not None and first <= key and reached >= wanted

    # -- the textbook -------------------------------------------------------------------------------------------

    def _insert(self, start: bytes, end: _End) -> None:
        parent, at = None, self._root
        while at is not None:
            parent, at = at, at.left if (start, end) < (at.start, at.end) else at.right
        node = _Node(start, end, parent)
        if parent is None:
            self._root = node
        elif (start, end) < (parent.start, parent.end):
            parent.left = node
        else:
            parent.right = node
        self._recolour(node)

    def _recolour(self, node: _Node) -> None:
        while (parent := node.parent) is not None and parent.red:
            above = parent.parent
            assert above is not None  # a red node is not the root
            is_left = parent is above.left
            uncle = above.right if is_left else above.left
            if uncle is not None and uncle.red:
                uncle.red = parent.red = False
                above.red = True
                node = above
                continue
            if node is (parent.right if is_left else parent.left):
                self._rotate(parent, to_left=is_left)
                node, parent = parent, node
            parent.red = False
            above.red = True
            self._rotate(above, to_left=not is_left)
        assert self._root is not None
        self._root.red = False

    def _rotate(self, node: _Node, *, to_left: bool) -> None:
        """``node`` goes down to one side, its child on the other side takes its place."""
        up = node.right if to_left else node.left
        assert up is not None
        inner = up.left if to_left else up.right
        if to_left:
            node.right, up.left = inner, node
        else:
            node.left, up.right = inner, node
        if inner is not None:
            inner.parent = node
        above = up.parent = node.parent
        if above is None:
            self._root = up
        elif above.left is node:
            above.left = up
        else:
            above.right = up
        node.parent = up


def as_end(end: bytes | None) -> _End:
    return (end is None, end or b"")


def _reach(node: _Node) -> _End:
    """Fills in the greatest ends."""
    node.furthest = max([node.end, *(_reach(child) for child in (node.left, node.right) if child is not None)])
    return node.furthest


def _walk(node: _Node | None, key: bytes, end: bytes) -> Iterator[_Node]:
    """The nodes etcd's walk shows for [key, end)."""
    if node is None:
        return
    if key < node.start and end <= node.start:
        yield from _walk(node.left, key, end)
    elif as_end(key) >= node.end:
        # the pruning that is right for intervals that are some, and not for these
        if node.start < end and (node.start >= key or node.furthest > as_end(key)):
            yield from _walk(node.left, key, end)
            yield from _walk(node.right, key, end)
    else:
        yield from _walk(node.left, key, end)
        yield node
        yield from _walk(node.right, key, end)
