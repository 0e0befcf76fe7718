"""Election.Observe: the present leader, then whatever it proclaims, then the next one (wire contract, section 4.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyetcd.errors import EtcdError
from pyetcd.mvcc.query import RangeResult
from pyetcd.mvcc.record import varint
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.self_watch import SelfWatch
from pyetcd.rpc.sessions import DELETE, Sessions, key_values, oldest
from pyetcd.wire.call import Call


def told(header: bytes, kv: Any) -> bytes:
    """A LeaderResponse."""
    body = kv.SerializeToString()
    return header + b"\x12" + varint(len(body)) + bytes(body)


class Observer:
    """One Observe call: looks for the leader, then watches its key; without a leader it watches the whole line.

    As in etcd the stream ends with OK when the election can no longer be read or watched.
    """

    __slots__ = ("_call", "_header", "_prefix", "_sessions", "_watch")

    def __init__(self, sessions: Sessions, call: Call, prefix: bytes) -> None:
        self._sessions = sessions
        self._header = sessions.member.header
        self._call = call
        self._prefix = prefix
        self._watch: SelfWatch | None = None

    def start(self) -> None:
        self._call.on_cancel = self.stop
        self._call.on_drain = self._drained
        self._sessions.waiting[self._call] = self.stop
        self._look()

    def stop(self) -> None:
        """Look no further."""
        self._sessions.waiting.pop(self._call, None)
        self._call.on_cancel = self._call.on_drain = None
        self._close_watch()

    def _look(self) -> None:
        self._sessions.read(self._call, oldest(self._prefix), self._found, self._lost)

    def _found(self, result: RangeResult) -> None:
        if not result.returned:
            self._open_watch(self._prefix, self._prefix[:-1] + b"0", result.revision, self._somebody)
            return
        leader = key_values(result)[0]
        self._call.send(told(self._header(result.revision), leader))
        self._open_watch(leader.key, b"", result.revision, self._changed)

    def _somebody(self, response: rpc.WatchResponse) -> None:
        """The first to put a key leads; of several in one revision the first of the transaction."""
        for event in response.events:
            if event.type != DELETE:
                self._call.send(told(self._header(event.kv.mod_revision), event.kv))
                self._open_watch(event.kv.key, b"", event.kv.mod_revision, self._changed)
                return
        if response.canceled:
            self._lost()

    def _changed(self, response: rpc.WatchResponse) -> None:
        for event in response.events:
            if event.type == DELETE:
                self._close_watch()
                self._look()
                return
            self._call.send(told(self._header(response.header.revision), event.kv))
        if response.canceled:
            self._lost()

    def _lost(self, error: EtcdError | None = None) -> None:
        self.stop()
        self._call.finish()

    def _open_watch(self, key: bytes, end: bytes, after: int, heard: Callable[[rpc.WatchResponse], object]) -> None:
        """Watch what happens after revision ``after``."""
        self._close_watch()
        self._watch = SelfWatch(self._sessions.member, key, end, after + 1, heard, self._call)

    def _drained(self) -> None:
        if self._watch is not None:
            self._watch.drained()

    def _close_watch(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None
