"""Checkpoints: the state is flushed, the log says so, old segments go.

The order makes each step safe to lose: flush the state up to index A; write A's .snap file; write the log's snapshot
record of A, synced; let go of the segments before A.  A crash in between leaves a longer replay, nothing else.

Measured: a restart spends 4 µs on every record of the segments it reads and about 30 µs on every entry it applies
again, so a checkpoint every 50,000 entries or 32 MiB of log keeps kill -9 within two seconds of a clean stop.  More
often would make RocksDB write more, smaller tables.
"""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.consensus.records import ConfState
from pyetcd.disk.files import Files
from pyetcd.disk.rocks import RocksBackend
from pyetcd.disk.snap import purge_snaps, write_snap
from pyetcd.disk.wal import WriteAheadLog
from pyetcd.disk.wal_reader import SnapshotRecord
from pyetcd.disk.worker import Worker

ENTRIES = 50_000
LOG_BYTES = 32 << 20


class Checkpointer:
    """Decides when, and carries it through.

    background  its own worker: a flush takes a tenth of a second, the log's writer must not wait behind it
    failed      hears the DiskFailure that ended a checkpoint; the log still has everything
    """

    def __init__(
        self,
        wal: WriteAheadLog,
        backend: RocksBackend,
        background: Worker,
        directory: str,
        *,
        applied: int,
        failed: Callable[[BaseException], object],
        files: Files | None = None,
        max_snapshots: int = 5,
        entries: int = ENTRIES,
        log_bytes: int = LOG_BYTES,
    ) -> None:
        self.last_index = applied
        self._wal = wal
        self._backend = backend
        self._background = background
        self._directory = directory
        self._failed = failed
        self._files = files or Files()
        self._max_snapshots = max_snapshots
        self._entries = entries
        self._log_bytes = log_bytes
        self._bytes_at_last = wal.bytes_written
        self._running = False

    def applied(self, index: int, term: int, conf_state: ConfState) -> None:
        """Entries up to ``index`` are committed to the backend; starts a checkpoint when one is due."""
        if self._running:
            return
        log_bytes = self._wal.bytes_written - self._bytes_at_last
        if index - self.last_index >= self._entries or log_bytes >= self._log_bytes:
            self.start(SnapshotRecord(index, term, conf_state))

    def start(self, snapshot: SnapshotRecord) -> None:
        """Begin a checkpoint of what the backend holds now, which is the state at ``snapshot.index``."""
        self._running = True
        self._bytes_at_last = self._wal.bytes_written
        self._background.submit(self._backend.flush, lambda error: self._flushed(snapshot, error))

    def _flushed(self, snapshot: SnapshotRecord, error: BaseException | None) -> None:
        if error is not None:
            self._end(error)
            return
        directory, files = self._directory, self._files
        self._wal.save_snapshot(
            snapshot, lambda: write_snap(directory, snapshot, files), lambda e: self._recorded(snapshot, e)
        )

    def _recorded(self, snapshot: SnapshotRecord, error: BaseException | None) -> None:
        if error is None:
            self.last_index = snapshot.index
            self._wal.release(snapshot.index)
            directory, keep = self._directory, self._max_snapshots
            self._background.submit(lambda: purge_snaps(directory, keep), self._end)
        else:
            self._end(error)

    def _end(self, error: BaseException | None) -> None:
        self._running = False
        if error is not None:
            self._failed(error)
