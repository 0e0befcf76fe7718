"""A stepped member with watch and lease services, and calls that record what is said to them."""

from __future__ import annotations

from typing import Any

from pyetcd.member.expiry import Expiry
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.lease import LeaseService
from pyetcd.rpc.watch import WatchService
from pyetcd.watch.hub import Hub
from pyetcd.wire.call import Metadata
from tests.member.stepped import World
from tests.watch.outlet import Outlet


class RecordedCall(Outlet):
    """A call of the wire room: ``sent`` messages as bytes in ``raw``, ``status`` once it has ended."""

    def __init__(self, kind: Any, *, has_leader: bool = False) -> None:
        super().__init__(kind)
        fields = ((b"hasleader", b"true"),) if has_leader else ()
        self.metadata = Metadata(b"", b"", fields)
        self.open = True
        self.status: tuple[int, str] | None = None
        self.on_cancel: Any = None
        self.on_drain: Any = None

    def reply(self, body: bytes) -> None:
        self.send(body)
        self.finish()

    def send_many(self, bodies: list[bytes]) -> None:
        if self.open:
            super().send_many(bodies)

    def finish(self) -> None:
        self.fail(0, "")

    def fail(self, code: int, text: str) -> None:
        if self.open:
            self.open = False
            self.status = (int(code), text)

    def reset(self) -> None:
        """The client goes away."""
        self.open = False
        if self.on_cancel is not None:
            self.on_cancel()


class Served:
    """World plus the two services; ``watch`` and ``keep_alive`` open streams."""

    def __init__(self, **options: Any) -> None:
        self.world = World()
        self.member = self.world.member
        self.hub = self.member.hub = Hub(self.member.store)
        self.watches = WatchService(self.member, jitter=lambda: 0.0, **options)
        self.leases = LeaseService(self.member)
        self.world.elect()
        self.member.lessor.promote(self.member.now(), 0.0)
        self.expiry = Expiry(self.member.lessor, self.member.propose, self.world.loop)

    def watch(self, *, has_leader: bool = False) -> tuple[Any, RecordedCall]:
        call: Any = RecordedCall(rpc.WatchResponse, has_leader=has_leader)
        return self.watches.watch(call), call

    def create(self, session: Any, key: bytes, **fields: Any) -> None:
        request = rpc.WatchRequest(create_request=rpc.WatchCreateRequest(key=key, **fields))
        session.message(request.SerializeToString())

    def put(self, key: bytes, value: bytes = b"v") -> None:
        self.world.put(key, value)
        self.world.settle()

    def unary(self, start: Any, request: Any, kind: Any) -> Any:
        """The answer to a unary call, or its (code, text)."""
        call: Any = RecordedCall(kind)
        start(call, request.SerializeToString())
        self.world.settle()
        return call.sent[0] if call.status == (0, "") else call.status

    def grant(self, id: int, ttl: int) -> Any:
        return self.unary(self.leases.grant, rpc.LeaseGrantRequest(ID=id, TTL=ttl), rpc.LeaseGrantResponse)

    def revoke(self, id: int) -> Any:
        return self.unary(self.leases.revoke, rpc.LeaseRevokeRequest(ID=id), rpc.LeaseRevokeResponse)

    def keep_alive(self, *, has_leader: bool = False) -> tuple[Any, RecordedCall]:
        call: Any = RecordedCall(rpc.LeaseKeepAliveResponse, has_leader=has_leader)
        return self.leases.keep_alive(call), call

    def elapse(self, seconds: float) -> None:
        """Time passes and the disk keeps up with it."""
        steps = max(1, round(seconds / 0.1))
        for _ in range(steps):
            self.world.loop.advance(seconds / steps)
            self.world.settle()
