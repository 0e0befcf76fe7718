"""Micro-benchmarks of the hot paths: codec, store, hub, wire.  `make micro` measures; `make test` runs each once."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hpack import Encoder

from pyetcd.mvcc import record
from pyetcd.mvcc.memory import MemoryBackend
from pyetcd.mvcc.query import Query
from pyetcd.mvcc.store import Store
from pyetcd.pb import kv_pb2
from pyetcd.watch.hub import Hub
from pyetcd.wire.call import Call, Kind, Metadata, Method
from pyetcd.wire.connection import Connection

Benchmark = Callable[..., Any]  # the fixture of pytest-benchmark
KEYS = 50_000
VALUE = b"v" * 256


def name(i: int) -> bytes:
    return b"/registry/pods/default/%08d" % i


@pytest.fixture(scope="module")
def store() -> Store:
    """KEYS keys of 256 bytes; tests may add revisions but no keys."""
    filled = Store(MemoryBackend())
    filled.load()
    for i in range(KEYS):
        filled.put(name(i), VALUE)
    return filled


def test_encode_a_key_value(benchmark: Benchmark) -> None:
    body = benchmark(record.encode_kv, name(1), 5, 900_000, 12, VALUE, 7)
    kv = kv_pb2.KeyValue.FromString(body)
    assert (kv.key, kv.create_revision, kv.mod_revision, kv.version, kv.lease) == (name(1), 5, 900_000, 12, 7)


def test_put_on_an_existing_key(benchmark: Benchmark, store: Store) -> None:
    numbers = itertools.cycle(range(KEYS))
    change = benchmark(lambda: store.put(name(next(numbers)), VALUE))
    assert record.mod_of(change.kv) == store.revision


def test_range_of_one_key(benchmark: Benchmark, store: Store) -> None:
    assert benchmark(lambda: store.range(Query(name(777))).returned) == 1


def test_range_of_a_thousand_keys_into_bytes(benchmark: Benchmark, store: Store) -> None:
    query = Query(name(2000), name(3000))
    assert len(benchmark(lambda: store.range(query).kvs.join())) > 1000 * 256


def test_first_page_knows_the_count(benchmark: Benchmark, store: Store) -> None:
    found = benchmark(lambda: store.range(Query(name(0), name(KEYS), limit=500)))
    assert (found.returned, found.count, found.more) == (500, KEYS, True)


class Sink:
    """An outlet that counts; its client reads at once."""

    pending = 0
    crowded = False

    def __init__(self) -> None:
        self.bodies = 0

    def send(self, body: bytes) -> None:
        self.bodies += 1

    def send_many(self, bodies: list[bytes]) -> None:
        self.bodies += len(bodies)


def test_one_change_to_a_thousand_watchers_on_ten_streams(benchmark: Benchmark, store: Store) -> None:
    hub = Hub(store)
    sink = Sink()
    for _ in range(10):
        stream = hub.open(sink)
        for _ in range(100):
            stream.create(name(5))

    def one_change() -> int:
        change = store.put(name(5), VALUE)
        before = sink.bodies
        hub.notify(store.revision, [change])
        hub.flush()
        return sink.bodies - before

    assert benchmark(one_change) == 1000


REPLY = b"\x0a\x10" + b"r" * 300


class Echo:
    """A router with one method that answers at once with constant bytes."""

    def __init__(self) -> None:
        path = b"/etcdserverpb.KV/Range"
        self.methods = {path: Method(path, Kind.UNARY, lambda call, message: self.answer(call, message))}

    def answer(self, call: Call, message: bytes) -> None:
        call.reply(REPLY)

    def admit(self, metadata: Metadata, method: Method) -> None:
        return None


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


class Client:
    """Writes what a Go client writes: one header block over and over, one DATA frame a call."""

    CALLS = 100

    def __init__(self) -> None:
        self.encoder = Encoder()
        self.fields = [
            (":method", "POST"), (":scheme", "http"), (":path", "/etcdserverpb.KV/Range"), (":authority", "127.0.0.1"),
            ("content-type", "application/grpc"), ("user-agent", "grpc-go/1.82.1"), ("te", "trailers"),
        ]  # fmt: skip
        self.stream = 1
        message = b"\x0a\x03foo"
        self.body = b"\0" + len(message).to_bytes(4, "big") + message

    def greeting(self) -> bytes:
        window = frame(8, 0, 0, (2**31 - 1 - 65535).to_bytes(4, "big"))
        return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + window

    def calls(self) -> bytes:
        pieces = []
        for _ in range(self.CALLS):
            block = self.encoder.encode(self.fields)
            pieces += [frame(1, 4, self.stream, block), frame(0, 1, self.stream, self.body)]
            self.stream += 2
        return b"".join(pieces)


def test_a_hundred_unary_calls_in_one_read(benchmark: Benchmark) -> None:
    client = Client()
    connection = Connection(Echo(), now=0.0)
    connection.receive(client.greeting() + client.calls(), 0.0)
    connection.take()

    def prepared() -> tuple[tuple[bytes], dict[str, Any]]:
        return (client.calls(),), {}

    def exchange(calls: bytes) -> int:
        connection.receive(calls, 1.0)
        output = connection.take()
        return len(output) if isinstance(output, bytes) else sum(map(len, output))

    # rounds stay under the connection window of the client: nothing gives it back here
    sent = benchmark.pedantic(exchange, setup=prepared, rounds=1000)  # type: ignore[attr-defined]
    assert sent > client.CALLS * len(REPLY)
