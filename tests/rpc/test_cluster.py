"""The Cluster service on a stepped member (wire contract 6.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from pyetcd.cluster.membership import Member
from pyetcd.consensus.conf_change import decode_conf_change
from pyetcd.errors import BadMemberURLs, DiskFailure, NoLeader
from pyetcd.mvcc.backend import Bucket
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.cluster import ClusterService
from pyetcd.wire.call import Code
from tests.member.stepped import MEMBER_ID
from tests.rpc.watched import RecordedCall, Served

SECOND_VOTER = (
    Code.UNAVAILABLE,
    "etcdserver: this server cannot replicate to a second voting member; add a learner",
)


def new_member(peer_urls: Iterable[str], is_learner: bool) -> Member:
    urls = tuple(peer_urls)
    if not urls:
        raise BadMemberURLs
    return Member(sum(map(len, urls)), urls, is_learner=is_learner)


class Cluster(Served):
    def __init__(self, *, strict: bool = True) -> None:
        super().__init__()
        self.serve(strict)

    def serve(self, strict: bool = True) -> None:
        self.service = ClusterService(self.member, new_member, strict=strict)

    def restart(self) -> None:
        self.world.restart()
        self.member = self.world.member
        self.world.elect()
        self.serve()

    def add(self, *urls: str, learner: bool = True) -> Any:
        request = rpc.MemberAddRequest(peerURLs=urls, isLearner=learner)
        return self.unary(self.service.member_add, request, rpc.MemberAddResponse)

    def remove(self, member_id: int) -> Any:
        return self.unary(self.service.member_remove, rpc.MemberRemoveRequest(ID=member_id), rpc.MemberRemoveResponse)

    def update(self, member_id: int, *urls: str) -> Any:
        request = rpc.MemberUpdateRequest(ID=member_id, peerURLs=urls)
        return self.unary(self.service.member_update, request, rpc.MemberUpdateResponse)

    def promote(self, member_id: int) -> Any:
        return self.unary(
            self.service.member_promote, rpc.MemberPromoteRequest(ID=member_id), rpc.MemberPromoteResponse
        )

    def ids(self) -> list[int]:
        answer = self.unary(self.service.member_list, rpc.MemberListRequest(), rpc.MemberListResponse)
        return [member.ID for member in answer.members]

    def entries(self) -> int:
        """How many entries the log has."""
        return self.member.applied_index


def test_a_learner_comes_changes_and_goes() -> None:
    cluster = Cluster()
    answer = cluster.add("abc")
    assert (answer.header.revision, answer.member.ID, answer.member.isLearner) == (0, 3, True)
    assert [member.ID for member in answer.members] == [3, MEMBER_ID]
    assert cluster.update(3, "junk", "").members[0].peerURLs == ["junk", ""]
    assert cluster.promote(3) == (
        Code.FAILED_PRECONDITION, "etcdserver: can only promote a learner member which is in sync with leader",
    )  # fmt: skip
    assert [member.ID for member in cluster.remove(3).members] == [MEMBER_ID]
    assert cluster.remove(3) == (Code.NOT_FOUND, "etcdserver: member not found")


def test_the_entry_is_the_one_etcd_writes() -> None:
    cluster = Cluster()
    cluster.add("abc")
    entry = cluster.world.log.entries[-1]
    assert entry.type == 1
    change = decode_conf_change(entry.data)
    assert change.id != 0
    assert change[:3] == (3, 3, b'{"id":3,"peerURLs":["abc"],"isLearner":true}')
    conf_state = cluster.member.backend.get(Bucket.META, b"confState")
    assert conf_state == b'{"voters":[%d],"learners":[3],"auto_leave":false}' % MEMBER_ID


def test_members_survive_a_restart_that_replays_the_log() -> None:
    cluster = Cluster()
    cluster.add("abc")
    cluster.remove(3)
    cluster.add("abcd")
    cluster.world.backend = type(cluster.world.backend)()  # the state is lost, the log is not
    cluster.restart()
    assert cluster.ids() == [4, MEMBER_ID]
    assert cluster.member.membership.removed == {3}
    assert cluster.add("abc") == (Code.NOT_FOUND, "etcdserver: member not found")


def test_a_second_voter_is_refused_without_an_entry() -> None:
    cluster = Cluster()
    before = cluster.entries()
    assert cluster.add("abc", learner=False) == SECOND_VOTER
    assert cluster.entries() == before


def test_a_second_voter_whose_way_was_cleared_meanwhile_is_refused_when_applied() -> None:
    cluster = Cluster()
    cluster.update(MEMBER_ID, "abc")
    update, add = (RecordedCall(kind) for kind in (rpc.MemberUpdateResponse, rpc.MemberAddResponse))
    request: Any = rpc.MemberUpdateRequest(ID=MEMBER_ID, peerURLs=["x"])
    cluster.service.member_update(update, request.SerializeToString())  # type: ignore[arg-type]
    request = rpc.MemberAddRequest(peerURLs=["abc"])
    cluster.service.member_add(add, request.SerializeToString())  # type: ignore[arg-type]
    cluster.world.settle()
    assert (update.status, add.status) == ((0, ""), SECOND_VOTER)
    assert cluster.ids() == [MEMBER_ID]


@pytest.mark.parametrize("strict", [True, False])
def test_the_last_voter_stays(strict: bool) -> None:
    cluster = Cluster(strict=strict)
    before = cluster.entries()
    assert cluster.remove(MEMBER_ID) == (
        Code.UNKNOWN, "etcdserver: re-configuration failed due to not enough started members",
    )  # fmt: skip
    assert cluster.entries() == before


def test_wrong_urls() -> None:
    assert Cluster().add() == (Code.INVALID_ARGUMENT, "etcdserver: given member URLs are invalid")


def test_answers_show_the_members_as_they_were_after_each_change() -> None:
    """Two changes of one turn are applied together and answered one by one."""
    cluster = Cluster()
    calls = [RecordedCall(rpc.MemberUpdateResponse) for _ in range(2)]
    for call, url in zip(calls, ("one", "two"), strict=True):
        request = rpc.MemberUpdateRequest(ID=MEMBER_ID, peerURLs=[url])
        cluster.service.member_update(call, request.SerializeToString())  # type: ignore[arg-type]
    cluster.world.settle()
    assert [call.sent[0].members[0].peerURLs[0] for call in calls] == ["one", "two"]


def test_changes_and_writes_of_one_turn_are_answered() -> None:
    cluster = Cluster()
    call = RecordedCall(rpc.MemberAddResponse)
    results = cluster.world.put(b"a")
    request = rpc.MemberAddRequest(peerURLs=["abc"], isLearner=True)
    cluster.service.member_add(call, request.SerializeToString())  # type: ignore[arg-type]
    results += cluster.world.put(b"b")
    cluster.world.settle()
    assert call.status == (0, "")
    assert cluster.member.store.revision == 3
    assert cluster.member.pending_proposals == 0


def test_trouble_is_told() -> None:
    cluster = Cluster()
    call = RecordedCall(rpc.MemberAddResponse)
    request = rpc.MemberAddRequest(peerURLs=["abc"], isLearner=True)
    cluster.service.member_add(call, request.SerializeToString())  # type: ignore[arg-type]
    cluster.world.loop.run()
    cluster.world.log.complete(DiskFailure())
    assert call.status == (Code.UNAVAILABLE, "etcdserver: disk failure, the request was not stored")
    cluster.member.refusal = NoLeader()
    assert cluster.add("abcd") == (Code.UNAVAILABLE, "etcdserver: no leader")
