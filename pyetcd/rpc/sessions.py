"""What Lock and Election share: the member acts as a client of itself (wire contract, sections 4.4 and 4.5).

etcd serves both with its own client library inside the member.  So the log entries, reads and waits are those a client
would cause, and whatever is refused on the way reaches the caller as Unknown with the bare text.  Every act is done in
the name of the caller's ``call``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pyetcd.apply.kv import query
from pyetcd.apply.outcome import Applied
from pyetcd.errors import Compacted, EtcdError
from pyetcd.member.member import Member
from pyetcd.member.proposal import Result
from pyetcd.mvcc.query import RangeResult
from pyetcd.pb import kv_pb2 as kv
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.check import check_delete, check_txn
from pyetcd.rpc.errors import status
from pyetcd.rpc.guard import Guard
from pyetcd.rpc.self_watch import SelfWatch
from pyetcd.wire.call import Call, Code

SESSION_TTL = 60  # seconds
DELETE = kv.Event.DELETE
_INT63 = (1 << 63) - 1

Failed = Callable[[EtcdError], object]
Then = Callable[[Applied], object]


def key_in_line(prefix: bytes, lease: int) -> bytes:
    """The key with which the holder of ``lease`` stands in line."""
    return prefix + b"%x" % lease


def line(prefix: bytes, order: rpc.RangeRequest.SortOrder, newest: int = 0) -> rpc.RangeRequest:
    """Who is first or last in line by age; ``newest``: the latest create revision that counts, 0 for all.

    ``prefix`` ends in a slash.
    """
    return rpc.RangeRequest(
        key=prefix,
        range_end=prefix[:-1] + b"0",
        limit=1,
        sort_order=order,
        sort_target=rpc.RangeRequest.CREATE,
        max_create_revision=newest,
    )


def oldest(prefix: bytes) -> rpc.RangeRequest:
    """Whoever has the lock, or leads."""
    return line(prefix, rpc.RangeRequest.ASCEND)


def key_values(result: RangeResult) -> Any:
    """The decoded KeyValues of a range."""
    return rpc.RangeResponse.FromString(result.kvs.join()).kvs


class Sessions:
    """The member as its own client.  ``then`` hears the outcome, ``failed`` an error; by default it ends the call.

    ``waiting``: how to end each call that waits for others, when the server stops.
    """

    def __init__(self, member: Member, max_txn_ops: int, guard: Guard | None = None) -> None:
        self.member = member
        self.guard = guard or Guard(member)
        self.max_txn_ops = max_txn_ops
        self.waiting: dict[Call, Callable[[], object]] = {}

    def end_all(self, code: Code, text: str) -> None:
        """End every waiting call; the keys stay in line until their leases end."""
        for call, stop in list(self.waiting.items()):
            stop()
            call.fail(code, text)

    # -- writing ------------------------------------------------------------------------------------------------

    def with_lease(self, call: Call, lease: int, then: Callable[[int], object]) -> None:
        """``then(lease)``, with a lease granted for the occasion when the caller gave none."""
        if lease:
            then(lease)
            return
        try:
            self.guard.check_known(call)
        except EtcdError as error:
            refuse(call, error)
            return
        request = rpc.LeaseGrantRequest(ID=self.member.next_request_id() & _INT63, TTL=SESSION_TTL)
        self._propose(call, "lease_grant", request, lambda _: then(request.ID), None)

    def txn(self, call: Call, request: rpc.TxnRequest, then: Then, failed: Failed | None = None) -> None:
        try:
            check_txn(request, self.max_txn_ops)
        except EtcdError as error:
            self._refuse(call, error, failed)
            return
        self._propose(call, "txn", request, then, failed)

    def delete(self, call: Call, key: bytes, then: Then) -> None:
        request = rpc.DeleteRangeRequest(key=key)
        try:
            check_delete(request)
        except EtcdError as error:
            self._refuse(call, error, None)
            return
        self._propose(call, "delete_range", request, then, None)

    def _propose(self, call: Call, field: str, request: Any, then: Then, failed: Failed | None) -> None:
        heard = partial(self._heard, call, then, failed)
        self.guard.propose(call, field, request.SerializeToString(), request, heard)

    def _heard(self, call: Call, then: Then, failed: Failed | None, result: Result) -> None:
        if isinstance(result, EtcdError):
            self._refuse(call, result, failed)
        else:
            then(result)

    def _refuse(self, call: Call, error: EtcdError, failed: Failed | None) -> None:
        if failed is None:
            refuse(call, error)
        else:
            failed(error)

    # -- reading ------------------------------------------------------------------------------------------------

    def read(
        self, call: Call, r: rpc.RangeRequest, then: Callable[[RangeResult], object], failed: Failed | None = None
    ) -> None:
        """A linearizable range; nothing more happens once the caller is gone."""

        def confirmed(error: EtcdError | None) -> None:
            try:
                self.guard.check_read(call, r.key, r.range_end)
            except EtcdError as refused:
                error = error or refused
            if error is not None:
                self._refuse(call, error, failed)
            else:
                self._step(call, self.member.store.range_steps(query(r)), then, failed)

        self.member.linearizable(confirmed)

    def _step(
        self,
        call: Call,
        steps: Iterator[RangeResult | None],
        then: Callable[[RangeResult], object],
        failed: Failed | None,
    ) -> None:
        if not call.open:
            return
        try:
            result = next(steps)
        except EtcdError as error:
            self._refuse(call, error, failed)
            return
        if result is None:
            self.member.soon(partial(self._step, call, steps, then, failed))
        else:
            then(result)


def refuse(call: Call, error: EtcdError | str) -> None:
    """End a call of Lock or Election: the text alone counts."""
    call.fail(Code.UNKNOWN, error if isinstance(error, str) else status(error)[1])


class Turn:
    """Waits until nobody in line under ``prefix`` is older than ``revision``; as in etcd one predecessor at a time.

    then     it is the caller's turn
    leave    the wait was given up, because the caller went away or something failed: take the key out of the line
    """

    __slots__ = ("_call", "_leave", "_predecessor", "_sessions", "_then", "_watch")

    def __init__(
        self,
        sessions: Sessions,
        call: Call,
        prefix: bytes,
        revision: int,
        then: Callable[[], object],
        leave: Callable[[], object],
    ) -> None:
        self._sessions = sessions
        self._call = call
        self._predecessor = line(prefix, rpc.RangeRequest.DESCEND, revision - 1)
        self._then = then
        self._leave = leave
        self._watch: SelfWatch | None = None

    def start(self) -> None:
        if not self._call.open:
            self._leave()
            return
        self._call.on_cancel = self._cancelled
        self._sessions.waiting[self._call] = self.stop
        self._look()

    def stop(self) -> None:
        """Wait no longer."""
        self._sessions.waiting.pop(self._call, None)
        self._call.on_cancel = None
        self._close_watch()

    def _look(self) -> None:
        self._sessions.read(self._call, self._predecessor, self._found, self._failed)

    def _found(self, result: RangeResult) -> None:
        if not result.returned:
            self.stop()
            self._then()
            return
        predecessor = key_values(result)[0].key
        self._watch = SelfWatch(self._sessions.member, predecessor, b"", result.revision + 1, self._changed)

    def _changed(self, response: rpc.WatchResponse) -> None:
        if response.canceled:
            self._failed(Compacted())
        elif any(event.type == DELETE for event in response.events):
            self._close_watch()
            self._look()

    def _failed(self, error: EtcdError) -> None:
        self._cancelled()
        refuse(self._call, error)

    def _cancelled(self) -> None:
        self.stop()
        self._leave()

    def _close_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
