"""Multi-version key-value state: etcd's revisions, index, compaction and hashes.  Pure: no I/O but the Backend."""

from pyetcd.mvcc.backend import Backend, Bucket
from pyetcd.mvcc.compaction import Compaction
from pyetcd.mvcc.hashing import HashResult
from pyetcd.mvcc.memory import MemoryBackend
from pyetcd.mvcc.query import Change, Query, RangeResult
from pyetcd.mvcc.rope import Rope
from pyetcd.mvcc.store import Store
from pyetcd.mvcc.stream import RangeStreamCursor
from pyetcd.mvcc.txn import WriteTxn

__all__ = [
    "Backend",
    "Bucket",
    "Change",
    "Compaction",
    "HashResult",
    "MemoryBackend",
    "Query",
    "RangeResult",
    "RangeStreamCursor",
    "Rope",
    "Store",
    "WriteTxn",
]
