"""A disk that takes no more: clients get an error, reads go on, and a restart has all that was acknowledged."""

from __future__ import annotations

import resource
from pathlib import Path

import grpc
import pytest

from pyetcd.pb import rpc_pb2 as rpc
from tests.servers import Server, our_command

VALUE = bytes(10_000)
LIMIT = 1 << 20


def put(channel: grpc.Channel, number: int) -> None:
    request = rpc.PutRequest(key=b"k%d" % number, value=VALUE)
    channel.unary_unary("/etcdserverpb.KV/Put")(request.SerializeToString(), timeout=20)


def count(channel: grpc.Channel) -> int:
    request = rpc.RangeRequest(key=b"k", range_end=b"l", count_only=True)
    answer = channel.unary_unary("/etcdserverpb.KV/Range")(request.SerializeToString(), timeout=20)
    return int(rpc.RangeResponse.FromString(answer).count)


def test_what_cannot_be_stored_is_refused_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    server = Server(our_command(), tmp_path)
    server.start()
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
    acknowledged = 0
    with grpc.insecure_channel(server.endpoint) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            while True:
                put(channel, acknowledged)
                acknowledged += 1
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert refused.value.details() == "etcdserver: disk failure, the request was not stored"
        assert LIMIT // 2 < acknowledged * len(VALUE) < LIMIT
        assert count(channel) == acknowledged
        with pytest.raises(grpc.RpcError):
            put(channel, acknowledged)
    server.kill()
    server.start()
    with grpc.insecure_channel(server.endpoint) as channel:
        assert count(channel) in (acknowledged, acknowledged + 1)  # the one that failed may have landed
        put(channel, 0)
    server.stop()
