"""The live keys: sorted leaves that carry the framed newest KeyValue beside each key.

A LIST is then a handful of slices, and counts are sums over leaf lengths.  Four parallel lists describe the leaves
(first key, leaf, number of keys, bytes), because ``sum`` over a slice of plain integers runs in C: two thousand
leaves, a million keys, in microseconds, with nothing to invalidate when a key is written.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from pyetcd.mvcc.rope import EMPTY, Chunk, Rope

FULL = 800  # a leaf splits when it grows beyond
LOADED = 500  # keys per leaf after a load
SPARSE = 120  # a leaf below this joins a neighbour if both fit in half a leaf


class Leaf:
    """Three parallel lists.  ``shared``: a Rope holds ``framed``, so that list is copied before the next write."""

    __slots__ = ("framed", "keys", "revs", "shared")

    def __init__(self, keys: list[bytes], framed: list[bytes], revs: list[int]) -> None:
        self.keys = keys
        self.framed = framed
        self.revs = revs
        self.shared = False


class LiveTree:
    """Key -> (framed entry, packed mod revision), ordered.  There is always at least one leaf, the first from b""."""

    __slots__ = ("counts", "firsts", "leaves", "sizes")

    def __init__(self) -> None:
        self.firsts: list[bytes] = [b""]
        self.leaves: list[Leaf] = [Leaf([], [], [])]
        self.counts: list[int] = [0]
        self.sizes: list[int] = [0]

    # -- reading

    def __len__(self) -> int:
        return sum(self.counts)

    def get(self, key: bytes) -> bytes | None:
        """The framed entry, or None."""
        leaf = self.leaves[bisect_right(self.firsts, key) - 1]
        keys = leaf.keys
        j = bisect_left(keys, key)
        if j < len(keys) and keys[j] == key:
            return leaf.framed[j]
        return None

    def revision_of(self, key: bytes) -> int:
        """The packed mod revision of a live key; 0 when it is not live."""
        leaf = self.leaves[bisect_right(self.firsts, key) - 1]
        j = bisect_left(leaf.keys, key)
        if j < len(leaf.keys) and leaf.keys[j] == key:
            return leaf.revs[j]
        return 0

    def position(self, key: bytes) -> tuple[int, int]:
        """(leaf, index in it) of the first key >= ``key``; the index may be one past the leaf's last."""
        i = bisect_right(self.firsts, key) - 1
        return i, bisect_left(self.leaves[i].keys, key)

    def bounds(self, key: bytes, end: bytes) -> tuple[int, int, int, int]:
        """Positions of both ends of an interval; ``end`` b"\\0" is the end of the keyspace."""
        i, a = self.position(key)
        if end == b"\0":
            return i, a, len(self.leaves) - 1, self.counts[-1]
        if end <= key:
            return i, a, i, a
        k, b = self.position(end)
        return i, a, k, b

    def count(self, i: int, a: int, k: int, b: int) -> int:
        """Number of keys between two positions."""
        return sum(self.counts[i:k]) - a + b

    def count_between(self, key: bytes, end: bytes | None) -> int:
        """Number of keys in [key, end); ``end`` None is the end of the keyspace."""
        i, a = self.position(key)
        if end is None:
            return sum(self.counts[i:]) - a
        return self.count(i, a, *self.position(end)) if key < end else 0

    def advance(self, i: int, a: int, n: int) -> tuple[int, int]:
        """The position ``n`` keys further; there must be that many."""
        n += a
        counts = self.counts
        while n > counts[i]:
            n -= counts[i]
            i += 1
        return i, n

    def rope(self, i: int, a: int, k: int, b: int) -> Rope:
        """The entries between two positions.  Whole leaves are shared, not copied; size is arithmetic for them."""
        leaves = self.leaves
        if i == k:
            head = leaves[i].framed[a:b]
            return Rope(sum(map(len, head)), (head,)) if head else EMPTY
        head, tail = leaves[i].framed[a:], leaves[k].framed[:b]
        chunks: list[Chunk] = [head]
        for leaf in leaves[i + 1 : k]:
            leaf.shared = True
            chunks.append(leaf.framed)
        chunks.append(tail)
        return Rope(sum(map(len, head)) + sum(self.sizes[i + 1 : k]) + sum(map(len, tail)), chunks)

    def items(self) -> Iterator[tuple[bytes, bytes, int]]:
        """(key, framed, packed revision), ascending; for checks and dumps, not while the tree changes."""
        for leaf in self.leaves:
            yield from zip(leaf.keys, leaf.framed, leaf.revs, strict=True)

    # -- writing (Store.put does the replacement of an entry in place itself)

    def insert(self, i: int, j: int, key: bytes, framed: bytes, rev: int) -> None:
        """A new key at position (i, j)."""
        leaf = self.leaves[i]
        if leaf.shared:
            leaf.framed = leaf.framed.copy()
            leaf.shared = False
        leaf.keys.insert(j, key)
        leaf.framed.insert(j, framed)
        leaf.revs.insert(j, rev)
        self.sizes[i] += len(framed)
        self.counts[i] += 1
        if self.counts[i] > FULL:
            self._split(i, j)

    def _split(self, i: int, j: int) -> None:
        """In halves; keys that arrive in ascending order leave a full leaf behind instead."""
        leaf, count = self.leaves[i], self.counts[i]
        at = LOADED if j == count - 1 and i == len(self.leaves) - 1 else count // 2
        right = Leaf(leaf.keys[at:], leaf.framed[at:], leaf.revs[at:])
        left = Leaf(leaf.keys[:at], leaf.framed[:at], leaf.revs[:at])
        right_size = sum(map(len, right.framed))
        self.leaves[i : i + 1] = [left, right]
        self.firsts.insert(i + 1, right.keys[0])
        self.counts[i : i + 1] = [at, count - at]
        self.sizes[i : i + 1] = [self.sizes[i] - right_size, right_size]

    def delete(self, i: int, j: int) -> None:
        """Remove one key."""
        self.cut(i, j, i, j + 1)

    def cut(self, i: int, a: int, k: int, b: int) -> None:
        """Remove everything between two positions."""
        if i == k:
            self._cut_leaf(i, a, b)
        else:
            self._cut_leaf(k, 0, b)
            self._drop_leaves(i + 1, k)
            self._cut_leaf(i, a, self.counts[i])
            self._tidy(i + 1)
        self._tidy(i)

    def _cut_leaf(self, i: int, a: int, b: int) -> None:
        leaf = self.leaves[i]
        if leaf.shared:
            leaf.framed = leaf.framed.copy()
            leaf.shared = False
        self.sizes[i] -= sum(map(len, leaf.framed[a:b]))
        self.counts[i] -= b - a
        del leaf.keys[a:b], leaf.framed[a:b], leaf.revs[a:b]

    def _drop_leaves(self, i: int, k: int) -> None:
        del self.leaves[i:k], self.firsts[i:k], self.counts[i:k], self.sizes[i:k]

    def _tidy(self, i: int) -> None:
        """Join a sparse leaf with a neighbour, so that a much-deleted tree does not keep a leaf per key."""
        counts = self.counts
        if counts[i] >= SPARSE or len(counts) == 1:
            return
        left = i - 1 if i and (i + 1 == len(counts) or counts[i - 1] < counts[i + 1]) else i
        if not counts[i] or counts[left] + counts[left + 1] <= FULL // 2:
            self._join(left)

    def _join(self, i: int) -> None:
        left, right = self.leaves[i], self.leaves[i + 1]
        joined = Leaf(left.keys + right.keys, left.framed + right.framed, left.revs + right.revs)
        self.leaves[i : i + 2] = [joined]
        del self.firsts[i + 1]
        self.counts[i : i + 2] = [self.counts[i] + self.counts[i + 1]]
        self.sizes[i : i + 2] = [self.sizes[i] + self.sizes[i + 1]]

    def fill(self, keys: list[bytes], framed: list[bytes], revs: list[int]) -> None:
        """Everything at once, from parallel lists in key order (a load)."""
        starts = range(0, len(keys), LOADED) if keys else range(1)
        self.leaves = [Leaf(keys[s : s + LOADED], framed[s : s + LOADED], revs[s : s + LOADED]) for s in starts]
        self.firsts = [b"" if s == 0 else keys[s] for s in starts]
        self.counts = [len(leaf.keys) for leaf in self.leaves]
        self.sizes = [sum(map(len, leaf.framed)) for leaf in self.leaves]

    # -- checking

    def check(self) -> None:
        """Asserts every invariant."""
        assert self.firsts[0] == b"" and self.leaves
        assert len(self.firsts) == len(self.leaves) == len(self.counts) == len(self.sizes)
        previous = None
        for i, leaf in enumerate(self.leaves):
            assert len(leaf.keys) == len(leaf.framed) == len(leaf.revs) == self.counts[i] <= FULL
            assert sum(map(len, leaf.framed)) == self.sizes[i]
            assert leaf.keys or len(self.leaves) == 1
            for key in leaf.keys:
                assert previous is None or previous < key
                assert key >= self.firsts[i] and (i + 1 == len(self.firsts) or key < self.firsts[i + 1])
                previous = key
