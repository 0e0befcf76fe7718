"""The segment being written, as the writer thread sees it: write, cut, prepare the next one, remove old ones."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections import deque

from pyetcd.disk.files import Files
from pyetcd.disk.wal_reader import Segment, segment_name

#: Bytes reserved per segment; the batch that reaches it still goes in whole.
SEGMENT_SIZE = 64_000_000


class LogLocked(Exception):
    """Another process has the log open."""


def open_locked(path: str, flags: int = os.O_RDWR) -> int:
    """A file descriptor with an exclusive flock, as etcd holds on its segments.  LogLocked when that is taken."""
    fd = os.open(path, flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise LogLocked(f"{path} is locked by another process") from None
    return fd


class LogTail:
    """Files of a log opened for writing; every method may block and runs on the writer thread.

    All segments that a restart could need stay open and locked; :meth:`release` lets go of older ones.
    """

    def __init__(self, directory: str, segments: list[Segment], files: Files, segment_size: int) -> None:
        self.directory = directory
        self.files = files
        self.segment_size = segment_size
        self._open: deque[tuple[Segment, int]] = deque()
        self._prepared: tuple[str, int] | None = None
        self._prepared_count = 0
        try:
            for segment in segments:
                self._open.append((segment, open_locked(segment.path)))
        except LogLocked:
            self.close()
            raise

    @property
    def segment(self) -> Segment:
        """The one being written."""
        return self._open[-1][0]

    def continue_at(self, offset: int) -> None:
        """Make everything from ``offset`` on zero again, and the segment its full size.

        Behind the last readable record there may be sectors of a torn write; new records must not meet them.
        """
        fd = self._open[-1][1]
        self.files.truncate(fd, offset)
        self.files.allocate(fd, self.segment_size)

    def write(self, data: bytes, offset: int) -> None:
        """Synced when this returns."""
        self.files.write(self._open[-1][1], data, offset)

    def prepare(self) -> None:
        """Have the next segment's space ready under a temporary name, as etcd does: 0.tmp, 1.tmp, 0.tmp, ..."""
        if self._prepared is not None:
            return
        path = os.path.join(self.directory, f"{self._prepared_count % 2}.tmp")
        fd = open_locked(path, os.O_RDWR | os.O_CREAT)
        try:
            self.files.truncate(fd, 0)
            self.files.allocate(fd, self.segment_size)
        except OSError:
            os.close(fd)
            raise
        self._prepared = path, fd
        self._prepared_count += 1

    def cut(self, size: int, segment: Segment, header: bytes) -> None:
        """End the current segment at ``size`` bytes and go on in ``segment``, which starts with ``header``.

        The new one gets its name only when its header is on disk: a log never has a segment without a head.
        """
        fd = self._open[-1][1]
        self.files.truncate(fd, size)
        self.files.sync(fd)
        self.prepare()
        assert self._prepared is not None
        path, fd = self._prepared
        self.files.write(fd, header, 0)
        self.files.rename(path, segment.path)
        self._prepared = None
        self._open.append((segment, fd))
        self.files.sync_directory(self.directory)

    def release(self, index: int, keep: int, all_segments: list[Segment]) -> list[Segment]:
        """Let go of segments no restart from ``index`` needs; returns those that were removed.

        ``keep`` is --max-wals: that many files stay even when nobody needs them, 0 removes none.
        """
        while len(self._open) > 1 and self._open[1][0].index <= index:
            os.close(self._open.popleft()[1])
        first_needed = self._open[0][0].sequence
        surplus = len(all_segments) - keep if keep else 0
        removed = [s for s in all_segments[: max(0, surplus)] if s.sequence < first_needed]
        for segment in removed:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(segment.path)
        return removed

    def close(self) -> None:
        """Let go of all files; the prepared one is removed."""
        if self._prepared is not None:
            path, fd = self._prepared
            self._prepared = None
            os.unlink(path)
            os.close(fd)
        while self._open:
            os.close(self._open.pop()[1])


def next_segment(current: Segment, last_index: int, directory: str) -> Segment:
    """The segment that follows ``current`` when ``last_index`` is the last entry written."""
    sequence, index = current.sequence + 1, last_index + 1
    return Segment(sequence, index, os.path.join(directory, segment_name(sequence, index)))
