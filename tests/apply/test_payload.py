"""Log payloads: what the hot path puts together is what protobuf reads."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyetcd.apply import payload
from pyetcd.auth.caller import NOBODY
from pyetcd.pb import raft_internal_pb2 as internal
from pyetcd.pb import rpc_pb2 as rpc

ids = st.integers(1, (1 << 64) - 1) | st.sampled_from([n + d for n in (1 << 7, 1 << 14, 1 << 28) for d in (-1, 0, 1)])


@given(ids, st.binary(max_size=300))
def test_a_request_and_its_id(request_id: int, value: bytes) -> None:
    request = rpc.PutRequest(key=b"k", value=value)
    data = payload.encode("put", request.SerializeToString(), request_id)
    message = internal.InternalRaftRequest.FromString(data)
    assert (message.header.ID, message.put) == (request_id, request)
    assert len(data) == message.ByteSize()
    assert payload.decode(data) == ("put", request, NOBODY)
