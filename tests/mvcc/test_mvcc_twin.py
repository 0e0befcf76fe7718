"""Store and model side by side: any sequence of requests, reloads, crashes and half-done compactions."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pyetcd.errors import Compacted, FutureRevision
from pyetcd.mvcc import MemoryBackend, RangeResult, RangeStreamCursor, Rope, Store
from tests.model import COMPACTED, DeleteRange, Model, Put, Range, RangeAnswer, Refused
from tests.mvcc.helpers import SlowHash, answer, event, kv, query, small_pieces

ERRORS = {Compacted: COMPACTED, FutureRevision: "etcdserver: mvcc: required revision is a future revision"}

letters = [b"a", b"aa", b"ab", b"b", b"ba", b"c", b"c\x00", b"d", b"e\xff", b"f", b"\xff", b"k" * 130]
keys = st.sampled_from(letters)
ends = st.one_of(st.just(b""), st.just(b"\0"), keys)
values = st.one_of(st.sampled_from([b"", b"v", b"w"]), st.binary(max_size=200))
leases = st.sampled_from([0, 0, 1, 7, -3])
ranges = st.builds(
    Range,
    key=keys,
    end=ends,
    limit=st.integers(-1, 6),
    revision=st.one_of(st.just(0), st.integers(-1, 40)),
    order=st.integers(0, 2),
    target=st.integers(0, 4),
    keys_only=st.booleans(),
    count_only=st.integers(0, 5).map(lambda n: n == 0),
    min_mod=st.sampled_from([0, 0, 0, 3, 8]),
    max_mod=st.sampled_from([0, 0, 0, 3, 8, 20]),
    min_create=st.sampled_from([0, 0, 0, 3, 8]),
    max_create=st.sampled_from([0, 0, 0, 3, 8, 20]),
)
now_or_then = st.one_of(st.just(0), st.integers(0, 40))
plain_ranges = st.builds(Range, key=keys, end=ends, limit=st.sampled_from([0, 0, 1, 3, 6, 15]), revision=now_or_then)
puts = st.builds(Put, key=keys, value=values, lease=leases)
deletes = st.builds(DeleteRange, key=keys, end=ends)


class Twins(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.small = small_pieces()
        self.small.__enter__()
        self.backend = MemoryBackend(crashable=True)
        self.store = Store(self.backend)
        self.model = Model()
        self.hashes = SlowHash()
        self.ropes: list[tuple[Rope, bytes]] = []
        self.cursors: list[tuple[RangeStreamCursor, list[object]]] = []
        self.running: list[tuple[Iterator[RangeResult | None], int, RangeAnswer]] = []

    def teardown(self) -> None:
        self.small.__exit__(None, None, None)

    # -- writing

    @rule(key=keys, value=values, lease=leases)
    def put(self, key: bytes, value: bytes, lease: int) -> None:
        self.model.batch((Put(key, value, lease),))
        self.written([self.store.put(key, value, lease)])

    @rule(more=st.lists(st.tuples(keys, values), min_size=5, max_size=25))
    def fill(self, more: list[tuple[bytes, bytes]]) -> None:
        for n, (key, value) in enumerate(more):
            self.put(key + bytes([n]), value, 0)

    @rule(key=keys, end=ends)
    def delete_range(self, key: bytes, end: bytes) -> None:
        self.model.batch((DeleteRange(key, end),))
        changes = self.store.delete_range(key, end)
        if changes:
            self.written(changes)

    @rule(ops=st.lists(st.one_of(puts, deletes, ranges), max_size=6))
    def txn(self, ops: list[Put | DeleteRange | Range]) -> None:
        txn = self.store.begin()
        done: list[Put | DeleteRange | Range] = []
        answers = []
        for op in ops:
            if isinstance(op, Put):
                txn.put(op.key, op.value, op.lease)
            elif isinstance(op, DeleteRange):
                txn.delete_range(op.key, op.end)
            else:
                try:
                    answers.append(answer(txn.range(query(op))))
                except (Compacted, FutureRevision) as error:
                    with pytest.raises(Refused, match=ERRORS[type(error)]):
                        self.in_txn(done, op)
                    continue
            done.append(op)
        expected = self.model.batch(tuple(done))
        assert answers == [a for a in expected if isinstance(a, RangeAnswer)]
        changes = txn.end()
        assert txn.revision == self.model.revision
        if changes:
            self.written(changes)

    def in_txn(self, done: list[Put | DeleteRange | Range], op: Range) -> None:
        """What the model says to a range after the operations done so far, without keeping anything."""
        from copy import deepcopy

        deepcopy(self.model).batch((*done, op))

    def written(self, changes: list[object]) -> None:
        self.backend.commit()
        main = self.model.revision
        assert self.store.revision == main
        assert [event(c) for c in changes] == self.model.events[main]
        self.hashes.write(main, changes)

    # -- reading

    @rule(q=ranges)
    def range(self, q: Range) -> None:
        self.same_range(q)

    @rule(q=plain_ranges)
    def plain_range(self, q: Range) -> None:
        self.same_range(q)

    @rule(q=ranges)
    def begin_range(self, q: Range) -> None:
        """Some slices now, the rest after other things happened."""
        try:
            expected = self.model.range(q)
        except Refused:
            return
        steps = self.store.range_steps(query(q))
        first = next(steps)
        if first is not None:
            assert answer(first) == expected
            return
        self.running.append((steps, q.revision, expected))

    @precondition(lambda self: self.running)
    @rule()
    def finish_range(self) -> None:
        steps, revision, expected = self.running.pop()
        try:
            result = next(r for r in steps if r is not None)
        except Compacted:
            assert 0 < revision < self.model.compacted
        else:
            assert answer(result) == expected

    def same_range(self, q: Range) -> None:
        try:
            expected = self.model.range(q)
        except Refused as refused:
            with pytest.raises(tuple(ERRORS)) as caught:
                self.store.range(query(q))
            assert ERRORS[caught.type] == refused.text
            return
        assert answer(self.store.range(query(q))) == expected

    @rule(offset=st.integers(-1, 6), end=st.integers(0, 50), limit=st.integers(1, 5))
    def history(self, offset: int, end: int, limit: int) -> None:
        start = max(self.model.compacted, 0) + offset
        try:
            expected = self.model.changes(start, end)[:limit]
        except Refused:
            with pytest.raises(Compacted):
                self.store.changes(start, end, limit)
            return
        found = self.store.changes(start, end, limit)
        assert [(r, [event(c) for c in changes]) for r, changes in found] == expected

    # -- reading over a longer time

    @rule(start=st.sampled_from([b"a", b"aa"]))
    def pin_everything(self, start: bytes) -> None:
        self.pin(Range(start, b"\0"))

    @rule(q=plain_ranges)
    def pin(self, q: Range) -> None:
        try:
            rope = self.store.range(query(q)).kvs
        except (Compacted, FutureRevision):
            return
        self.ropes.append((rope, rope.join()))

    @rule(q=plain_ranges, keys_only=st.booleans())
    def open_cursor(self, q: Range, keys_only: bool) -> None:
        whole = Range(q.key, q.end, 0, q.revision, keys_only=keys_only)
        try:
            expected = self.model.range(whole)
        except Refused:
            return
        cursor = self.store.stream(query(whole))
        assert cursor.header_revision == expected.revision
        self.cursors.append((cursor, list(expected.kvs)))

    @precondition(lambda self: self.cursors)
    @rule(at=st.integers(0, 5), limit=st.integers(-1, 5))
    def advance_cursor(self, at: int, limit: int) -> None:
        cursor, left = self.cursors[at % len(self.cursors)]
        if cursor.revision < self.model.compacted:
            with pytest.raises(Compacted):
                cursor.next(limit)
            return
        entries, more = cursor.next(limit)
        n = limit if limit > 0 else len(left)
        assert [kv(entry) for entry in entries] == left[:n]
        del left[:n]
        assert more == bool(left) and cursor.remaining() == len(left)

    # -- compaction and restarts

    @rule(back=st.integers(-1, 8), steps=st.integers(0, 4))
    def compact(self, back: int, steps: int) -> None:
        revision = self.model.revision - back
        try:
            self.model.compact(revision)
        except Refused as refused:
            with pytest.raises(tuple(ERRORS)) as caught:
                self.store.compact(revision)
            assert ERRORS[caught.type] == refused.text
            return
        self.store.compact(revision)
        self.backend.commit()
        self.hashes.compact(revision)
        self.step(steps)

    @precondition(lambda self: self.store.compaction is not None)
    @rule(steps=st.integers(1, 6))
    def step(self, steps: int) -> None:
        for _ in range(steps):
            if self.store.compaction is not None:
                self.store.compaction.step(3)
                self.backend.commit()

    @precondition(lambda self: self.store.compaction is not None)
    @rule(steps=st.integers(0, 3), lost=st.integers(0, 3))
    def crash_in_compaction(self, steps: int, lost: int) -> None:
        """A crash takes the last batches; the pass starts again from whatever is left."""
        self.backend.flush()
        self.step(steps)
        self.backend.crash(max(0, self.backend.unflushed - lost))
        self.reload()

    @rule()
    def reload(self) -> None:
        self.store = Store(self.backend)
        self.store.load()
        self.backend.commit()
        self.cursors.clear()
        self.running.clear()

    @rule(back=st.integers(-1, 10), zero=st.booleans())
    def hash_kv(self, back: int, zero: bool) -> None:
        store, model = self.store, self.model
        revision = 0 if zero else model.revision - back
        if store.hashes.find(revision) is not None:
            return
        if 0 < revision < model.compacted or revision > model.revision:
            with pytest.raises((Compacted, FutureRevision)):
                store.hash_kv(revision)
            return
        result = store.hash_kv(revision)
        at = revision or model.revision
        assert (result.compact_revision, result.hash_revision) == (model.compacted, at)
        alive = any(not entry[2] for entry in self.hashes.newest(at).values())
        if at < 0:
            assert result.hash == 1084519789
        elif alive or store.compaction is None:
            assert result.hash == self.hashes.hash(at, model.compacted)

    # -- always

    @invariant()
    def agree(self) -> None:
        assert self.store.revision == self.model.revision
        assert self.store.compact_revision == self.model.compacted
        self.store.check()
        for rope, expected in self.ropes:
            assert rope.join() == expected
        newest = self.model.states[self.model.revision]
        assert [kv(framed) for _, framed, _ in self.store.live.items()] == [newest[key] for key in sorted(newest)]


TestTwins = Twins.TestCase
TestTwins.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
