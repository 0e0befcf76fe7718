"""What a power cut leaves of the last write, whole logs on real files; and damage that is not from a power cut."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from random import Random

import pytest

from pyetcd.consensus import Entry, HardState
from pyetcd.disk.files import Files
from pyetcd.disk.wal_reader import CorruptLog, list_segments
from pyetcd.errors import DiskFailure
from tests.disk.stepped import SteppedLog

SEGMENT = 16 << 10


def value(index: int, size: int = 700) -> Entry:
    return Entry(2, index, 0, b"%d." % index + bytes(range(1, 251)) * (size // 250))


def written(path: Path) -> tuple[SteppedLog, int, int]:
    """A log with three acknowledged entries and one more write; where that write begins and ends."""
    log = SteppedLog(path, segment_size=SEGMENT)
    log.save(value(1), value(2), value(3), state=HardState(2, 7, 0))
    log.settle()
    start = log.read().tail_offset
    log.save(value(4, 200), value(5, 750), state=HardState(2, 7, 3))
    log.close()
    return log, start, log.read().tail_offset


def survives(path: Path, acknowledged: int = 3) -> int:
    """Opens the log, writes on, reads it again.  Nothing acknowledged may be missing; how many entries there were."""
    log = SteppedLog(path, Files(durable=False), segment_size=SEGMENT)
    entries = log.contents.entries
    assert entries == [value(1), value(2), value(3), value(4, 200), value(5, 750)][: len(entries)]
    assert len(entries) >= acknowledged
    log.save(Entry(3, len(entries) + 1, 0, b"next"), state=HardState(3, 7, 3))
    log.close()
    assert log.read().entries == [*entries, Entry(3, len(entries) + 1, 0, b"next")]
    assert os.path.getsize(log.contents.segments[0].path) == SEGMENT
    return len(entries)


def variants(tmp_path: Path, data: bytes) -> Path:
    """The log directory with ``data`` as its only segment."""
    shutil.rmtree(tmp_path / "cut", ignore_errors=True)
    shutil.copytree(tmp_path / "wal", tmp_path / "cut")
    segment = list_segments(str(tmp_path / "cut"))[0]
    Path(segment.path).write_bytes(data)
    return tmp_path / "cut"


def test_the_last_write_cut_at_every_byte(tmp_path: Path) -> None:
    log, start, end = written(tmp_path / "wal")
    data = Path(log.contents.segments[0].path).read_bytes()
    seen = set()
    for cut in range(start, end):
        directory = variants(tmp_path, data[:cut])
        seen.add(survives(directory))
        broken = [name for name in os.listdir(directory) if name.endswith(".broken")]
        if broken:
            assert (directory / broken[0]).read_bytes() == data[:cut]
    assert seen == {3, 4, 5}


def test_the_last_write_zeroed_from_every_byte_on(tmp_path: Path) -> None:
    log, start, end = written(tmp_path / "wal")
    data = Path(log.contents.segments[0].path).read_bytes()
    assert {survives(variants(tmp_path, data[:cut] + bytes(len(data) - cut))) for cut in range(start, end)} == {3, 4, 5}


def test_any_sectors_of_the_last_write_missing(tmp_path: Path) -> None:
    """The disk may have written any subset of the sectors, in any order; sectors it had before stay."""
    log, start, end = written(tmp_path / "wal")
    data = Path(log.contents.segments[0].path).read_bytes()
    before = data[:start] + bytes(len(data) - start)
    sectors = range(start // 512, (end + 511) // 512)
    for subset in range(2 ** len(sectors)):
        torn = bytearray(data)
        for bit, sector in enumerate(sectors):
            if subset >> bit & 1:
                torn[sector * 512 : sector * 512 + 512] = before[sector * 512 : sector * 512 + 512]
        survives(variants(tmp_path, bytes(torn)))


def test_a_changed_byte_is_refused_with_file_and_offset(tmp_path: Path) -> None:
    log, start, _ = written(tmp_path / "wal")
    data = Path(log.contents.segments[0].path).read_bytes()
    offsets = set()
    for position in Random(1).sample(range(start), 200):
        broken = data[:position] + bytes([data[position] ^ 0x55]) + data[position + 1 :]
        directory = variants(tmp_path, broken)
        segment = list_segments(str(directory))[0].path
        try:
            contents = SteppedLog(directory, segment_size=SEGMENT)
        except CorruptLog as error:
            assert str(error).startswith(f"{segment}: corrupt record at offset ")
            offsets.add(int(str(error).split("offset ")[1].split(":")[0]))
            assert Path(segment).read_bytes() == broken, "a refused log is left as it is"
        else:
            assert data[position] == 0 and len(contents.contents.entries) == 5  # a pad byte
            contents.close()
    assert len(offsets) >= 5


def test_damage_in_an_older_segment_is_never_taken_for_a_torn_tail(tmp_path: Path) -> None:
    log = SteppedLog(tmp_path / "wal", segment_size=SEGMENT)
    for index in range(1, 60):
        log.save(value(index), state=HardState(2, 7, index - 1))
        log.settle()
    log.close()
    path = Path(list_segments(log.directory)[0].path)
    data = path.read_bytes()
    for broken in (data[:-700], data[:5000] + bytes(1024) + data[6024:], data[: len(data) - 4]):
        path.write_bytes(broken)
        with pytest.raises(CorruptLog, match="corrupt record at offset"):
            log.read()
    path.write_bytes(data)
    assert len(log.read().entries) == 59


class FaultyFiles(Files):
    """Files on a disk that breaks at the ``fatal``-th operation, leaving ``part`` of that write."""

    def __init__(self, fatal: int, part: float, error: int = errno.ENOSPC) -> None:
        super().__init__()
        self.countdown = fatal
        self.part = part
        self.error = error
        self.broken = False

    def _step(self) -> None:
        self.countdown -= 1
        if self.countdown == 0:
            self.broken = True
            raise OSError(self.error, os.strerror(self.error))

    def write(self, fd: int, data: bytes, offset: int) -> None:
        try:
            self._step()
        except OSError:
            os.pwrite(fd, data[: int(len(data) * self.part)], offset)
            raise
        super().write(fd, data, offset)

    def sync(self, fd: int) -> None:
        self._step()
        super().sync(fd)

    def allocate(self, fd: int, size: int) -> None:
        self._step()
        super().allocate(fd, size)

    def rename(self, source: str, target: str) -> None:
        self._step()
        super().rename(source, target)

    def sync_directory(self, path: str) -> None:
        self._step()
        super().sync_directory(path)


def drive(log: SteppedLog) -> int:
    """Saves 40 entries one by one; how many were acknowledged, which must be a prefix."""
    for index in range(1, 41):
        log.save(value(index), state=HardState(2, 7, index - 1))
        log.settle()
    outcomes = [error is None for error in log.heard]
    assert outcomes == sorted(outcomes, reverse=True), "something was acknowledged after a failure"
    assert all(error is None or type(error) is DiskFailure for error in log.heard)
    return sum(outcomes)


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
def test_a_disk_that_fails_at_any_operation_loses_nothing_acknowledged(tmp_path: Path, part: float) -> None:
    fatal = 7  # creating and opening the log took six
    while True:
        files, path = FaultyFiles(fatal, part), tmp_path / f"{fatal}"
        log = SteppedLog(path, files, segment_size=SEGMENT)
        acknowledged = drive(log)
        log.wal.close()
        again = SteppedLog(path, segment_size=SEGMENT)
        entries = again.contents.entries
        assert entries == [value(index) for index in range(1, len(entries) + 1)]
        assert len(entries) >= acknowledged, (fatal, part)
        again.save(value(len(entries) + 1))
        again.close()
        assert len(again.read().entries) == len(entries) + 1
        shutil.rmtree(path)
        if not files.broken:
            break
        fatal += 1
    assert acknowledged == 40 and fatal > 50


def test_a_full_disk_says_so(tmp_path: Path) -> None:
    log = SteppedLog(tmp_path / "wal", FaultyFiles(7, 0.5), segment_size=SEGMENT)
    drive(log)
    [first, *_] = [error for error in log.heard if error is not None]
    assert str(first) == "cannot write the log: [Errno 28] No space left on device"
    assert log.wal.failure is first


def test_creating_a_log_on_a_failing_disk_leaves_none(tmp_path: Path) -> None:
    failures = 0
    for fatal in range(1, 6):
        try:
            SteppedLog(tmp_path / "wal", FaultyFiles(fatal, 0.5), segment_size=SEGMENT).close()
        except OSError:
            failures += 1
            if not (tmp_path / "wal").exists():
                continue
        assert SteppedLog(tmp_path / "wal", segment_size=SEGMENT).contents.is_blank
        shutil.rmtree(tmp_path / "wal")
    assert failures >= 4


def test_unsafe_no_fsync_never_syncs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("synced")

    for name in ("fsync", "fdatasync", "pwritev"):
        monkeypatch.setattr(os, name, refuse)
    log = SteppedLog(tmp_path / "wal", Files(durable=False), segment_size=SEGMENT)
    assert drive(log) == 40
    log.close()
    assert len(log.read().entries) == 40


def test_without_synced_writes_the_sync_follows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the kernel has no RWF_DSYNC, and where it writes less than asked."""
    calls: list[str] = []
    fdatasync, pwrite = os.fdatasync, os.pwrite
    monkeypatch.delattr(os, "RWF_DSYNC", raising=False)
    monkeypatch.setattr(os, "fdatasync", lambda fd: calls.append("sync") or fdatasync(fd))  # type: ignore[func-returns-value]
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:500], at))
    log = SteppedLog(tmp_path / "wal", segment_size=SEGMENT)
    assert drive(log) == 40 and len(calls) >= 40
    log.close()
    assert len(log.read().entries) == 40
