"""Invariants of a store, checked against its own backend: for property tests and offline checks."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.compaction import SCHEDULED, read_meta
from pyetcd.mvcc.record import body_of, encode_tombstone, key_of, mod_of
from pyetcd.mvcc.revision import MAIN_SHIFT, TOMBSTONE, from_key, to_key

if TYPE_CHECKING:
    from pyetcd.mvcc.store import Store


def check(store: Store) -> None:
    """Asserts every invariant."""
    store.live.check()
    store.history.dead.check()
    assert store.revision >= 1 and store.compact_revision <= store.revision
    assert max(read_meta(store, SCHEDULED) or 0, -1) == max(store.compact_revision, 0)
    _check_live(store)
    _check_history(store)
    _check_log(store)
    if store.compaction is None:
        _check_backend(store)


def _check_live(store: Store) -> None:
    for key, framed, rev in store.live.items():
        assert key_of(framed) == key and mod_of(framed) == rev >> MAIN_SHIFT and not rev & TOMBSTONE
        assert store.backend.get(Bucket.KEY, to_key(rev)) == body_of(framed)
        assert rev >> MAIN_SHIFT <= store.revision


def _check_history(store: Store) -> None:
    history = store.history
    for key, revs in history.revs.items():
        assert revs and all(a < b for a, b in itertools.pairwise(revs))
        live = store.live.revision_of(key)
        assert (live > revs[-1]) if live else (revs[-1] & TOMBSTONE and key in history.dead)
        assert not live or key not in history.dead
        for a, b in itertools.pairwise(revs):
            assert not (a & b & TOMBSTONE), "two tombstones without a put between them"
    assert all(key in history.revs for key in history.dead)


def _check_log(store: Store) -> None:
    """Every revision from the compact revision on is in the log, in order."""
    history = store.history
    assert len(history.log_keys) == len(history.log_revs)
    assert all(a < b for a, b in zip(history.log_revs, history.log_revs[1:], strict=False))
    logged = set(zip(history.log_keys, history.log_revs, strict=True))
    lowest = store.compact_revision << MAIN_SHIFT
    known = {(key, rev) for key, revs in history.revs.items() for rev in revs}
    known |= {(key, rev) for key, _, rev in store.live.items()}
    assert {pair for pair in known if pair[1] >= lowest} <= logged


def _check_backend(store: Store) -> None:
    """With no compaction under way the index and the backend know the same revisions."""
    known = {rev: key for key, revs in store.history.revs.items() for rev in revs}
    known |= {rev: key for key, _, rev in store.live.items()}
    entries = [row for row in store.backend.scan(Bucket.KEY, b"", None) if row[1]]  # restores leave a blank record
    assert {from_key(raw) for raw, _ in entries} == known.keys()
    for raw, body in entries:
        rev = from_key(raw)
        assert not rev & TOMBSTONE or body == encode_tombstone(known[rev])
