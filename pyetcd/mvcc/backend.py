"""What the core needs from a backend: ten buckets of ordered bytes, written in atomic batches.

The names are etcd's bucket names (wire contract, section 11.2), so that any implementation keeps a database that
official tools would recognise.  ``disk/rocks.py`` keeps it on disk, ``memory.py`` in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Protocol

Rows = tuple[Sequence[bytes], Sequence[bytes]]  # keys, and their values beside them


class Bucket(StrEnum):
    """etcd's buckets; the value is the name in the file."""

    KEY = "key"  # revision key (17 or 18 bytes) -> mvccpb.KeyValue
    META = "meta"
    LEASE = "lease"
    ALARM = "alarm"
    AUTH = "auth"
    AUTH_USERS = "authUsers"
    AUTH_ROLES = "authRoles"
    CLUSTER = "cluster"
    MEMBERS = "members"
    MEMBERS_REMOVED = "members_removed"


class Backend(Protocol):
    """Ordered buckets.  Writes are visible to ``get`` and ``scan`` at once and become one atomic batch in ``commit``.

    After a crash the state is what some prefix of the commits produced; which prefix is the implementation's promise.
    """

    def put(self, bucket: Bucket, key: bytes, value: bytes) -> None:
        """Set one entry."""

    def delete(self, bucket: Bucket, key: bytes) -> None:
        """Remove one entry; absent keys are ignored."""

    def get(self, bucket: Bucket, key: bytes) -> bytes | None:
        """The value, or None."""

    def scan(self, bucket: Bucket, start: bytes, end: bytes | None, limit: int = 0) -> list[tuple[bytes, bytes]]:
        """Entries of ``[start, end)`` in ascending byte order; ``end`` None: to the end; ``limit`` 0: all of them."""

    def columns(self, bucket: Bucket, size: int) -> tuple[int, Iterator[Rows]]:
        """A whole bucket, ascending, for a load: up to ``size`` rows at a time as two parallel columns.

        The first result says how many bytes in front of each key are the implementation's own, to be skipped: cutting
        them off a million keys would be a million copies.  Nothing may be written meanwhile.
        """

    def commit(self) -> None:
        """Make everything written since the last commit one atomic batch."""


def scan_columns(backend: Backend, bucket: Bucket, size: int) -> Iterator[Rows]:
    """``columns`` by means of ``scan``, nothing to skip."""
    rows = backend.scan(bucket, b"", None, size)
    while rows:
        keys, values = zip(*rows, strict=True)
        yield keys, values
        rows = backend.scan(bucket, keys[-1] + b"\0", None, size)
