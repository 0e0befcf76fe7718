"""The legacy Hash call: one checksum over every bucket (wire contract, section 6.4)."""

from __future__ import annotations

from collections.abc import Iterator

import google_crc32c

from pyetcd.mvcc.backend import Backend, Bucket

ENTRIES_PER_STEP = 2000
# What differs between members of one cluster, or moves without a request.
IGNORED = frozenset((b"consistent_index", b"term", b"storageVersion"))


def hash_buckets(backend: Backend) -> Iterator[int | None]:
    """CRC-32C over name, keys and values of each bucket in name order; None between bounded steps, then the value."""
    crc = 0
    for bucket in sorted(Bucket, key=lambda b: b.value):
        crc = google_crc32c.extend(crc, bucket.value.encode())
        start = b""
        while rows := backend.scan(bucket, start, None, ENTRIES_PER_STEP):
            kept = (k + v for k, v in rows if not (bucket is Bucket.META and k in IGNORED))
            crc = google_crc32c.extend(crc, b"".join(kept))
            start = rows[-1][0] + b"\0"
            yield None
    yield crc
