"""The Lock service on a stepped member (wire contract 4.4); its bytes are judged by conformance/cases/lock."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pyetcd.errors import NoLeader
from pyetcd.pb import lock_pb2 as lock
from pyetcd.wire.call import Code
from tests.rpc.standing import Standing
from tests.rpc.watched import RecordedCall

OK = (0, "")


def refused(text: str) -> tuple[int, str]:
    return (int(Code.UNKNOWN), text)


def test_the_next_in_line_is_let_in() -> None:
    standing = Standing()
    first, second, third = (standing.lock(lease) for lease in (1, 2, 3))
    assert (first.status, second.status, third.status) == (OK, None, None)
    assert first.sent[0].key == b"l/1"
    standing.unlock(b"l/1")
    assert (second.status, third.status) == (OK, None)
    assert second.sent[0].header.revision == standing.member.store.revision
    standing.unlock(b"l/2")
    assert third.status == OK
    assert not standing.sessions.waiting
    assert standing.hub.watcher_count == standing.hub.stream_count == 0


def test_a_session_is_granted_when_there_is_no_lease() -> None:
    standing = Standing()
    key = standing.lock(0).sent[0].key
    lease = int(key.removeprefix(b"l/"), 16)
    assert standing.member.lessor.time_to_live(lease, standing.member.now()) == (60, 59, [key])


def test_a_caller_who_goes_away_leaves_the_line() -> None:
    standing = Standing()
    _, second, third = (standing.lock(lease) for lease in (1, 2, 3))
    standing.hang_up(second)
    assert standing.keys() == [b"l/1", b"l/3"]
    standing.unlock(b"l/1")
    assert third.status == OK


def test_a_caller_who_goes_away_while_getting_in_line_leaves_it() -> None:
    """Before its transaction is on disk nobody can tell whether it will have to wait."""
    standing = Standing()
    standing.lock(1)
    standing.world.log.complete, complete = lambda *_: None, standing.world.log.complete  # type: ignore[method-assign]
    call: Any = RecordedCall(lock.LockResponse)
    standing.locks.lock(call, lock.LockRequest(name=b"l", lease=2).SerializeToString())
    standing.world.loop.run()
    call.reset()
    standing.world.log.complete = complete  # type: ignore[method-assign]
    standing.world.settle()
    assert standing.keys() == [b"l/1"]


def test_a_holder_who_goes_away_before_the_answer_keeps_its_key() -> None:
    """It may have locked before with the same lease; only its lease says when it is gone."""
    standing = Standing()
    call: Any = RecordedCall(lock.LockResponse)
    standing.locks.lock(call, lock.LockRequest(name=b"l", lease=2).SerializeToString())
    call.reset()
    standing.world.settle()
    assert standing.keys() == [b"l/2"]


def test_a_lost_lease_is_told_when_the_turn_comes() -> None:
    standing = Standing()
    standing.lock(1)
    second = standing.lock(2)
    standing.revoke(2)
    assert second.status is None
    standing.unlock(b"l/1")
    assert second.status == refused("mutex: session is expired")


def test_errors_are_bare_texts() -> None:
    standing = Standing(max_txn_ops=2)
    assert standing.lock(404).status == refused("etcdserver: requested lease not found")
    assert standing.unlock(b"").status == refused("etcdserver: key is not provided")
    assert standing.unlock(b"nobody").status == OK
    small = Standing(max_txn_ops=1)
    assert small.lock(1).status == refused("etcdserver: too many operations in txn request")


def test_a_wait_that_fails_leaves_the_line() -> None:
    standing = Standing()
    standing.lock(1)
    second = standing.lock(2)
    standing.member.linearizable = lambda action: action(NoLeader())  # type: ignore[method-assign,assignment]
    standing.unlock(b"l/1")
    assert second.status == refused("etcdserver: no leader")
    assert standing.keys() == []


def test_a_stop_ends_who_waits_and_leaves_the_line_as_it_is() -> None:
    standing = Standing()
    standing.lock(1)
    second = standing.lock(2)
    standing.sessions.end_all(Code.UNAVAILABLE, "etcdserver: server stopped")
    standing.world.settle()
    assert second.status == (Code.UNAVAILABLE, "etcdserver: server stopped")
    assert standing.keys() == [b"l/1", b"l/2"]
    assert not standing.sessions.waiting


def test_names_that_begin_alike_are_different_locks() -> None:
    standing = Standing()
    assert [standing.lock(1, name).status for name in (b"a", b"a/b", b"", b"a0")] == [OK] * 4
    assert standing.lock(2, b"a").status is None  # a/b/1 lies under a/, as in etcd
    standing.unlock(b"a/1")
    assert standing.keys() == [b"a/b/1", b"/1", b"a0/1", b"a/2"]


acts = st.lists(st.tuples(st.sampled_from(["lock", "unlock", "hang up", "revoke"]), st.integers(1, 6)), max_size=40)


@given(acts)
@settings(deadline=None, max_examples=60)
def test_one_queue_says_who_has_the_lock(story: list[tuple[str, int]]) -> None:
    """The twin is a list: who locks goes to its end, who unlocks, hangs up or loses the lease leaves it."""
    standing = Standing()
    line: list[int] = []
    calls: dict[int, Any] = {}
    revoked: set[int] = set()
    for act, lease in story:
        waits = lease in line and line[0] != lease
        if act == "lock" and lease not in line and lease not in revoked:
            calls[lease] = standing.lock(lease)
            line.append(lease)
        elif act == "hang up" and waits and calls[lease].open:
            standing.hang_up(calls[lease])
            line.remove(lease)
        elif act == "unlock" and line and line[0] == lease:
            standing.unlock(b"l/%x" % lease)
            line.remove(lease)
        elif act == "revoke" and lease not in revoked:
            standing.revoke(lease)
            revoked.add(lease)
            if lease in line:
                line.remove(lease)
        assert standing.keys() == [b"l/%x" % lease for lease in line]
        open_calls = {lease for lease in line if calls[lease].open}
        assert open_calls == set(line[1:])
    assert all(calls[lease].status == OK for lease in line[:1])
    assert len(standing.sessions.waiting) == sum(call.open for call in calls.values())
