"""Membership changes: contexts as etcd 3.7.1 writes them, refusals as a table, and what a restart finds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyetcd.cluster import changes
from pyetcd.cluster.membership import Member, Membership
from pyetcd.consensus.conf_change import ConfChange
from pyetcd.errors import (
    EtcdError,
    MemberExists,
    MemberNotFound,
    MemberNotLearner,
    NotEnoughStarted,
    PeerURLExists,
    SingleVoterOnly,
    TooManyLearners,
)
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.memory import MemoryBackend

VOTER = Member(1, ("http://v:1",), "v", ("http://v:2",))
LEARNER = Member(2, ("http://l:1",), is_learner=True)
GONE = 3


def cluster(*members: Member, removed: tuple[int, ...] = (), max_learners: int = 1) -> Membership:
    membership = Membership(MemoryBackend(), 5, max_learners)
    for member in members:
        membership.add(member)
    for member_id in removed:
        membership.add(Member(member_id, ("http://gone:1",)))
        membership.remove(member_id)
    return membership


def both() -> Membership:
    return cluster(VOTER, LEARNER, removed=(GONE,))


def reloaded(membership: Membership) -> Membership:
    again = Membership(membership.backend, membership.cluster_id, membership.max_learners)
    again.load()
    return again


# Read from the log of etcd 3.7.1 after `member add --learner`, `member update`, `member remove`; the promotion from
# its source, because one member never gets that far.
def test_contexts_are_the_ones_etcd_writes() -> None:
    new = Member(16870200745680760589, ("http://127.0.0.1:9",), is_learner=True)
    context = b'{"id":16870200745680760589,"peerURLs":["http://127.0.0.1:9"],"isLearner":true}'
    assert changes.addition(new) == ConfChange(3, new.id, context)
    assert changes.addition(Member(7, ("a", "b"))) == ConfChange(0, 7, b'{"id":7,"peerURLs":["a","b"]}')
    assert changes.update(7, ("http://127.0.0.1:8",)) == ConfChange(2, 7, b'{"id":7,"peerURLs":["http://127.0.0.1:8"]}')
    assert changes.update(7, ()) == ConfChange(2, 7, b'{"id":7,"peerURLs":null}')
    assert changes.removal(7) == ConfChange(1, 7, b"")
    assert changes.promotion(7) == ConfChange(0, 7, b'{"id":7,"peerURLs":null,"isPromote":true}')


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (changes.addition(Member(9, ("http://n:1",))), SingleVoterOnly),
        (changes.addition(Member(9, ("http://n:1",), is_learner=True)), TooManyLearners),
        (changes.addition(Member(9, ("http://v:1",))), PeerURLExists),
        (changes.addition(Member(9, ("http://n:1", "http://l:1"), is_learner=True)), PeerURLExists),
        (changes.addition(Member(2, ("http://n:1",), is_learner=True)), MemberExists),
        (changes.addition(Member(GONE, ("http://n:1",), is_learner=True)), MemberNotFound),
        (changes.removal(9), MemberNotFound),
        (changes.removal(GONE), MemberNotFound),
        (changes.removal(2), None),
        (changes.update(9, ()), MemberNotFound),
        (changes.update(GONE, ()), MemberNotFound),
        (changes.update(1, ("http://l:1",)), PeerURLExists),
        (changes.update(1, ("http://v:1",)), None),
        (changes.update(2, ("junk", "")), None),
        (changes.promotion(9), MemberNotFound),
        (changes.promotion(GONE), MemberNotFound),
        (changes.promotion(1), MemberNotLearner),
        (changes.promotion(2), SingleVoterOnly),
    ],
)
def test_refusals(change: ConfChange, error: type[EtcdError] | None) -> None:
    if error is None:
        changes.check(both(), change)
    else:
        with pytest.raises(error):
            changes.check(both(), change)


def test_the_first_voter_and_the_next_learner() -> None:
    changes.check(cluster(), changes.addition(VOTER))
    changes.check(cluster(VOTER), changes.addition(LEARNER))
    second = Member(9, ("http://n:1",), is_learner=True)
    changes.check(cluster(VOTER, LEARNER, max_learners=2), changes.addition(second))
    with pytest.raises(TooManyLearners):
        changes.check(cluster(VOTER, max_learners=0), changes.addition(LEARNER))


def test_an_unknown_type_is_no_refusal() -> None:
    with pytest.raises(LookupError):
        changes.check(both(), ConfChange(4, 1))


@pytest.mark.parametrize("strict", [True, False])
def test_who_may_leave(strict: bool) -> None:
    changes.check_quorum_without(both(), 2, strict=strict)
    changes.check_quorum_without(both(), 9, strict=strict)
    with pytest.raises(NotEnoughStarted):
        changes.check_quorum_without(both(), 1, strict=strict)


def test_voters_that_never_started_count_only_when_nobody_is_strict() -> None:
    membership = cluster(VOTER, Member(4, ("http://w:1",)))
    changes.check_quorum_without(membership, 1, strict=False)
    with pytest.raises(NotEnoughStarted):
        changes.check_quorum_without(membership, 1, strict=True)


def test_what_the_buckets_hold() -> None:
    membership = both()
    changes.apply(membership, changes.update(1, ()))
    backend = membership.backend
    assert backend.scan(Bucket.MEMBERS, b"", None) == [
        (b"1", b'{"id":1,"peerURLs":null,"name":"v","clientURLs":["http://v:2"]}'),
        (b"2", b'{"id":2,"peerURLs":["http://l:1"],"isLearner":true}'),
    ]
    assert backend.scan(Bucket.MEMBERS_REMOVED, b"", None) == [(b"3", b"removed")]
    assert membership.conf_state_json() == b'{"voters":[1],"learners":[2],"auto_leave":false}'


ids = st.integers(1, 5)
urls = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), max_size=2, unique=True).map(tuple)
some_change = st.one_of(
    st.builds(lambda i, u: changes.addition(Member(i, u, is_learner=True)), ids, urls),
    st.builds(lambda i, u: changes.addition(Member(i, u)), ids, urls),
    st.builds(changes.removal, ids),
    st.builds(changes.update, ids, urls),
    st.builds(changes.promotion, ids),
)


@given(st.lists(some_change, max_size=30))
@settings(deadline=None)
def test_whatever_is_asked_the_members_stay_sound(asked: list[ConfChange]) -> None:
    membership = cluster(Member(1, ("a",), "v"), max_learners=2)
    for change in asked:
        try:
            changes.check_quorum_without(membership, change.node_id, strict=True)
            changes.check(membership, change)
        except EtcdError:
            continue
        changes.apply(membership, change)
    members = membership.sorted()
    taken = [url for member in members for url in member.peer_urls]
    assert len(taken) == len(set(taken))
    assert [member.id for member in members if not member.is_learner] == [1]
    assert sum(member.is_learner for member in members) <= 2
    assert not membership.removed & membership.members.keys()
    again = reloaded(membership)
    assert (again.members, again.removed) == (membership.members, membership.removed)
