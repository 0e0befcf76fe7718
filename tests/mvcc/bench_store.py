"""Micro benchmarks of the store; not part of the default run.

python -m pytest tests/mvcc/bench_store.py --benchmark-only     (KEYS=1000000 for the large store)
"""

from __future__ import annotations

import gc
import itertools
import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from pyetcd.mvcc import Bucket, MemoryBackend, Query, Store
from pyetcd.mvcc.record import encode_kv
from pyetcd.mvcc.revision import pack, to_key

KEYS = int(os.environ.get("KEYS", "100000"))
VALUE = b"v" * 256
EVERYTHING = (b"/", b"\0")


class Discarding(MemoryBackend):
    """Measures the store alone: after the load nothing is kept (so nothing old can be read)."""

    def put(self, bucket: Bucket, key: bytes, value: bytes) -> None:
        pass


def names() -> list[bytes]:
    keys = [b"/registry/pods/namespace-%03d/pod-%07d" % (n % 500, n) for n in range(KEYS)]
    random.Random(1).shuffle(keys)
    return keys


def filled(backend: MemoryBackend, keys: list[bytes]) -> MemoryBackend:
    for n, key in enumerate(keys):
        MemoryBackend.put(backend, Bucket.KEY, to_key(pack(n + 2, 0)), encode_kv(key, n + 2, n + 2, 1, VALUE))
    return backend


@pytest.fixture(scope="module")
def keys() -> list[bytes]:
    return names()


@pytest.fixture(scope="module")
def store(keys: list[bytes]) -> Store:
    store = Store(filled(Discarding(), keys))
    store.load()
    gc.collect()
    gc.freeze()
    return store


@pytest.fixture
def measure(benchmark: Any) -> Callable[[Callable[[], object]], None]:
    """CPU time, best of many."""
    benchmark._timer = time.process_time

    def run(action: Callable[[], object]) -> None:
        benchmark(action)

    return run


def test_load(benchmark: Any, keys: list[bytes]) -> None:
    backend = filled(MemoryBackend(), keys)

    def load() -> None:
        gc.disable()
        Store(backend).load()
        gc.enable()

    benchmark.pedantic(load, rounds=2)


def test_put_over_a_random_key(measure: Any, store: Store, keys: list[bytes]) -> None:
    turn = itertools.cycle(random.Random(2).sample(keys, 5000))
    measure(lambda: store.put(next(turn), VALUE))


def test_put_a_new_key(measure: Any, store: Store) -> None:
    turn = itertools.count()
    measure(lambda: store.put(b"/registry/new/%08d" % (next(turn) * 7919 % 1000003), VALUE))


def test_range_of_one_key(measure: Any, store: Store, keys: list[bytes]) -> None:
    turn = itertools.cycle([Query(key) for key in random.Random(3).sample(keys, 5000)])
    measure(lambda: store.range(next(turn)))


def test_range_of_10000_keys(measure: Any, store: Store, keys: list[bytes]) -> None:
    ordered = sorted(keys)
    q = Query(ordered[KEYS // 2], ordered[KEYS // 2 + 10_000])
    measure(lambda: store.range(q))


def test_range_of_10000_keys_joined(measure: Any, store: Store, keys: list[bytes]) -> None:
    ordered = sorted(keys)
    q = Query(ordered[KEYS // 2], ordered[KEYS // 2 + 10_000])
    measure(lambda: store.range(q).kvs.join())


def test_page_of_500(measure: Any, store: Store) -> None:
    measure(lambda: store.range(Query(*EVERYTHING, limit=500)))


def test_page_of_500_two_thousand_writes_ago(measure: Any, store: Store, keys: list[bytes]) -> None:
    """The Kubernetes pattern: a list continued at its first page's revision while writes go on."""
    revision = store.revision
    for key in keys[:2000]:
        store.put(b"/z" + key, VALUE)
    measure(lambda: store.range(Query(*EVERYTHING, limit=500, revision=revision)))


def test_count_of_everything(measure: Any, store: Store) -> None:
    measure(lambda: store.range(Query(*EVERYTHING, count_only=True)))


def test_everything(measure: Any, store: Store) -> None:
    measure(lambda: store.range(Query(*EVERYTHING)))


def test_longest_slice_of_a_sorted_range(benchmark: Any, store: Store) -> None:
    """Prints as a benchmark the longest single step of sorting everything by value."""
    worst = 0.0
    steps = store.range_steps(Query(*EVERYTHING, order=2, target=3, keys_only=True))
    while True:
        begun = time.process_time()
        result = next(steps)
        worst = max(worst, time.process_time() - begun)
        if result is not None:
            break
    benchmark.extra_info["longest_slice_ms"] = round(worst * 1000, 2)
    print(f"\nlongest slice: {worst * 1000:.2f} ms")
    benchmark(lambda: None)
