"""Every RPC of the client port, called by nobody, with a wrong token, by a user without rights, with rights, by root.

The table is held against the services: an RPC that is not in it fails the test, so none can be added unguarded.
"""

from __future__ import annotations

from typing import Any

import pytest

from pyetcd.pb import election_pb2 as election
from pyetcd.pb import lock_pb2 as lock
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.wire.call import Code
from tests.rpc.auth_world import AuthWorld

EMPTY = (Code.INVALID_ARGUMENT, "etcdserver: user name is empty")
DENIED = (Code.PERMISSION_DENIED, "etcdserver: permission denied")
INVALID = (Code.UNAUTHENTICATED, "etcdserver: invalid auth token")

ANYBODY, KNOWN, READ, WRITE, BOTH, ROOT = "anybody", "known", "read", "write", "read and write", "root"
LEASE = 7

PUT = rpc.RequestOp(request_put=rpc.PutRequest(key=b"k"))
GET = rpc.RequestOp(request_range=rpc.RangeRequest(key=b"k"))
DELETE = rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=b"k", prev_kv=True))
COMPARE = rpc.Compare(key=b"k")
NESTED = rpc.RequestOp(request_txn=rpc.TxnRequest(failure=[PUT]))

TABLE: list[tuple[str, Any, str]] = [
    ("KV/Range", rpc.RangeRequest(key=b"k"), READ),
    ("KV/Range", rpc.RangeRequest(key=b"k", serializable=True), READ),
    ("KV/Range", rpc.RangeRequest(key=b"k", count_only=True), READ),
    ("KV/Range", rpc.RangeRequest(key=b"k", keys_only=True, limit=1), READ),
    ("KV/RangeStream", rpc.RangeRequest(key=b"k"), READ),
    ("KV/RangeStream", rpc.RangeRequest(key=b"k", count_only=True, serializable=True), READ),
    ("KV/Put", rpc.PutRequest(key=b"k"), WRITE),
    ("KV/Put", rpc.PutRequest(key=b"k", prev_kv=True), BOTH),
    ("KV/Put", rpc.PutRequest(key=b"k", lease=LEASE), WRITE),
    ("KV/DeleteRange", rpc.DeleteRangeRequest(key=b"k"), WRITE),
    ("KV/DeleteRange", rpc.DeleteRangeRequest(key=b"k", prev_kv=True), BOTH),
    ("KV/Txn", rpc.TxnRequest(), KNOWN + " or not"),  # asks for nothing
    ("KV/Txn", rpc.TxnRequest(compare=[COMPARE]), READ),
    ("KV/Txn", rpc.TxnRequest(success=[GET]), READ),
    ("KV/Txn", rpc.TxnRequest(failure=[GET]), READ),
    ("KV/Txn", rpc.TxnRequest(success=[PUT]), WRITE),
    ("KV/Txn", rpc.TxnRequest(failure=[PUT]), WRITE),
    ("KV/Txn", rpc.TxnRequest(compare=[COMPARE], failure=[PUT]), BOTH),
    ("KV/Txn", rpc.TxnRequest(success=[DELETE]), BOTH),
    ("KV/Txn", rpc.TxnRequest(success=[NESTED]), WRITE),
    ("KV/Compact", rpc.CompactionRequest(revision=1), ROOT),
    ("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=9), KNOWN),
    ("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=LEASE), WRITE),
    ("Lease/LeaseKeepAlive", rpc.LeaseKeepAliveRequest(ID=LEASE), WRITE),
    ("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=LEASE), KNOWN),
    ("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=LEASE, keys=True), READ),
    ("Lease/LeaseLeases", rpc.LeaseLeasesRequest(), READ),
    ("Cluster/MemberList", rpc.MemberListRequest(), KNOWN),
    ("Cluster/MemberList", rpc.MemberListRequest(linearizable=True), KNOWN),
    ("Cluster/MemberAdd", rpc.MemberAddRequest(peerURLs=["http://h:1"], isLearner=True), ROOT),
    ("Cluster/MemberRemove", rpc.MemberRemoveRequest(ID=1), ROOT),
    ("Cluster/MemberUpdate", rpc.MemberUpdateRequest(ID=1), ROOT),
    ("Cluster/MemberPromote", rpc.MemberPromoteRequest(ID=1), ROOT),
    ("Maintenance/Alarm", rpc.AlarmRequest(), KNOWN),
    ("Maintenance/Alarm", rpc.AlarmRequest(action=1, alarm=1), ROOT),  # type: ignore[arg-type]
    ("Maintenance/Alarm", rpc.AlarmRequest(action=2, alarm=1), ROOT),  # type: ignore[arg-type]
    ("Maintenance/Status", rpc.StatusRequest(), KNOWN),
    ("Maintenance/Defragment", rpc.DefragmentRequest(), ROOT),
    ("Maintenance/Hash", rpc.HashRequest(), ROOT),
    ("Maintenance/HashKV", rpc.HashKVRequest(), ROOT),
    ("Maintenance/Snapshot", rpc.SnapshotRequest(), ROOT),
    ("Maintenance/MoveLeader", rpc.MoveLeaderRequest(targetID=1), ROOT),
    ("Maintenance/Downgrade", rpc.DowngradeRequest(version="3.6"), ROOT),
    ("Auth/AuthEnable", rpc.AuthEnableRequest(), ROOT),
    ("Auth/AuthDisable", rpc.AuthDisableRequest(), ROOT),
    ("Auth/AuthStatus", rpc.AuthStatusRequest(), ANYBODY),
    ("Auth/UserAdd", rpc.AuthUserAddRequest(name="new", password="p"), ROOT),
    ("Auth/UserGet", rpc.AuthUserGetRequest(name="root"), ROOT),
    ("Auth/UserList", rpc.AuthUserListRequest(), ROOT),
    ("Auth/UserDelete", rpc.AuthUserDeleteRequest(name="other"), ROOT),
    ("Auth/UserChangePassword", rpc.AuthUserChangePasswordRequest(name="other", password="q"), ROOT),
    ("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user="other", role="root"), ROOT),
    ("Auth/UserRevokeRole", rpc.AuthUserRevokeRoleRequest(name="other", role="other"), ROOT),
    ("Auth/RoleAdd", rpc.AuthRoleAddRequest(name="new"), ROOT),
    ("Auth/RoleGet", rpc.AuthRoleGetRequest(role="other"), ROOT),
    ("Auth/RoleList", rpc.AuthRoleListRequest(), ROOT),
    ("Auth/RoleDelete", rpc.AuthRoleDeleteRequest(role="other"), ROOT),
    ("Auth/RoleGrantPermission", rpc.AuthRoleGrantPermissionRequest(name="other", perm={"key": b"k"}), ROOT),
    ("Auth/RoleRevokePermission", rpc.AuthRoleRevokePermissionRequest(role="other", key=b"x"), ROOT),
    ("Lock/Lock", lock.LockRequest(name=b"k", lease=8), ROOT),
    ("Lock/Unlock", lock.UnlockRequest(key=b"k"), WRITE),
    ("Election/Campaign", election.CampaignRequest(name=b"k", lease=8), ROOT),
    ("Election/Leader", election.LeaderRequest(name=b"k"), ROOT),
]
BY_OTHER_MEANS = {"Authenticate", "Watch", "Observe", "Proclaim", "Resign"}  # tests of their own, here or beside

SUFFICES = {ANYBODY: {"none", "r", "w", "rw", "root"}, KNOWN: {"none", "r", "w", "rw", "root"}}
SUFFICES |= {READ: {"r", "rw", "root"}, WRITE: {"w", "rw", "root"}, BOTH: {"rw", "root"}, ROOT: {"root"}}
SUFFICES[KNOWN + " or not"] = SUFFICES[KNOWN]


@pytest.fixture
def world() -> AuthWorld:
    """Users named after what they may do with the key k, which hangs on a lease; ``none`` may touch another one."""
    world = AuthWorld()
    world.must("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=LEASE, TTL=1000))
    world.must("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=8, TTL=1000))
    world.must("KV/Put", rpc.PutRequest(key=b"k", value=b"secret", lease=LEASE))
    for user, kind in (("r", 0), ("w", 1), ("rw", 2)):
        world.allow(user, kind, b"k")
    world.allow("none", 2, b"other")
    world.allow("other", 2, b"x")
    world.enable()
    return world


def label(row: Any) -> str:
    return f"{row[0]}-{row[2]}".replace(" ", "_")


@pytest.mark.parametrize("row", TABLE, ids=label)
@pytest.mark.parametrize("user", ["none", "r", "w", "rw", "root"])
def test_who_may(world: AuthWorld, row: tuple[str, Any, str], user: str) -> None:
    method, request, needs = row
    before = state(world)
    answer = world.call(method, request, user=user)
    if user in SUFFICES[needs]:
        assert not refused(answer)
    else:
        assert answer[1] == DENIED[1] and (answer[0] == DENIED[0] or answer[0] == Code.UNKNOWN)
        assert state(world) == before


@pytest.mark.parametrize("row", TABLE, ids=label)
def test_nobody_may_more_than_anybody(world: AuthWorld, row: tuple[str, Any, str]) -> None:
    method, request, needs = row
    before = state(world)
    answer = world.call(method, request)
    if needs in (ANYBODY, KNOWN + " or not"):
        assert not refused(answer)
    else:
        assert answer[1] == EMPTY[1] and (answer[0] == EMPTY[0] or answer[0] == Code.UNKNOWN)
        assert state(world) == before


@pytest.mark.parametrize("row", TABLE, ids=label)
@pytest.mark.parametrize("token", [b"", b"x", b"abcdefghijklmnop.3", b"Bearer "])
def test_a_wrong_token_is_worse_than_none(world: AuthWorld, row: tuple[str, Any, str], token: bytes) -> None:
    method, request, _ = row
    before = state(world)
    answer = world.call(method, request, headers=((b"token", token),))
    assert answer[1] == INVALID[1] and (answer[0] == INVALID[0] or answer[0] == Code.UNKNOWN)
    assert state(world) == before


def test_every_rpc_is_in_the_table(world: AuthWorld) -> None:
    listed = {method.partition("/")[2] for method, _, _ in TABLE} | BY_OTHER_MEANS
    served = {path.rpartition("/")[2] for path in world.methods}
    declared = {
        name
        for file in (rpc, lock, election)
        for service in file.DESCRIPTOR.services_by_name.values()
        for name in service.methods_by_name
    }
    assert served | declared == listed


def refused(answer: Any) -> bool:
    return isinstance(answer, tuple) and answer[1] in (EMPTY[1], DENIED[1], INVALID[1])


def state(world: AuthWorld) -> object:
    """Everything a call could have changed."""
    backend = world.world.backend
    return {bucket: rows for bucket, rows in ((b, backend.scan(b, b"", None)) for b in buckets()) if bucket != "meta"}


def buckets() -> list[Any]:
    from pyetcd.mvcc.backend import Bucket

    return list(Bucket)
