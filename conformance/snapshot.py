"""What a snapshot stream looks like from outside: sizes, order and checksum, not the pages themselves."""

from __future__ import annotations

import hashlib
import struct

from pyetcd.pb import rpc_pb2

BLOB = 32 * 1024
PAGE = 4096
MAGIC = 0xED0CDAED


def describe_snapshot(bodies: list[bytes]) -> str:
    """Facts, one a line, that must be the same whatever the database holds."""
    messages = [rpc_pb2.SnapshotResponse.FromString(body) for body in bodies]
    if len(messages) < 2:
        return f"{len(messages)} messages"
    *pages, last = messages
    image = b"".join(message.blob for message in pages)
    sent = 0
    counted = True
    for message in pages:
        sent += len(message.blob)
        counted = counted and message.remaining_bytes == len(image) - sent
    facts = {
        "headers": "present" if any(message.HasField("header") for message in messages) else "absent",
        "versions": " ".join(sorted({message.version for message in messages})),
        "every blob but the last is 32768 bytes": all(len(message.blob) == BLOB for message in pages[:-1]),
        "remaining_bytes count down": counted,
        "whole pages of 4096 bytes": len(image) % PAGE == 0,
        "bbolt magic in both meta pages": _magic(image, 0) == MAGIC == _magic(image, 1),
        "the last message is the SHA-256 of all before": last.blob == hashlib.sha256(image).digest(),
        "remaining_bytes of the last message": last.remaining_bytes,
    }
    return "\n".join(
        f"{name}: {'yes' if value is True else 'no' if value is False else value}" for name, value in facts.items()
    )


def _magic(image: bytes, page: int) -> int:
    at = page * PAGE + 16
    return int(struct.unpack_from("<I", image, at)[0]) if len(image) >= at + 4 else 0
