"""What Status, Snapshot and Defragment ask of the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyetcd.disk.rocks import RocksBackend
from pyetcd.disk.worker import Worker


class Space:
    """Implements rpc.maintenance.Space on the database."""

    def __init__(self, backend: RocksBackend, worker: Worker) -> None:
        self._worker = worker
        self._compact_files = backend.compact_files
        self.size = backend.size
        self.size_in_use = backend.size_in_use
        self._backend = backend

    def rows(self) -> Callable[[str], Iterator[tuple[bytes, bytes]]]:
        """Reads all buckets as they are now."""
        return self._backend.snapshot().rows

    def defragment(self, done: Callable[[BaseException | None], object]) -> None:
        """Rewrites the tables on the disk's thread; reads go on, writes wait behind it as in etcd."""
        self._worker.submit(self._compact_files, done)
