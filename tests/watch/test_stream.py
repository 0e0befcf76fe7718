"""Every outcome of wire contract 3.2 (create), 3.3 (start revision), 3.6 to 3.9, on one stream over a real store."""

from __future__ import annotations

from typing import Any

import pytest

from pyetcd.watch.hub import GATHER_LIMIT
from pyetcd.watch.stream import COMPACTED, DUPLICATE_ID, EMPTY_RANGE, HIGH_WATER
from pyetcd.watch.watcher import NO_DELETE, NO_PUT, State
from tests.watch.outlet import Outlet
from tests.watch.world import World

# -- 3.2 create ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "range_end", "hears"),
    [
        (b"", b"", [b"\0"]),
        (b"b", b"", [b"b"]),
        (b"b", b"c", [b"b", b"ba"]),
        (b"b", b"\0", [b"b", b"ba", b"c"]),
        (b"", b"\0", [b"\0", b"a", b"b", b"ba", b"c"]),
        (b"", b"b", [b"\0", b"a"]),
    ],
)
def test_what_a_watcher_hears(key: bytes, range_end: bytes, hears: list[bytes]) -> None:
    world = World()
    world.stream.create(key, range_end)
    for each in (b"c", b"ba", b"b", b"a", b"\0"):
        world.put(each)
    assert sorted(event.kv.key for r in world.outlet.take() for event in r.events) == hears


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"key": b"b", "range_end": b"b"}, EMPTY_RANGE),
        ({"key": b"b", "range_end": b"a"}, EMPTY_RANGE),
        ({"key": b"b", "watch_id": 7}, DUPLICATE_ID),
        ({"key": b"b", "start_revision": -1}, COMPACTED),
        ({"key": b"b", "refusal": "no"}, "no"),
        ({"key": b"b", "range_end": b"a", "start_revision": -1, "refusal": "no"}, COMPACTED),
        ({"key": b"b", "range_end": b"a", "refusal": "no"}, "no"),
        ({"key": b"b", "range_end": b"a", "watch_id": 7}, EMPTY_RANGE),
    ],
)
def test_rejected(request_: dict[str, Any], reason: str) -> None:
    world = World(puts=2)
    world.stream.create(b"k", watch_id=7)
    world.said()
    assert world.stream.create(**request_) is None
    assert world.said() == [(-1, f"created canceled {reason}", 3)]
    world.stream.create(b"k")
    assert world.said() == [(0, "created", 3)], "a rejected creation takes no id"


def test_reasons_are_etcds() -> None:
    assert EMPTY_RANGE == "mvcc: watcher range is empty"
    assert DUPLICATE_ID == "mvcc: duplicate watch ID provided on the WatchStream"
    assert COMPACTED == "etcdserver: mvcc: required revision has been compacted"


def test_automatic_ids_skip_those_in_use_and_never_go_back() -> None:
    world = World()
    for watch_id in (0, 2, 0, 0, -1, 2**63 - 1):
        world.stream.create(b"k", watch_id=watch_id)
    assert [line[0] for line in world.said()] == [0, 2, 1, 3, -1, 2**63 - 1]
    world.stream.cancel(1)
    world.stream.cancel(2)
    world.stream.create(b"k")
    world.stream.create(b"k", watch_id=1)
    assert [line[0] for line in world.said()] == [1, 2, 4, 1]


def test_minus_one_is_taken_once_like_any_id() -> None:
    world = World()
    world.stream.create(b"k", watch_id=-1)
    world.stream.create(b"k", watch_id=-1)
    assert world.said() == [(-1, "created", 1), (-1, f"created canceled {DUPLICATE_ID}", 1)]


# -- 3.3 start revision -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "replayed", "live"),
    [
        (0, [], ["5", "6"]),
        (1, ["2 3 4"], ["5", "6"]),
        (3, ["3 4"], ["5", "6"]),
        (4, ["4"], ["5", "6"]),
        (5, [], ["5", "6"]),
        (6, [], ["6"]),
        (7, [], []),
    ],
)
def test_start_revision(start: int, replayed: list[str], live: list[str]) -> None:
    world = World(puts=3)
    watcher = world.stream.create(b"k", start_revision=start)
    assert watcher is not None and (watcher.state is State.UNSYNCED) == bool(replayed)
    assert world.said() == [(0, "created", 4)]
    world.sync()
    assert world.said() == [(0, revisions, 4) for revisions in replayed]
    world.put()
    world.put()
    assert world.said() == [(0, revision, int(revision)) for revision in live]


def test_progress_is_withheld_until_a_start_in_the_future_is_reached() -> None:
    world = World(puts=3)
    world.stream.create(b"other", start_revision=6, progress=True)
    world.said()
    for expected in ([], [], [(-1, "", 6), (0, "", 6)]):
        world.stream.report_progress()
        world.stream.tick()
        assert world.said() == expected
        world.put()


def test_compacted_start() -> None:
    world = World(puts=5)
    world.compact(4)
    world.stream.create(b"k", start_revision=3)
    world.stream.create(b"k", start_revision=4)
    assert world.said() == [(0, "created", 6), (1, "created", 6)]
    world.sync()
    assert world.said() == [(0, "canceled compact=4", 0), (1, "4 5 6", 6)]
    world.stream.report_progress()
    assert world.said() == [], "until it is canceled it counts as not synced"
    world.stream.create(b"k", watch_id=0)
    world.stream.cancel(0)
    assert world.said() == [(2, "created", 6), (0, "canceled", 6)]
    world.stream.report_progress()
    assert world.said() == [(-1, "", 6)]


def test_a_catch_up_response_has_the_current_revision_in_its_header() -> None:
    world = World(puts=3)
    world.stream.create(b"k", start_revision=2)
    world.put(b"unrelated")
    world.said()
    world.sync()
    assert world.said() == [(0, "2 3 4", 5)]


def test_a_catch_up_response_has_at_most_1000_revisions() -> None:
    world = World(puts=2500)
    world.stream.create(b"k", start_revision=2)
    world.said()
    world.sync()
    assert [(len(line[1].split()), line[2]) for line in world.said()] == [(1000, 2501), (1000, 2501), (500, 2501)]


def test_writes_during_a_long_pass_are_not_missed() -> None:
    world = World(puts=1200)
    world.stream.create(b"k", start_revision=2)
    while world.hub.sync_step(world.now) is not None:
        world.put()
    seen = [int(revision) for line in world.said() for revision in line[1].split() if revision != "created"]
    assert seen == list(range(2, world.store.revision + 1))


def test_a_pass_catches_up_with_a_writer_that_is_faster_than_its_slices() -> None:
    world = World(puts=100)
    world.stream.create(b"k", start_revision=2)
    steps = 0
    while world.hub.sync_step(world.now) is not None:
        steps += 1
        assert steps < 50
        for _ in range(300):
            world.put()
    seen = [int(revision) for line in world.said() for revision in line[1].split() if revision != "created"]
    assert seen == list(range(2, world.store.revision + 1))


# -- 3.4 events ---------------------------------------------------------------------------------------------------


def events(world: World) -> list[tuple[int, bytes, int, bytes | None]]:
    return [
        (event.type, event.kv.key, event.kv.version, event.prev_kv.value if event.HasField("prev_kv") else None)
        for response in world.outlet.take()
        for event in response.events
    ]


@pytest.mark.parametrize("start", [0, 1], ids=["live", "replayed"])
def test_prev_kv(start: int) -> None:
    world = World()
    if start == 0:
        world.stream.create(b"a", b"c", prev_kv=True)
    world.put(b"a", b"1")
    world.put(b"a", b"2")
    world.delete(b"a", b"c")
    world.put(b"a", b"3")
    if start == 1:
        world.stream.create(b"a", b"c", 1, prev_kv=True)
        world.sync()
    assert events(world) == [(0, b"a", 1, None), (0, b"a", 2, b"1"), (1, b"a", 0, b"2"), (0, b"a", 1, None)]


@pytest.mark.parametrize("start", [0, 1], ids=["live", "replayed"])
@pytest.mark.parametrize(
    ("filters", "kinds"), [((), [0, 1]), ((NO_PUT,), [1]), ((NO_DELETE, NO_DELETE), [0]), ((0, 1), []), ((9,), [0, 1])]
)
def test_filters(start: int, filters: tuple[int, ...], kinds: list[int]) -> None:
    world = World()
    if start == 0:
        world.stream.create(b"k", filters=filters)
    world.put()
    world.delete()
    if start == 1:
        world.stream.create(b"k", start_revision=1, filters=filters)
        world.sync()
    responses = world.outlet.take()
    assert [event.type for r in responses for event in r.events] == kinds
    assert all(r.created or r.events for r in responses), "nothing is sent when the filters leave nothing"


def test_all_events_of_a_revision_come_in_one_response() -> None:
    world = World()
    world.stream.create(b"a", b"z")
    world.stream.create(b"b")
    for key in (b"a", b"b", b"c"):
        world.put(key)
    world.said()
    world.delete(b"a", b"z")
    assert sorted(world.said()) == [(0, "5 5 5", 5), (1, "5", 5)]


def test_one_write_per_stream_and_batch() -> None:
    world = World()
    for _ in range(100):
        world.stream.create(b"k")
    world.outlet.pieces.clear()
    for _ in range(3):
        change = world.store.put(b"k", b"v")
        world.hub.notify(world.store.revision, (change,))
    world.hub.flush()
    assert world.outlet.pieces == [300]


# -- 3.6 fragments ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0, 2], ids=["live", "replayed"])
def test_fragments_only_for_who_asked(start: int) -> None:
    world = World(fragment_limit=100)
    for key in (b"a", b"b", b"c"):
        world.put(key, b"v" * 50)
    start = start and 2
    world.stream.create(b"a", b"z", start, fragment=True)
    world.stream.create(b"a", b"z", start)
    world.sync()
    world.delete(b"a", b"z")
    parts: dict[int, list[str]] = {0: [], 1: []}
    for id, text, _ in world.said():
        parts[id].append(text)
    assert parts[1] == ["created", *(["2 3 4"] if start else []), "5 5 5"]
    assert parts[0] == ["created", *(["fragment 2", "fragment 3", "4"] if start else []), "5 5 5"]


# -- 3.7 progress -------------------------------------------------------------------------------------------------


def test_manual_progress_needs_watchers_and_all_of_them_synced() -> None:
    world = World(puts=2)
    world.stream.report_progress()
    assert world.said() == []
    world.stream.create(b"k")
    world.stream.create(b"k", start_revision=1)
    world.said()
    world.stream.report_progress()
    assert world.said() == []
    world.sync()
    world.said()
    world.stream.report_progress()
    assert world.said() == [(-1, "", 3)]


def test_progress_waits_behind_events_that_are_still_gathered() -> None:
    world = World()
    world.stream.create(b"k")
    world.said()
    change = world.store.put(b"k", b"v")
    world.hub.notify(world.store.revision, (change,))
    world.stream.report_progress()
    world.hub.flush()
    assert world.said() == [(0, "2", 2), (-1, "", 2)]


def test_periodic_progress_is_put_off_by_events() -> None:
    world = World()
    world.stream.create(b"k", progress=True)
    world.stream.create(b"other", progress=True)
    world.stream.create(b"k")
    world.stream.create(b"k", progress=True, filters=[NO_DELETE])
    world.stream.create(b"k", progress=True, filters=[NO_PUT])
    world.put()
    world.stream.create(b"k", progress=True, start_revision=1)
    world.sync()
    world.said()
    for expected in ([1, 4], [0, 1, 3, 4, 5]):
        world.stream.tick()
        assert world.said() == [(id, "", 2) for id in expected]


def test_periodic_progress_of_an_unsynced_watcher_is_skipped() -> None:
    world = World(puts=1)
    world.stream.create(b"none", progress=True, start_revision=1)
    world.said()
    world.stream.tick()
    assert world.said() == []
    world.sync()
    world.stream.tick()
    assert world.said() == [(0, "", 2)]


# -- 3.8 cancel ---------------------------------------------------------------------------------------------------


def test_cancel() -> None:
    world = World()
    world.stream.create(b"k")
    world.stream.cancel(0)
    world.stream.cancel(0)
    world.stream.cancel(5)
    world.put()
    assert world.said() == [(0, "created", 1), (0, "canceled", 1)]
    assert world.hub.watcher_count == 0


def test_cancel_in_the_middle_of_a_pass() -> None:
    world = World(puts=500)
    world.stream.create(b"k", start_revision=1)
    world.stream.create(b"k", start_revision=1)
    world.hub.sync_step(world.now)
    world.stream.cancel(0)
    world.sync()
    assert [(line[0], line[1][:8]) for line in world.said()] == [
        (0, "created"),
        (1, "created"),
        (0, "canceled"),
        (1, "2 3 4 5 "),
    ]


# -- 3.9 slow consumers -------------------------------------------------------------------------------------------


def stalled(world: World) -> None:
    """The client stops reading and the stream fills up."""
    world.stream.create(b"k")
    world.outlet.reading = False
    while not world.stream.full:
        world.put(b"k", b"v" * 100_000)
    world.said()


def test_a_full_stream_queues_nothing_and_loses_nothing() -> None:
    world = World()
    stalled(world)
    before, pending = world.store.revision, world.outlet.pending
    for _ in range(10):
        world.put()
    assert world.said() == [] and world.outlet.pending == pending < HIGH_WATER + 200_000
    world.sync()
    assert world.said() == []
    world.outlet.pending = 0
    world.stream.drained()
    world.sync()
    assert world.said() == [(0, " ".join(str(before + i) for i in range(1, 11)), before + 10)]
    world.put()
    assert world.said() == [(0, str(before + 11), before + 11)]


def test_other_streams_do_not_notice() -> None:
    world = World()
    stalled(world)
    outlet = Outlet()
    world.hub.open(outlet).create(b"k")
    world.put()
    assert [len(r.events) for r in outlet.take()] == [0, 1]


def test_compaction_overtakes_a_held_watcher() -> None:
    world = World()
    stalled(world)
    for _ in range(5):
        world.put()
    world.compact(world.store.revision)
    world.outlet.pending = 0
    world.stream.drained()
    world.sync()
    assert world.said() == [(0, f"canceled compact={world.store.revision}", 0)]


def test_progress_is_not_told_to_a_full_stream() -> None:
    world = World()
    stalled(world)
    world.stream.report_progress()
    world.stream.tick()
    assert world.said() == []


def test_a_large_value_for_many_watchers_is_not_copied_for_those_who_cannot_take_it() -> None:
    world = World()
    for _ in range(100):
        world.stream.create(b"k")
    world.outlet.reading = False
    world.said()
    world.put(b"k", b"v" * 1_000_000)
    assert world.outlet.pending < GATHER_LIMIT + 2_000_000
    told = [line[0] for line in world.said()]
    for _ in range(100):
        world.outlet.pending = 0
        world.stream.drained()
        world.sync()
        told += [line[0] for line in world.said()]
    assert sorted(told) == list(range(100))


def test_a_long_history_of_large_values_goes_in_bounded_pieces() -> None:
    world = World()
    for _ in range(100):
        world.put(b"k", b"v" * 1_000_000)
    world.outlet.reading = False
    world.stream.create(b"k", start_revision=1)
    peak, revisions = 0, []
    for _ in range(10):
        world.sync()
        peak = max(peak, world.outlet.pending)
        revisions += [each for line in world.said() for each in line[1].split()]
        world.outlet.pending = 0
        world.stream.drained()
    assert revisions == ["created", *(str(revision) for revision in range(2, 102))]
    assert peak < 24_000_000


# -- closing ------------------------------------------------------------------------------------------------------


def test_closing_leaves_nothing_behind() -> None:
    world = World(puts=3)
    stalled(world)
    world.put()
    world.stream.create(b"k", start_revision=2)
    world.stream.create(b"a", b"b", progress=True)
    world.stream.close()
    world.said()
    world.put()
    world.sync()
    assert (world.said(), world.hub.watcher_count, world.hub.stream_count, len(world.hub.synced)) == ([], 0, 0, 0)
