"""What authentication adds to applying: permissions of the caller, and the entries that change users and roles.

The caller is the one the entry's header names.  Whether it may is judged here, on the state the entry meets, so that a
role taken away between proposal and apply counts (wire contract, section 5.5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyetcd.apply.outcome import Applied
from pyetcd.auth.caller import Caller
from pyetcd.auth.store import AuthStore
from pyetcd.errors import EtcdError, PermissionDenied, UserEmpty, UserNotFound
from pyetcd.lease.lessor import Lessor
from pyetcd.mvcc.record import varint
from pyetcd.mvcc.store import Store

ROOT_ONLY = frozenset(
    (
        "auth_enable", "auth_disable", "auth_user_add", "auth_user_delete", "auth_user_change_password",
        "auth_user_grant_role", "auth_user_revoke_role", "auth_user_list", "auth_role_add", "auth_role_delete",
        "auth_role_grant_permission", "auth_role_revoke_permission", "auth_role_list",
    )
)  # fmt: skip


class Permits:
    """May this caller do what the request says?  Each check raises the refusal."""

    def __init__(self, auth: AuthStore, lessor: Lessor) -> None:
        self.auth = auth
        self.lessor = lessor
        self._checks: dict[str, Callable[[Caller, Any], None]] = {
            "range": self.range,
            "put": self.put,
            "delete_range": self.delete_range,
            "txn": self.txn,
            "lease_revoke": lambda caller, r: self.lease_keys(caller, r.ID),
            "auth_user_get": self.user_get,
            "auth_role_get": self.role_get,
        }

    def check(self, field: str, r: Any, caller: Caller) -> None:
        """One log entry's request; what is not named here needs no permission of its own when it is applied."""
        if field in ROOT_ONLY:
            self.auth.check_root(caller)
        elif (check := self._checks.get(field)) is not None:
            check(caller, r)

    def range(self, caller: Caller, r: Any) -> None:
        self.auth.check_read(caller, r.key, r.range_end)

    def put(self, caller: Caller, r: Any) -> None:
        """The key; everything else the lease would delete one day; the previous value."""
        self.auth.check_write(caller, r.key)
        self.lease_keys(caller, r.lease)
        if r.prev_kv:
            self.auth.check_read(caller, r.key)

    def delete_range(self, caller: Caller, r: Any) -> None:
        self.auth.check_write(caller, r.key, r.range_end)
        if r.prev_kv:
            self.auth.check_read(caller, r.key, r.range_end)

    def txn(self, caller: Caller, r: Any) -> None:
        """All compares and both branches, with everything nested in them: a compare tells as much as a read."""
        for compare in r.compare:
            self.auth.check_read(caller, compare.key, compare.range_end)
        for branch in (r.success, r.failure):
            for op in branch:
                self._op(caller, op)

    def _op(self, caller: Caller, op: Any) -> None:
        kind = op.WhichOneof("request")
        if kind == "request_range":
            self.range(caller, op.request_range)
        elif kind == "request_put":
            self.put(caller, op.request_put)
        elif kind == "request_delete_range":
            self.delete_range(caller, op.request_delete_range)
        elif kind == "request_txn":
            self.txn(caller, op.request_txn)

    def lease_keys(self, caller: Caller, lease_id: int) -> None:
        """Every key attached to the lease, because the end of the lease deletes it; no lease, no keys."""
        if not self.auth.is_root(caller):
            for key in self.lessor.keys(lease_id):
                self.auth.check_write(caller, key)

    def user_get(self, caller: Caller, r: Any) -> None:
        """Root, or the user itself."""
        self._root_or(caller, r.name == caller.username)

    def role_get(self, caller: Caller, r: Any) -> None:
        """Root, or whoever holds the role."""
        self._root_or(caller, self.auth.has_role(caller.username, r.role))

    def _root_or(self, caller: Caller, allowed: bool) -> None:
        try:
            self.auth.check_root(caller)
        except (UserEmpty, UserNotFound, PermissionDenied):
            if not allowed:
                raise


class AuthEntries:
    """Carries out the entries of the Auth service."""

    def __init__(self, auth: AuthStore, store: Store) -> None:
        self.auth = auth
        self.store = store
        self._verbs: dict[str, Callable[[Any], bytes | None]] = {
            "auth_enable": lambda r: auth.enable(),
            "auth_disable": lambda r: auth.disable(),
            "auth_status": self._status,
            "auth_user_add": auth.add_user,
            "auth_user_delete": lambda r: auth.delete_user(r.name),
            "auth_user_change_password": auth.change_password,
            "auth_user_grant_role": lambda r: auth.grant_role(r.user, r.role),
            "auth_user_revoke_role": lambda r: auth.revoke_role(r.name, r.role),
            "auth_user_get": lambda r: strings(auth.roles_of(r.name)),
            "auth_user_list": lambda r: strings(auth.user_names()),
            "auth_role_add": lambda r: auth.add_role(r.name),
            "auth_role_delete": lambda r: auth.delete_role(r.role),
            "auth_role_grant_permission": auth.grant_permission,
            "auth_role_revoke_permission": lambda r: auth.revoke_permission(r.role, r.key, r.range_end),
            "auth_role_get": lambda r: messages(auth.permissions_of(r.role)),
            "auth_role_list": lambda r: strings(auth.role_names()),
        }

    def handlers(self) -> dict[str, Callable[[Any, float], Applied]]:
        """For the state machine's table, by the entry's field."""
        return {field: self._handler(verb) for field, verb in self._verbs.items()}

    def _handler(self, verb: Callable[[Any], bytes | None]) -> Callable[[Any, float], Applied]:
        return lambda r, now: Applied(self.store.revision, verb(r) or b"")

    def authenticate(self, r: Any, index: int) -> Applied | EtcdError:
        """An InternalAuthenticateRequest; ``index`` of its entry becomes part of a simple token."""
        try:
            token = self.auth.authenticate(r.name, r.simple_token, index).encode()
        except EtcdError as error:
            return error
        return Applied(self.store.revision, b"\x12" + varint(len(token)) + token)

    def _status(self, r: Any) -> bytes:
        enabled = b"\x10\x01" if self.auth.enabled else b""
        return enabled + b"\x18" + varint(self.auth.revision)


def strings(values: list[str]) -> bytes:
    """Field 2, repeated string."""
    rows = [value.encode() for value in values]
    return b"".join(b"\x12" + varint(len(row)) + row for row in rows)


def messages(values: list[Any]) -> bytes:
    """Field 2, repeated message."""
    rows = [value.SerializeToString() for value in values]
    return b"".join(b"\x12" + varint(len(row)) + row for row in rows)
