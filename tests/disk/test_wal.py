"""The log over its life: written, cut, continued, released; byte for byte as etcd writes it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from pyetcd.consensus import ConfState, Entry, HardState, Ready, SoloEngine
from pyetcd.consensus.records import EntryType, decode_entry, decode_hard_state
from pyetcd.disk.files import Files
from pyetcd.disk.snap import decode_snap, purge_snaps, write_snap
from pyetcd.disk.wal import WriteAheadLog
from pyetcd.disk.wal_codec import Decoder, RecordType
from pyetcd.disk.wal_reader import CorruptLog, SnapshotRecord, list_segments, read_log
from pyetcd.disk.wal_tail import LogLocked
from tests.disk.stepped import METADATA, SteppedLog

OpenLog = Callable[..., SteppedLog]


@pytest.fixture
def stepped(tmp_path: Path) -> OpenLog:
    """Opens (and first makes) the log of this test."""
    return lambda **options: SteppedLog(tmp_path / "wal", **options)


TESTDATA = Path(__file__).parent / "testdata"


def value(index: int, size: int = 1000) -> Entry:
    return Entry(2, index, 0, b"%d." % index + bytes(range(1, 251)) * (size // 250))


def names(log: SteppedLog) -> list[str]:
    return sorted(os.listdir(log.directory))


def test_a_first_start_writes_the_bytes_etcd_writes(stepped: OpenLog) -> None:
    """The engine's Readys, fed with the recorded proposals, give the recorded log: record by record the same bytes."""
    recorded = (TESTDATA / "etcd-3.7.1-fresh.wal").read_bytes()
    proposals, decoder = [], Decoder(recorded)
    while record := decoder.next():
        if record.type == RecordType.ENTRY:
            proposals.append(decode_entry(record.data))
        if record.type == RecordType.STATE:
            vote = decode_hard_state(record.data).vote
    engine = SoloEngine.bootstrap(vote, proposals[:1])
    log = stepped()
    engine.campaign()

    def turn() -> None:
        while ready := engine.ready():
            log.wal.save(ready, log.heard.append)
            log.settle()
            engine.persisted(ready)
            if ready.committed:
                engine.applied(ready.committed[-1].index)

    # etcd had taken the third proposal before its commit index moved to 2, so that record is not there.
    for _ in range(4):
        ready = engine.ready()
        assert ready is not None
        log.wal.save(ready, log.heard.append)
        log.settle()
        engine.persisted(ready)
        if ready.committed:
            engine.applied(ready.committed[-1].index)
    engine.propose([(proposals[2].data, None)])
    merged = engine.ready()
    assert merged is not None and merged.hard_state is not None and merged.hard_state.commit == 2
    log.wal.save(merged, log.heard.append)
    log.settle()
    engine.persisted(merged)
    engine.applied(2)
    turn()
    engine.propose([(proposals[3].data, None)])
    turn()
    log.close()
    assert Path(list_segments(log.directory)[0].path).read_bytes().rstrip(b"\0") == recorded.rstrip(b"\0")


def test_what_is_saved_is_read_again(stepped: OpenLog) -> None:
    log = stepped()
    log.save(Entry(1, 1, EntryType.CONF_CHANGE, b"cc"), state=HardState(1, 0, 1))
    log.save(value(2), value(3), state=HardState(2, 7, 1))
    log.close()
    contents = log.read()
    assert log.heard == [None, None]
    assert contents.metadata == METADATA
    assert contents.hard_state == HardState(2, 7, 1)
    assert contents.entries == [Entry(1, 1, 1, b"cc"), value(2), value(3)]
    assert contents.snapshots == [SnapshotRecord(0, 0)]
    assert log.read(2).entries == [value(3)]
    assert not contents.is_blank and stepped().contents == contents


def test_a_log_without_entries_is_blank(stepped: OpenLog) -> None:
    assert stepped().contents.is_blank


def test_done_is_never_called_inside_save_and_only_after_the_sync(stepped: OpenLog) -> None:
    log = stepped()
    log.save(value(1), value(2))
    assert log.heard == [] and log.read().entries == []
    log.settle()
    assert log.heard == [None] and len(log.read().entries) == 2
    log.save(value(3))  # alone and nothing under way: written on the spot
    assert log.heard == [None] and len(log.read().entries) == 3
    log.settle()
    assert log.heard == [None, None]


def test_a_commit_index_waits_for_the_next_synced_write(stepped: OpenLog) -> None:
    log = stepped()
    log.save(value(1), state=HardState(2, 7, 0))
    log.save(state=HardState(2, 7, 1), must_sync=False)
    log.settle()
    assert log.heard == [None, None] and log.read().hard_state == HardState(2, 7, 0)
    log.save(value(2))
    log.settle()
    assert log.read().hard_state == HardState(2, 7, 1)
    log.save(state=HardState(2, 7, 2), must_sync=False)
    log.close()
    assert log.read().hard_state == HardState(2, 7, 2)


def test_segments_are_cut_and_chained(stepped: OpenLog) -> None:
    log = stepped()
    for start in range(1, 400, 10):
        log.save(*(value(index) for index in range(start, start + 10)), state=HardState(2, 7, start - 1))
        log.settle()
        assert all(path.endswith((".wal", "0.tmp", "1.tmp")) for path in names(log))
    segments = list_segments(log.directory)
    assert (len(segments) > 4 and "0.tmp" in names(log)) or "1.tmp" in names(log)
    assert [segment.sequence for segment in segments] == list(range(len(segments)))
    for before, segment in pairwise(segments):
        decoder = Decoder(Path(segment.path).read_bytes())
        head = [decoder.next() for _ in range(4)]
        assert [record.type for record in head if record] == [4, 1, 3, 2]
        assert head[3] and decode_entry(head[3].data).index == segment.index
        assert os.path.getsize(before.path) < 64 << 10 or os.path.getsize(before.path) - (64 << 10) < 12_000
    log.close()
    assert log.read().entries == [value(index) for index in range(1, 401)]
    assert log.read(395).entries == [value(index) for index in range(396, 401)]
    assert len(log.read(395).segments) == 1
    assert [name for name in names(log) if name.endswith(".tmp")] == []


def test_writing_goes_on_after_a_restart_anywhere(stepped: OpenLog) -> None:
    index = 0
    for run in range(12):
        log = stepped()
        assert log.contents.last_index == index
        for _ in range(3 * run):
            log.save(value(index + 1), value(index + 2), state=HardState(2, 7, index))
            log.settle()
            index += 2
        log.close()
    assert log.read().entries == [value(n) for n in range(1, index + 1)]


def test_files_are_private_preallocated_and_locked(stepped: OpenLog) -> None:
    log = stepped()
    [segment] = list_segments(log.directory)
    status = os.stat(segment.path)
    assert stat.S_IMODE(status.st_mode) == 0o600 and stat.S_IMODE(os.stat(log.directory).st_mode) == 0o700
    assert status.st_size == 64 << 10 and status.st_blocks * 512 >= 64 << 10
    with pytest.raises(LogLocked, match="is locked by another process"):
        stepped()
    log.close()
    stepped().close()


def test_released_segments_go_but_max_wals_stay(stepped: OpenLog) -> None:
    log = stepped()
    for index in range(1, 400, 2):
        log.save(value(index), value(index + 1), state=HardState(2, 7, index))
        log.settle()
    before = list_segments(log.directory)
    log.wal.release(before[2].index)
    log.settle()
    assert list_segments(log.directory) == before[2:]
    log.wal.release(400)
    log.settle()
    assert list_segments(log.directory) == before[-2:]
    log.wal.release(400)
    log.settle()
    assert len(list_segments(log.directory)) == 2
    log.close()
    assert log.read(before[-1].index).last_index == 400
    with pytest.raises(CorruptLog, match=r"the log begins at entry \d+, 1 is needed"):
        log.read(0)


def test_a_snapshot_record_goes_with_its_file_and_commit_index(stepped: OpenLog, tmp_path: Path) -> None:
    log = stepped()
    log.save(value(1), value(2), state=HardState(2, 7, 0))
    log.save(state=HardState(2, 7, 2), must_sync=False)
    snapshot = SnapshotRecord(2, 2, ConfState((7,)))
    log.wal.save_snapshot(snapshot, lambda: write_snap(str(tmp_path), snapshot, Files(), b"v2"), log.heard.append)
    log.close()
    contents = log.read(2)
    assert contents.snapshots == [SnapshotRecord(0, 0), snapshot] and contents.hard_state.commit == 2
    file = tmp_path / "0000000000000002-0000000000000002.snap"
    assert decode_snap(file.read_bytes(), str(file)) == (snapshot, b"v2")


def test_old_snap_files_go(tmp_path: Path) -> None:
    for index in range(1, 8):
        write_snap(str(tmp_path), SnapshotRecord(index, 2, ConfState((7,))), Files())
    (tmp_path / "other").touch()
    purge_snaps(str(tmp_path), 0)
    assert len(os.listdir(tmp_path)) == 8
    purge_snaps(str(tmp_path), 5)
    assert sorted(os.listdir(tmp_path))[0].endswith("0003.snap") and len(os.listdir(tmp_path)) == 6


def test_a_broken_snap_file_is_named() -> None:
    with pytest.raises(CorruptLog, match=r"x\.snap: broken snapshot file: checksum mismatch"):
        decode_snap(b"\x08\x01\x12\x02ab", "x.snap")


def test_a_recorded_snapshot_record_is_read() -> None:
    """Written by etcd 3.7.1 with --snapshot-count 10."""
    decoder = Decoder((TESTDATA / "etcd-3.7.1-snapshot.wal").read_bytes())
    found = []
    while record := decoder.next():
        found.append(record.type)
    assert found.count(RecordType.SNAPSHOT) == 2


def test_the_prepared_segment_of_a_crash_is_reused(stepped: OpenLog) -> None:
    """A crash leaves 0.tmp, with whatever was in it."""
    log = stepped()
    log.save(value(1))
    log.close()
    Path(log.directory, "0.tmp").write_bytes(b"left over" * 10_000)
    log = stepped()
    log.save(*(value(index) for index in range(2, 80)))
    log.save(value(80))
    log.close()
    assert log.read().last_index == 80 and len(list_segments(log.directory)) == 2


def test_read_log_wants_every_segment(stepped: OpenLog) -> None:
    log = stepped()
    log.save(*(value(index) for index in range(1, 80)))
    log.save(*(value(index) for index in range(80, 160)))
    log.save(value(160))
    log.close()
    first, second, *_ = list_segments(log.directory)
    os.unlink(second.path)
    with pytest.raises(CorruptLog, match="segment 1 before it is missing"):
        read_log(log.directory)
    os.unlink(first.path)
    with pytest.raises(CorruptLog):
        read_log(log.directory)


def test_no_segment_at_all(tmp_path: Path) -> None:
    with pytest.raises(CorruptLog, match="no log segment found"):
        read_log(str(tmp_path / "nothing"))


def test_a_state_ahead_of_the_log_is_refused(stepped: OpenLog) -> None:
    log = stepped()
    log.save(value(1))
    log.close()
    with pytest.raises(CorruptLog, match="the log ends at entry 1, the state is at 5"):
        log.read(5)


def test_uncommitted_entries_may_be_overwritten(stepped: OpenLog) -> None:
    """As a follower's are, by a new leader."""
    log = stepped()
    log.save(value(1), value(2), value(3))
    log.save(Entry(5, 2, 0, b"other"))
    log.close()
    assert log.read().entries == [value(1), Entry(5, 2, 0, b"other")]


def test_the_log_object_is_what_a_member_needs(stepped: OpenLog) -> None:
    log = stepped()
    assert isinstance(log.wal, WriteAheadLog) and log.wal.size < 200
    log.wal.save(Ready(1, None, [value(1)], [], True), log.heard.append)
    log.settle()
    assert log.wal.bytes_written > 1000 and log.wal.sync_timings.count == 1
    log.close()
