"""The few request messages h2load sends, from the server's own schema."""

from __future__ import annotations

from pyetcd.pb import rpc_pb2

RANGE = "/etcdserverpb.KV/Range"
PUT = "/etcdserverpb.KV/Put"


def one_key(key: bytes = b"foo", serializable: bool = True) -> bytes:
    return rpc_pb2.RangeRequest(key=key, serializable=serializable).SerializeToString()


def every_key() -> bytes:
    """A range over the whole store."""
    return rpc_pb2.RangeRequest(key=b"\0", range_end=b"\0", serializable=True).SerializeToString()


def put(key: bytes = b"foo", size: int = 256) -> bytes:
    return rpc_pb2.PutRequest(key=key, value=b"v" * size).SerializeToString()
