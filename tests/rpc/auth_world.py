"""A stepped member with every service of the client port, and clients with and without tokens."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from pyetcd.auth.tokens import SimpleTokens
from pyetcd.cluster.membership import Member as ClusterMember
from pyetcd.disk.worker import SteppedWorker
from pyetcd.member.compactor import Compactor
from pyetcd.member.expiry import Expiry
from pyetcd.pb import election_pb2, lock_pb2
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.auth import AuthService
from pyetcd.rpc.cluster import ClusterService
from pyetcd.rpc.downgrade import DowngradeService
from pyetcd.rpc.election import ElectionService
from pyetcd.rpc.guard import Guard
from pyetcd.rpc.kv import KVService
from pyetcd.rpc.leadership import LeadershipService
from pyetcd.rpc.lease import LeaseService
from pyetcd.rpc.lock import LockService
from pyetcd.rpc.maintenance import MaintenanceService
from pyetcd.rpc.password_worker import PasswordWorker
from pyetcd.rpc.sessions import Sessions
from pyetcd.rpc.watch import WatchService
from pyetcd.watch.hub import Hub
from pyetcd.wire.call import Kind, Metadata, Method
from tests.member.stepped import World
from tests.rpc.watched import RecordedCall

ROOT_PASSWORD, PASSWORD = "r", "p"
TOKEN_TTL = 300.0
_KINDS = {**vars(rpc), **vars(lock_pb2), **vars(election_pb2)}


class Space:
    """Maintenance's view of the disk."""

    size = size_in_use = staticmethod(lambda: 4096)

    def defragment(self, done: Any) -> None:
        done(None)

    def rows(self) -> Any:
        return lambda bucket: iter(())


class AuthCall(RecordedCall):
    """A call with headers."""

    def __init__(self, kind: Any, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(kind)
        self.session: Any = None  # where a stream's further messages go
        self.metadata = Metadata(b"", b"", tuple(headers))

    @property
    def outcome(self) -> Any:
        """The only message, or (code, text) of a refusal."""
        return self.sent[0] if self.status == (0, "") and self.sent else self.status


class AuthWorld:
    """``call`` makes one call of any service and waits for its end."""

    def __init__(self, common_name: Any = None) -> None:
        self.world = World()
        self.member = member = self.world.member
        self.auth = member.auth
        self.auth.tokens = SimpleTokens(TOKEN_TTL, self.world.loop.now, random.Random(7).randbytes)
        member.hub = Hub(member.store)
        self.worker = SteppedWorker()
        self.passwords = PasswordWorker(self.worker, 4, random.Random(8).randbytes)
        self.guard = guard = Guard(member, common_name)
        sessions = Sessions(member, 128, guard)
        services: list[Any] = [
            KVService(member, Compactor(self.world.backend, self.world.loop, 0.01), 128, guard),
            AuthService(guard, self.passwords),
            WatchService(member, permit=guard.watch_refusal),
            LeaseService(member, guard),
            ClusterService(member, self._new_member, strict=True, guard=guard),
            LeadershipService(member, guard),
            DowngradeService(member, guard),
            MaintenanceService(member, Space(), version="3.7.1", quota_bytes=0, guard=guard),
            LockService(sessions),
            ElectionService(sessions),
        ]
        self.methods: dict[str, Method] = {
            method.path.decode()[1:]: method for service in services for method in service.methods()
        }
        self.world.elect()
        member.lessor.promote(member.now(), 0.0)
        self.expiry = Expiry(member.lessor, guard.propose_as_root, self.world.loop)
        self.tokens: dict[str, bytes] = {}

    def _new_member(self, urls: Iterable[str], is_learner: bool) -> ClusterMember:
        return ClusterMember(99, tuple(urls), is_learner=is_learner)

    # -- calls ------------------------------------------------------------------------------------------------------

    def start(self, method: str, request: Any = None, *, user: str | None = None, headers: Any = ()) -> AuthCall:
        """Begin a call of ``Service/Method``; of a stream the request is its first message."""
        path = next(path for path in self.methods if path.endswith(method))
        name = path.rpartition("/")[2]
        if user is not None:
            headers = ((b"token", self.tokens[user]),)
        found = self.methods[path]
        call: Any = AuthCall(response_of(name), headers)
        body = b"" if request is None else request.SerializeToString()
        if found.kind is Kind.BIDI:
            call.session = found.start(call)
            call.session.message(body)
        else:
            found.start(call, body)
        return call  # type: ignore[no-any-return]

    def call(self, method: str, request: Any = None, **options: Any) -> Any:
        """The answer, or (code, text)."""
        call = self.start(method, request, **options)
        self.settle()
        return call.outcome if call.outcome is not None else call.sent[0]

    def settle(self) -> None:
        """Everything under way, password work included."""
        self.world.settle()
        while self.worker.step():
            self.world.settle()

    def elapse(self, seconds: float) -> None:
        self.world.loop.advance(seconds)
        self.settle()

    # -- a cluster with users ---------------------------------------------------------------------------------------

    def allow(self, user: str, kind: int, key: bytes, range_end: bytes = b"") -> None:
        """Give ``user``, who may be new, a role of the same name with one permission more."""
        if user not in self.auth.users:
            self.must("Auth/UserAdd", rpc.AuthUserAddRequest(name=user, password=PASSWORD))
            self.must("Auth/RoleAdd", rpc.AuthRoleAddRequest(name=user))
            self.must("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user=user, role=user))
        request = rpc.AuthRoleGrantPermissionRequest(name=user)
        request.perm.key, request.perm.range_end, request.perm.permType = key, range_end, kind  # type: ignore[assignment]
        self.must("Auth/RoleGrantPermission", request)

    def must(self, method: str, request: Any = None) -> Any:
        """A call that has to succeed; as root once authentication is on."""
        answer = self.call(method, request, user="root" if self.auth.enabled else None)
        assert not isinstance(answer, tuple), (method, answer)
        return answer

    def enable(self) -> None:
        """Switch authentication on, with everybody logged in."""
        self.must("Auth/UserAdd", rpc.AuthUserAddRequest(name="root", password=ROOT_PASSWORD))
        self.must("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user="root", role="root"))
        self.must("Auth/AuthEnable")
        for user in list(self.auth.users):
            self.log_in(user)

    def log_in(self, user: str) -> None:
        password = ROOT_PASSWORD if user == "root" else PASSWORD
        answer = self.call("Auth/Authenticate", rpc.AuthenticateRequest(name=user, password=password))
        self.tokens[user] = answer.token.encode()


def response_of(name: str) -> Any:
    """The response class of a method."""
    spelled = {
        "Compact": "Compaction", "MoveLeader": "MoveLeader", "Campaign": "Campaign", "Observe": "Leader",
    }.get(name, name)  # fmt: skip
    for candidate in (f"{spelled}Response", f"Auth{spelled}Response"):
        if candidate in _KINDS:
            return _KINDS[candidate]
    raise LookupError(name)
