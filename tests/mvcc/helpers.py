"""Shared by the tests of the store: small pieces, translation between store and model, HashKV by its definition."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import google_crc32c

from pyetcd.mvcc import Change, Query, RangeResult, Store, rope
from pyetcd.mvcc.record import body_of, decode, encode_tombstone
from pyetcd.pb import kv_pb2
from tests.model import KV, Event, Range, RangeAnswer

SMALL = {
    "tree.FULL": 6,
    "tree.LOADED": 4,
    "tree.SPARSE": 2,
    "keyset.FULL": 4,
    "history.LONG": 3,
    "rope.PIECE": 40,
    "walk.PIECE": 3,
    "reading.PIECE": 3,
    "stream.PIECE": 3,
    "reading.SLICE": 2,
    "reading.IDLE": 1,
    "ordering.RUN": 2,
    "ordering.LIKE_GO": 0,  # the model keeps ties in key order
    "past.BATCH": 3,
    "hashing.BATCH": 3,
    "loading.BATCH": 5,
    "compaction.INDEX_SLICE": 2,
    "compaction.TRIM_SLICE": 2,
}


@contextmanager
def small_pieces() -> Iterator[None]:
    """Leaves, slices and batches of a few entries, so that small examples cross every boundary."""
    with ExitStack() as stack:
        for name, value in SMALL.items():
            stack.enter_context(patch(f"pyetcd.mvcc.{name}", value))
        yield


def query(q: Range) -> Query:
    return Query(
        q.key, q.end, q.limit, q.revision, q.order, q.target, q.keys_only, q.count_only,
        q.min_mod, q.max_mod, q.min_create, q.max_create,
    )  # fmt: skip


def kv(framed: bytes) -> KV:
    return KV(*decode(framed))


def answer(result: RangeResult) -> RangeAnswer:
    """A store's result in the model's words, with the promises of Rope checked on the way."""
    entries = result.kvs.entries()
    assert result.kvs.size == len(result.kvs.join()) and result.returned == len(entries)
    pieces = list(result.kvs.pieces())
    assert b"".join(pieces) == result.kvs.join() == b"".join(entries)
    assert all(0 < len(piece) <= rope.PIECE for piece in pieces)
    return RangeAnswer(tuple(map(kv, entries)), result.count, result.more, result.revision)


def event(change: Change) -> Event:
    """A change in the model's words; ``created`` is checked on the way."""
    new = _deleted_kv(change) if change.deleted else kv(change.kv)
    assert change.key == new.key and change.created == (not change.deleted and new.create == new.mod)
    return Event(change.deleted, new, None if change.prev is None else kv(change.prev))


def _deleted_kv(change: Change) -> KV:
    """Nothing but key and mod_revision."""
    message = kv_pb2.KeyValue.FromString(body_of(change.kv))
    assert message == kv_pb2.KeyValue(key=message.key, mod_revision=message.mod_revision)
    return KV(message.key, 0, message.mod_revision, 0, b"")


Entry = tuple[int, int, bool, bytes, bytes]  # main, sub, tombstone, key, body


class SlowHash:
    """HashKV by the words of section 6.5, over a plain list of everything ever written."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, main: int, changes: list[Change]) -> None:
        for sub, change in enumerate(changes):
            body = encode_tombstone(change.key) if change.deleted else body_of(change.kv)
            self.entries.append((main, sub, change.deleted, change.key, body))

    def newest(self, revision: int) -> dict[bytes, Entry]:
        """The newest entry of every key at a revision."""
        found: dict[bytes, Entry] = {}
        for entry in self.entries:
            if entry[0] <= revision:
                found[entry[3]] = entry
        return found

    def compact(self, revision: int) -> None:
        keep = {e for e in self.newest(revision).values() if not e[2] or e[0] == revision}
        self.entries = [e for e in self.entries if e[0] > revision or e in keep]

    def hash(self, revision: int, compacted: int) -> int:
        keep = {e for e in self.newest(revision).values() if not e[2]}
        crc = google_crc32c.extend(0, b"key")
        for entry in self.entries:
            main, sub, tombstone, _, body = entry
            if main > revision or (main <= compacted and keep and entry not in keep):
                continue
            if main == compacted and tombstone:
                continue
            raw = main.to_bytes(8, "big") + b"_" + sub.to_bytes(8, "big") + (b"t" if tombstone else b"")
            crc = google_crc32c.extend(crc, raw + body)
        return int(crc)


def run_compaction(store: Store) -> None:
    """Step until nothing is left."""
    while store.compaction is not None:
        store.compaction.step(3)
