"""Evaluating a Range: at once when slices of the tree are the answer, in bounded steps otherwise."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING

from pyetcd.mvcc.ordering import passing, sort_steps
from pyetcd.mvcc.query import TARGET_KEY, TARGET_VALUE, Query, RangeResult
from pyetcd.mvcc.record import without_value
from pyetcd.mvcc.rope import EMPTY, Chunk, Rope
from pyetcd.mvcc.tree import LiveTree
from pyetcd.mvcc.walk import PIECE, count_steps, fetched, upper, walk

if TYPE_CHECKING:
    from pyetcd.mvcc.store import Store

SLICE = 400  # entries worked on between two chances to do something else
IDLE = 50  # what looking at an empty part counts, in entries


def interval(live: LiveTree, q: Query, current: int) -> RangeResult:
    """A plain query with an end, at the current revision: arithmetic and slices."""
    i, a, k, b = live.bounds(q.key, q.end)
    count = live.count(i, a, k, b)
    if q.count_only or not count:
        return RangeResult(EMPTY, 0, False, count, current)
    limit = q.limit
    if 0 < limit < count:
        return RangeResult(live.rope(i, a, *live.advance(i, a, limit)), limit, True, count, current)
    return RangeResult(live.rope(i, a, k, b), count, False, count, current)


def steps(store: Store, q: Query, current: int) -> Iterator[RangeResult | None]:
    """Any query: None between slices, the result last."""
    q.check()
    revision = store.resolve(q.revision, current)
    if q.plain and revision == current:
        yield store.range_at(q, current)
    elif q.count_only:
        count = yield from _count(store, q, revision, current)
        yield RangeResult(EMPTY, 0, False, count, current)
    else:
        yield from _collect(store, q, revision, current)


def _count(store: Store, q: Query, revision: int, current: int) -> Generator[None, None, int]:
    end = upper(q.key, q.end)
    if revision == current:
        return store.live.count_between(q.key, end)
    return (yield from count_steps(store, q.key, end, revision, current))


def _collect(store: Store, q: Query, revision: int, current: int) -> Iterator[RangeResult | None]:
    """Read, filter, sort, cut, strip: in this order.

    With neither filter nor explicit order only limit + 1 entries are read, even if a target other than KEY sorts
    them afterwards (etcd's quirk).
    """
    key, end = q.key, upper(q.key, q.end)
    wanted = 0 if q.explicit_order or q.filtered or q.limit <= 0 else q.limit + 1
    if revision == current:
        count = store.live.count_between(key, end)
        source: Iterable[Chunk] = _pinned(store.live, key, end, min(wanted or count, count))
    else:
        count = -1
        source = (fetched(store, part) for part in walk(store, key, end, revision, wanted or PIECE))
    entries, seen = yield from _gather(q, source, wanted)
    if count < 0:
        count = seen
        if wanted and seen >= wanted:
            count = yield from count_steps(store, key, end, revision, current)
    if q.explicit_order or q.target != TARGET_KEY:
        entries = yield from sort_steps(q, entries)
    returned = min(q.limit, len(entries)) if q.limit > 0 else len(entries)
    kvs = yield from _rope(q, entries, returned)
    yield RangeResult(kvs, returned, returned < len(entries), count, current)


def _pinned(live: LiveTree, key: bytes, end: bytes | None, n: int) -> Iterable[Chunk]:
    """The first ``n`` entries of an interval as they are now, whatever is written while they are worked on."""
    i, a = live.position(key)
    return live.rope(i, a, *live.advance(i, a, n)).chunks


def _gather(q: Query, source: Iterable[Chunk], wanted: int) -> Generator[None, None, tuple[list[bytes], int]]:
    """(entries that pass the filters, number of entries read); stops after ``wanted``, 0 being all."""
    entries: list[bytes] = []
    seen = work = 0
    for part in source:
        seen += len(part)
        entries += passing(q, list(part)) if q.filtered else part
        if wanted and seen >= wanted:
            return entries[:wanted], seen
        work += len(part) + IDLE
        if work > SLICE:
            yield
            work = 0
    return entries, seen


def _rope(q: Query, entries: list[bytes], n: int) -> Generator[None, None, Rope]:
    """The first ``n`` entries as a rope, their values cut off if only keys are wanted.

    keys_only drops the lease too, as etcd 3.7 answers it from its index; sorting by VALUE makes it read everything.
    """
    chunks: list[Chunk] = []
    size, keep_lease = 0, q.target == TARGET_VALUE
    for at in range(0, n, SLICE):
        part = entries[at : min(at + SLICE, n)]
        if q.keys_only:
            part = [without_value(entry, keep_lease=keep_lease) for entry in part]
        size += sum(map(len, part))
        chunks.append(part)
        if at:
            yield
    return Rope(size, chunks) if chunks else EMPTY
