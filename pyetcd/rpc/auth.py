"""etcdserverpb.Auth: switching authentication, logging in, users and roles (wire contract, section 5).

Every call is a log entry, the ones that only read as well (section 1.7).  Passwords never are: they are compared or
hashed here, before anything is proposed.
"""

from __future__ import annotations

from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING, Any

from pyetcd.apply.outcome import Applied
from pyetcd.errors import AuthFailed, EtcdError
from pyetcd.pb import raft_internal_pb2 as internal
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.decode import decode
from pyetcd.rpc.errors import fail
from pyetcd.wire.call import Call, Kind, Method

if TYPE_CHECKING:
    from pyetcd.member.proposal import Result
    from pyetcd.rpc.guard import Guard
    from pyetcd.rpc.password_worker import PasswordWorker

PREFIX = b"/etcdserverpb.Auth/"
PLAIN: dict[bytes, tuple[str, Any]] = {
    b"AuthEnable": ("auth_enable", rpc.AuthEnableRequest),
    b"AuthDisable": ("auth_disable", rpc.AuthDisableRequest),
    b"AuthStatus": ("auth_status", rpc.AuthStatusRequest),
    b"UserGet": ("auth_user_get", rpc.AuthUserGetRequest),
    b"UserList": ("auth_user_list", rpc.AuthUserListRequest),
    b"UserDelete": ("auth_user_delete", rpc.AuthUserDeleteRequest),
    b"UserGrantRole": ("auth_user_grant_role", rpc.AuthUserGrantRoleRequest),
    b"UserRevokeRole": ("auth_user_revoke_role", rpc.AuthUserRevokeRoleRequest),
    b"RoleAdd": ("auth_role_add", rpc.AuthRoleAddRequest),
    b"RoleGet": ("auth_role_get", rpc.AuthRoleGetRequest),
    b"RoleList": ("auth_role_list", rpc.AuthRoleListRequest),
    b"RoleDelete": ("auth_role_delete", rpc.AuthRoleDeleteRequest),
    b"RoleGrantPermission": ("auth_role_grant_permission", rpc.AuthRoleGrantPermissionRequest),
    b"RoleRevokePermission": ("auth_role_revoke_permission", rpc.AuthRoleRevokePermissionRequest),
}
"""RPCs whose request becomes the entry as it came: the entry's field and the request's class."""


class AuthService:
    """Proposes what the client sent; adds the password work around the three RPCs that carry one."""

    def __init__(self, guard: Guard, passwords: PasswordWorker) -> None:
        self.guard = guard
        self.member = guard.member
        self.auth = guard.auth
        self.passwords = passwords

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        plain = [Method(PREFIX + name, Kind.UNARY, partial(self.plain, *entry)) for name, entry in PLAIN.items()]
        return [
            *plain,
            Method(PREFIX + b"Authenticate", Kind.UNARY, self.authenticate),
            Method(PREFIX + b"UserAdd", Kind.UNARY, self.user_add),
            Method(PREFIX + b"UserChangePassword", Kind.UNARY, self.user_change_password),
        ]

    def plain(self, field: str, kind: Any, call: Call, body: bytes) -> None:
        r = decode(call, kind, body)
        if r is not None:
            self.guard.propose(call, field, body, r, partial(self._answer, call))

    def _answer(self, call: Call, result: Result) -> None:
        if isinstance(result, Applied):
            call.reply(self.member.header(result.revision) + result.body)
        else:
            fail(call, result)

    # -- new passwords ----------------------------------------------------------------------------------------------

    def user_add(self, call: Call, body: bytes) -> None:
        """Every password is hashed, the empty one too; a hash the client sent is overwritten."""
        r = decode(call, rpc.AuthUserAddRequest, body)
        if r is None:
            return
        if r.options.no_password:
            r.password = ""
            self._propose(call, "auth_user_add", r)
        else:
            self._hash_then_propose(call, "auth_user_add", r)

    def user_change_password(self, call: Call, body: bytes) -> None:
        """An empty password is not hashed: nobody can log in with it."""
        r = decode(call, rpc.AuthUserChangePasswordRequest, body)
        if r is None:
            return
        if r.password:
            self._hash_then_propose(call, "auth_user_change_password", r)
        else:
            self._propose(call, "auth_user_change_password", r)

    def _hash_then_propose(self, call: Call, field: str, r: Any) -> None:
        def hashed(record: bytes | EtcdError) -> None:
            if isinstance(record, EtcdError):
                fail(call, record)
                return
            r.hashedPassword = b64encode(record).decode()
            self._propose(call, field, r)

        password, r.password = r.password, ""
        self.passwords.hash(password, lambda: call.open, hashed)

    def _propose(self, call: Call, field: str, r: Any) -> None:
        self.guard.propose(call, field, r.SerializeToString(), r, partial(self._answer, call))

    # -- logging in -------------------------------------------------------------------------------------------------

    def authenticate(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.AuthenticateRequest, body)
        if r is not None:
            self.member.linearizable(partial(self._begin_login, call, r))

    def _begin_login(self, call: Call, r: Any, error: EtcdError | None) -> None:
        if error is not None:
            fail(call, error)
        else:
            Login(self, call, r.name, r.password).check_password()


class Login:
    """One Authenticate call: compare the password, propose, and look whether the comparison still counts."""

    __slots__ = ("_call", "_name", "_password", "_revision", "_service")

    def __init__(self, service: AuthService, call: Call, name: str, password: str) -> None:
        self._service = service
        self._call = call
        self._name = name
        self._password = password
        self._revision = 0

    def check_password(self) -> None:
        """Compare with the record as it is now; the auth revision says later whether that was the last word."""
        service, call = self._service, self._call
        try:
            stored = service.auth.stored_password(self._name)
        except EtcdError as error:
            fail(call, error)
            return
        self._revision = service.auth.revision
        service.passwords.compare(self._password, stored, lambda: call.open, self._compared)

    def _compared(self, right: bool | EtcdError) -> None:
        if right is not True:
            fail(self._call, right or AuthFailed())
            return
        service = self._service
        request = internal.InternalAuthenticateRequest(name=self._name, simple_token=service.auth.tokens.prefix())
        service.member.propose("authenticate", request.SerializeToString(), request, self._applied)

    def _applied(self, result: Result) -> None:
        """The token counts unless users or roles changed between the comparison and the entry: then once more."""
        if isinstance(result, Applied) and self._revision != self._service.auth.revision:
            self.check_password()
        else:
            self._service._answer(self._call, result)
