"""etcdserverpb.Lease: grant, revoke, keep-alive streams, time-to-live, list (wire contract, section 4.1)."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError

from pyetcd.apply.outcome import Applied
from pyetcd.errors import EtcdError
from pyetcd.lease.lease import NO_LEASE
from pyetcd.member.member import Member
from pyetcd.member.proposal import Result
from pyetcd.mvcc.record import varint
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.wire.call import Call, Code, Kind, Method

from .admission import admitted
from .decode import STREAM, decode
from .errors import fail
from .guard import Guard

KNOWN_REQUESTS = 4096
"""Decoded renewals the service remembers: clients ask for the same leases again and again, in stream after stream."""
USUAL_SIZE = 11
"""Bytes of a request with an id and nothing else, at most; others are not remembered."""

_INT63 = (1 << 63) - 1
_parse_keep_alive = rpc.LeaseKeepAliveRequest.FromString


class LeaseService:
    """Grants and revokes go through the log; renewals and questions are answered by the lessor."""

    def __init__(self, member: Member, guard: Guard | None = None) -> None:
        self.member = member
        self.guard = guard or Guard(member)
        self.quota = member.machine.quota
        self.sessions: dict[KeepAliveSession, None] = {}
        self.known: dict[bytes, tuple[int, bytes]] = {}

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        prefix = b"/etcdserverpb.Lease/"
        return [
            Method(prefix + b"LeaseGrant", Kind.UNARY, self.grant),
            Method(prefix + b"LeaseRevoke", Kind.UNARY, self.revoke),
            Method(prefix + b"LeaseKeepAlive", Kind.BIDI, self.keep_alive),
            Method(prefix + b"LeaseTimeToLive", Kind.UNARY, self.time_to_live),
            Method(prefix + b"LeaseLeases", Kind.UNARY, self.leases),
        ]

    def end_all(self, code: Code, text: str, *, only_with_leader: bool = False) -> None:
        """End every keep-alive stream: the server stops, or (``only_with_leader``) there is no leader."""
        for session in list(self.sessions):
            if not only_with_leader or session.call.metadata.has_leader:
                session.closed()
                session.call.fail(code, text)

    # -- through the log ----------------------------------------------------------------------------------------

    def grant(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.LeaseGrantRequest, body)
        if r is None or (self.quota.near and not admitted(self.guard, call, "lease_grant", r)):
            return
        if r.ID == NO_LEASE:
            while r.ID == NO_LEASE:
                r.ID = self.member.next_request_id() & _INT63
            body = r.SerializeToString()
        self._propose(call, "lease_grant", body, r)

    def revoke(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.LeaseRevokeRequest, body)
        if r is not None:
            self._propose(call, "lease_revoke", body, r)

    def _propose(self, call: Call, field: str, body: bytes, r: Any) -> None:
        try:
            self.guard.check_known(call)
        except EtcdError as error:
            fail(call, error)
            return
        self.guard.propose(call, field, body, r, partial(self._answer, call))

    def _answer(self, call: Call, result: Result) -> None:
        if type(result) is Applied:
            call.reply(self.member.header(result.revision) + result.body)
        else:
            assert isinstance(result, EtcdError)
            fail(call, result)

    # -- at once ------------------------------------------------------------------------------------------------

    def time_to_live(self, call: Call, body: bytes) -> None:
        """A lease that does not exist has TTL -1 and is no error."""
        r = decode(call, rpc.LeaseTimeToLiveRequest, body)
        if r is None:
            return
        member = self.member
        try:
            if member.auth.enabled:
                self.guard.check_known(call)
                if r.keys:
                    self.guard.check_keys_shown(call, [r.ID])
            found = member.lessor.time_to_live(r.ID, member.now())
        except EtcdError as error:
            fail(call, error)
            return
        answer = rpc.LeaseTimeToLiveResponse(ID=r.ID, TTL=-1)
        if found is not None:
            answer.grantedTTL, answer.TTL, keys = found
            if r.keys:
                answer.keys.extend(keys)
        call.reply(member.header(member.store.revision) + answer.SerializeToString())

    def leases(self, call: Call, body: bytes) -> None:
        member = self.member
        ids = member.lessor.leases(member.now())
        if member.auth.enabled:
            try:
                self.guard.check_keys_shown(call, ids)
            except EtcdError as error:
                fail(call, error)
                return
        pieces = [member.header(member.store.revision)]
        for id in ids:
            status = b"\x08" + varint(id)
            pieces.append(b"\x12" + varint(len(status)) + status)
        call.reply(b"".join(pieces))

    # -- renewals -----------------------------------------------------------------------------------------------

    def keep_alive(self, call: Call) -> KeepAliveSession:
        session = KeepAliveSession(self, call)
        self.sessions[session] = None
        return session

    def learn(self, body: bytes) -> tuple[int, bytes]:
        """The id a renewal asks for and the reply's field with it; raises DecodeError."""
        id = _parse_keep_alive(body).ID
        known = (id, b"\x10" + varint(id) if id else b"")
        if len(body) <= USUAL_SIZE:
            if len(self.known) >= KNOWN_REQUESTS:
                self.known.clear()
            self.known[body] = known
        return known


class KeepAliveSession:
    """One keep-alive stream: a reply per request, in order; half-closed it ends once all are answered.

    A renewal that finds its lease expired waits for the revoke, and the requests behind it wait as well.
    """

    __slots__ = ("_ended", "_member", "_service", "_waiting", "call")

    def __init__(self, service: LeaseService, call: Call) -> None:
        self._service = service
        self._member = service.member
        self.call = call
        self._waiting: deque[tuple[int, bytes]] | None = None  # made when the first has to wait
        self._ended = False
        call.on_cancel = self.closed

    def message(self, body: bytes) -> None:
        if not self.call.open:
            return
        service = self._service
        known = service.known.get(body)
        if known is None:
            try:
                known = service.learn(body)
            except DecodeError:
                self.closed()
                decode(self.call, rpc.LeaseKeepAliveRequest, body, STREAM)
                return
        id, echo = known
        member = self._member
        # the header is made before the renewal: its revision may not be later than a revoke that beats the renewal
        head = member.header(member.store.revision) + echo
        if self._waiting or not self._renew(id, head):
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((id, head))

    def half_close(self) -> None:
        self._ended = True
        if not self._waiting:
            self.closed()
            self.call.finish()

    def closed(self) -> None:
        """The call is over, whoever ended it."""
        self._service.sessions.pop(self, None)
        self._waiting = None
        self.call.on_cancel = None

    def _renew(self, id: int, head: bytes) -> bool:
        """Answer one request with ``head`` and the TTL; False when its answer must wait."""
        member = self._member
        lessor = member.lessor
        try:
            if member.auth.enabled:
                self._service.guard.check_renewal(self.call, id)
            if lessor.checkpoint_interval is not None and lessor.has_checkpoint(id):
                self._forget_checkpoint(id)
                return False
            ttl = lessor.renew(id, member.now())
        except EtcdError as error:
            self.closed()
            fail(self.call, error)
            return True
        if ttl == 0:
            lessor.when_settled(id, self._resume)
            return False
        self.call.send(head + b"\x18" + varint(ttl) if ttl else head)
        return True

    def _forget_checkpoint(self, id: int) -> None:
        """A renewed lease has its full time again on every member, so the checkpoint goes through the log first."""
        request = rpc.LeaseCheckpointRequest(checkpoints=[rpc.LeaseCheckpoint(ID=id, remaining_TTL=0)])
        self._member.propose("lease_checkpoint", request.SerializeToString(), request, self._checkpoint_forgotten)

    def _checkpoint_forgotten(self, result: Result) -> None:
        if isinstance(result, EtcdError):
            if self._waiting:
                self.closed()
                fail(self.call, result)
            return
        self._resume()

    def _resume(self) -> None:
        """What the first in the queue waited for has happened."""
        while self._waiting:
            id, head = self._waiting[0]
            if not self._renew(id, head):
                return
            if self._waiting:
                self._waiting.popleft()
        if self._ended and self.call.open:
            self.closed()
            self.call.finish()
