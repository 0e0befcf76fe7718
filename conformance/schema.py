"""The RPCs an etcd member serves, read from the message descriptors: path, shape, request and response classes."""

from __future__ import annotations

from dataclasses import dataclass

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from pyetcd.pb import election_pb2, health_pb2, lock_pb2, rpc_pb2


@dataclass(frozen=True, slots=True)
class Rpc:
    """One method.  ``name`` is the short form used in cases, such as ``KV.Range``."""

    name: str
    path: str
    request: type[Message]
    response: type[Message]
    client_streams: bool
    server_streams: bool

    @property
    def unary(self) -> bool:
        return not (self.client_streams or self.server_streams)


def _rpcs() -> dict[str, Rpc]:
    found = {}
    for module in (rpc_pb2, lock_pb2, election_pb2, health_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                name = f"{service.name}.{method.name}"
                found[name] = Rpc(
                    name,
                    f"/{service.full_name}/{method.name}",
                    GetMessageClass(method.input_type),
                    GetMessageClass(method.output_type),
                    bool(method.client_streaming),
                    bool(method.server_streaming),
                )
    return found


RPCS: dict[str, Rpc] = _rpcs()


def rpc_for(name: str) -> Rpc:
    """The RPC of a short name; one that starts with ``/`` is a path no descriptor knows (an unary call).

    >>> rpc_for("KV.Range").path
    '/etcdserverpb.KV/Range'
    """
    if name.startswith("/"):
        return Rpc(name, name, rpc_pb2.StatusRequest, rpc_pb2.StatusRequest, False, False)
    if name not in RPCS:
        raise KeyError(f"no RPC is called {name}")
    return RPCS[name]
