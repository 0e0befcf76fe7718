"""The write-ahead log, as the member uses it: save a Ready, hear when it is on disk.

Encoding happens on the loop (the rolling checksum, offsets and cuts are plain arithmetic), the writer thread does
system calls only.  What need not be synced, a commit index alone, waits here for the next synced write and shares it,
as in etcd's page buffer; losing it costs nothing (consensus/ready.py, rule 2).

A batch of one entry while nothing else is under way is written on the spot: two thread changes cost a quarter of a
fast sync.  When such a write was slow the next ones take the thread again, so that a stalling disk stalls only writers.

After the first failed write nothing is written any more: what a failed sync left in the kernel is unknowable.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable

from pyetcd.consensus.ready import Ready
from pyetcd.consensus.records import HardState, encode_conf_state, encode_hard_state
from pyetcd.consensus.varint import encode_varint
from pyetcd.disk.files import Files
from pyetcd.disk.timings import Timings
from pyetcd.disk.wal_codec import Encoder, RecordType
from pyetcd.disk.wal_reader import LogContents, Segment, SnapshotRecord, list_segments, segment_name
from pyetcd.disk.wal_tail import SEGMENT_SIZE, LogTail, next_segment, open_locked
from pyetcd.disk.worker import Done, Job, Worker
from pyetcd.errors import DiskFailure

_PREPARE_AT = 0.5  # of a segment: then the next one is made
_INLINE_BYTES = 65536
_SLOW = 0.004  # seconds an inline write may take
_PENALTY = 64  # saves that take the thread after a slow one


class WriteAheadLog:
    """An open log.  Use :func:`create_log` once and :meth:`open` afterwards.

    worker  runs the writes, in order
    soon    runs an action in a later turn of the loop; every ``done`` comes this way or through a worker
    """

    def __init__(
        self,
        tail: LogTail,
        contents: LogContents,
        worker: Worker,
        soon: Callable[..., object],
        *,
        max_files: int = 5,
    ) -> None:
        self.directory = tail.directory
        self.metadata = contents.metadata
        self.sync_timings = Timings()
        #: Bytes written since the log was opened.
        self.bytes_written = 0
        self.failure: DiskFailure | None = None
        self._tail = tail
        self._worker = worker
        self._soon = soon
        self._max_files = max_files
        self._segments = list_segments(tail.directory)
        self._segment = contents.segments[-1]
        self._encoder = Encoder(contents.crc)
        self._offset = contents.tail_offset
        self._last_index = contents.last_index
        self._hard_state = contents.hard_state
        self._pending: list[bytes] = []
        self._in_flight = 0
        self._inline_after = 0  # saves until a lone entry may be written inline again
        self._preparing = False

    @classmethod
    def open(
        cls,
        contents: LogContents,
        worker: Worker,
        soon: Callable[..., object],
        *,
        files: Files | None = None,
        max_files: int = 5,
        segment_size: int = SEGMENT_SIZE,
    ) -> WriteAheadLog:
        """Go on behind what read_log() found.  LogLocked when another process has it; blocks for a moment."""
        directory = os.path.dirname(contents.segments[0].path)
        tail = LogTail(directory, contents.segments, files or Files(), segment_size)
        tail.continue_at(contents.tail_offset)
        return cls(tail, contents, worker, soon, max_files=max_files)

    # -- writing --------------------------------------------------------------------------------------------------

    def save(self, ready: Ready, done: Done) -> None:
        """Entries and hard state of ``ready``, entries first.

        ``done`` runs on the loop, never inside this call: with None when they are synced (or, without must_sync, kept
        for the next write), with DiskFailure when they are not and never will be.
        """
        pending = self._pending
        if ready.entries:
            self._encoder.entries(ready.entries, pending)
            self._last_index = ready.entries[-1].index
        if ready.hard_state is not None:
            self._hard_state = ready.hard_state
            pending.append(self._encoder.record(RecordType.STATE, encode_hard_state(ready.hard_state)))
        if ready.must_sync or len(pending) > 10_000:
            self._write_pending(done, len(ready.entries) == 1)
        else:
            self._soon(done, self.failure)

    def save_snapshot(self, snapshot: SnapshotRecord, before: Job, done: Done) -> None:
        """Record that the state up to ``snapshot.index`` is on disk; ``before`` (its .snap file) runs first.

        The commit index goes with it: readers ignore a snapshot record beyond the commit index they know.
        """
        self._pending.append(self._encoder.record(RecordType.SNAPSHOT, encode_snapshot_record(snapshot)))
        self._last_index = max(self._last_index, snapshot.index)
        self._write_pending(done, False, before)

    def release(self, index: int) -> None:
        """A restart will start at ``index`` or later: segments before it may go (--max-wals files stay)."""
        segments, keep = list(self._segments), self._max_files
        removed: list[Segment] = []

        def forget(error: BaseException | None) -> None:
            self._segments = [segment for segment in self._segments if segment not in removed]

        self._worker.submit(lambda: removed.extend(self._tail.release(index, keep, segments)), forget)

    def close(self) -> None:
        """Write what waits, let go of the files.  Only after every ``done`` has been heard; blocks."""
        data, self._pending = b"".join(self._pending), []
        try:
            if data and self.failure is None:
                self._tail.write(data, self._offset)
        finally:
            self._tail.close()

    @property
    def size(self) -> int:
        """Bytes of all segments, without the space reserved in the last one."""
        return self._offset + sum(os.path.getsize(segment.path) for segment in self._segments[:-1])

    # -- inside ---------------------------------------------------------------------------------------------------

    def _write_pending(self, done: Done, lone: bool, before: Job | None = None) -> None:
        if self.failure is not None:
            self._soon(done, self.failure)
            return
        data, offset = b"".join(self._pending), self._offset
        self._pending = []
        self._offset = offset + len(data)
        self.bytes_written += len(data)
        cut = self._cut() if self._offset >= self._tail.segment_size else None
        if self._inline_after:
            self._inline_after -= 1
        elif lone and not self._in_flight and cut is None and len(data) < _INLINE_BYTES:
            self._write_inline(data, offset, done)
            return
        self._in_flight += 1
        self._worker.submit(lambda: self._write(data, offset, before, cut), lambda error: self._written(error, done))
        if not self._preparing and self._offset > self._tail.segment_size * _PREPARE_AT:
            self._preparing = True
            self._worker.submit(self._tail.prepare, self._ignore_prepare_error)

    def _cut(self) -> Job:
        """Start the next segment: checksum so far, metadata, hard state."""
        size, encoder = self._offset, self._encoder
        header = encoder.record(RecordType.CRC) + encoder.record(RecordType.METADATA, self.metadata)
        if self._hard_state != HardState():
            header += encoder.record(RecordType.STATE, encode_hard_state(self._hard_state))
        self._segment = segment = next_segment(self._segment, self._last_index, self.directory)
        self._segments.append(segment)
        self._offset = len(header)
        self._preparing = False
        return lambda: self._tail.cut(size, segment, header)

    def _write(self, data: bytes, offset: int, before: Job | None, cut: Job | None) -> None:
        """On the writer thread (or inline)."""
        if self.failure is not None:
            raise self.failure
        try:
            if before is not None:
                before()
            started = time.perf_counter()
            self._tail.write(data, offset)
            self.sync_timings.add(time.perf_counter() - started)
            if cut is not None:
                cut()
        except OSError as error:
            self.failure = DiskFailure(f"cannot write the log: {error}")
            raise self.failure from error

    def _write_inline(self, data: bytes, offset: int, done: Done) -> None:
        started = time.perf_counter()
        try:
            self._write(data, offset, None, None)
        except DiskFailure as failure:
            self._soon(done, failure)
            return
        if time.perf_counter() - started > _SLOW:
            self._inline_after = _PENALTY
        self._soon(done, None)

    def _written(self, error: BaseException | None, done: Done) -> None:
        self._in_flight -= 1
        done(error)

    def _ignore_prepare_error(self, error: BaseException | None) -> None:
        """A full disk is reported when the segment is needed; space may be back by then."""


def encode_snapshot_record(snapshot: SnapshotRecord) -> bytes:
    """walpb.Snapshot: index and term always, then the members."""
    data = b"\x08" + encode_varint(snapshot.index) + b"\x10" + encode_varint(snapshot.term)
    if snapshot.conf_state is None:
        return data
    members = encode_conf_state(snapshot.conf_state)
    return data + b"\x1a" + encode_varint(len(members)) + members


def create_log(directory: str, metadata: bytes, files: Files | None = None, segment_size: int = SEGMENT_SIZE) -> None:
    """A new log that holds nothing but who it belongs to; it appears under its name complete or not at all."""
    files = files or Files()
    temporary = directory.rstrip("/") + ".tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    os.makedirs(temporary, 0o700)
    encoder = Encoder()
    head = encoder.record(RecordType.CRC) + encoder.record(RecordType.METADATA, metadata)
    head += encoder.record(RecordType.SNAPSHOT, encode_snapshot_record(SnapshotRecord(0, 0)))
    fd = open_locked(os.path.join(temporary, segment_name(0, 0)), os.O_RDWR | os.O_CREAT)
    try:
        files.allocate(fd, segment_size)
        files.write(fd, head, 0)
        files.sync_directory(temporary)
    finally:
        os.close(fd)
    shutil.rmtree(directory, ignore_errors=True)
    files.rename(temporary, directory)
    files.sync_directory(os.path.dirname(os.path.abspath(directory)))
