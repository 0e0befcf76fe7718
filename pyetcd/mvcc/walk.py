"""Reading at a revision that is not the current one, in bounded pieces, while the store is written to.

Nothing is pinned: every piece looks its position up again by key, and each key is at any moment either live or dead,
so none is missed.  Only a compaction can take the revision away; then Compacted is raised.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from pyetcd.errors import Compacted
from pyetcd.mvcc.revision import TOMBSTONE, after

if TYPE_CHECKING:
    from pyetcd.mvcc.store import Store

PIECE = 256  # keys looked at between two chances to do something else

Entry = bytes | int  # a framed KeyValue that is in memory, or the packed revision of one in the backend


def upper(key: bytes, end: bytes) -> bytes | None:
    """The exclusive bound of a Query's interval; None for the end of the keyspace."""
    if not end:
        return key + b"\0"
    return None if end == b"\0" else end


def walk(store: Store, key: bytes, end: bytes | None, revision: int, piece: int = PIECE) -> Iterator[list[Entry]]:
    """The entries of [key, end) at ``revision``, ascending, some per step (perhaps none)."""
    while end is None or key < end:
        if store.compact_revision > revision:
            raise Compacted
        live, dead = store.live, store.history.dead
        i, a = live.position(key)
        keys = live.leaves[i].keys
        b = min(a + piece, len(keys))
        stop = keys[b] if b < len(keys) else live.firsts[i + 1] if i + 1 < len(live.firsts) else None
        if end is not None and (stop is None or stop >= end):
            stop, b = end, bisect_left(keys, end, a, b)
        dead_keys = dead.slice(key, stop, piece)
        if len(dead_keys) == piece:
            stop = dead_keys[-1] + b"\0"
            b = bisect_left(keys, stop, a, b)
        yield _piece(store, i, a, b, dead_keys, revision)
        if stop is None:
            return
        key = stop


def _piece(store: Store, i: int, a: int, b: int, dead_keys: list[bytes], revision: int) -> list[Entry]:
    """Entries of one run of live keys and the dead ones between them."""
    leaf, bound, at = store.live.leaves[i], after(revision), store.history.at
    keys = leaf.keys[a:b]
    entries: list[Entry] = [
        framed if rev < bound else at(key, revision)
        for key, framed, rev in zip(keys, leaf.framed[a:b], leaf.revs[a:b], strict=True)
    ]
    ghosts = [(key, rev) for key in dead_keys if (rev := at(key, revision))]
    if ghosts:
        merged = sorted([*zip(keys, entries, strict=True), *ghosts], key=lambda pair: pair[0])
        entries = [entry for _, entry in merged]
    return [entry for entry in entries if entry]


def fetched(store: Store, entries: list[Entry]) -> list[bytes]:
    """The same with every revision read from the backend."""
    return [entry if isinstance(entry, bytes) else store.fetch(entry) for entry in entries]


def count_steps(store: Store, key: bytes, end: bytes | None, revision: int, current: int) -> Generator[None, None, int]:
    """How many keys of [key, end) lived at ``revision``; yields between slices.

    Either walks the interval, or takes today's number (arithmetic) and undoes the changes since, whichever is less.
    """
    history = store.history
    total = store.live.count_between(key, end)
    start, stop = history.log_position(revision), history.log_position(current)
    if stop - start > total + len(history.dead):
        return (yield from _count_by_walk(store, key, end, revision))
    seen: set[bytes] = set()
    for at in range(start, stop, PIECE):
        if store.compact_revision > revision:
            raise Compacted
        for name in history.log_slice(at, min(at + PIECE, stop)):
            if name >= key and (end is None or name < end) and name not in seen:
                seen.add(name)
                total += (history.at(name, revision) != 0) - _lived(store, name, current)
        yield
    return total


def _count_by_walk(store: Store, key: bytes, end: bytes | None, revision: int) -> Generator[None, None, int]:
    total = 0
    for entries in walk(store, key, end, revision):
        total += len(entries)
        yield
    return total


def count(store: Store, key: bytes, end: bytes | None, revision: int) -> int:
    """``count_steps`` at once."""
    steps = count_steps(store, key, end, revision, store.revision)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return int(done.value)


def _lived(store: Store, key: bytes, revision: int) -> bool:
    """Whether ``key`` existed at ``revision``; looks into the tree only when history leaves it open."""
    revs, bound = store.history.revs.get(key), after(revision)
    if revs is not None and revs[-1] < bound and not revs[-1] & TOMBSTONE:
        return True  # a put no younger than that, followed by the live one
    return 0 < store.live.revision_of(key) < bound or store.history.at(key, revision) != 0
