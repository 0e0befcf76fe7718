"""The same operations on official etcd and on a Store: every range byte for byte, every HashKV, every error."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from pyetcd.errors import Compacted, FutureRevision
from pyetcd.mvcc import MemoryBackend, Query, RangeResult, Store
from pyetcd.mvcc.record import varint
from pyetcd.pb import rpc_pb2 as rpc
from tests.mvcc.helpers import run_compaction
from tests.peers import need
from tests.servers import OFFICIAL, Server

KEYS = [b"a", b"a\x00", b"aa", b"ab", b"b", b"b/1", b"b/2", b"c", b"d\xff", b"e", b"\xff"] + [
    b"n%02d" % n for n in range(20)
]
ENDS = [b"", b"\0", b"b", b"c", b"n", b"n10", b"\xff"]
TEXTS = {
    Compacted: "etcdserver: mvcc: required revision has been compacted",
    FutureRevision: "etcdserver: mvcc: required revision is a future revision",
}


class Etcd:
    """Official etcd, asked over gRPC with our own messages."""

    def __init__(self, target: str) -> None:
        self.channel = grpc.insecure_channel(target)

    def call(self, service: str, method: str, request: Any, answer: Any) -> Any:
        path = f"/etcdserverpb.{service}/{method}"
        stub = self.channel.unary_unary(path, type(request).SerializeToString, answer.FromString if answer else None)
        return stub(request, wait_for_ready=True, timeout=20)

    def put(self, key: bytes, value: bytes, lease: int = 0) -> int:
        r = self.call("KV", "Put", rpc.PutRequest(key=key, value=value, lease=lease), rpc.PutResponse)
        return int(r.header.revision)

    def txn(self, ops: list[Any]) -> int:
        return int(self.call("KV", "Txn", rpc.TxnRequest(success=ops), rpc.TxnResponse).header.revision)

    def grant(self, lease: int) -> None:
        self.call("Lease", "LeaseGrant", rpc.LeaseGrantRequest(TTL=3600, ID=lease), rpc.LeaseGrantResponse)

    def delete(self, key: bytes, end: bytes) -> Any:
        request = rpc.DeleteRangeRequest(key=key, range_end=end)
        return self.call("KV", "DeleteRange", request, rpc.DeleteRangeResponse)

    def range(self, q: Query) -> bytes:
        request = rpc.RangeRequest(
            key=q.key, range_end=q.end, limit=q.limit, revision=q.revision, sort_order=q.order, sort_target=q.target,
            keys_only=q.keys_only, count_only=q.count_only, min_mod_revision=q.min_mod, max_mod_revision=q.max_mod,
            min_create_revision=q.min_create, max_create_revision=q.max_create,
        )  # fmt: skip
        return _without_header(self.call("KV", "Range", request, None))

    def compact(self, revision: int) -> None:
        request = rpc.CompactionRequest(revision=revision, physical=True)
        self.call("KV", "Compact", request, rpc.CompactionResponse)

    def hash_kv(self, revision: int) -> Any:
        return self.call("Maintenance", "HashKV", rpc.HashKVRequest(revision=revision), rpc.HashKVResponse)


def _without_header(answer: bytes) -> bytes:
    """The answer as it came over the wire, from field 2 on."""
    assert answer[0] == 0x0A and answer[1] < 0x80
    return answer[2 + answer[1] :]


def encoded(result: RangeResult) -> bytes:
    """Our answer, from field 2 on."""
    count = b"\x20" + varint(result.count) if result.count else b""
    return result.kvs.join() + (b"\x18\x01" if result.more else b"") + count


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    need("etcd")
    server = Server(OFFICIAL, tmp_path)
    server.start()
    peer = Etcd(server.endpoint)
    yield peer
    peer.channel.close()
    server.stop()


class Pair:
    """Does everything twice and compares."""

    def __init__(self, etcd: Etcd, seed: int) -> None:
        self.etcd = etcd
        self.store = Store(MemoryBackend())
        self.random = random.Random(seed)

    def write(self) -> None:
        draw, store = self.random, self.store
        key, end = draw.choice(KEYS), draw.choice(ENDS)
        kind = draw.random()
        if kind < 0.6:
            value, lease = draw.randbytes(draw.choice([0, 1, 9, 140])), draw.choice([0, 0, 5, 77])
            store.put(key, value, lease)
            assert self.etcd.put(key, value, lease) == store.revision
        elif kind < 0.8:
            end = end if draw.random() < 0.3 else b""
            store.delete_range(key, end)
            assert self.etcd.delete(key, end).header.revision == store.revision
        else:
            self.txn(draw.sample(KEYS, 5))

    def txn(self, keys: list[bytes]) -> None:
        """Two puts, two deletes, one put; distinct keys."""
        txn, ops = self.store.begin(), []
        for n, key in enumerate(keys):
            if n in (2, 3):
                txn.delete_range(key, b"")
                ops.append(rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key)))
            else:
                txn.put(key, b"txn")
                ops.append(rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=b"txn")))
        txn.end()
        assert self.etcd.txn(ops) == self.store.revision

    def query(self) -> Query:
        draw = self.random
        revision = draw.choice([0, 0, draw.randint(1, self.store.revision + 1)])
        bounds = [draw.choice([0, 0, 0, draw.randint(1, self.store.revision)]) for _ in range(4)]
        key, end, limit = draw.choice(KEYS), draw.choice(ENDS), draw.choice([0, 0, 1, 3, 8])
        order, target = draw.randint(0, 2), draw.randint(0, 4)
        return Query(key, end, limit, revision, order, target, draw.random() < 0.2, draw.random() < 0.1, *bounds)

    def same_range(self, q: Query) -> None:
        try:
            ours = encoded(self.store.range(q))
        except (Compacted, FutureRevision) as error:
            with pytest.raises(grpc.RpcError) as caught:
                self.etcd.range(q)
            assert caught.value.details() == TEXTS[type(error)]
            return
        described = {name: getattr(q, name) for name in q.__slots__}
        assert self.etcd.range(q) == ours, described

    def compact(self, revision: int) -> None:
        self.store.compact(revision)
        run_compaction(self.store)
        self.etcd.compact(revision)

    def same_hash(self, revision: int) -> None:
        try:
            ours = self.store.hash_kv(revision)
        except (Compacted, FutureRevision) as error:
            with pytest.raises(grpc.RpcError) as caught:
                self.etcd.hash_kv(revision)
            assert caught.value.details() == TEXTS[type(error)]
            return
        theirs = self.etcd.hash_kv(revision)
        assert (theirs.hash, theirs.compact_revision, theirs.hash_revision) == ours


@pytest.mark.parametrize("seed", range(3))
def test_random_workload(etcd: Etcd, seed: int) -> None:
    """Rounds of writes, then ranges and hashes at many revisions, then a compaction at one of the last revisions."""
    pair = Pair(etcd, seed)
    etcd.grant(5)
    etcd.grant(77)
    pair.same_hash(0)
    if seed == 2:
        pair.compact(0)  # the quirk: every later HashKV(0) answers what this one cached
        pair.same_hash(0)
    for _ in range(4):
        for _ in range(60):
            pair.write()
        revision = pair.store.revision
        for _ in range(150):
            pair.same_range(pair.query())
        for at in range(revision - 25, revision + 2):
            pair.same_hash(at)
        pair.compact(revision - pair.random.randint(0, 20))
        for at in (0, -1, *range(revision - 25, revision + 2)):
            pair.same_hash(at)
        for _ in range(50):
            pair.same_range(pair.query())
        pair.store.check()


def test_hash_of_an_emptied_store(etcd: Etcd) -> None:
    """With nothing kept at a revision, etcd hashes what an earlier compaction had left (section 6.5)."""
    pair = Pair(etcd, 0)
    for key in (b"a", b"b"):
        pair.store.put(key, b"1")
        etcd.put(key, b"1")
    pair.compact(3)
    pair.store.delete_range(b"a", b"\0")
    etcd.delete(b"a", b"\0")
    for at in (0, 3, 4):
        pair.same_hash(at)
    pair.compact(4)
    for at in (0, 3, 4):
        pair.same_hash(at)


def test_ties(etcd: Etcd) -> None:
    """Which of equal entries comes first, in intervals of every size up to a few hundred."""
    pair = Pair(etcd, 7)
    draw = pair.random
    names = [b"t%03d" % n for n in range(400)]
    for kinds in (2, 5, 90):
        for name in draw.sample(names, 300):
            value = b"%d" % draw.randrange(kinds)
            pair.store.put(name, value)
            etcd.put(name, value)
        for _ in range(60):
            a, b = sorted(draw.sample(names, 2))
            order, target, limit = draw.randint(0, 2), draw.randint(1, 4), draw.choice([0, 0, 20])
            pair.same_range(Query(a, b, limit, 0, order, target))
