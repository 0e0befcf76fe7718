"""Cutting ordered rows into the nodes of a B+tree, bottom up, each node finished before its pages are given out.

Memory holds one node per level, whatever the number of rows.  Nodes are filled as far as bbolt fills them when keys
only grow, so a tree is as large as official etcd's after a defragmentation.  Every branch has at least two children:
bbolt's rebalancing counts on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pyetcd.disk.bbolt.page import ELEMENT_BYTES, HEADER, PAGE_SIZE, Row, page_count

FILL_BYTES = PAGE_SIZE * 9 // 10
LEAST = 2  # keys per node before it may be closed

Child = tuple[bytes, int]  # first key, page


class Leaf(NamedTuple):
    """A node of rows; ``pages`` of them from ``page`` on."""

    page: int
    pages: int
    rows: list[Row]


class Branch(NamedTuple):
    """A node of children; ``pages`` of them from ``page`` on."""

    page: int
    pages: int
    children: list[Child]


Node = Leaf | Branch


class Tree:
    """The nodes of one tree, from page ``next_page`` on; iterate once, then ``root`` and ``next_page`` are known."""

    def __init__(self, rows: Iterable[Row], next_page: int) -> None:
        self.rows = rows
        self.next_page = next_page
        self.root = 0
        self._levels: list[_Level] = []

    def __iter__(self) -> Iterator[Node]:
        for rows, used in cut(self.rows):
            page, pages = self._take(used)
            yield Leaf(page, pages, rows)
            yield from self._place((rows[0][0], page), 0)
        yield from self._finish()

    def _take(self, used: int) -> tuple[int, int]:
        page, pages = self.next_page, page_count(used)
        self.next_page += pages
        return page, pages

    def _place(self, child: Child, height: int) -> Iterator[Node]:
        """Give a finished node to the branch above it, which may finish that one."""
        if height == len(self._levels):
            self._levels.append(_Level())
        full = self._levels[height].add(child)
        if full is not None:
            yield from self._close(full, height)

    def _close(self, children: list[Child], height: int) -> Iterator[Node]:
        page, pages = self._take(HEADER.size + sum(ELEMENT_BYTES + len(key) for key, _ in children))
        yield Branch(page, pages, children)
        yield from self._place((children[0][0], page), height + 1)

    def _finish(self) -> Iterator[Node]:
        """Close what is open from the bottom up, until a single node is left: the root."""
        height = 0
        while height < len(self._levels):
            nodes = self._levels[height].rest()
            is_top = height + 1 == len(self._levels)
            if is_top and len(nodes) == 1 and len(nodes[0]) == 1:
                self.root = nodes[0][0][1]
                return
            for children in nodes:
                yield from self._close(children, height)
            height += 1


class _Level:
    """The branch being filled at one height.

    A full branch is held back until its successor has two children, so that the last one can borrow from it.
    """

    __slots__ = ("_children", "_full", "_used")

    def __init__(self) -> None:
        self._full: list[Child] | None = None
        self._children: list[Child] = []
        self._used = HEADER.size

    def add(self, child: Child) -> list[Child] | None:
        """Take one more; gives back a branch that is finished."""
        need = ELEMENT_BYTES + len(child[0])
        finished = None
        if self._used + need > FILL_BYTES and len(self._children) >= LEAST:
            finished, self._full = self._full, self._children
            self._children, self._used = [], HEADER.size
        self._children.append(child)
        self._used += need
        return finished

    def rest(self) -> list[list[Child]]:
        """The branches left at the end, one or two."""
        if self._full is None:
            return [self._children]
        if len(self._children) >= LEAST:
            return [self._full, self._children]
        if len(self._full) > LEAST:
            return [self._full[:-1], [self._full[-1], *self._children]]
        return [self._full + self._children]


def cut(rows: Iterable[Row]) -> Iterator[tuple[list[Row], int]]:
    """Rows of one leaf after the other, with the bytes they use there."""
    node: list[Row] = []
    used = HEADER.size
    for row in rows:
        need = ELEMENT_BYTES + len(row[0]) + len(row[1])
        if used + need > FILL_BYTES and len(node) >= LEAST:
            yield node, used
            node, used = [], HEADER.size
        node.append(row)
        used += need
    if node:
        yield node, used
