"""What a run judges: servers started for it, one per case, or one endpoint that somebody else runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import grpc
from pyetcd.pb import rpc_pb2

from .case import Case
from .client import Credentials, connect, status_of
from .rebase import Rebase
from .server import ManagedServer

FRESH_TERM, FRESH_INDEX = 2, 4
"""raft_term and raftIndex of a fresh single member."""


class CannotJudge(RuntimeError):
    """The endpoint cannot be judged at all: one sentence for the user, exit code 2."""


class Session(Protocol):
    """One server for one case."""

    address: str
    credentials: Credentials | None
    rebase: Rebase

    def restart(self) -> None: ...
    def close(self) -> None: ...


class Target(Protocol):
    name: str
    managed: bool

    def session(self, case: Case) -> Session: ...


class ManagedSession:
    """A fresh member of its own."""

    credentials: Credentials | None = None

    def __init__(self, command: str, flags: list[str]) -> None:
        self._server = ManagedServer(command, flags)
        self.rebase = Rebase()
        try:
            self._server.start()
        except BaseException:
            self._server.close()
            raise
        self.address = self._server.address

    def restart(self) -> None:
        self._server.restart()

    def close(self) -> None:
        self._server.close()


@dataclass
class ManagedTarget:
    """Starts ``command`` with etcd's flags for every case."""

    command: str
    name: str = ""
    managed: bool = True

    def session(self, case: Case) -> Session:
        return ManagedSession(self.command, case.flags)


class RemoteSession:
    """The shared endpoint, emptied before the case."""

    def __init__(self, target: RemoteTarget) -> None:
        self.address, self.credentials = target.address, target.credentials
        with connect(self.address, self.credentials) as channel:
            clear(channel)
            self.rebase = probe(channel).rebase

    def restart(self) -> None:
        raise CannotJudge("a remote endpoint cannot be restarted")

    def close(self) -> None:
        return


@dataclass
class RemoteTarget:
    """``address`` is host:port.  ``check`` refuses a store that holds something."""

    address: str
    credentials: Credentials | None = None
    name: str = ""
    managed: bool = False

    def check(self, allow_dirty: bool) -> Probe:
        """Raises CannotJudge with one sentence; writes nothing."""
        with connect(self.address, self.credentials) as channel:
            found = probe(channel)
        if found.contents and not allow_dirty:
            raise CannotJudge(
                f"the store at {self.address} is not empty ({found.contents}); a run deletes everything in it, "
                "so this needs --allow-dirty"
            )
        return found

    def session(self, case: Case) -> Session:
        return RemoteSession(self)


@dataclass
class Probe:
    """What an endpoint says of itself before anything is written."""

    version: str
    rebase: Rebase
    contents: str


def probe(channel: grpc.Channel) -> Probe:
    """Raises CannotJudge when the endpoint does not answer as etcd."""

    def ask(path: str, body: bytes) -> bytes:
        answer = channel.unary_unary("/etcdserverpb." + path)(body, timeout=5)
        assert isinstance(answer, bytes)
        return answer

    try:
        status = rpc_pb2.StatusResponse.FromString(ask("Maintenance/Status", b""))
        everything = rpc_pb2.RangeRequest(key=b"\0", range_end=b"\0", count_only=True)
        keys = rpc_pb2.RangeResponse.FromString(ask("KV/Range", everything.SerializeToString()))
        leases = rpc_pb2.LeaseLeasesResponse.FromString(ask("Lease/LeaseLeases", b""))
        auth = rpc_pb2.AuthStatusResponse.FromString(ask("Auth/AuthStatus", b""))
        users = rpc_pb2.AuthUserListResponse.FromString(ask("Auth/UserList", b""))
    except grpc.RpcError as error:
        raise CannotJudge(_sentence(error)) from None
    contents = [
        f"{count} {what}"
        for count, what in ((keys.count, "keys"), (len(leases.leases), "leases"), (len(users.users), "users"))
        if count
    ]
    rebase = Rebase(
        cluster_id=status.header.cluster_id,
        member_id=status.header.member_id,
        revision=keys.header.revision - 1,
        raft_term=status.raftTerm - FRESH_TERM,
        # UserList is one log entry of its own (wire contract 1.7), and AuthStatus another
        raft_index=status.raftIndex - FRESH_INDEX + 2,
        auth_revision=auth.authRevision - 1,
    )
    return Probe(status.version, rebase, ", ".join(contents))


def _sentence(error: grpc.RpcError) -> str:
    status = status_of(error)
    text = status.text or "no answer in time"
    if status.code == "Unavailable":
        hint = " (TLS on one side only?)" if "handshake" in text.lower() or "ssl" in text.lower() else ""
        return f"the endpoint cannot be reached: {text}{hint}"
    return f"the endpoint does not answer as an etcd member: {status.code} {text}"


def clear(channel: grpc.Channel) -> None:
    """Delete all keys, leases, alarms, users and roles; auth must be off."""

    def ask(path: str, body: bytes = b"") -> bytes:
        answer = channel.unary_unary("/etcdserverpb." + path)(body, timeout=10)
        assert isinstance(answer, bytes)
        return answer

    for alarm in rpc_pb2.AlarmResponse.FromString(ask("Maintenance/Alarm")).alarms:
        off = rpc_pb2.AlarmRequest(action=2, memberID=alarm.memberID, alarm=alarm.alarm)  # type: ignore[arg-type]
        ask("Maintenance/Alarm", off.SerializeToString())
    for lease in rpc_pb2.LeaseLeasesResponse.FromString(ask("Lease/LeaseLeases")).leases:
        ask("Lease/LeaseRevoke", rpc_pb2.LeaseRevokeRequest(ID=lease.ID).SerializeToString())
    ask("KV/DeleteRange", rpc_pb2.DeleteRangeRequest(key=b"\0", range_end=b"\0").SerializeToString())
    for user in rpc_pb2.AuthUserListResponse.FromString(ask("Auth/UserList")).users:
        ask("Auth/UserDelete", rpc_pb2.AuthUserDeleteRequest(name=user).SerializeToString())
    for role in rpc_pb2.AuthRoleListResponse.FromString(ask("Auth/RoleList")).roles:
        ask("Auth/RoleDelete", rpc_pb2.AuthRoleDeleteRequest(role=role).SerializeToString())


def version_of(target: ManagedTarget) -> str:
    """Start one server to ask its version.  Raises CannotJudge."""
    server = ManagedServer(target.command)
    try:
        server.start()
        with connect(server.address) as channel:
            return probe(channel).version
    except RuntimeError as error:
        raise CannotJudge(str(error)) from None
    finally:
        server.close()
