"""kill -9 at random moments under load, and a damaged log: what was acknowledged is there, nothing is half there.

Writers keep their own record: each transaction puts the same counter under two keys, so a torn transaction would show
as two different values; the acknowledged revision of each is remembered and looked up again after the restart.
"""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from pyetcd.pb import rpc_pb2 as rpc
from tests.servers import NotReady, Server, our_command

ROUNDS = 6
WRITERS = 4
MEMBER_ID = 0xB71F75320DC06A6C  # of http://127.0.0.1:2380 with the default token


class Client:
    """Raw unary calls."""

    def __init__(self, endpoint: str) -> None:
        self.channel = grpc.insecure_channel(endpoint)

    def call(self, path: str, request: Any, kind: Any) -> Any:
        send = self.channel.unary_unary("/etcdserverpb." + path)
        return kind.FromString(send(request.SerializeToString(), timeout=10))

    def put_pair(self, name: str, number: int) -> int:
        value = b"%d" % number
        puts = [rpc.RequestOp(request_put=rpc.PutRequest(key=f"{name}/{half}".encode(), value=value)) for half in "ab"]
        return int(self.call("KV/Txn", rpc.TxnRequest(success=puts), rpc.TxnResponse).header.revision)

    def all(self, revision: int = 0) -> dict[bytes, bytes]:
        request = rpc.RangeRequest(key=b"\0", range_end=b"\0", revision=revision)
        return {kv.key: kv.value for kv in self.call("KV/Range", request, rpc.RangeResponse).kvs}

    def close(self) -> None:
        self.channel.close()


class Writer(threading.Thread):
    """Writes until the server dies; ``acknowledged``: (number, revision) in order."""

    def __init__(self, endpoint: str, name: str, start: int) -> None:
        super().__init__(daemon=True)
        self.client = Client(endpoint)
        self.label = name
        self.next = start
        self.acknowledged: list[tuple[int, int]] = []

    def run(self) -> None:
        while True:
            try:
                revision = self.client.put_pair(self.label, self.next)
            except grpc.RpcError:
                self.client.close()
                return
            self.acknowledged.append((self.next, revision))
            self.next += 1


def history(endpoint: str, last: int) -> dict[int, list[tuple[bytes, bytes]]]:
    """Every event from revision 2 to ``last``, by revision, as a watcher reads them."""
    requests: list[bytes] = [
        rpc.WatchRequest(
            create_request=rpc.WatchCreateRequest(key=b"\0", range_end=b"\0", start_revision=2)
        ).SerializeToString()
    ]
    done = threading.Event()

    def feed() -> Iterator[bytes]:
        yield from requests
        done.wait(60)

    events: dict[int, list[tuple[bytes, bytes]]] = {}
    with grpc.insecure_channel(endpoint) as channel:
        for body in channel.stream_stream("/etcdserverpb.Watch/Watch")(feed()):
            for event in rpc.WatchResponse.FromString(body).events:
                events.setdefault(event.kv.mod_revision, []).append((event.kv.key, event.kv.value))
            if events and max(events) >= last:
                break
        done.set()
    return events


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    chance = random.Random(20260101)
    server = Server(our_command(), tmp_path, ("--snapshot-count=1000",))
    acknowledged: dict[str, list[tuple[int, int]]] = {f"w{n}": [] for n in range(WRITERS)}
    for _ in range(ROUNDS):
        server.start()
        writers = [
            Writer(server.endpoint, name, acknowledged[name][-1][0] + 1 if acknowledged[name] else 0)
            for name in acknowledged
        ]
        for writer in writers:
            writer.start()
        time.sleep(chance.uniform(0.2, 1.2))
        server.kill()
        for writer in writers:
            writer.join(30)
            # the write under way may or may not have landed: its number is not used again
            acknowledged[writer.label] += [*writer.acknowledged]
            writer.next += 1
        server.start()
        check(server.endpoint, acknowledged)
        server.stop()


def check(endpoint: str, acknowledged: dict[str, list[tuple[int, int]]]) -> None:
    client = Client(endpoint)
    now = client.all()
    last = max(pairs[-1][1] for pairs in acknowledged.values() if pairs)
    events = history(endpoint, last)
    for name, pairs in acknowledged.items():
        keys = [f"{name}/a".encode(), f"{name}/b".encode()]
        assert now.get(keys[0]) == now.get(keys[1]), "a transaction is half there"
        assert not pairs or int(now[keys[0]]) >= pairs[-1][0], "an acknowledged write is gone"
        for number, revision in pairs:
            expected = [(key, b"%d" % number) for key in keys]
            assert events[revision] == expected, f"revision {revision} is not what was acknowledged"
    assert sorted(events) == list(range(2, max(events) + 1)), "a revision is missing from history"
    client.close()


@pytest.fixture
def written(tmp_path: Path) -> Server:
    """A server that was killed with two hundred entries in its log that the state has not seen."""
    server = Server(our_command(), tmp_path)
    server.start()
    client = Client(server.endpoint)
    for number in range(200):
        client.put_pair("k", number)
    client.close()
    server.kill()
    return server


def segment(server: Server) -> Path:
    return sorted((server.data_dir / "member" / "wal").glob("*.wal"))[-1]


def end_of_records(data: bytes) -> int:
    return len(data.rstrip(b"\0"))


def test_a_torn_tail_is_repaired(written: Server) -> None:
    path = segment(written)
    data = path.read_bytes()
    end = end_of_records(data)
    path.write_bytes(data[: end - 7] + bytes(len(data) - end + 7))
    written.start()
    client = Client(written.endpoint)
    assert client.all()[b"k/a"] == b"198"  # the last entry was cut, as a power cut cuts what was not synced
    client.close()
    written.stop()


def test_a_corrupt_record_in_the_middle_is_refused_with_file_and_offset(written: Server) -> None:
    path = segment(written)
    data = bytearray(path.read_bytes())
    data[data.index(b"k/b", end_of_records(bytes(data)) // 2)] ^= 0x55  # not in padding, which nothing covers
    path.write_bytes(data)
    with pytest.raises(NotReady, match=r"\.wal: corrupt record at offset \d+"):
        written.start()


def test_a_second_server_on_the_same_directory_says_so_and_exits(tmp_path: Path) -> None:
    first = Server(our_command(), tmp_path)
    first.start()
    second = Server(our_command(), tmp_path)
    with pytest.raises(NotReady, match="in use by another server"):
        second.start()
    assert Client(first.endpoint).put_pair("still", 1) == 2
    first.stop()


def test_a_clean_restart_replays_nothing_and_costs_one_term(tmp_path: Path) -> None:
    server = Server(our_command(), tmp_path)
    for term in (2, 3, 4):
        server.start()
        client = Client(server.endpoint)
        status = client.call("Maintenance/Status", rpc.StatusRequest(), rpc.StatusResponse)
        assert (status.raftTerm, status.raftIndex) == (term, 4 + 2 * (term - 2))
        client.close()
        assert server.stop() == -15


def test_a_start_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    """Killed while it makes its directory, at many moments: the next start works and has the same identity."""
    for delay in (0.05, 0.15, 0.25, 0.3, 0.35, 0.4, 0.5):
        server = Server(our_command(), tmp_path / str(delay))
        starting = threading.Thread(target=quietly, args=(server,))
        starting.start()
        time.sleep(delay)
        if server.process is not None:
            server.process.kill()
        starting.join(60)
        server.start()
        client = Client(server.endpoint)
        status = client.call("Maintenance/Status", rpc.StatusRequest(), rpc.StatusResponse)
        assert status.header.member_id == MEMBER_ID and status.leader == MEMBER_ID
        assert client.put_pair("k", 1) == 2
        client.close()
        server.stop()


def quietly(server: Server) -> None:
    with contextlib.suppress(NotReady):
        server.start()


def test_a_state_without_its_log_is_refused(tmp_path: Path) -> None:
    server = Server(our_command(), tmp_path)
    server.start()
    server.stop()
    (server.data_dir / "member" / "wal").rename(tmp_path / "wal")
    with pytest.raises(NotReady, match="has no log, but the state"):
        server.start()
