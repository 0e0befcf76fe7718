"""The member's promises, each seen on a world that moves step by step."""

from __future__ import annotations

import pytest

from pyetcd.apply.outcome import Applied
from pyetcd.errors import DiskFailure, NoLeader, RequestTooLarge, Stopped, Timeout
from pyetcd.pb import rpc_pb2 as rpc

from .stepped import World


@pytest.fixture
def world() -> World:
    world = World()
    world.elect()
    return world


def test_a_fresh_member_is_in_term_two_after_two_entries(world: World) -> None:
    assert (world.member.term, world.member.applied_index, world.member.commit_index) == (2, 2, 2)
    assert world.member.leader == world.member.id


def test_before_the_election_nothing_is_taken() -> None:
    world = World()
    (error,) = world.put(b"k")
    assert isinstance(error, NoLeader)


def test_one_turn_is_one_write_and_one_entry_per_request(world: World) -> None:
    saves, index = world.log.saves, world.member.applied_index
    results = [world.put(b"k%d" % i) for i in range(5)]
    world.settle()
    assert world.log.saves - saves <= 2  # the batch, and the commit index that follows it
    assert world.member.applied_index == index + 5
    assert [r[0].revision for r in results] == [2, 3, 4, 5, 6]  # type: ignore[attr-defined]


def test_nothing_is_acknowledged_before_its_entry_is_on_disk(world: World) -> None:
    result = world.put(b"k")
    world.loop.run()
    assert len(world.log.waiting) == 1 and result == []
    assert world.member.store.get(b"k") is None
    world.log.complete()
    world.loop.run()
    assert isinstance(result[0], Applied)


def test_requests_that_come_while_the_disk_is_busy_become_the_next_batch(world: World) -> None:
    first = world.put(b"a")
    world.loop.run()
    later = [world.put(b"b"), world.put(b"c")]
    world.loop.run()
    assert len(world.log.waiting) == 1
    world.log.complete()
    assert len(world.log.waiting[0][0].entries) == 2 and first and not any(later)
    world.settle()
    assert all(later)


def test_a_failing_disk_refuses_everyone_and_acknowledges_nobody(world: World) -> None:
    waiting = world.put(b"a")
    world.loop.run()
    behind = world.put(b"b")
    world.log.complete(OSError("no space left on device"))
    after = world.put(b"c")
    assert [type(r[0]) for r in (waiting, behind, after)] == [DiskFailure] * 3
    assert world.member.store.revision == 1


def test_a_stuck_disk_times_the_caller_out_but_the_entry_may_still_land(world: World) -> None:
    result = world.put(b"k")
    world.loop.run()
    world.loop.advance(8.0)
    assert [type(r) for r in result] == [Timeout]
    world.settle()
    assert world.member.store.get(b"k") is not None and len(result) == 1


def test_a_request_larger_than_allowed_never_reaches_the_log(world: World) -> None:
    (error,) = world.put(b"k", bytes(world.member.limits.max_request_bytes))
    assert isinstance(error, RequestTooLarge)
    assert world.put(b"k", bytes(world.member.limits.max_request_bytes - 100)) == []


def test_stopping_answers_what_is_under_way_and_refuses_the_rest(world: World) -> None:
    under_way = world.put(b"a")
    world.loop.run()
    stopped: list[bool] = []
    world.member.stop(lambda: stopped.append(True))
    (refused,) = world.put(b"b")
    assert isinstance(refused, Stopped) and not stopped
    world.settle()
    assert isinstance(under_way[0], Applied) and stopped == [True]


def test_a_restart_replays_what_the_state_has_not_seen(world: World) -> None:
    world.put(b"a")
    world.settle()
    world.put(b"b")
    world.loop.run()
    ready, _ = world.log.waiting[0]
    world.log.entries += [
        e._replace(request=None) for e in ready.entries
    ]  # on disk, but the process dies before it hears
    world.restart()
    world.elect()
    assert world.member.store.get(b"b") is not None
    assert world.member.term == 3 and world.member.store.revision == 3


def test_each_restart_costs_one_term(world: World) -> None:
    for term in (3, 4, 5):
        world.restart()
        world.elect()
        assert world.member.term == term


def test_changes_reach_the_hub_once_with_their_revision(world: World) -> None:
    world.put(b"a")
    world.put(b"b")
    world.settle()
    request = rpc.DeleteRangeRequest(key=b"a", range_end=b"c")
    world.member.propose("delete_range", request.SerializeToString(), request, lambda _: None)
    world.settle()
    assert world.hub.heard == [(2, 1), (3, 1), (4, 2)]


def test_an_unknown_request_in_the_log_ends_the_process(world: World) -> None:
    request = rpc.DowngradeVersionTestRequest()
    world.member.propose("downgrade_version_test", request.SerializeToString(), request, lambda _: None)
    world.settle()
    assert [type(e) for e in world.crashes] == [LookupError]
