"""The data directory: etcd's layout (wire contract 11.1), its permissions, and one server at a time.

    member/            0700
      lock             flock, held while a server runs
      wal/             the log; --wal-dir moves it elsewhere
      snap/            %016x-%016x.snap, written at checkpoints
      snap/rocks/      the state (official etcd has a bbolt file, snap/db)
"""

from __future__ import annotations

import fcntl
import os

from pyetcd.disk.files import Files
from pyetcd.disk.wal_reader import list_segments


class DirectoryInUse(Exception):
    """Another server runs on this data directory."""


class DataDirectory:
    """An opened, locked data directory; made when missing.  DirectoryInUse, or OSError when it cannot be made."""

    def __init__(self, path: str, wal_dir: str = "") -> None:
        self.path = path
        self.member = os.path.join(path, "member")
        self.wal = wal_dir or os.path.join(self.member, "wal")
        self.snap = os.path.join(self.member, "snap")
        self.state = os.path.join(self.snap, "rocks")
        for directory in (path, self.member, self.snap):
            _make(directory)
        if wal_dir:
            _make(os.path.dirname(os.path.abspath(wal_dir)))
        self._lock = self._take_lock()

    @property
    def is_new(self) -> bool:
        """No member ever ran here: there is no log."""
        return not list_segments(self.wal)

    @property
    def is_official(self) -> bool:
        """Official etcd keeps its database here."""
        return os.path.exists(os.path.join(self.snap, "db"))

    def close(self) -> None:
        """Let the next server in."""
        os.close(self._lock)

    def _take_lock(self) -> int:
        path = os.path.join(self.member, "lock")
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise DirectoryInUse(f"data directory {self.path} is in use by another server (lock on {path})") from None
        return fd


def _make(directory: str) -> None:
    """0700 and durable when new; one that is there keeps its permissions."""
    if os.path.isdir(directory):
        return
    os.makedirs(directory, 0o700)
    Files().sync_directory(os.path.dirname(os.path.abspath(directory)))
