"""The same watch and lease calls to official etcd and to ours: every answer, byte for byte, in the same order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pyetcd.pb import rpc_pb2 as rpc
from tests import peers, servers
from tests.rpc.transcript import Transcript, differences

FLAGS = ("--watch-progress-notify-interval=1s",)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[servers.Server, servers.Server]]:
    """(ours, official), started on empty data directories with the same identity."""
    peers.need("etcd")
    folder: Path = tmp_path_factory.mktemp("official")
    ours = servers.Server(servers.our_command(), folder / "ours", FLAGS)
    official = servers.Server(servers.OFFICIAL, folder / "official", FLAGS)
    try:
        ours.start()
        official.start()
        yield ours, official
    finally:
        for each in (ours, official):
            with suppress(ProcessLookupError):
                each.stop()


def create(t: Transcript) -> None:
    """Ids, ranges and rejections (3.2)."""
    t.put(b"a/1")
    w = t.watch()
    for fields in (
        {"key": b"a", "range_end": b"b"},
        {"key": b"", "watch_id": 7},
        {"key": b"", "range_end": b"\0", "watch_id": 2},
        {"key": b"a", "range_end": b"\0"},
        {"key": b"b", "range_end": b"b"},
        {"key": b"b", "range_end": b"a"},
        {"key": b"a", "watch_id": 7},
        {"key": b"a", "start_revision": -3},
        {"key": b"a", "watch_id": -5},
        {"key": b"a", "watch_id": 2**62},
        {"key": b"a", "filters": [0, 1, 1]},
        {"key": b"", "start_revision": 1000000},
    ):
        w.create(**fields)
        w.expect()
    w.cancel(99)
    w.cancel(7)
    w.expect()
    w.create(b"a", watch_id=7)
    w.expect()
    w.say(rpc.WatchRequest())
    w.quiet()


def live(t: Transcript) -> None:
    """Events as they happen, with every option (3.4)."""
    streams = []
    for name, fields in (
        ("plain", {}),
        ("prev", {"prev_kv": True}),
        ("noput", {"filters": [0]}),
        ("nodelete", {"filters": [1], "prev_kv": True}),
        ("fragment", {"fragment": True}),
    ):
        w = t.watch(name)
        w.create(b"l/", range_end=b"l0", **fields)
        w.expect()
        streams.append(w)
    t.put(b"l/1", b"one")
    t.put(b"l/1", b"two")
    t.put(b"l/2", b"")
    t.put(b"other")
    t.txn(rpc.PutRequest(key=b"l/3", value=b"x"), rpc.PutRequest(key=b"l/1", value=b"y"))
    t.txn(rpc.DeleteRangeRequest(key=b"l/", range_end=b"l0"))
    t.txn(rpc.PutRequest(key=b"l/1", value=b"again"), rpc.DeleteRangeRequest(key=b"l/9"))
    t.delete(b"l/", b"l0")
    t.delete(b"l/", b"l0")
    for w in streams:
        w.quiet()


def history(t: Transcript) -> None:
    """Replay from the past, and starts at and beyond the present (3.3)."""
    first = t.put(b"h/1", b"one")
    t.put(b"h/2", b"two")
    t.put(b"h/1", b"three")
    t.delete(b"h/", b"h0")
    t.put(b"h/1", b"four")
    current = t.put(b"elsewhere")
    for name, start, fields in (
        ("all", first, {}),
        ("prev", first, {"prev_kv": True}),
        ("noput", first, {"filters": [0]}),
        ("now", current, {}),
        ("next", current + 1, {}),
        ("future", current + 2, {}),
    ):
        w = t.watch(name)
        w.create(b"h/", range_end=b"h0", start_revision=start, **fields)
        w.quiet()
        t.put(b"h/live", name.encode())
        w.quiet()
        t.put(b"h/live", name.encode())
        w.quiet()
        w.close()


def long_history(t: Transcript) -> None:
    """More than 1000 revisions come in several responses."""
    first = t.put(b"n", b"0")
    for number in range(2300):
        t.put(b"n", str(number).encode())
    w = t.watch()
    w.create(b"n", start_revision=first)
    w.expect(4)
    w.quiet()


def compaction(t: Transcript) -> None:
    """A start that is compacted: created, canceled, and once more canceled when the client says so."""
    first = t.put(b"c", b"1")
    for number in range(5):
        t.put(b"c", str(number).encode())
    t.delete(b"c")
    t.compact(first + 3)
    w = t.watch()
    w.create(b"c", start_revision=first)
    w.expect(2)
    w.create(b"c", start_revision=first + 3, prev_kv=True)
    w.expect(2)
    w.create(b"c", start_revision=first + 6, prev_kv=True)
    w.expect(2)
    w.progress()
    w.quiet()
    w.create(b"c", watch_id=0)
    w.expect()
    w.cancel(0)
    w.expect()
    w.progress()
    w.expect()
    w.quiet()


def progress(t: Transcript) -> None:
    """Manual progress, its silence, and the periodic kind (3.7)."""
    w = t.watch()
    w.progress()
    w.quiet()
    w.create(b"p")
    w.expect()
    w.progress()
    w.expect()
    t.put(b"p")
    w.expect()
    w.progress()
    w.expect()
    future = t.put(b"elsewhere") + 2
    w.create(b"p", start_revision=future)
    w.expect()
    w.progress()
    w.quiet()
    t.put(b"elsewhere")
    t.put(b"elsewhere")
    w.progress()
    w.expect()
    w.quiet()


def periodic(t: Transcript) -> None:
    w = t.watch()
    w.create(b"p", progress_notify=True, watch_id=4)
    w.expect(2)
    w.cancel(4)
    w.expect()
    w.quiet()


def half_close(t: Transcript) -> None:
    """The server goes on sending after the client has closed its side (3.1)."""
    w = t.watch()
    w.create(b"hc")
    w.expect()
    w.half_close()
    t.put(b"hc")
    w.expect()
    w.quiet()


def large(t: Transcript) -> None:
    """Fragments from 2 MiB on for who asked, one response for who did not (3.6)."""
    first = t.put(b"big", b"0" * 700_000)
    for number in range(6):
        t.put(b"big", str(number).encode() * 700_000)
    for name, fragment in (("whole", False), ("cut", True)):
        w = t.watch(name)
        w.create(b"big", start_revision=first, fragment=fragment)
        w.expect(2)
        w.quiet()


def _mask_remaining(answer: Any) -> None:
    """The whole seconds left depend on how long the calls took."""
    if 0 <= answer.TTL < answer.grantedTTL:
        answer.TTL = 0


def leases(t: Transcript) -> None:
    """Grant, attach, time to live, list, revoke (4.1)."""
    for id, ttl in (
        (100, 600),
        (101, 0),
        (102, -7),
        (-103, 1200),
        (100, 60),
        (104, 9_000_000_001),
        (105, 9_000_000_000),
    ):
        t.unary("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=id, TTL=ttl))

    def blank(answer: Any) -> None:
        assert answer.ID > 0
        answer.ID = 1

    chosen = t.unary("Lease/LeaseGrant", rpc.LeaseGrantRequest(TTL=300), mask=blank).ID
    t.unary("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=chosen))
    w = t.watch()
    w.create(b"le/", range_end=b"le0", prev_kv=True)
    w.expect()
    t.put(b"le/b", lease=100)
    t.put(b"le/a", lease=100)
    t.put(b"le/c", lease=-103)
    t.put(b"le/d", lease=999)
    for id in (100, -103, 999):
        t.unary("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=id), mask=_mask_remaining)

    def sort_keys(answer: Any) -> None:
        _mask_remaining(answer)
        answer.keys.sort()

    t.unary("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=100, keys=True), mask=sort_keys)
    t.unary("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=999, keys=True))
    t.put(b"le/a", b"moved", lease=-103)
    t.put(b"le/b", b"kept", lease=100)
    for id in (100, 999, -103):
        t.unary("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=id))
    w.quiet()


def lease_list(t: Transcript) -> None:
    """Ids by the time left; what earlier calls left behind may expire at any moment, so only long ones count."""
    for id, ttl in ((201, 3000), (202, 1000), (203, 2000)):
        t.unary("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=id, TTL=ttl))

    def only_ours(answer: Any) -> None:
        kept = [each.ID for each in answer.leases if 200 < each.ID < 300]
        del answer.leases[:]
        answer.leases.extend(rpc.LeaseStatus(ID=id) for id in kept)

    t.unary("Lease/LeaseLeases", rpc.LeaseLeasesRequest(), mask=only_ours)


def keep_alive(t: Transcript) -> None:
    """A reply per request, in order; a missing lease has TTL 0; half-closing ends the stream."""
    t.unary("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=300, TTL=600))
    k = t.keep_alive()
    for id in (300, 301, 0, -1, 300):
        k.say(rpc.LeaseKeepAliveRequest(ID=id))
    k.expect(5)
    t.put(b"ka", lease=300)
    k.say(rpc.LeaseKeepAliveRequest(ID=300))
    k.expect()
    t.unary("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=300))
    k.say(rpc.LeaseKeepAliveRequest(ID=300))
    k.expect()
    k.half_close()
    k.ending()


def expiry(t: Transcript) -> None:
    """The keys of an expired lease go at one revision, ascending, as ordinary deletes (4.2)."""
    t.unary("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=400, TTL=2))
    w = t.watch()
    w.create(b"ex/", range_end=b"ex0", prev_kv=True)
    w.expect()
    for key in (b"ex/c", b"ex/a", b"ex/b"):
        t.put(key, lease=400)
    w.expect(3)
    w.expect()
    time.sleep(0.2)
    t.unary("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=400))
    k = t.keep_alive()
    k.say(rpc.LeaseKeepAliveRequest(ID=400))
    k.expect()


SCRIPTS: list[Callable[[Transcript], None]] = [
    create, live, history, long_history, compaction, progress, periodic, half_close, large,
    leases, lease_list, keep_alive, expiry,
]  # fmt: skip


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_same_bytes(script: Callable[[Transcript], None], pair: tuple[servers.Server, servers.Server]) -> None:
    transcripts = [Transcript(server.endpoint) for server in pair]
    try:
        with ThreadPoolExecutor() as both:
            list(both.map(script, transcripts))
    finally:
        for transcript in transcripts:
            transcript.close()
    ours, official = transcripts
    parted = list(differences(ours, official))
    assert not parted, "\n".join(parted)
