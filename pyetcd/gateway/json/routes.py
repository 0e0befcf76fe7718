"""Which path calls which method, and the messages of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from google.protobuf.descriptor import FileDescriptor

from pyetcd.gateway.json.shapes import Shape, shape
from pyetcd.pb import election_pb2, lock_pb2, rpc_pb2
from pyetcd.wire.call import Method

_FILES: tuple[FileDescriptor, ...] = (rpc_pb2.DESCRIPTOR, lock_pb2.DESCRIPTOR, election_pb2.DESCRIPTOR)
_PATHS = """
    KV Range kv/range
    KV Put kv/put
    KV DeleteRange kv/deleterange
    KV Txn kv/txn
    KV Compact kv/compaction
    Watch Watch watch
    Lease LeaseGrant lease/grant
    Lease LeaseRevoke lease/revoke kv/lease/revoke
    Lease LeaseKeepAlive lease/keepalive
    Lease LeaseTimeToLive lease/timetolive kv/lease/timetolive
    Lease LeaseLeases lease/leases kv/lease/leases
    Cluster MemberAdd cluster/member/add
    Cluster MemberRemove cluster/member/remove
    Cluster MemberUpdate cluster/member/update
    Cluster MemberList cluster/member/list
    Cluster MemberPromote cluster/member/promote
    Maintenance Alarm maintenance/alarm
    Maintenance Status maintenance/status
    Maintenance Defragment maintenance/defragment
    Maintenance Hash maintenance/hash
    Maintenance HashKV maintenance/hashkv
    Maintenance Snapshot maintenance/snapshot
    Maintenance MoveLeader maintenance/transfer-leadership
    Maintenance Downgrade maintenance/downgrade
    Auth AuthEnable auth/enable
    Auth AuthDisable auth/disable
    Auth AuthStatus auth/status
    Auth Authenticate auth/authenticate
    Auth UserAdd auth/user/add
    Auth UserGet auth/user/get
    Auth UserList auth/user/list
    Auth UserDelete auth/user/delete
    Auth UserChangePassword auth/user/changepw
    Auth UserGrantRole auth/user/grant
    Auth UserRevokeRole auth/user/revoke
    Auth RoleAdd auth/role/add
    Auth RoleGet auth/role/get
    Auth RoleList auth/role/list
    Auth RoleDelete auth/role/delete
    Auth RoleGrantPermission auth/role/grant
    Auth RoleRevokePermission auth/role/revoke
    Lock Lock lock/lock
    Lock Unlock lock/unlock
    Election Campaign election/campaign
    Election Proclaim election/proclaim
    Election Leader election/leader
    Election Observe election/observe
    Election Resign election/resign
"""


class Route(NamedTuple):
    method: Method
    request: Shape
    response: Shape


def routes(methods: Mapping[bytes, Method]) -> dict[str, Route]:
    """Routes by path; methods that are not served have none."""
    services = {service.name: service for file in _FILES for service in file.services_by_name.values()}
    found: dict[str, Route] = {}
    for line in _PATHS.strip().splitlines():
        service_name, method_name, *paths = line.split()
        service = services[service_name]
        method = methods.get(f"/{service.full_name}/{method_name}".encode())
        if method is None:
            continue
        described = service.methods_by_name[method_name]
        route = Route(method, shape(described.input_type), shape(described.output_type))
        found.update((f"/v3/{path}", route) for path in paths)
    return found
