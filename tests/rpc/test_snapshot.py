"""Maintenance.Snapshot's stream: one moment, in blobs, no faster than the client reads, let go when it ends."""

from __future__ import annotations

import hashlib
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pyetcd.disk.rocks import RocksBackend
from pyetcd.errors import DiskFailure
from pyetcd.mvcc.backend import Bucket
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.snapshot import BLOB_BYTES, PENDING_BYTES, SLICE_BYTES, Rows, SnapshotStream
from pyetcd.wire.call import Code
from tests.rpc.watched import RecordedCall

VERSION = "3.7.0"


class Turns:
    """The loop: actions wait until the test runs them."""

    def __init__(self) -> None:
        self.actions: deque[Callable[[], object]] = deque()

    def run(self) -> int:
        """Until nothing waits; how many turns that took."""
        turns = 0
        while self.actions:
            self.actions.popleft()()
            turns += 1
        return turns


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[RocksBackend]:
    backend = RocksBackend(str(tmp_path / "state"))
    backend.put(Bucket.META, b"term", bytes(8))
    for at in range(20_000):
        backend.put(Bucket.KEY, at.to_bytes(8, "big") + b"_" + bytes(8), b"v" * 300)
    backend.commit()
    yield backend
    backend.close()


def begin(rows: Rows) -> tuple[SnapshotStream, Any, Turns]:
    call: Any = RecordedCall(rpc.SnapshotResponse)
    turns = Turns()
    return SnapshotStream(call, rows, VERSION, turns.actions.append), call, turns


def image_of(call: Any) -> bytes:
    return b"".join(message.blob for message in call.sent[:-1])


def test_blobs_count_down_and_the_digest_comes_last(backend: RocksBackend) -> None:
    stream, call, turns = begin(backend.snapshot().rows)
    stream.step()
    turns.run()
    *blobs, last = call.sent
    image = image_of(call)
    assert call.status == (0, "")
    assert all(len(message.blob) == BLOB_BYTES for message in blobs[:-1]) and 0 < len(blobs[-1].blob) <= BLOB_BYTES
    assert blobs[-1].remaining_bytes == 0
    assert [message.remaining_bytes for message in blobs] == [
        len(image) - sent for sent in [min(n * BLOB_BYTES, len(image)) for n in range(1, len(blobs) + 1)]
    ]
    assert last == rpc.SnapshotResponse(blob=hashlib.sha256(image).digest(), version=VERSION)
    assert {message.version for message in call.sent} == {VERSION}
    assert not any(message.HasField("header") for message in call.sent)


def test_what_is_written_meanwhile_does_not_show(backend: RocksBackend) -> None:
    before, disturbed = backend.snapshot().rows, backend.snapshot().rows
    stream, call, turns = begin(disturbed)
    stream.step()
    while turns.actions:
        for bucket in Bucket:
            backend.put(bucket, b"\xff" + len(call.sent).to_bytes(8, "big"), b"new")
        backend.delete(Bucket.KEY, (19_999 - len(call.sent)).to_bytes(8, "big") + b"_" + bytes(8))
        backend.put(Bucket.META, b"term", b"changed!")
        backend.commit()
        if len(call.sent) % 64 == 0:
            backend.compact_files()
        turns.actions.popleft()()
    quiet, expected, turns = begin(before)
    quiet.step()
    turns.run()
    assert image_of(call) == image_of(expected)
    assert list(before(Bucket.META)) == [(b"term", bytes(8))]


def test_the_work_is_cut_into_turns(backend: RocksBackend) -> None:
    stream, call, turns = begin(backend.snapshot().rows)
    stream.step()
    assert call.sent == []  # the first slice only counts
    largest = 0
    while turns.actions:
        before = len(call.sent)
        turns.actions.popleft()()
        largest = max(largest, sum(len(message.blob) for message in call.sent[before:]))
    assert largest <= SLICE_BYTES + BLOB_BYTES


def test_a_client_that_does_not_read_stops_the_stream(backend: RocksBackend) -> None:
    stream, call, turns = begin(backend.snapshot().rows)
    call.reading = False
    stream.step()
    turns.run()
    assert PENDING_BYTES <= call.pending <= PENDING_BYTES + SLICE_BYTES + BLOB_BYTES
    assert call.open
    call.reading, call.pending = True, 0
    call.on_drain()
    turns.run()
    assert call.status == (0, "")


@pytest.mark.parametrize("stalled", [False, True])
def test_a_client_that_goes_away_frees_the_moment(backend: RocksBackend, stalled: bool) -> None:
    snapshot = backend.snapshot()
    alive = weakref.ref(snapshot)
    stream, call, turns = begin(snapshot.rows)
    del snapshot
    call.reading = not stalled
    stream.step()
    for _ in range(20):
        if turns.actions:
            turns.actions.popleft()()
    assert alive() is not None
    call.reset()
    assert alive() is None
    sent = len(call.sent)
    turns.run()
    assert len(call.sent) == sent


def test_a_disk_that_fails_ends_the_stream_with_its_error() -> None:
    def rows(bucket: str) -> Iterator[tuple[bytes, bytes]]:
        yield b"key", b"value"
        if bucket == Bucket.KEY:
            raise DiskFailure("gone")

    stream, call, turns = begin(rows)
    stream.step()
    turns.run()
    assert call.status is not None and call.status[0] == Code.UNAVAILABLE


def test_a_corrupt_table_is_no_shorter_snapshot(backend: RocksBackend) -> None:
    backend.flush()
    (table,) = Path(backend.path).glob("*.sst")
    data = bytearray(table.read_bytes())
    data[len(data) // 2] ^= 0xFF
    table.write_bytes(data)
    stream, call, turns = begin(backend.snapshot().rows)
    stream.step()
    turns.run()
    assert call.status is not None and call.status[0] == Code.UNAVAILABLE
    assert call.sent == []
