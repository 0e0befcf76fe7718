"""A sorted set of keys in chunks: the dead keys, which ranges at old revisions must still find."""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

FULL = 1000


class SortedKeys:
    """Chunks of at most FULL keys; ``firsts`` holds the lower bound of each, the first being b""."""

    __slots__ = ("chunks", "firsts")

    def __init__(self) -> None:
        self.chunks: list[list[bytes]] = [[]]
        self.firsts: list[bytes] = [b""]

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            yield from chunk

    def __contains__(self, key: bytes) -> bool:
        chunk = self.chunks[bisect_right(self.firsts, key) - 1]
        j = bisect_left(chunk, key)
        return j < len(chunk) and chunk[j] == key

    def add(self, key: bytes) -> None:
        """Add a key that is not there."""
        i = bisect_right(self.firsts, key) - 1
        chunk = self.chunks[i]
        chunk.insert(bisect_left(chunk, key), key)
        if len(chunk) > FULL:
            self._split(i)

    def _split(self, i: int) -> None:
        chunk = self.chunks[i]
        right = chunk[FULL // 2 :]
        del chunk[FULL // 2 :]
        self.chunks.insert(i + 1, right)
        self.firsts.insert(i + 1, right[0])

    def discard(self, key: bytes) -> None:
        """Remove a key; absent ones are ignored."""
        i = bisect_right(self.firsts, key) - 1
        chunk = self.chunks[i]
        j = bisect_left(chunk, key)
        if j < len(chunk) and chunk[j] == key:
            del chunk[j]
            if not chunk and i:
                del self.chunks[i], self.firsts[i]

    def fill(self, keys: list[bytes]) -> None:
        """Replace everything by sorted, distinct ``keys``."""
        starts = range(0, len(keys), FULL // 2) if keys else range(1)
        self.chunks = [keys[s : s + FULL // 2] for s in starts]
        self.firsts = [b"" if s == 0 else keys[s] for s in starts]

    def slice(self, start: bytes, stop: bytes | None, limit: int) -> list[bytes]:
        """Up to ``limit`` keys of [start, stop), ascending; ``stop`` None is the end of the keyspace."""
        found: list[bytes] = []
        i = bisect_right(self.firsts, start) - 1
        a = bisect_left(self.chunks[i], start)
        while len(found) < limit and i < len(self.chunks) and (stop is None or self.firsts[i] < stop):
            chunk = self.chunks[i]
            b = len(chunk) if stop is None else bisect_left(chunk, stop)
            found += chunk[a : min(b, a + limit - len(found))]
            i, a = i + 1, 0
        return found

    def check(self) -> None:
        """Asserts every invariant."""
        assert self.firsts[0] == b"" and len(self.firsts) == len(self.chunks)
        assert all(self.chunks[1:])
        keys = list(self)
        assert all(a < b for a, b in itertools.pairwise(keys))
        for i, chunk in enumerate(self.chunks):
            assert len(chunk) <= FULL and all(key >= self.firsts[i] for key in chunk)
            assert i + 1 == len(self.firsts) or all(key < self.firsts[i + 1] for key in chunk)
