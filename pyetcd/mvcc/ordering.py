"""Filters and sort orders of a Range, as etcd does them (wire contract, section 2.4)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from heapq import merge
from itertools import islice
from typing import Any

from pyetcd.mvcc.query import ORDER_DESCEND, TARGET_CREATE, TARGET_KEY, TARGET_MOD, TARGET_VALUE, TARGET_VERSION, Query
from pyetcd.mvcc.record import create_of, key_of, mod_of, value_of, version_of
from pyetcd.mvcc.ties import sort_like_go

RUN = 2000  # entries sorted or merged between two chances to do something else
LIKE_GO = 5000  # up to here ties come out as Go's sort leaves them

SORT_KEYS: dict[int, Callable[[bytes], Any]] = {
    TARGET_KEY: key_of,
    TARGET_VERSION: version_of,
    TARGET_CREATE: create_of,
    TARGET_MOD: mod_of,
    TARGET_VALUE: value_of,
}


def passing(q: Query, entries: list[bytes]) -> list[bytes]:
    """Entries inside the query's inclusive revision bounds; 0 is no bound."""
    if q.max_mod:
        entries = [e for e in entries if mod_of(e) <= q.max_mod]
    if q.min_mod:
        entries = [e for e in entries if mod_of(e) >= q.min_mod]
    if q.max_create:
        entries = [e for e in entries if create_of(e) <= q.max_create]
    if q.min_create:
        entries = [e for e in entries if create_of(e) >= q.min_create]
    return entries


def sort_steps(q: Query, entries: list[bytes]) -> Generator[None, None, list[bytes]]:
    """``entries`` (in key order) sorted by the query's target; yields between slices.

    An order NONE counts as ASCEND here.
    """
    of = SORT_KEYS[q.target]
    down = q.order == ORDER_DESCEND
    if len(entries) <= LIKE_GO and q.target != TARGET_KEY:
        return (yield from _with_ties([of(entry) for entry in entries], entries, down))
    runs: list[list[tuple[Any, bytes]]] = []
    for at in range(0, len(entries), RUN):
        run = [(of(entry), entry) for entry in entries[at : at + RUN]]
        run.sort(key=_first, reverse=down)
        runs.append(run)
        if at:
            yield
    if len(runs) <= 1:
        return [entry for run in runs for _, entry in run]
    result: list[bytes] = []
    merged = merge(*map(_draining, runs), key=_first, reverse=down)
    while part := [entry for _, entry in islice(merged, RUN)]:
        result += part
        yield
    return result


def _with_ties(keys: list[Any], entries: list[bytes], down: bool) -> Generator[None, None, list[bytes]]:
    """Equal keys in the order Go's sort leaves them in; larger results keep key order among them."""
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys), reverse=down))}
    pairs = [(ranks[key], entry) for key, entry in zip(keys, entries, strict=True)]
    if len(ranks) < len(pairs):
        yield from sort_like_go(pairs)
    else:
        pairs.sort()
    return [entry for _, entry in pairs]


def _draining(run: list[tuple[Any, bytes]]) -> Iterator[tuple[Any, bytes]]:
    """Gives every pair away, so that a million of them are not freed in one go at the end."""
    run.reverse()
    while run:
        yield run.pop()


def _first(pair: tuple[Any, bytes]) -> Any:
    return pair[0]
