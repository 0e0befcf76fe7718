"""A whole bucket in two columns: the same as a scan, and never a part of it taken for all."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from pyetcd.disk.rocks import RocksBackend
from pyetcd.errors import DiskFailure
from pyetcd.mvcc.backend import Bucket

ROWS = 3000


def rows(backend: RocksBackend, bucket: Bucket, size: int) -> list[tuple[bytes, bytes]]:
    skip, batches = backend.columns(bucket, size)
    found: list[tuple[bytes, bytes]] = []
    for keys, values in batches:
        assert 0 < len(keys) <= size
        found += [(key[skip:], value) for key, value in zip(keys, values, strict=True)]
    return found


@pytest.mark.parametrize("pending", [False, True])
def test_columns_are_what_a_scan_finds(tmp_path: Path, pending: bool) -> None:
    backend = RocksBackend(str(tmp_path))
    for n in range(7):
        backend.put(Bucket.KEY, b"%d" % n, b"value %d" % n)
        backend.put(Bucket.LEASE, b"%d" % n, b"")
    backend.put(Bucket.META, b"\xff\xff", b"last")
    backend.commit()
    backend.flush()
    backend.delete(Bucket.KEY, b"3")
    backend.put(Bucket.KEY, b"", b"first")
    if not pending:
        backend.commit()
    for bucket in Bucket:
        for size in (1, 3, 7, 100):
            assert rows(backend, bucket, size) == backend.scan(bucket, b"", None)
    backend.close()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rocks")
    backend, random = RocksBackend(str(path)), Random(1)
    for n in range(ROWS):
        backend.put(Bucket.KEY, n.to_bytes(8, "big"), random.randbytes(300))
        backend.put(Bucket.META, n.to_bytes(8, "big"), b"")
    backend.close()
    [found] = path.glob("*.sst")
    return found


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.9, "last"])
def test_a_corrupt_block_is_a_failure_not_an_end(table: Path, place: float | str) -> None:
    good = table.read_bytes()
    backend = RocksBackend(str(table.parent))
    last = backend.get(Bucket.KEY, (ROWS - 1).to_bytes(8, "big"))
    backend.abandon()
    assert last is not None
    at = good.index(last) if place == "last" else int(good.index(last) * float(place))
    table.write_bytes(good[:at] + bytes(16) + good[at + 16 :])
    try:
        backend = RocksBackend(str(table.parent))
        with pytest.raises(DiskFailure, match="cannot read the state in"):
            rows(backend, Bucket.KEY, 100)
        backend.abandon()
    finally:
        table.write_bytes(good)
