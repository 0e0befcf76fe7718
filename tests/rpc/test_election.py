"""The Election service on a stepped member (wire contract 4.5); its bytes are judged by conformance/cases/election."""

from __future__ import annotations

from pyetcd.errors import NoLeader
from pyetcd.pb import election_pb2 as election
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.wire.call import Code
from tests.rpc.standing import Standing
from tests.rpc.watched import RecordedCall

OK = (0, "")
MIB = 1 << 20


def refused(text: str) -> tuple[int, str]:
    return (int(Code.UNKNOWN), text)


def seen(call: RecordedCall) -> list[tuple[int, bytes]]:
    return [(answer.header.revision, answer.kv.value) for answer in call.take()]


def test_one_leads_the_next_waits() -> None:
    standing = Standing()
    first, second = standing.campaign(1, b"one"), standing.campaign(2, b"two")
    assert (first.status, second.status) == (OK, None)
    leader = first.sent[0].leader
    assert (leader.name, leader.key, leader.rev, leader.lease) == (b"e", b"e/1", 2, 1)
    assert standing.resign(leader).status == OK
    assert (second.status, second.sent[0].header.revision) == (OK, 3)


def test_campaigning_again_proclaims() -> None:
    standing = Standing()
    observer = standing.observe()
    standing.campaign(1, b"one")
    assert standing.campaign(1, b"two").sent[0].header.revision == 2
    assert seen(observer) == [(2, b"one"), (3, b"two")]


def test_a_candidacy_that_cannot_be_renewed_is_given_up() -> None:
    standing = Standing()
    standing.campaign(1, b"one")
    leader = election.LeaderKey(key=b"e/1", rev=2, lease=404)
    assert standing.proclaim(leader, b"x").status == refused("etcdserver: requested lease not found")
    standing.put(b"f/194", b"not a candidate's")  # 0x194 = 404
    again = standing.campaign(404, b"another", b"f")
    assert again.status == refused("etcdserver: requested lease not found")
    assert standing.keys() == [b"e/1"]


def test_a_candidate_who_goes_away_leaves_the_line() -> None:
    standing = Standing()
    standing.campaign(1)
    second = standing.campaign(2)
    standing.hang_up(second)
    assert standing.keys() == [b"e/1"]
    assert standing.hub.watcher_count == 0


def test_a_lost_lease_does_not_keep_a_candidate_from_winning() -> None:
    """etcd does not look again, either."""
    standing = Standing()
    first, second = standing.campaign(1), standing.campaign(2)
    standing.revoke(2)
    standing.resign(first.sent[0].leader)
    assert second.status == OK


def test_leader_keys() -> None:
    standing = Standing()
    missing = refused('"leader" field must be provided')
    assert standing.proclaim(None, b"x").status == missing
    assert standing.resign(None).status == missing
    leader = standing.campaign(1, b"one").sent[0].leader
    leader.rev = 99
    assert standing.proclaim(leader, b"x").status == refused("election: not leader")
    assert standing.resign(leader).status == OK
    assert standing.keys() == [b"e/1"]


def test_a_leader_key_without_a_lease_gets_one() -> None:
    standing = Standing()
    leader = standing.campaign(1, b"one").sent[0].leader
    leader.lease = 0
    before = len(standing.member.lessor.leases(0.0))
    assert standing.proclaim(leader, b"x").status == OK
    assert len(standing.member.lessor.leases(0.0)) == before + 1
    assert standing.member.lessor.lease_of_key(b"e/1") not in (0, 1)


def test_an_observer_follows_the_line() -> None:
    standing = Standing()
    observer = standing.observe()
    assert seen(observer) == []
    first = standing.campaign(1, b"one").sent[0].leader
    standing.campaign(2, b"two")
    standing.proclaim(first, b"one again")
    standing.resign(first)
    standing.revoke(2)
    standing.campaign(3, b"three")
    assert seen(observer) == [(2, b"one"), (4, b"one again"), (5, b"two"), (7, b"three")]
    standing.hang_up(observer)
    assert standing.hub.watcher_count == standing.hub.stream_count == 0
    assert not standing.sessions.waiting


def test_an_observer_who_does_not_read_costs_no_memory_and_misses_no_value() -> None:
    standing = Standing()
    leader = standing.campaign(1, b"0").sent[0].leader
    observer = standing.observe()
    observer.reading = False
    for number in range(1, 11):
        standing.proclaim(leader, b"%d" % number + b"x" * MIB)
    assert observer.pending < 5 * MIB
    told = len(observer.sent)
    assert told < 8
    observer.reading, observer.pending = True, 0
    observer.on_drain()
    standing.elapse(1.0)
    values = [value.rstrip(b"x") for _, value in seen(observer)]
    assert values == [b"%d" % number for number in range(11)]


def test_an_observer_whose_history_is_gone_ends() -> None:
    standing = Standing()
    leader = standing.campaign(1, b"0").sent[0].leader
    observer = standing.observe()
    observer.reading = False
    for number in range(1, 6):
        standing.proclaim(leader, b"%d" % number + b"x" * MIB)
    request = rpc.CompactionRequest(revision=standing.member.store.revision)
    standing.member.propose("compaction", request.SerializeToString(), request, lambda _: None)
    standing.world.settle()
    observer.reading, observer.pending = True, 0
    observer.on_drain()
    standing.elapse(1.0)
    assert observer.status == OK


def test_an_election_that_cannot_be_read_ends_the_stream() -> None:
    standing = Standing()
    standing.member.linearizable = lambda action: action(NoLeader())  # type: ignore[method-assign,assignment]
    assert standing.observe().status == OK
    request = election.LeaderRequest(name=b"e")
    leader = standing.ask(standing.elections.leader, request, election.LeaderResponse)
    assert leader.status == refused("etcdserver: no leader")
