"""Users and roles as the log has made them, and what they permit (wire contract, sections 5.2 to 5.5).

Everything is written through to the buckets ``auth``, ``authUsers`` and ``authRoles`` with etcd's own bytes
(section 11.2).  Every change of a user or role raises the auth revision by one.
"""

from __future__ import annotations

from typing import Any

from pyetcd.auth import roles as granting
from pyetcd.auth.caller import Caller
from pyetcd.auth.ranges import Permissions
from pyetcd.auth.stored_password import stored_password
from pyetcd.auth.tokens import Tokens
from pyetcd.errors import (
    AuthFailed,
    AuthNotEnabled,
    AuthOldRevision,
    InvalidAuthManagement,
    NoPasswordUser,
    PermissionDenied,
    RoleEmpty,
    RoleExists,
    RoleNotFound,
    RoleNotGranted,
    RootRoleNotGranted,
    RootUserNotFound,
    UserEmpty,
    UserExists,
    UserNotFound,
)
from pyetcd.mvcc.backend import Backend, Bucket
from pyetcd.pb import auth_pb2 as authpb

ENABLED_KEY, REVISION_KEY = b"authEnabled", b"authRevision"
ROOT = "root"
"""Name of the user and of the role that may do everything."""


class AuthStore:
    """``enabled`` is what every request looks at; the rest matters only while it is True."""

    __slots__ = ("_backend", "_permissions", "enabled", "revision", "roles", "tokens", "users")

    def __init__(self, backend: Backend, tokens: Tokens) -> None:
        self._backend = backend
        self.tokens = tokens
        self.enabled = False
        self.revision = 1
        self.users: dict[str, Any] = {}  # authpb.User by name
        self.roles: dict[str, Any] = {}  # authpb.Role by name
        self._permissions: dict[str, Permissions] = {}  # made when first asked for, gone with the next change

    def load(self) -> None:
        """Rebuild from the backend after a restart; tokens of before are gone."""
        backend = self._backend
        users, roles = (backend.scan(bucket, b"", None) for bucket in (Bucket.AUTH_USERS, Bucket.AUTH_ROLES))
        self.users = {key.decode(): authpb.User.FromString(row) for key, row in users}
        self.roles = {key.decode(): authpb.Role.FromString(row) for key, row in roles}
        self._permissions = {}
        self.revision = int.from_bytes(backend.get(Bucket.AUTH, REVISION_KEY) or b"", "big")
        self.enabled = backend.get(Bucket.AUTH, ENABLED_KEY) == b"\x01"
        if self.revision == 0:
            self._commit()
        if self.enabled:
            self.tokens.enable()

    # -- may this caller do that? -----------------------------------------------------------------------------------

    def check_root(self, caller: Caller | None) -> None:
        """Raises unless the caller holds the role root; its auth revision does not matter here."""
        if not self.enabled:
            return
        if caller is None or not caller.username:
            raise UserEmpty
        if caller.username not in self.users:
            raise UserNotFound
        if not self.permissions(caller.username).is_root:
            raise PermissionDenied

    def is_root(self, caller: Caller) -> bool:
        """Whether check_root would pass."""
        return not self.enabled or (caller.username in self.users and self.permissions(caller.username).is_root)

    def check_read(self, caller: Caller, key: bytes, range_end: bytes = b"") -> None:
        """Raises UserEmpty, AuthOldRevision or PermissionDenied unless all of [key, range_end) may be read."""
        if self.enabled:
            permissions = self._current(caller)
            if not permissions.is_root and not permissions.read.covers(key, range_end):
                raise PermissionDenied

    def check_write(self, caller: Caller, key: bytes, range_end: bytes = b"") -> None:
        """The same for writing."""
        if self.enabled:
            permissions = self._current(caller)
            if not permissions.is_root and not permissions.write.covers(key, range_end):
                raise PermissionDenied

    def has_role(self, username: str, role: str) -> bool:
        user = self.users.get(username)
        return user is not None and role in user.roles

    def permissions(self, username: str) -> Permissions:
        """What the roles of an existing user allow together."""
        found = self._permissions.get(username)
        if found is None:
            names = self.users[username].roles
            held = [self.roles[name] for name in names if name in self.roles]
            found = Permissions(ROOT in names, (each for role in held for each in role.keyPermission))
            self._permissions[username] = found
        return found

    def _current(self, caller: Caller) -> Permissions:
        """Permissions of a caller who said who he is, and not before the last change of users and roles."""
        if caller.revision == 0:
            raise UserEmpty
        if caller.revision < self.revision:
            raise AuthOldRevision
        if caller.username not in self.users:
            raise PermissionDenied
        return self.permissions(caller.username)

    # -- switch -------------------------------------------------------------------------------------------------------

    def enable(self) -> None:
        """Needs a user root that holds the role root; the revision stays."""
        if self.enabled:
            return
        root = self.users.get(ROOT)
        if root is None:
            raise RootUserNotFound
        if ROOT not in root.roles:
            raise RootRoleNotGranted
        self._backend.put(Bucket.AUTH, ENABLED_KEY, b"\x01")
        self.enabled = True
        self.tokens.enable()

    def disable(self) -> None:
        """Every token is forgotten."""
        if not self.enabled:
            return
        self._backend.put(Bucket.AUTH, ENABLED_KEY, b"\x00")
        self._commit()
        self.enabled = False
        self.tokens.disable()

    # -- logging in ---------------------------------------------------------------------------------------------------

    def stored_password(self, name: str) -> bytes:
        """The record a password is to be compared with; raises AuthNotEnabled, AuthFailed or NoPasswordUser."""
        if not self.enabled:
            raise AuthNotEnabled
        user = self.users.get(name)
        if user is None:
            raise AuthFailed
        if user.options.no_password:
            raise NoPasswordUser
        return bytes(user.password)

    def authenticate(self, name: str, prefix: str, index: int) -> str:
        """A token for a user whose password the proposing member has checked."""
        if not self.enabled:
            raise AuthNotEnabled
        user = self.users.get(name)
        if user is None or user.options.no_password:
            raise AuthFailed
        return self.tokens.assign(name, self.revision, prefix, index)

    # -- users --------------------------------------------------------------------------------------------------------

    def add_user(self, r: Any) -> None:
        """AuthUserAddRequest with its password already hashed."""
        if not r.name:
            raise UserEmpty
        if r.name in self.users:
            raise UserExists
        user = authpb.User(name=r.name.encode())
        user.options.CopyFrom(r.options)
        user.options.SetInParent()  # there even when nothing was asked for
        if not r.options.no_password:
            user.password = stored_password(r)
        self._put_user(user)
        self._commit()

    def delete_user(self, name: str) -> None:
        if self.enabled and name == ROOT:
            raise InvalidAuthManagement
        if name not in self.users:
            raise UserNotFound
        del self.users[name]
        self._backend.delete(Bucket.AUTH_USERS, name.encode())
        self._commit()
        self.tokens.forget_user(name)

    def change_password(self, r: Any) -> None:
        """AuthUserChangePasswordRequest; a user without a password stays one."""
        user = self._user(r.name)
        user.password = b"" if user.options.no_password else stored_password(r)
        self._put_user(user)
        self._commit()
        self.tokens.forget_user(r.name)

    def grant_role(self, name: str, role: str) -> None:
        """The role root may be granted without existing; granting a role twice changes nothing."""
        user = self._user(name)
        if role != ROOT and role not in self.roles:
            raise RoleNotFound
        if role in user.roles:
            return
        user.roles[:] = sorted((*user.roles, role), key=str.encode)
        self._put_user(user)
        self._commit()

    def revoke_role(self, name: str, role: str) -> None:
        if self.enabled and name == ROOT and role == ROOT:
            raise InvalidAuthManagement
        user = self._user(name)
        if role not in user.roles:
            raise RoleNotGranted
        user.roles.remove(role)
        self._put_user(user)
        self._commit()

    def roles_of(self, name: str) -> list[str]:
        """Ascending; raises UserNotFound."""
        return list(self._user(name).roles)

    def user_names(self) -> list[str]:
        """In byte order."""
        return sorted(self.users, key=str.encode)

    # -- roles --------------------------------------------------------------------------------------------------------

    def add_role(self, name: str) -> None:
        if not name:
            raise RoleEmpty
        if name in self.roles:
            raise RoleExists
        self._put_role(authpb.Role(name=name.encode()))
        self._commit()

    def delete_role(self, name: str) -> None:
        """The role is taken from every user, too."""
        if self.enabled and name == ROOT:
            raise InvalidAuthManagement
        if name not in self.roles:
            raise RoleNotFound
        del self.roles[name]
        self._backend.delete(Bucket.AUTH_ROLES, name.encode())
        for holder in self.user_names():
            if name in self.users[holder].roles:
                user = self._user(holder)
                user.roles.remove(name)
                self._put_user(user)
        self._commit()

    def grant_permission(self, r: Any) -> None:
        """AuthRoleGrantPermissionRequest."""
        granting.check(r)
        role = self._role(r.name)
        granting.grant(role, r.perm)
        self._put_role(role)
        self._commit()

    def revoke_permission(self, name: str, key: bytes, range_end: bytes) -> None:
        role = self._role(name)
        granting.revoke(role, key, range_end)
        self._put_role(role)
        self._commit()

    def permissions_of(self, name: str) -> list[Any]:
        """authpb.Permission records as RoleGet shows them; raises RoleNotFound."""
        role = self._role(name)
        return [granting.EVERYTHING] if name == ROOT else list(role.keyPermission)

    def role_names(self) -> list[str]:
        """In byte order."""
        return sorted(self.roles, key=str.encode)

    # -- records ------------------------------------------------------------------------------------------------------

    def _user(self, name: str) -> Any:
        """A copy of the record, to be changed and put back."""
        user = self.users.get(name)
        if user is None:
            raise UserNotFound
        copy = authpb.User()
        copy.CopyFrom(user)
        return copy

    def _role(self, name: str) -> Any:
        role = self.roles.get(name)
        if role is None:
            raise RoleNotFound
        copy = authpb.Role()
        copy.CopyFrom(role)
        return copy

    def _put_user(self, user: Any) -> None:
        self.users[user.name.decode()] = user
        self._backend.put(Bucket.AUTH_USERS, user.name, user.SerializeToString())

    def _put_role(self, role: Any) -> None:
        self.roles[role.name.decode()] = role
        self._backend.put(Bucket.AUTH_ROLES, role.name, role.SerializeToString())

    def _commit(self) -> None:
        """One change is complete: the next revision."""
        self.revision += 1
        self._permissions.clear()
        self._backend.put(Bucket.AUTH, REVISION_KEY, self.revision.to_bytes(8, "big"))
