"""The page account of the state against the files it stands for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyetcd.disk.bbolt.tree import Tree
from pyetcd.disk.space import PAGE, SHARES, SMALL, PageAccount, share

KEY = 17


def account_of(sizes: list[int]) -> int:
    """Pages in use beyond those of an empty database."""
    return (PageAccount(sum(share(KEY + size) for size in sizes)).in_use - PageAccount().in_use) // PAGE


def pages_of(sizes: list[int]) -> int:
    """Pages of the tree that holds such revisions."""
    rows = ((at.to_bytes(KEY, "big"), bytes(size)) for at, size in enumerate(sizes))
    return sum(node.pages for node in Tree(rows, 0))


@given(st.integers(min_value=0, max_value=20_000), st.integers(min_value=1, max_value=600))
def test_rows_of_one_size_are_counted_as_the_tree_packs_them(size: int, count: int) -> None:
    real = pages_of([size] * count)
    assert abs(account_of([size] * count) - real) <= 2 + real // 100


@given(st.lists(st.integers(min_value=0, max_value=1000), min_size=1, max_size=600))
def test_rows_of_small_sizes_are_counted_closely(sizes: list[int]) -> None:
    real = pages_of(sizes)
    assert abs(account_of(sizes) - real) <= 2 + real // 5


@given(st.integers(min_value=0, max_value=SMALL - 1))
def test_the_table_has_the_shares_of_small_rows(size: int) -> None:
    assert SHARES[size] == share(size)


def test_what_is_deleted_is_given_back() -> None:
    account = PageAccount()
    fresh = account.in_use
    account.bytes += share(1_000_000) + share(300)
    account.grow()
    grown = account.high_water
    account.bytes -= share(300) + share(1_000_000)
    assert account.in_use == fresh and account.high_water == grown
    account.shrink()
    assert account.high_water == fresh + PAGE
