"""Nodes of a B+tree cut from ordered rows: what must hold whatever the rows are."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pyetcd.disk.bbolt.page import ELEMENT_BYTES, HEADER, PAGE_SIZE, Row
from pyetcd.disk.bbolt.tree import Branch, Leaf, Node, Tree

FIRST = 7
sizes = st.tuples(st.sampled_from((8, 9, 300, 1800, 9000)), st.sampled_from((0, 1, 300, 1700, 5000)))
rows_of_any_size = st.lists(sizes, min_size=1, max_size=400).map(
    lambda drawn: [(at.to_bytes(8, "big").ljust(key, b"k"), bytes(value)) for at, (key, value) in enumerate(drawn)]
)


def used(node: Node) -> int:
    if isinstance(node, Leaf):
        return HEADER.size + sum(ELEMENT_BYTES + len(key) + len(value) for key, value in node.rows)
    return HEADER.size + sum(ELEMENT_BYTES + len(key) for key, _ in node.children)


def walk(nodes: dict[int, Node], page: int) -> tuple[list[Row], int]:
    """All rows below a node, and how many levels that took; a branch names its children by their first keys."""
    node = nodes.pop(page)
    if isinstance(node, Leaf):
        return node.rows, 1
    rows, heights = [], set()
    for key, child in node.children:
        below, height = walk(nodes, child)
        assert below[0][0] == key
        rows += below
        heights.add(height)
    assert len(heights) == 1
    return rows, heights.pop() + 1


@given(rows_of_any_size)
def test_every_row_is_reached_once_in_order(rows: list[Row]) -> None:
    tree = Tree(rows, FIRST)
    nodes = {node.page: node for node in tree}
    found, _ = walk(nodes, tree.root)
    assert found == rows
    assert not nodes


@given(rows_of_any_size)
def test_pages_follow_each_other_and_hold_their_node(rows: list[Row]) -> None:
    tree = Tree(rows, FIRST)
    nodes = list(tree)
    at = FIRST
    for node in nodes:
        assert node.page == at
        assert (node.pages - 1) * PAGE_SIZE < used(node) <= node.pages * PAGE_SIZE
        at += node.pages
    assert at == tree.next_page
    assert tree.root == nodes[-1].page


@given(rows_of_any_size)
def test_no_branch_has_a_single_child(rows: list[Row]) -> None:
    branches = [node for node in Tree(rows, FIRST) if isinstance(node, Branch)]
    assert all(len(branch.children) >= 2 for branch in branches)


@given(rows_of_any_size)
def test_neighbouring_leaves_could_not_be_one(rows: list[Row]) -> None:
    leaves = [node for node in Tree(rows, FIRST) if isinstance(node, Leaf)]
    for left, right in pairwise(leaves):
        first = ELEMENT_BYTES + len(right.rows[0][0]) + len(right.rows[0][1])
        assert used(left) + first > PAGE_SIZE * 9 // 10


def test_a_million_small_rows_make_four_levels() -> None:
    rows = ((at.to_bytes(8, "big"), b"") for at in range(1_000_000))
    tree = Tree(rows, FIRST)
    nodes = list(tree)
    assert sum(len(node.rows) for node in nodes if isinstance(node, Leaf)) == 1_000_000
    assert sum(isinstance(node, Leaf) for node in nodes) == -(-1_000_000 // ((PAGE_SIZE * 9 // 10 - 16) // 24))
    _, height = walk({node.page: node for node in nodes}, tree.root)
    assert height == 3
