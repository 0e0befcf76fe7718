"""Merged permissions against a dumb model that asks every key of a small world one by one."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyetcd.auth.ranges import READ, READWRITE, WRITE, Permissions, RangeSet, interval, is_valid_permission
from pyetcd.pb import auth_pb2 as authpb

LETTERS = b"\0ab"
WORLD = [bytes(letters) for size in range(1, 4) for letters in product(LETTERS, repeat=size)]
"""Every key of up to three letters.  Bounds have up to two, so each gap between two of them starts at a key in here."""

letters = st.sampled_from(LETTERS)
bounds = st.lists(letters, max_size=2).map(bytes)
keys = st.lists(letters, min_size=1, max_size=2).map(bytes)
ranges = st.tuples(keys, bounds)


def holds(granted: tuple[bytes, bytes], key: bytes) -> bool:
    """Whether one key and range_end, as clients spell them, mean this key."""
    start, end = granted
    if not end:
        return key == start
    return key >= start and (end == b"\0" or key < end)


def allowed(granted: list[tuple[bytes, bytes]], wanted: tuple[bytes, bytes]) -> bool:
    """The rule as words have it: every key of the request has some permission."""
    asked = [key for key in WORLD if holds(wanted, key)]
    return all(any(holds(each, key) for each in granted) for key in asked)


@given(st.lists(ranges, max_size=6), ranges.filter(lambda each: is_valid_permission(*each)))
def test_covers_what_covers_every_key(granted: list[tuple[bytes, bytes]], wanted: tuple[bytes, bytes]) -> None:
    valid = [each for each in granted if is_valid_permission(*each)]
    merged = RangeSet(interval(*each) for each in valid)
    assert merged.covers(*wanted) == allowed(valid, wanted)


@given(st.lists(ranges, max_size=8), st.randoms())
def test_the_order_of_granting_does_not_matter(granted: list[tuple[bytes, bytes]], random: object) -> None:
    valid = [interval(*each) for each in granted if is_valid_permission(*each)]
    shuffled = list(valid)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    merged = RangeSet(valid).intervals()
    assert merged == RangeSet(shuffled).intervals()
    for (_, end), (start, _) in pairwise(merged):
        assert end is not None and end < start


@pytest.mark.parametrize(
    ("granted", "wanted", "verdict"),
    [
        ((b"a", b"c"), (b"a", b"\0"), False),  # an open end needs an open end, however far the grant reaches
        ((b"a", b"\xff\xff"), (b"a", b"\0"), False),
        ((b"a", b"\0"), (b"a", b"\0"), True),
        ((b"a", b"\0"), (b"b", b""), True),
        ((b"\0", b"\0"), (b"\0", b"\0"), True),
        ((b"a", b""), (b"a", b"a\0"), True),  # the one key, spelled as a range
        ((b"a", b""), (b"a", b"b"), False),
        ((b"a", b"c"), (b"c", b""), False),
        ((b"a", b"c"), (b"c", b"a"), False),  # no keys in it: conformance case auth/inverted_ranges has more
        ((b"a", b"c"), (b"b", b"a"), True),
    ],
)
def test_ends(granted: tuple[bytes, bytes], wanted: tuple[bytes, bytes], verdict: bool) -> None:
    assert RangeSet([interval(*granted)]).covers(*wanted) is verdict


def test_neighbours_are_one_interval() -> None:
    merged = RangeSet([interval(b"a", b""), interval(b"a\0", b"b"), interval(b"b", b"c")])
    assert merged.intervals() == [(b"a", b"c")]
    assert merged.covers(b"a", b"c")


@pytest.mark.parametrize(
    ("key", "end", "verdict"),
    [(b"", b"", False), (b"", b"\0", False), (b"a", b"", True), (b"a", b"\0", True), (b"\0", b"\0", True),
     (b"a", b"a", False), (b"b", b"a", False), (b"a", b"b", True)],
)  # fmt: skip
def test_what_may_be_granted(key: bytes, end: bytes, verdict: bool) -> None:
    assert is_valid_permission(key, end) is verdict


@pytest.mark.parametrize(
    ("kind", "reads", "writes"), [(READ, True, False), (WRITE, False, True), (READWRITE, True, True), (7, False, False)]
)
def test_kinds_of_permission(kind: int, reads: bool, writes: bool) -> None:
    permissions = Permissions(False, [authpb.Permission(permType=kind, key=b"k")])  # type: ignore[arg-type]
    assert permissions.read.covers(b"k", b"") is reads
    assert permissions.write.covers(b"k", b"") is writes


def as_bytes(text: str) -> bytes | None:
    return None if text == "-" else bytes.fromhex(text)


RECORDED = [line for line in (Path(__file__).parent / "contains.txt").read_text().splitlines() if line[0] != "#"]


@pytest.mark.parametrize("line", RECORDED, ids=range(len(RECORDED)))
def test_verdicts_of_official_etcd_s_interval_tree(line: str) -> None:
    grants, requests = line.split("|")
    merged = RangeSet((bytes.fromhex(start), as_bytes(end)) for start, end in map(split, grants.split()))
    for request in requests.split():
        wanted, verdict = request.split("=")
        key, end = map(bytes.fromhex, split(wanted))
        assert merged.covers(key, end) is (verdict == "1"), request


def split(text: str) -> list[str]:
    return text.split(":")
