"""The data directory: its layout, its permissions, and the lock that keeps a second server out.

::

    DATA/member/wal/      the log (or --wal-dir)
    DATA/member/snap/     .snap files: where a restart of the log begins
    DATA/member/state/    the database
    DATA/member/lock      held by the server that uses the directory
"""

from __future__ import annotations

import fcntl
import os


class DirectoryInUse(Exception):
    """Another process has the data directory."""


class DataDirectory:
    """An owned data directory; ``close`` lets another server have it.  Raises DirectoryInUse or OSError."""

    def __init__(self, data_dir: str, wal_dir: str = "") -> None:
        self.path = data_dir
        member = os.path.join(data_dir, "member")
        self.wal = wal_dir or os.path.join(member, "wal")
        self.snap = os.path.join(member, "snap")
        self.state = os.path.join(member, "state")
        for folder in (data_dir, member, self.snap, os.path.dirname(os.path.abspath(self.wal))):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        self._lock = _lock(os.path.join(member, "lock"), data_dir)

    @property
    def is_new(self) -> bool:
        """Whether no member has ever run here."""
        return not os.path.isdir(self.wal)

    @property
    def is_official(self) -> bool:
        """Whether official etcd's database lies here."""
        return os.path.exists(os.path.join(self.snap, "db"))

    def close(self) -> None:
        """Release the lock; may be called twice."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _lock(path: str, data_dir: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise DirectoryInUse(
            f"the data directory {data_dir} is in use by another server; stop that one or choose another --data-dir"
        ) from None
    return fd
