"""After a workload: every revision, read in every way, against the model."""

from __future__ import annotations

import random

import pytest

from pyetcd.mvcc import MemoryBackend, Store
from tests.model import DeleteRange, Model, Put, Range
from tests.mvcc.helpers import answer, event, kv, query, run_compaction, small_pieces

KEYS = [b"k%02d" % n for n in range(40)]


def workload(draw: random.Random, store: Store, model: Model) -> None:
    """Many keys, then runs of deletes and a few returns, so that dead keys lie side by side."""
    for _ in range(80):
        kind, key = draw.random(), draw.choice(KEYS)
        if kind < 0.75:
            store.put(key, b"%d" % model.revision)
            model.batch((Put(key, b"%d" % model.revision),))
        else:
            end = draw.choice([b"", key + b"z", KEYS[min(KEYS.index(key) + 12, 39)]])
            store.delete_range(key, end)
            model.batch((DeleteRange(key, end),))


@pytest.mark.parametrize("seed", range(12))
def test_every_revision(seed: int) -> None:
    draw = random.Random(seed)
    with small_pieces():
        store, model = Store(MemoryBackend()), Model()
        workload(draw, store, model)
        if seed % 2:
            model.compact(model.revision // 2)
            store.compact(store.revision // 2)
            run_compaction(store)
        store.check()
        for revision in range(max(model.compacted, 1), model.revision + 1):
            start, end = draw.choice([b"a", KEYS[3], KEYS[20]]), draw.choice([b"\0", KEYS[30]])
            _ranges(store, model, start, end, revision)
            _cursor(store, model, Range(start, end, revision=revision), draw.randint(1, 7))
        _history(store, model)


def _ranges(store: Store, model: Model, start: bytes, end: bytes, revision: int) -> None:
    for limit in (0, 1, 2, 5, 11):
        q = Range(start, end, limit, revision)
        assert answer(store.range(query(q))) == model.range(q)
    q = Range(start, end, 0, revision, count_only=True)
    assert answer(store.range(query(q))) == model.range(q)


def _cursor(store: Store, model: Model, q: Range, chunk: int) -> None:
    cursor, found, more = store.stream(query(q)), [], True
    expected = list(model.range(q).kvs)
    while more:
        entries, more = cursor.next(chunk)
        found += [kv(entry) for entry in entries]
        assert cursor.remaining() == len(expected) - len(found)
    assert found == expected


def _history(store: Store, model: Model) -> None:
    first = max(model.compacted, 0)
    expected = model.changes(first, model.revision + 1)
    for start in range(first, model.revision + 1):
        found = store.changes(start, model.revision + 1, 7)
        wanted = [(r, events) for r, events in expected if r >= start][:7]
        assert [(r, [event(change) for change in changes]) for r, changes in found] == wanted


def test_prev_below_the_compact_revision_is_not_shown() -> None:
    """Also while the compaction has removed nothing yet."""
    store = Store(MemoryBackend())
    for value in (b"1", b"2", b"3"):
        store.put(b"k", value)
    store.compact(3)
    prevs = [change.prev for _, changes in store.changes(3, 5, 10) for change in changes]
    assert prevs[0] is None and prevs[1] is not None and kv(prevs[1]).value == b"2"
