"""The .snap files beside the state: raft's snapshot metadata in etcd's wrapper (wire contract 11.1).

Official tools and releases before 3.7 look for the file that belongs to the newest snapshot record of the log.  Our
state is in the directory itself, so ``data`` may be empty; official etcd puts its v2 membership tree there.
"""

from __future__ import annotations

import contextlib
import os
import re

from google_crc32c import extend

from pyetcd.consensus.records import ConfState, decode_conf_state, encode_conf_state
from pyetcd.consensus.varint import encode_varint, fields
from pyetcd.disk.files import Files
from pyetcd.disk.wal_reader import CorruptLog, SnapshotRecord

_NAME = re.compile(r"[0-9a-f]{16}-[0-9a-f]{16}\.snap")


def snap_name(snapshot: SnapshotRecord) -> str:
    """Term first, then index."""
    return f"{snapshot.term:016x}-{snapshot.index:016x}.snap"


def encode_snap(snapshot: SnapshotRecord, data: bytes = b"") -> bytes:
    """The file: {crc=1, data=2} around raftpb.Snapshot {data=1, metadata=2 {conf_state, index, term}}."""
    members = encode_conf_state(snapshot.conf_state or ConfState())
    metadata = _field(b"\x0a", members)
    metadata += b"\x10" + encode_varint(snapshot.index) + b"\x18" + encode_varint(snapshot.term)
    body = (_field(b"\x0a", data) if data else b"") + _field(b"\x12", metadata)
    return b"\x08" + encode_varint(extend(0, body)) + _field(b"\x12", body)


def decode_snap(file: bytes, name: str) -> tuple[SnapshotRecord, bytes]:
    """``(record, data)``; CorruptLog naming the file when checksum or structure are wrong."""
    try:
        wrapper = dict(fields(file))
        body = _bytes(wrapper.get(2))
        if extend(0, body) != wrapper.get(1):
            raise ValueError("checksum mismatch")
        snapshot = dict(fields(body))
        metadata = dict(fields(_bytes(snapshot.get(2))))
        index, term = metadata.get(2, 0), metadata.get(3, 0)
        if not isinstance(index, int) or not isinstance(term, int):
            raise ValueError("no index and term")
        members = decode_conf_state(_bytes(metadata.get(1, b"")))
        return SnapshotRecord(index, term, members), _bytes(snapshot.get(1, b""))
    except ValueError as error:
        raise CorruptLog(f"{name}: broken snapshot file: {error}") from None


def write_snap(directory: str, snapshot: SnapshotRecord, files: Files, data: bytes = b"") -> None:
    """Synced, under its name, when this returns."""
    files.write_file(os.path.join(directory, snap_name(snapshot)), encode_snap(snapshot, data))
    files.sync_directory(directory)


def purge_snaps(directory: str, keep: int) -> None:
    """Remove all but the newest ``keep`` files (--max-snapshots; 0 removes none)."""
    names = sorted(name for name in os.listdir(directory) if _NAME.fullmatch(name))
    for name in names[:-keep] if keep else []:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))


def _field(tag: bytes, value: bytes) -> bytes:
    return tag + encode_varint(len(value)) + value


def _bytes(value: int | bytes | None) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a part is missing")
    return value
