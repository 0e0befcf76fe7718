"""The permissions inside one role record (wire contract, section 5.4)."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from pyetcd.auth.ranges import OPEN_END, READWRITE, is_valid_permission
from pyetcd.errors import InvalidAuthManagement, PermissionNotGiven, PermissionNotGranted
from pyetcd.mvcc.ties import sort_like_go
from pyetcd.pb import auth_pb2 as authpb

EVERYTHING: Any = authpb.Permission(permType=READWRITE, range_end=OPEN_END)  # type: ignore[arg-type]
"""What RoleGet shows for the role root, which has no records."""


def check(r: Any) -> None:
    """An AuthRoleGrantPermissionRequest by itself."""
    if not r.HasField("perm"):
        raise PermissionNotGiven
    if not is_valid_permission(r.perm.key, r.perm.range_end):
        raise InvalidAuthManagement


def grant(role: Any, perm: Any) -> None:
    """Add a permission to the record, or give the one on that range another type.

    etcd compares with the first permission on that key only: a second range that starts there is added once more
    each time it is granted.
    """
    held = role.keyPermission
    at = bisect_left([each.key for each in held], perm.key)
    if at < len(held) and held[at].key == perm.key and held[at].range_end == perm.range_end:
        held[at].permType = perm.permType
        return
    rows = [*held, authpb.Permission(permType=perm.permType, key=perm.key, range_end=perm.range_end)]
    ordered = sorted_by_key(rows)
    del role.keyPermission[:]
    role.keyPermission.extend(ordered)


def revoke(role: Any, key: bytes, range_end: bytes) -> None:
    """Remove the permission on exactly that range.  Raises PermissionNotGranted."""
    left = [each for each in role.keyPermission if each.key != key or each.range_end != range_end]
    if len(left) == len(role.keyPermission):
        raise PermissionNotGranted
    del role.keyPermission[:]
    role.keyPermission.extend(left)


def sorted_by_key(rows: list[Any]) -> list[Any]:
    """By key as Go's sort does it, which settles the order of permissions that start at the same key."""
    ranks = {key: rank for rank, key in enumerate(sorted({each.key for each in rows}))}
    pairs = [(ranks[each.key], index.to_bytes(4, "big")) for index, each in enumerate(rows)]
    for _ in sort_like_go(pairs):
        pass
    return [rows[int.from_bytes(index, "big")] for _, index in pairs]
