"""What an endpoint says of itself before a run, and how a shared one is emptied between cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from pyetcd.pb import rpc_pb2

from .client import status_of
from .rebase import Rebase
from .server import CLIENT_URL, MEMBER_NAME, PEER_URL

FRESH_TERM, FRESH_INDEX = 2, 4
"""raft_term and raftIndex of a fresh single member."""

Answer = TypeVar("Answer", bound=Message)


class CannotJudge(RuntimeError):
    """The endpoint cannot be judged at all: one sentence for the user, exit code 2."""


@dataclass
class Probe:
    """``contents`` is empty for an empty store, else a few words such as ``3 keys, 1 leases``."""

    version: str
    rebase: Rebase
    contents: str


def probe(channel: grpc.Channel) -> Probe:
    """Ask and change nothing.  Raises CannotJudge when the endpoint does not answer as etcd."""
    everything = rpc_pb2.RangeRequest(key=b"\0", range_end=b"\0", count_only=True)
    try:
        auth = _ask(channel, "Auth/AuthStatus", rpc_pb2.AuthStatusRequest(), rpc_pb2.AuthStatusResponse, optional=True)
        users = _ask(
            channel, "Auth/UserList", rpc_pb2.AuthUserListRequest(), rpc_pb2.AuthUserListResponse, optional=True
        )
        keys = _ask(channel, "KV/Range", everything, rpc_pb2.RangeResponse)
        leases = _ask(channel, "Lease/LeaseLeases", rpc_pb2.LeaseLeasesRequest(), rpc_pb2.LeaseLeasesResponse)
        members = _ask(channel, "Cluster/MemberList", rpc_pb2.MemberListRequest(), rpc_pb2.MemberListResponse)
        status = _ask(channel, "Maintenance/Status", rpc_pb2.StatusRequest(), rpc_pb2.StatusResponse)
    except grpc.RpcError as error:
        raise CannotJudge(_sentence(error)) from None
    (member,) = members.members if len(members.members) == 1 else (rpc_pb2.Member(),)
    counted = ((keys.count, "keys"), (len(leases.leases), "leases"), (len(users.users), "users"))
    rebase = Rebase(
        cluster_id=status.header.cluster_id,
        member_id=status.header.member_id,
        revision=keys.header.revision - 1,
        raft_term=status.raftTerm - FRESH_TERM,
        raft_index=status.raftIndex - FRESH_INDEX,
        names=_names(member),
        auth_revision=max(0, auth.authRevision - 1),
    )
    return Probe(status.version, rebase, ", ".join(f"{count} {what}" for count, what in counted if count))


def _names(member: rpc_pb2.Member) -> dict[str, str]:
    """What stands for the recordings' name and URLs; empty when they are the same."""
    pairs = {member.name: MEMBER_NAME}
    pairs.update(dict.fromkeys(member.clientURLs[:1], CLIENT_URL))
    pairs.update(dict.fromkeys(member.peerURLs[:1], PEER_URL))
    return {actual: recorded for actual, recorded in pairs.items() if actual and actual != recorded}


def _ask(channel: grpc.Channel, path: str, request: Message, kind: type[Answer], optional: bool = False) -> Answer:
    """``optional``: a service that is not there answers with an empty message."""
    try:
        return kind.FromString(channel.unary_unary("/etcdserverpb." + path)(request.SerializeToString(), timeout=10))
    except grpc.RpcError as error:
        if optional and error.code() is grpc.StatusCode.UNIMPLEMENTED:
            return kind()
        raise


def _sentence(error: grpc.RpcError) -> str:
    status = status_of(error)
    text = status.text or "no answer in time"
    if status.code in ("Unavailable", "DeadlineExceeded"):
        hint = "; does it speak TLS?" if "andshake" in text or "SSL" in text else ""
        return f"the endpoint cannot be reached: {text}{hint}"
    return f"the endpoint does not answer as an etcd member: {status.code} {text}"


def clear(channel: grpc.Channel) -> None:
    """Delete all keys, leases, alarms, users and roles; auth must be off."""
    alarms = _ask(channel, "Maintenance/Alarm", rpc_pb2.AlarmRequest(), rpc_pb2.AlarmResponse)
    for alarm in alarms.alarms:
        off = rpc_pb2.AlarmRequest(action="DEACTIVATE", memberID=alarm.memberID, alarm=alarm.alarm)
        _ask(channel, "Maintenance/Alarm", off, rpc_pb2.AlarmResponse)
    leases = _ask(channel, "Lease/LeaseLeases", rpc_pb2.LeaseLeasesRequest(), rpc_pb2.LeaseLeasesResponse)
    for lease in leases.leases:
        _ask(channel, "Lease/LeaseRevoke", rpc_pb2.LeaseRevokeRequest(ID=lease.ID), rpc_pb2.LeaseRevokeResponse)
    everything = rpc_pb2.DeleteRangeRequest(key=b"\0", range_end=b"\0")
    _ask(channel, "KV/DeleteRange", everything, rpc_pb2.DeleteRangeResponse)
    # the first revision of a case must not touch a key that the case watches
    _ask(channel, "KV/Put", rpc_pb2.PutRequest(key=b"\xfe\xfd"), rpc_pb2.PutResponse)
    _ask(channel, "KV/DeleteRange", rpc_pb2.DeleteRangeRequest(key=b"\xfe\xfd"), rpc_pb2.DeleteRangeResponse)
    users = _ask(channel, "Auth/UserList", rpc_pb2.AuthUserListRequest(), rpc_pb2.AuthUserListResponse, optional=True)
    for user in users.users:
        _ask(channel, "Auth/UserDelete", rpc_pb2.AuthUserDeleteRequest(name=user), rpc_pb2.AuthUserDeleteResponse)
    roles = _ask(channel, "Auth/RoleList", rpc_pb2.AuthRoleListRequest(), rpc_pb2.AuthRoleListResponse, optional=True)
    for role in roles.roles:
        _ask(channel, "Auth/RoleDelete", rpc_pb2.AuthRoleDeleteRequest(role=role), rpc_pb2.AuthRoleDeleteResponse)
