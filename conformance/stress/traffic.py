"""Concurrent clients and watchers, and the history they leave."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import grpc
from pyetcd.pb import kv_pb2, rpc_pb2

from ..client import Credentials, connect
from .history import NEVER, Operation, Pair, Report, Seen, Watched

PREFIX, PREFIX_END = b"stress/", b"stress0"
CALL_SECONDS = 10.0


def pair_of(kv: kv_pb2.KeyValue) -> Pair:
    return Pair(kv.value, kv.create_revision, kv.mod_revision, kv.version)


def seen_of(event: kv_pb2.Event) -> Seen:
    before = pair_of(event.prev_kv) if event.HasField("prev_kv") else None
    deleted = event.type == kv_pb2.Event.DELETE
    return Seen(event.kv.mod_revision, event.kv.key, deleted, None if deleted else pair_of(event.kv), before)


class Client:
    """One caller with a connection of its own; ``run`` until told to stop."""

    def __init__(self, number: int, address: str, credentials: Credentials | None, seed: int, keys: int) -> None:
        self.number = number
        self.history: list[Operation] = []
        self._random = Random(seed * 1000 + number)
        self._keys = [PREFIX + b"%d" % key for key in range(keys)]
        self._channel = connect(address, credentials)
        self._mods: dict[bytes, int] = {}
        self._count = 0

    def run(self, stop: threading.Event, pause: float) -> None:
        while not stop.is_set():
            self._one()
            time.sleep(self._random.random() * 2 * pause)
        self._channel.close()

    def _one(self) -> None:
        kind = self._random.choices(["put", "get", "delete", "cas", "list"], [30, 30, 10, 25, 5])[0]
        key = self._random.choice(self._keys)
        self._count += 1
        value = b"%d.%d" % (self.number, self._count)
        expected = self._mods.get(key, 0)
        start = time.monotonic()
        try:
            seen = getattr(self, "_" + kind)(key, value, expected)
            end = time.monotonic()
        except grpc.RpcError:
            seen, end = None, NEVER
            if kind in ("get", "list"):
                return
        self.history.append(Operation(self.number, start, end, kind, key, value, expected, seen))

    def _ask(self, path: str, request: Any, kind: Any) -> Any:
        call = self._channel.unary_unary("/etcdserverpb." + path)
        return kind.FromString(call(request.SerializeToString(), timeout=CALL_SECONDS))

    def _put(self, key: bytes, value: bytes, expected: int) -> tuple[object, ...]:
        answer = self._ask("KV/Put", rpc_pb2.PutRequest(key=key, value=value), rpc_pb2.PutResponse)
        self._mods[key] = answer.header.revision
        return (answer.header.revision,)

    def _get(self, key: bytes, value: bytes, expected: int) -> tuple[object, ...]:
        answer = self._ask("KV/Range", rpc_pb2.RangeRequest(key=key), rpc_pb2.RangeResponse)
        pair = pair_of(answer.kvs[0]) if answer.kvs else None
        self._mods[key] = pair.mod if pair else 0
        return answer.header.revision, pair

    def _list(self, key: bytes, value: bytes, expected: int) -> tuple[object, ...]:
        answer = self._ask("KV/Range", rpc_pb2.RangeRequest(key=PREFIX, range_end=PREFIX_END), rpc_pb2.RangeResponse)
        return answer.header.revision, tuple((kv.key, pair_of(kv)) for kv in answer.kvs)

    def _delete(self, key: bytes, value: bytes, expected: int) -> tuple[object, ...]:
        answer = self._ask("KV/DeleteRange", rpc_pb2.DeleteRangeRequest(key=key), rpc_pb2.DeleteRangeResponse)
        self._mods[key] = 0
        return answer.header.revision, answer.deleted

    def _cas(self, key: bytes, value: bytes, expected: int) -> tuple[object, ...]:
        condition = rpc_pb2.Compare(target="MOD", key=key, mod_revision=expected)
        change = rpc_pb2.RequestOp(request_put=rpc_pb2.PutRequest(key=key, value=value))
        answer = self._ask("KV/Txn", rpc_pb2.TxnRequest(compare=[condition], success=[change]), rpc_pb2.TxnResponse)
        return answer.header.revision, answer.succeeded


class Watcher:
    """One watcher on a stream of its own, which it may leave and take up again where it stopped."""

    def __init__(
        self, watched: Watched, address: str, credentials: Credentials | None, seed: int, restless: bool
    ) -> None:
        self.watched = watched
        self._channel = connect(address, credentials)
        self._random = Random(seed)
        self._restless = restless
        self._next = watched.start

    def run(self, stop: threading.Event, last: list[int]) -> None:
        """Until stopped and told everything up to ``last[0]``, as a progress answer proves."""
        end = NEVER
        while time.monotonic() < end:
            if stop.is_set() and end == NEVER:
                end = time.monotonic() + 20
            if self._session(stop, last):
                break
            self.watched.resumed += 1
        self._channel.close()

    def _session(self, stop: threading.Event, last: list[int]) -> bool:
        """One stream; True when all is told."""
        requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        requests.put(self._create())
        call = self._channel.stream_stream("/etcdserverpb.Watch/Watch")(_drawn(requests))
        leave = time.monotonic() + self._random.uniform(0.5, 2.0) if self._restless and not stop.is_set() else NEVER
        ask = rpc_pb2.WatchRequest(progress_request=rpc_pb2.WatchProgressRequest()).SerializeToString()
        asker = threading.Thread(target=_ask_again, args=(requests, ask), daemon=True)
        asker.start()
        try:
            for body in call:
                answer = rpc_pb2.WatchResponse.FromString(body)
                if self._take(answer) and stop.is_set() and answer.header.revision >= last[0]:
                    return True
                if time.monotonic() > leave:
                    return False
        except grpc.RpcError:
            return False
        finally:
            requests.put(None)
            call.cancel()
        return False

    def _create(self) -> bytes:
        watched = self.watched
        filters = [number for number, wanted in ((0, watched.puts), (1, watched.deletes)) if not wanted]
        create = rpc_pb2.WatchCreateRequest(
            key=watched.key, range_end=watched.end, start_revision=self._next, prev_kv=watched.prev_kv
        )
        create.filters.extend(filters)  # type: ignore[arg-type]
        return rpc_pb2.WatchRequest(create_request=create).SerializeToString()

    def _take(self, answer: rpc_pb2.WatchResponse) -> bool:
        """Note a message; True for a progress answer."""
        if answer.created or answer.canceled:
            return False
        events = tuple(seen_of(event) for event in answer.events)
        self.watched.reports.append(Report(answer.header.revision, events))
        self._next = max(self._next, events[-1].revision + 1) if events else self._next
        return not events


def _drawn(requests: queue.SimpleQueue[bytes | None]) -> Iterator[bytes]:
    while (body := requests.get()) is not None:
        yield body


def _ask_again(requests: queue.SimpleQueue[bytes | None], ask: bytes) -> None:
    """A progress request every 50 ms; two minutes are more than any session lasts."""
    for _ in range(2400):
        time.sleep(0.05)
        requests.put(ask)


def read_log(address: str, credentials: Credentials | None, start: int, last: int) -> dict[int, tuple[Seen, ...]]:
    """All changes of the run, from a watch of the past."""
    watched = Watched("log", PREFIX, PREFIX_END, start, prev_kv=True)
    stop = threading.Event()
    stop.set()
    Watcher(watched, address, credentials, 0, restless=False).run(stop, [last])
    log: dict[int, list[Seen]] = {}
    for report in watched.reports:
        for event in report.events:
            log.setdefault(event.revision, []).append(event)
    return {revision: tuple(events) for revision, events in log.items()}
