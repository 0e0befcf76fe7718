"""v3lockpb.Lock: keys under ``name/`` stand in line by age, the oldest has the lock (wire contract, section 4.4)."""

from __future__ import annotations

from pyetcd.apply.outcome import Applied
from pyetcd.errors import EtcdError
from pyetcd.mvcc.query import RangeResult
from pyetcd.mvcc.record import varint
from pyetcd.pb import lock_pb2 as lock
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.decode import decode
from pyetcd.rpc.sessions import Sessions, Turn, key_in_line, oldest, refuse
from pyetcd.wire.call import Call, Kind, Method

SESSION_EXPIRED = "mutex: session is expired"


class LockService:
    """Lock waits until the caller has the lock; Unlock deletes whatever key it is given."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.member = sessions.member

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        prefix = b"/v3lockpb.Lock/"
        return [
            Method(prefix + b"Lock", Kind.UNARY, self.lock),
            Method(prefix + b"Unlock", Kind.UNARY, self.unlock),
        ]

    def lock(self, call: Call, body: bytes) -> None:
        r = decode(call, lock.LockRequest, body)
        if r is not None:
            self.sessions.with_lease(call, r.lease, lambda lease: Locking(self.sessions, call, r.name, lease).start())

    def unlock(self, call: Call, body: bytes) -> None:
        """A key that is not there is no error."""
        r = decode(call, lock.UnlockRequest, body)
        if r is not None:
            self.sessions.delete(call, r.key, lambda applied: call.reply(self.member.header(applied.revision)))


class Locking:
    """One Lock call."""

    __slots__ = ("_call", "_key", "_lease", "_prefix", "_sessions")

    def __init__(self, sessions: Sessions, call: Call, name: bytes, lease: int) -> None:
        self._sessions = sessions
        self._call = call
        self._prefix = name + b"/"
        self._key = key_in_line(self._prefix, lease)
        self._lease = lease

    def start(self) -> None:
        """Get in line, or find out where the key stands already, and who is first."""
        first = rpc.RequestOp(request_range=oldest(self._prefix))
        put = rpc.PutRequest(key=self._key, lease=self._lease)
        request = rpc.TxnRequest(
            compare=[rpc.Compare(target=rpc.Compare.CREATE, key=self._key, create_revision=0)],
            success=[rpc.RequestOp(request_put=put), first],
            failure=[rpc.RequestOp(request_range=rpc.RangeRequest(key=self._key)), first],
        )
        self._sessions.txn(self._call, request, self._in_line)

    def _in_line(self, applied: Applied) -> None:
        answer = rpc.TxnResponse.FromString(applied.body)
        own, first = answer.responses
        revision = applied.revision if answer.succeeded else own.response_range.kvs[0].create_revision
        owner = first.response_range.kvs
        if not owner or owner[0].create_revision == revision:
            self._answer(applied.revision)
        else:
            Turn(self._sessions, self._call, self._prefix, revision, self._first, self._leave).start()

    def _first(self) -> None:
        """Everybody older is gone; so may be the own key, with its lease."""
        self._call.on_cancel = self._leave
        self._sessions.read(self._call, rpc.RangeRequest(key=self._key), self._check, self._lost)

    def _check(self, result: RangeResult) -> None:
        self._call.on_cancel = None
        if result.returned:
            self._answer(result.revision)
        else:
            refuse(self._call, SESSION_EXPIRED)

    def _lost(self, error: EtcdError) -> None:
        self._call.on_cancel = None
        self._leave()
        refuse(self._call, error)

    def _leave(self) -> None:
        self._sessions.delete(self._call, self._key, lambda _: None)

    def _answer(self, revision: int) -> None:
        header = self._sessions.member.header(revision)
        self._call.reply(header + b"\x12" + varint(len(self._key)) + self._key)
