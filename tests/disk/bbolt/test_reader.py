"""Files read back: ours against what was written, official ones against official tools, damaged ones refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyetcd.disk.bbolt.page import (
    BUCKET,
    FREELIST,
    HEADER,
    META_BYTES,
    PAGE_SIZE,
    Meta,
    Row,
    decode_meta,
    encode_branch,
    encode_leaf,
    encode_meta,
)
from pyetcd.disk.bbolt.reader import BrokenFile, Reader
from pyetcd.disk.bbolt.writer import Image

Buckets = dict[str, list[Row]]

rows = st.dictionaries(
    st.binary(min_size=1, max_size=20) | st.binary(min_size=1000, max_size=5000),
    st.binary(max_size=40) | st.binary(min_size=900, max_size=1100) | st.integers(0, 20_000).map(bytes),
    max_size=60,
).map(lambda found: sorted(found.items()))
databases = st.dictionaries(st.text("abcxyz_", min_size=1, max_size=8), rows, min_size=1, max_size=6)


def image_of(buckets: Buckets) -> bytes:
    image = Image(buckets, buckets.__getitem__)
    counted = sum(image.measure())
    data = b"".join(image.pages())
    assert len(data) == image.size == (counted + 2) * PAGE_SIZE
    return data


def save(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def read(path: Path) -> Buckets:
    with Reader(str(path)) as reader:
        reader.check()
        return {name: list(reader.rows(name)) for name in reader.buckets}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(databases)
def test_what_was_written_is_read(tmp_path: Path, buckets: Buckets) -> None:
    assert read(save(tmp_path / "db", image_of(buckets))) == buckets


def large() -> Buckets:
    """Two levels of branches, inline buckets, a value of many pages."""
    random = Random(7)
    return {
        "inline": [(b"a", b"1"), (b"b", b"2")],
        "empty": [],
        "tree": [(b"%05d" % at, random.randbytes(200)) for at in range(3000)],
        "wide": [(b"x", bytes(50_000)), (b"y", b"")],
    }


def test_a_file_with_more_behind_its_pages(tmp_path: Path) -> None:
    """The digest of a snapshot, or what bbolt has allocated in advance."""
    path = save(tmp_path / "db", image_of(large()) + bytes(32))
    with Reader(str(path)) as reader:
        assert reader.size == path.stat().st_size - 32
    assert read(path) == large()


def test_the_second_meta_page_steps_in(tmp_path: Path) -> None:
    data = image_of(large())
    assert read(save(tmp_path / "db", bytes(100) + data[100:])) == large()
    assert read(save(tmp_path / "db", data[:PAGE_SIZE] + bytes(100) + data[PAGE_SIZE + 100 :])) == large()


def test_the_later_transaction_counts(tmp_path: Path) -> None:
    data = image_of(large())
    meta = decode_meta(data[HEADER.size :])
    empty_root = encode_leaf(meta.pages, [])
    later = encode_meta(1, Meta(PAGE_SIZE, meta.pages, 0, meta.freelist, meta.pages + 1, meta.txid + 1))
    assert read(save(tmp_path / "db", data[:PAGE_SIZE] + later + data[2 * PAGE_SIZE :] + empty_root)) == {}


# -- damage ---------------------------------------------------------------------------------------------------------


def at_page(data: bytes, page: int, offset: int, change: bytes) -> bytes:
    start = page * PAGE_SIZE + offset
    return data[:start] + change + data[start + len(change) :]


def root_of(data: bytes) -> int:
    return decode_meta(data[HEADER.size :]).root


def with_root(data: bytes, page: bytes) -> bytes:
    return at_page(data, root_of(data), 0, page)


def tree_root(data: bytes, name: bytes = b"tree") -> int:
    """The root page of a bucket, found by its name in the root leaf."""
    root = root_of(data) * PAGE_SIZE
    found = data.index(name, root) + len(name)
    return int(BUCKET.unpack_from(data, found)[0])


def element(data: bytes, page: int, number: int, change: bytes, offset: int = 0) -> bytes:
    return at_page(data, page, HEADER.size + 16 * number + offset, change)


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "little")


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "meta page 0: the file ends inside the meta page"),
    "other file": (lambda data: b"#!/bin/sh\n" * 2000, "not a bbolt file: magic is"),
    "cut off": (lambda data: data[:-1], "the file is cut off"),
    "both metas": (
        lambda data: at_page(at_page(data, 0, 60, b"\xff"), 1, 60, b"\xff"),
        "meta page 0: checksum mismatch; no valid meta page 1 either",
    ),
    "page number": (lambda data: at_page(data, 2, 0, u64(9)), "page 2: calls itself page 9"),
    "page type": (lambda data: at_page(data, 2, 8, b"\x10"), "page 2: neither leaf nor branch, but of type 0x10"),
    "zeroed page": (lambda data: at_page(data, 5, 0, bytes(PAGE_SIZE)), "page 5: calls itself page 0"),
    "overflow": (lambda data: at_page(data, 2, 12, u32(10**6)), "page 2: 1000000 pages of overflow"),
    "count": (lambda data: at_page(data, 2, 10, b"\xff\xff"), "page 2: 65535 elements do not fit into 4080 bytes"),
    "key outside": (lambda data: element(data, 2, 1, u32(4000), 8), "page 2: element 1: ends at byte"),
    "value outside": (lambda data: element(data, 2, 0, u32(2**31), 12), "page 2: element 0: ends at byte"),
    "empty key": (lambda data: element(data, 2, 0, u32(0), 8), "page 2: element 0: an empty key"),
    "key in elements": (
        lambda data: element(data, 2, 0, u32(0), 4),
        "page 2: element 0: its key lies among the elements",
    ),
    "flags": (
        lambda data: element(data, 2, 0, u32(1)),
        "page 2: element 0: flags 0x1, a bucket where a value should be",
    ),
    "root flags": (
        lambda data: element(data, root_of(data), 0, u32(0)),
        "element 0: flags 0x0, a value where a bucket should be",
    ),
    "order": (lambda data: element(data, 2, 0, element_of(data, 2, 3), 0), "page 2: key"),
    "child outside": (
        lambda data: element(data, tree_root(data), 0, u64(10**9), 8),
        "page 1000000000: there are only",
    ),
    "child twice": (
        lambda data: element(data, tree_root(data), 1, element_of(data, tree_root(data), 0)[8:], 8),
        "two places lead to it",
    ),
    "children exchanged": (
        lambda data: element(
            element(data, tree_root(data), 0, element_of(data, tree_root(data), 1)[8:], 8),
            tree_root(data),
            1,
            element_of(data, tree_root(data), 0)[8:],
            8,
        ),
        "where the next page begins",
    ),
    "cycle": (
        lambda data: element(data, tree_root(data), 0, u64(tree_root(data)), 8),
        "two places lead to it",
    ),
    "short bucket": (
        lambda data: with_root(data, encode_leaf(root_of(data), [(b"a", b"short")], 1)),
        "5 bytes are too few",
    ),
    "inline cut off": (
        lambda data: with_root(data, encode_leaf(root_of(data), [(b"a", BUCKET.pack(0, 0) + b"x")], 1)),
        "bucket a: inline page cut off",
    ),
    "inline type": (
        lambda data: with_root(data, encode_leaf(root_of(data), [(b"a", BUCKET.pack(0, 0) + bytes(16))], 1)),
        "bucket a: inline page of type 0x0",
    ),
    "no children": (
        lambda data: at_page(data, tree_root(data), 0, encode_branch(tree_root(data), [])),
        "a branch without children",
    ),
}


def element_of(data: bytes, page: int, number: int) -> bytes:
    start = page * PAGE_SIZE + HEADER.size + 16 * number
    shift = 16 * number
    kind, position = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "little")
    return kind + u32(position + shift) + data[start + 8 : start + 16]


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_refused_with_what_and_where(tmp_path: Path, name: str) -> None:
    damage, words = DAMAGES[name]
    path = save(tmp_path / "db", damage(image_of(large())))
    with pytest.raises(BrokenFile) as refused:
        read(path)
    assert str(path) in str(refused.value) and words in str(refused.value)


def test_two_buckets_on_one_page(tmp_path: Path) -> None:
    data = image_of(large())
    shared = BUCKET.pack(tree_root(data), 0)
    path = save(tmp_path / "db", with_root(data, encode_leaf(root_of(data), [(b"a", shared), (b"b", shared)], 1)))
    with pytest.raises(BrokenFile, match=f"bucket b: page {tree_root(data)}: two places lead to it"):
        read(path)


@pytest.mark.parametrize(
    ("free", "words"),
    [([3], "page 3: listed as free, but in use"), ([], "page 4: neither in use nor free"), ([4, 4], "listed twice")],
)
def test_a_list_of_free_pages_is_checked(tmp_path: Path, free: list[int], words: str) -> None:
    """Other writers of the format store it; page 4 is in no tree."""

    def file(free: list[int]) -> bytes:
        meta = Meta(PAGE_SIZE, 3, 0, 2, 5, 2)
        listed = (HEADER.pack(2, FREELIST, len(free), 0) + b"".join(map(u64, free))).ljust(PAGE_SIZE, b"\0")
        return encode_meta(0, meta) + encode_meta(1, meta) + listed + encode_leaf(3, []) + bytes(PAGE_SIZE)

    assert read(save(tmp_path / "db", file([4]))) == {}
    with pytest.raises(BrokenFile, match=words):
        read(save(tmp_path / "db", file(free)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 10**9), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4))
def test_any_damage_is_refused_or_harmless(tmp_path: Path, changes: list[tuple[int, bytes]]) -> None:
    """No exception but ours, no endless walk; values have no checksum, so they may be read as they are."""
    data = bytearray(_SMALL)
    for place, change in changes:
        at = place % (len(data) - 8)
        data[at : at + len(change)] = change
    try:
        found = read(save(tmp_path / "db", bytes(data)))
    except BrokenFile:
        return
    for read_rows in found.values():
        keys = [key for key, _ in read_rows]
        assert keys == sorted(set(keys))


_SMALL = image_of({"a": [(b"%03d" % at, b"v" * 60) for at in range(200)], "b": [(b"k", b"v")]})


def test_meta_pages_as_etcd_writes_them() -> None:
    meta = Meta(PAGE_SIZE, 3, 0, 2, 4, 1)
    page = encode_meta(1, meta)
    assert len(page) == PAGE_SIZE and decode_meta(page[HEADER.size : HEADER.size + META_BYTES]) == meta
