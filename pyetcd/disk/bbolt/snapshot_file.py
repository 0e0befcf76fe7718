"""A snapshot as a file: a bbolt database, usually with its SHA-256 behind it (wire contract 6.6, 11.4)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from google_crc32c import extend

from pyetcd.disk.bbolt.page import Row
from pyetcd.disk.bbolt.reader import BrokenFile, Reader
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.record import key_of_body
from pyetcd.mvcc.revision import TOMBSTONE, from_key, main_of

DIGEST_BYTES = 32
_SECTOR = 512  # pages are multiples of it, so the digest shows in the size
_CHUNK = 1 << 20
_BATCH = 1000
STORAGE_VERSION = b"storageVersion"


@dataclass(frozen=True, slots=True)
class Status:
    """What etcdutl tells of a snapshot; ``hash`` is CRC-32C over every bucket's name, keys and values."""

    hash: int
    revision: int
    total_keys: int
    total_size: int
    version: str


def has_digest(path: str) -> bool:
    """Whether the file ends with a SHA-256 of what is before it."""
    return os.path.getsize(path) % _SECTOR == DIGEST_BYTES


def check_digest(path: str) -> None:
    """Raises BrokenFile unless the file is what its last 32 bytes say."""
    digest = hashlib.sha256()
    left = os.path.getsize(path) - DIGEST_BYTES
    with open(path, "rb") as file:
        while left and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
        expected = file.read(DIGEST_BYTES)
    if digest.digest() != expected:
        raise BrokenFile(f"{path}: expected sha256 {expected.hex()}, got {digest.hexdigest()}")


def read_status(path: str) -> Status:
    """Check the whole file, every revision in it too, and say what it holds.  Raises BrokenFile, OSError."""
    with Reader(path) as reader:
        reader.check()
        crc, keys, version = 0, _Keys(), ""
        for name in reader.buckets:
            crc = extend(crc, name.encode())
            for batch in _batches(reader.rows(name)):
                crc = extend(crc, b"".join(chain.from_iterable(batch)))
                if name == Bucket.KEY:
                    keys.add(path, batch)
                elif name == Bucket.META:
                    version = dict(batch).get(STORAGE_VERSION, b"").decode(errors="replace") or version
        return Status(crc, keys.revision, len(keys.live), reader.size, version)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


class _Keys:
    """Live keys and the last revision, counted in the order of revisions."""

    def __init__(self) -> None:
        self.revision = 0
        self.live: set[bytes] = set()

    def add(self, path: str, rows: list[Row]) -> None:
        for raw, body in rows:
            try:
                packed = from_key(raw)
                key = key_of_body(body) if body else b""  # restoring to a higher revision leaves one without a key
            except (ValueError, IndexError):
                raise BrokenFile(f"{path}: bucket key: {raw.hex()} is no revision of a key") from None
            self.revision = main_of(packed)
            if packed & TOMBSTONE:
                self.live.discard(key)
            else:
                self.live.add(key)
