"""History for watchers: the changes of past revisions, read back from the backend (wire contract, section 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyetcd.errors import Compacted
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.query import Change
from pyetcd.mvcc.record import create_of, encode_deleted, frame, key_of_body
from pyetcd.mvcc.revision import MAIN_SHIFT, TOMBSTONE, after, from_key, main_key

if TYPE_CHECKING:
    from pyetcd.mvcc.store import Store

BATCH = 1000


def changes(store: Store, start: int, end: int, limit: int, with_prev: bool) -> list[tuple[int, list[Change]]]:
    """See Store.changes."""
    if start < store.compact_revision:
        raise Compacted
    found: list[tuple[int, list[Change]]] = []
    at, stop = main_key(max(start, 0)), main_key(max(end, 0))
    size = min(BATCH, limit + 1)  # no more than is asked for: values may be large
    while True:
        batch = store.backend.scan(Bucket.KEY, at, stop, size)
        for raw, body in batch:
            if not body:  # what a restore to a higher revision leaves there (section 11.4)
                continue
            rev = from_key(raw)
            main = rev >> MAIN_SHIFT
            if not found or found[-1][0] != main:
                if len(found) == limit:
                    return found
                found.append((main, []))
            found[-1][1].append(_change(store, rev, body, with_prev))
        if len(batch) < size:
            return found
        at = batch[-1][0] + b"\0"


def _change(store: Store, rev: int, body: bytes, with_prev: bool) -> Change:
    key, main = key_of_body(body), rev >> MAIN_SHIFT
    prev = before(store, key, main) if with_prev else None
    if rev & TOMBSTONE:
        return Change(True, key, frame(encode_deleted(key, main)), prev, False)
    framed = frame(body)
    return Change(False, key, framed, prev, create_of(framed) == main)


def before(store: Store, key: bytes, main: int) -> bytes | None:
    """The framed KeyValue of ``key`` just before revision ``main``; None when absent or compacted."""
    if main - 1 < store.compact_revision:
        return None
    rev = store.live.revision_of(key)
    if 0 < rev < after(main - 1):
        return store.live.get(key)
    rev = store.history.at(key, main - 1)
    return store.fetch(rev) if rev else None
