"""The Watch service on a stepped member: requests as bytes in, responses as messages out."""

from __future__ import annotations

from typing import Any

import pytest

from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc import watch as watch_service
from pyetcd.wire.call import Code
from tests.rpc.watched import Served


def message(session: Any, **union: Any) -> None:
    session.message(rpc.WatchRequest(**union).SerializeToString())


PROGRESS = {"progress_request": rpc.WatchProgressRequest()}


def test_created_then_events_with_the_members_header() -> None:
    served = Served()
    session, call = served.watch()
    served.create(session, b"k")
    served.put(b"k")
    created, event = call.take()
    assert created.created and created.header.cluster_id == event.header.cluster_id == 0x5678
    assert (created.header.revision, event.header.revision) == (1, 2)
    assert event.events[0].kv.key == b"k"


def test_history_is_replayed_in_the_next_turn() -> None:
    served = Served()
    for _ in range(3):
        served.put(b"k")
    session, call = served.watch()
    served.create(session, b"k", start_revision=2)
    assert [r.created for r in call.take()] == [True]
    served.world.loop.run()
    (replay,) = call.take()
    assert [each.kv.mod_revision for each in replay.events] == [2, 3, 4]
    assert served.world.loop.turns.__len__() == 0


def test_passes_begin_a_tenth_of_a_second_apart() -> None:
    served = Served()
    served.put(b"k")
    session, call = served.watch()
    served.create(session, b"k", start_revision=1)
    served.world.loop.run()
    served.create(session, b"k", start_revision=1)
    served.world.loop.run()
    assert [bool(r.events) for r in call.take()] == [False, True, False]
    served.world.loop.advance(0.11)
    assert [(r.watch_id, bool(r.events)) for r in call.take()] == [(1, True)]


def test_a_stream_that_drains_goes_on_within_ten_milliseconds() -> None:
    served = Served()
    session, call = served.watch()
    served.create(session, b"k")
    call.reading = False
    for _ in range(4):
        served.put(b"k", b"v" * 1_000_000)
    assert len(call.take()) == 1 + 3
    call.pending = 0
    call.crowded = False
    call.on_drain()
    served.world.loop.advance(0.011)
    assert [r.events[0].kv.mod_revision for r in call.take()] == [5]


def test_half_close_keeps_the_stream() -> None:
    served = Served()
    session, call = served.watch()
    served.create(session, b"k")
    session.half_close()
    served.put(b"k")
    assert call.open and len(call.take()) == 2


def test_an_empty_union_is_ignored() -> None:
    served = Served()
    session, call = served.watch()
    session.message(b"")
    session.message(b"\xa2\x06\x01x")
    assert call.open and call.take() == []


def test_an_empty_create_request_watches_the_smallest_key() -> None:
    served = Served()
    session, call = served.watch()
    session.message(b"\x0a\x00")
    served.put(b"\0")
    assert [bool(r.events) for r in call.take()] == [False, True]


def test_undecodable_bytes_end_the_stream() -> None:
    served = Served()
    session, call = served.watch()
    session.message(b"\x0a\x05k")
    assert call.status is not None and call.status[0] == Code.INTERNAL
    assert call.status[1].startswith("grpc: failed to unmarshal the received message: ")
    assert served.watches.sessions == {} and served.hub.stream_count == 0


def test_a_client_that_goes_away_leaves_nothing_behind() -> None:
    served = Served()
    session, call = served.watch()
    served.create(session, b"k", progress_notify=True)
    served.create(session, b"a", range_end=b"b", start_revision=1)
    call.reset()
    assert (served.hub.watcher_count, served.hub.stream_count, served.watches.sessions) == (0, 0, {})
    served.world.loop.advance(700)
    served.put(b"k")
    assert [r.created for r in call.take()] == [True, True]


def test_refused_by_permission_with_the_reason_and_the_raw_range() -> None:
    asked: list[tuple[bytes, bytes]] = []

    def permit(call: Any, key: bytes, end: bytes) -> str | None:
        asked.append((key, end))
        return None if key == b"mine" else "rpc error: code = PermissionDenied desc = etcdserver: permission denied"

    served = Served(permit=permit)
    session, call = served.watch()
    served.create(session, b"", range_end=b"\0")
    served.create(session, b"mine")
    refused, created = call.take()
    assert asked == [(b"\0", b"\0"), (b"mine", b"")]
    assert (refused.watch_id, refused.created, refused.canceled) == (-1, True, True)
    assert refused.cancel_reason == "rpc error: code = PermissionDenied desc = etcdserver: permission denied"
    assert (created.watch_id, created.canceled) == (0, False)


def test_manual_progress_and_cancel() -> None:
    served = Served()
    session, call = served.watch()
    message(session, **PROGRESS)
    served.create(session, b"k")
    message(session, **PROGRESS)
    message(session, cancel_request=rpc.WatchCancelRequest(watch_id=9))
    message(session, cancel_request=rpc.WatchCancelRequest(watch_id=0))
    message(session, **PROGRESS)
    assert [(r.watch_id, r.created, r.canceled) for r in call.take()] == [
        (0, True, False),
        (-1, False, False),
        (0, False, True),
    ]


def ticks(served: Served, call: Any, seconds: float) -> list[int]:
    served.world.loop.advance(seconds)
    return [r.watch_id for r in call.take()]


def test_periodic_progress_keeps_the_rhythm_of_the_stream() -> None:
    served = Served(progress_interval=10.0)
    session, call = served.watch()
    served.world.loop.advance(7.0)
    served.create(session, b"quiet", progress_notify=True)
    served.create(session, b"busy", progress_notify=True)
    served.create(session, b"silent")
    call.take()
    assert ticks(served, call, 2.9) == []
    assert ticks(served, call, 0.2) == [0, 1]
    served.put(b"busy")
    call.take()
    assert ticks(served, call, 10.0) == [0]
    assert ticks(served, call, 10.0) == [0, 1]
    message(session, cancel_request=rpc.WatchCancelRequest(watch_id=0))
    message(session, cancel_request=rpc.WatchCancelRequest(watch_id=1))
    call.take()
    assert ticks(served, call, 30.0) == []
    served.create(session, b"late", progress_notify=True)
    call.take()
    assert ticks(served, call, 9.8) == []
    assert ticks(served, call, 0.2) == [3]


def test_jitter_stretches_the_interval_by_a_tenth_at_most() -> None:
    served = Served(progress_interval=10.0)
    served.watches.jitter = lambda: 1.0
    session, call = served.watch()
    served.create(session, b"k", progress_notify=True)
    call.take()
    assert ticks(served, call, 10.9) == []
    assert ticks(served, call, 0.2) == [0]


def test_the_interval_has_a_minimum() -> None:
    assert Served(progress_interval=0.001).watches.progress_interval == 0.1


@pytest.mark.parametrize("only", [False, True])
def test_ending_streams(only: bool) -> None:
    served = Served()
    _, insists = served.watch(has_leader=True)
    _, other = served.watch()
    served.watches.end_all(Code.UNAVAILABLE, "etcdserver: no leader", only_with_leader=only)
    assert insists.status == (Code.UNAVAILABLE, "etcdserver: no leader")
    assert other.open is only
    assert len(served.watches.sessions) == int(only)


def test_a_client_that_asks_and_never_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_service, "UNREAD_REPLIES", 50)
    served = Served()
    session, call = served.watch()
    call.reading = False
    served.create(session, b"k")
    for _ in range(4):
        served.put(b"k", b"v" * 1_000_000)
    for id in range(60):
        served.create(session, b"other", watch_id=100 + id)
    assert call.status is not None and call.status[0] == Code.RESOURCE_EXHAUSTED
    assert served.hub.watcher_count == 0
