"""Signed tokens of official etcd count here and ours count there: both started with the same key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pyetcd.pb import rpc_pb2 as rpc
from tests.peers import need
from tests.servers import OFFICIAL, Server, our_command

MAKE = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS512": lambda: rsa.generate_private_key(65537, 2048),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def call(server: Server, method: str, request: Any, kind: Any, token: str | None = None) -> Any:
    with grpc.insecure_channel(f"127.0.0.1:{server.client_port}") as channel:
        stub = channel.unary_unary(
            f"/etcdserverpb.{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=kind.FromString,
        )
        return stub(request, metadata=(("token", token),) if token else None, timeout=60)


def log_in(server: Server) -> str:
    """Switch authentication on; a token for root at the same auth revision on every server."""
    call(server, "Auth/UserAdd", rpc.AuthUserAddRequest(name="root", password="r"), rpc.AuthUserAddResponse)
    grant = rpc.AuthUserGrantRoleRequest(user="root", role="root")
    call(server, "Auth/UserGrantRole", grant, rpc.AuthUserGrantRoleResponse)
    call(server, "Auth/AuthEnable", rpc.AuthEnableRequest(), rpc.AuthEnableResponse)
    request = rpc.AuthenticateRequest(name="root", password="r")
    return str(call(server, "Auth/Authenticate", request, rpc.AuthenticateResponse).token)


@pytest.fixture(params=MAKE)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Server]]:
    need("etcd")
    key = tmp_path / "key.pem"
    made: Any = MAKE[request.param]()
    key.write_bytes(made.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption()))
    flag = f"--auth-token=jwt,sign-method={request.param},priv-key={key},ttl=1h"
    commands = {"theirs": OFFICIAL, "ours": our_command()}
    servers = [Server(command, tmp_path / name, [flag]) for name, command in commands.items()]
    started: list[Server] = []
    try:
        for server in servers:
            server.folder.mkdir(exist_ok=True)
            server.start()
            started.append(server)
        yield servers
    finally:
        for server in started:
            server.stop()


def test_one_key_one_cluster(pair: list[Server]) -> None:
    tokens = [log_in(server) for server in pair]
    get = rpc.RangeRequest(key=b"a")
    for server in pair:
        for token in tokens:
            assert call(server, "KV/Range", get, rpc.RangeResponse, token).count == 0
    for server, token in zip(pair, tokens, strict=True):
        call(server, "Auth/RoleAdd", rpc.AuthRoleAddRequest(name="later"), rpc.AuthRoleAddResponse, token)
        for late in tokens:
            with pytest.raises(grpc.RpcError) as refused:
                call(server, "KV/Range", get, rpc.RangeResponse, late)
            assert refused.value.details() == "etcdserver: revision of auth store is old"
