"""Checkpoints: when, in which order, and what each possible crash in between leaves."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pyetcd.consensus import ConfState, Entry, HardState
from pyetcd.disk.checkpoint import Checkpointer
from pyetcd.disk.files import Files
from pyetcd.disk.recovery import recover
from pyetcd.disk.rocks import RocksBackend
from pyetcd.disk.wal_reader import list_segments
from pyetcd.disk.worker import SteppedWorker
from pyetcd.errors import DiskFailure
from pyetcd.mvcc.backend import Bucket
from tests.disk.stepped import SteppedLog

MEMBERS = ConfState((7,))


class Station:
    """A log, a state and a checkpointer, stepped; ``write`` does what a member does with one entry."""

    def __init__(self, path: Path, entries: int = 10, log_bytes: int = 1 << 30) -> None:
        self.path = path
        path.mkdir(exist_ok=True)
        self.backend = RocksBackend(str(path / "state"))
        self.index = self.applied()
        self.log = SteppedLog(path / "wal", segment_size=16 << 10)
        self.background = SteppedWorker()
        self.failures: list[BaseException] = []
        self.checkpointer = Checkpointer(
            self.log.wal,
            self.backend,
            self.background,
            str(path),
            applied=self.index,
            failed=self.failures.append,
            entries=entries,
            log_bytes=log_bytes,
        )

    def applied(self) -> int:
        return int.from_bytes(self.backend.get(Bucket.META, b"consistent_index") or b"", "big")

    def write(self, size: int = 1000) -> None:
        self.index += 1
        self.log.save(Entry(2, self.index, 0, b"v" * size), state=HardState(2, 7, self.index - 1))
        self.log.settle()
        self.backend.put(Bucket.KEY, self.index.to_bytes(8, "big"), b"v")
        self.backend.put(Bucket.META, b"consistent_index", self.index.to_bytes(8, "big"))
        self.backend.commit()
        self.log.save(state=HardState(2, 7, self.index), must_sync=False)
        self.checkpointer.applied(self.index, 2, MEMBERS)

    def after_a_crash(self) -> tuple[int, int]:
        """(applied index, last index of the log) that a copy of the files, as they are now, recovers to."""
        copy = self.path.with_name("copy")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.path, copy)
        backend = RocksBackend(str(copy / "state"))
        applied = int.from_bytes(backend.get(Bucket.META, b"consistent_index") or b"", "big")
        contents = recover(str(copy / "wal"), applied, Files())
        assert [e.index for e in contents.entries] == list(range(applied + 1, contents.last_index + 1))
        assert len(backend.scan(Bucket.KEY, b"", None)) == applied
        backend.abandon()
        return applied, contents.last_index

    def snaps(self) -> list[str]:
        return sorted(name for name in os.listdir(self.path) if name.endswith(".snap"))


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path / "member")


def test_every_crash_on_the_way_of_a_checkpoint_recovers(station: Station) -> None:
    for _ in range(10):
        station.write()
    assert station.after_a_crash() == (0, 10), "nothing was flushed yet"
    station.write()
    assert station.background.step(), "the flush"
    assert station.after_a_crash() == (11, 11) and station.snaps() == []
    station.write()
    station.log.settle()
    assert station.snaps() == ["0000000000000002-000000000000000a.snap"]
    assert station.log.read(11).snapshots[-1].index == 10
    assert station.after_a_crash() == (11, 12)
    station.background.close()
    assert station.checkpointer.last_index == 10 and station.failures == []


def test_segments_nobody_needs_go_and_checkpoints_repeat(station: Station) -> None:
    for _ in range(200):
        station.write()
        station.background.close()
        station.log.settle()
    station.background.close()
    assert station.checkpointer.last_index >= 180
    assert len(list_segments(station.log.directory)) == 2 and len(station.snaps()) == 5
    assert station.log.read(station.checkpointer.last_index).last_index == 200


def test_the_log_grown_by_bytes_is_due_too(tmp_path: Path) -> None:
    station = Station(tmp_path / "member", entries=10**9, log_bytes=5000)
    for _ in range(4):
        station.write()
        assert not station.background.jobs
    station.write()
    assert station.background.jobs


def test_one_checkpoint_at_a_time(station: Station) -> None:
    for _ in range(50):
        station.write()
    assert len(station.background.jobs) == 1


def test_a_failed_flush_is_reported_and_tried_again(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise DiskFailure("full")

    with monkeypatch.context() as patch:
        patch.setattr(station.backend, "flush", fail)
        for _ in range(10):
            station.write()
        station.background.close()
    assert [str(error) for error in station.failures] == ["full"] and station.snaps() == []
    station.write()
    station.background.close()
    station.log.settle()
    assert station.snaps() == ["0000000000000002-000000000000000b.snap"]


def test_a_clean_stop_leaves_nothing_to_replay(station: Station) -> None:
    for _ in range(7):
        station.write()
    station.log.close()
    station.backend.close()
    assert station.after_a_crash() == (7, 7)
