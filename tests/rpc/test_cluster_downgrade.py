"""Downgrade, MoveLeader and the versions that follow, on a stepped member (wire contract 6.4)."""

from __future__ import annotations

from typing import Any

import pytest

from pyetcd.cluster.membership import Member
from pyetcd.cluster.versions import ClusterVersion
from pyetcd.consensus.engine import Role
from pyetcd.member.versions import PERIOD, STORAGE_VERSION, Versions
from pyetcd.mvcc.backend import Bucket
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.downgrade import CANCEL, ENABLE, VALIDATE, DowngradeService
from pyetcd.rpc.leadership import LeadershipService
from pyetcd.wire.call import Code
from tests.member.stepped import MEMBER_ID
from tests.rpc.watched import Served

WRONG_FORMAT = (Code.INVALID_ARGUMENT, "etcdserver: wrong downgrade target version format")
WRONG_TARGET = (Code.INVALID_ARGUMENT, "etcdserver: invalid downgrade target version")
IN_PROGRESS = (Code.FAILED_PRECONDITION, "etcdserver: cluster has a downgrade job in progress")
BAD_TRANSFEREE = (Code.FAILED_PRECONDITION, "etcdserver: bad leader transferee")


class Versioned(Served):
    def __init__(self) -> None:
        super().__init__()
        self.build()
        self.versions.update(lambda error: None)
        self.world.settle()
        self.versions.start()

    def build(self) -> None:
        self.service = DowngradeService(self.member)
        self.versions = Versions(self.member, ClusterVersion(3, 7))

    def downgrade(self, action: int, version: str = "") -> Any:
        """The version answered, or (code, text)."""
        request = rpc.DowngradeRequest(action=action, version=version)  # type: ignore[arg-type]
        answer = self.unary(self.service.downgrade, request, rpc.DowngradeResponse)
        return answer if isinstance(answer, tuple) else answer.version

    def known(self) -> tuple[str, str]:
        """Cluster and storage version."""
        stored = self.member.backend.get(Bucket.META, STORAGE_VERSION)
        return self.member.membership.version, (stored or b"").decode()


def test_the_story_of_a_downgrade() -> None:
    served = Versioned()
    assert served.known() == ("3.7.0", "3.7.0")
    assert served.downgrade(VALIDATE, "3.6") == "3.7"
    assert served.downgrade(ENABLE, "3.6.5") == "3.7"
    assert served.downgrade(ENABLE, "3.6") == IN_PROGRESS
    assert served.downgrade(VALIDATE, "3.6") == IN_PROGRESS
    assert served.known() == ("3.7.0", "3.7.0")
    served.elapse(PERIOD)
    assert served.known() == ("3.6.0", "3.6.0")
    assert served.downgrade(VALIDATE, "3.6") == WRONG_TARGET
    before = served.member.applied_index
    served.elapse(3 * PERIOD)
    assert served.member.applied_index == before
    assert served.downgrade(CANCEL) == "3.6"
    served.elapse(PERIOD)
    assert served.known() == ("3.7.0", "3.7.0")
    assert served.member.backend.get(Bucket.CLUSTER, b"downgrade") == b'{"target-version":"","enabled":false}'


def test_a_job_survives_a_restart_and_keeps_the_version_down() -> None:
    served = Versioned()
    served.downgrade(ENABLE, "3.6")
    served.elapse(PERIOD)
    served.world.restart()
    served.member = served.world.member
    served.world.elect()
    served.build()
    heard: list[object] = []
    before = served.member.applied_index
    served.versions.update(heard.append)
    assert (heard, served.known(), served.member.applied_index) == ([None], ("3.6.0", "3.6.0"), before)
    assert served.member.membership.downgrade.enabled


def test_what_is_refused_is_no_entry() -> None:
    served = Versioned()
    before = served.member.applied_index
    assert served.downgrade(VALIDATE) == served.downgrade(ENABLE, "x") == WRONG_FORMAT
    assert served.downgrade(ENABLE, "3.5") == served.downgrade(VALIDATE, "3.7") == WRONG_TARGET
    assert served.downgrade(3, "3.6") == (Code.UNKNOWN, "etcdserver: unknown method")
    assert served.downgrade(CANCEL, "junk") == "3.7"
    assert served.member.applied_index == before


def test_before_the_first_version() -> None:
    served = Versioned()
    served.member.membership.version = ""
    unknown = (Code.FAILED_PRECONDITION, "etcdserver: cluster version not found during downgrade")
    assert served.downgrade(VALIDATE, "3.6") == served.downgrade(ENABLE, "3.6") == unknown


def test_versions_stand_still_while_a_member_cannot_be_asked() -> None:
    served = Versioned()
    served.downgrade(ENABLE, "3.6")
    served.member.membership.add(Member(7, ("http://l:1",), is_learner=True))
    served.elapse(2 * PERIOD)
    assert served.known() == ("3.7.0", "3.7.0")


def test_stopped_versions_look_no_more() -> None:
    served = Versioned()
    served.versions.stop()
    served.downgrade(ENABLE, "3.6")
    served.elapse(2 * PERIOD)
    assert served.known() == ("3.7.0", "3.7.0")


@pytest.mark.parametrize(("target", "status"), [(MEMBER_ID, (0, "")), (0, BAD_TRANSFEREE), (7, BAD_TRANSFEREE)])
def test_move_leader(target: int, status: tuple[int, str]) -> None:
    served = Served()
    served.member.membership.add(Member(7, ("http://l:1",), is_learner=True))
    service = LeadershipService(served.member)
    request = rpc.MoveLeaderRequest(targetID=target)
    answer = served.unary(service.move_leader, request, rpc.MoveLeaderResponse)
    assert (answer if isinstance(answer, tuple) else (0, "")) == status


def test_only_a_leader_moves_leadership() -> None:
    served = Served()
    served.member.engine.role = Role.FOLLOWER  # type: ignore[misc]
    request = rpc.MoveLeaderRequest(targetID=MEMBER_ID)
    answer = served.unary(LeadershipService(served.member).move_leader, request, rpc.MoveLeaderResponse)
    assert answer == (Code.FAILED_PRECONDITION, "etcdserver: not leader")
