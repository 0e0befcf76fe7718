"""The few file operations durability rests on, in one place, so that tests can make each of them fail or tear."""

from __future__ import annotations

import os
from errno import ENOSPC, EOPNOTSUPP

_CHUNK = 1 << 20


class Files:
    """The real ones.  ``durable=False`` (--unsafe-no-fsync) leaves out every sync."""

    def __init__(self, *, durable: bool = True) -> None:
        self.durable = durable
        self._sync_flag = getattr(os, "RWF_DSYNC", 0) if durable else 0

    def write(self, fd: int, data: bytes, offset: int) -> None:
        """Write all of ``data`` at ``offset`` and return when it is on disk.  OSError when that fails.

        One system call where the kernel can sync with the write: the lock of the interpreter is given away and taken
        back once, not twice.
        """
        if self._sync_flag:
            written = os.pwritev(fd, (data,), offset, self._sync_flag)
            if written == len(data):
                return
            data, offset = data[written:], offset + written
        while data:
            written = os.pwrite(fd, data, offset)
            if written == 0:
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            data, offset = data[written:], offset + written
        self.sync(fd)

    def sync(self, fd: int) -> None:
        """fdatasync: everything written to ``fd``, and the size needed to read it, is on disk."""
        if self.durable:
            os.fdatasync(fd)

    def sync_directory(self, path: str) -> None:
        """Names created, renamed and removed in ``path`` are on disk."""
        if not self.durable:
            return
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def allocate(self, fd: int, size: int) -> None:
        """Reserve ``size`` zero bytes from the start of the file; what it holds already stays."""
        try:
            os.posix_fallocate(fd, 0, size)
        except OSError as error:
            if error.errno != EOPNOTSUPP:
                raise
            os.ftruncate(fd, max(size, os.fstat(fd).st_size))

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file to ``size`` bytes."""
        os.ftruncate(fd, size)

    def rename(self, source: str, target: str) -> None:
        """Give the file another name, replacing what had it."""
        os.rename(source, target)

    def write_file(self, path: str, data: bytes, mode: int = 0o600) -> None:
        """A whole small file, synced."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        try:
            self.write(fd, data, 0)
        finally:
            os.close(fd)

    def copy(self, source: str, target: str) -> None:
        """Copy a file as it is; not synced."""
        with open(source, "rb") as old, open(target, "wb", opener=_private) as new:
            while chunk := old.read(_CHUNK):
                new.write(chunk)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
