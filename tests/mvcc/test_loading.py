"""A load against the store that grew: whichever batch is the first in which a key comes again or a tombstone."""

from __future__ import annotations

from unittest.mock import patch

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from pyetcd.mvcc import MemoryBackend, Store
from pyetcd.mvcc.loading import revisions
from pyetcd.mvcc.revision import SUB_MASK, pack, to_key

mains = st.one_of(st.integers(1, 300), st.integers((1 << 32) - 3, (1 << 32) + 3), st.integers(1, (1 << 62) - 1))
subs = st.one_of(st.just(0), st.integers(0, 300), st.sampled_from([0xFFFF, 0x10000, SUB_MASK]))
packed = st.builds(pack, mains, subs, st.integers(0, 7).map(lambda n: n == 0))


@settings(deadline=None)
@given(st.lists(packed, min_size=1, max_size=20, unique=True).map(sorted), st.integers(0, 2))
def test_revisions_are_read_as_they_were_written(revs: list[int], skip: int) -> None:
    assert revisions([b"\xff" * skip + to_key(rev) for rev in revs], skip) == revs


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("wrong", [b"", bytes(17), bytes(8) + b"_" + bytes(7), bytes(8) + b"_" + bytes(8) + b"x"])
def test_what_is_no_revision_is_refused(wrong: bytes, at: int) -> None:
    raws = [to_key(pack(main, 0)) for main in (1, 2, 3)]
    raws[at] = wrong
    with pytest.raises(ValueError, match="not a revision key"):
        revisions(raws)


def test_a_sub_too_large_to_shift_is_not_taken_for_another() -> None:
    large = (5).to_bytes(8, "big") + b"_" + (1 << 31).to_bytes(8, "big")
    assert revisions([large]) == [5 << 32 | 1 << 32]


keys = st.one_of(
    st.sampled_from([b"a", b"ab", b"b", b"\xff", b"k" * 127, b"k" * 128, b"k" * 300]),
    st.integers(0, 40).map(lambda n: b"key%d" % n),
)
requests = st.tuples(keys, st.booleans(), st.sampled_from([b"", b"value", b"large" * 4000]))


def state(store: Store) -> tuple[object, ...]:
    history = store.history
    return (
        store.revision, list(store.live.items()), list(history.dead), {k: list(v) for k, v in history.revs.items()},
        history.log_keys, history.log_revs,
    )  # fmt: skip


@settings(deadline=None)
@given(st.integers(0, 60), st.lists(requests, max_size=15), st.integers(1, 7))
def test_loaded_is_as_grown(fresh: int, then: list[tuple[bytes, bool, bytes]], batch: int) -> None:
    store = Store(MemoryBackend())
    for n in range(fresh):
        store.put(b"key%d" % (n * 37 % 101), b"value")
    for key, deleted, value in then:
        if deleted:
            store.delete_range(key, b"")
        else:
            store.put(key, value)
    loaded = Store(store.backend)
    with patch("pyetcd.mvcc.loading.BATCH", batch):
        loaded.load()
    loaded.check()
    assert state(loaded) == state(store)
