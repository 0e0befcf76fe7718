"""The quota at the door, on a stepped member (wire contract 2.11, 2.2): weighed first, and the alarm is raised."""

from __future__ import annotations

from typing import Any

import pytest

from pyetcd.apply.quota import Quota
from pyetcd.member.compactor import Compactor
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.kv import KVService
from pyetcd.rpc.lease import LeaseService
from pyetcd.wire.call import Code
from tests.member.stepped import MEMBER_ID
from tests.rpc.watched import RecordedCall, Served

FULL = (Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded")
PUT = rpc.PutRequest(key=b"k", value=b"v")
COST = 258


class Tight(Served):
    """Services of a member whose database has ``room`` bytes left."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        machine = self.member.machine
        machine.quota = Quota(lambda: 100_000 - self.room, 100_000, 2 << 20)
        self.kv = KVService(self.member, Compactor(self.world.backend, self.world.loop, 0.01), 128)
        self.leases = LeaseService(self.member)

    def put(self, key: bytes = b"k", value: bytes = b"v") -> Any:
        return self.unary(self.kv.put, rpc.PutRequest(key=key, value=value), rpc.PutResponse)

    def txn(self, **branches: Any) -> Any:
        return self.unary(self.kv.txn, rpc.TxnRequest(**branches), rpc.TxnResponse)

    @property
    def alarms(self) -> list[tuple[int, int]]:
        rows = map(rpc.AlarmMember.FromString, self.member.alarms.get())
        return [(row.memberID, row.alarm) for row in rows]


def test_a_put_that_fits_leaves_no_alarm() -> None:
    served = Tight(COST + 1)
    assert served.put().header.revision == 2
    assert served.alarms == []


def test_a_put_that_does_not_fit_raises_the_alarm() -> None:
    served = Tight(COST)
    assert served.put() == FULL
    assert served.alarms == [(MEMBER_ID, 1)]
    assert served.member.store.revision == 1


@pytest.mark.parametrize(
    ("method", "request_", "kind"),
    [
        ("put", rpc.PutRequest(), rpc.PutResponse),
        ("txn", rpc.TxnRequest(success=[rpc.RequestOp(request_put=rpc.PutRequest())]), rpc.TxnResponse),
    ],
)
def test_the_quota_comes_before_the_arguments(method: str, request_: Any, kind: Any) -> None:
    served = Tight(10)
    assert served.unary(getattr(served.kv, method), request_, kind) == FULL


def test_a_lease_costs_sixty_four() -> None:
    assert Tight(65).grant(7, 60).ID == 7
    served = Tight(64)
    assert served.grant(7, 9_000_000_001) == FULL
    assert 7 not in served.member.lessor and served.alarms == [(MEMBER_ID, 1)]


def test_the_way_out_stays_open() -> None:
    """Reads, deletes, compactions and transactions without a put cost nothing."""
    served = Tight(COST + 1)
    served.put()
    served.room = 0
    assert served.put() == FULL
    delete = rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=b"z"))
    assert served.txn(success=[delete]).succeeded
    assert served.unary(served.kv.range, rpc.RangeRequest(key=b"k"), rpc.RangeResponse).count == 1
    assert served.unary(served.kv.delete_range, rpc.DeleteRangeRequest(key=b"k"), rpc.DeleteRangeResponse).deleted == 1
    assert served.unary(served.kv.compact, rpc.CompactionRequest(revision=3), rpc.CompactionResponse).header.revision


def test_the_alarm_is_raised_when_the_client_hears() -> None:
    served = Tight(0)
    call: Any = RecordedCall(rpc.PutResponse)
    served.kv.put(call, PUT.SerializeToString())
    assert call.status is None
    served.world.settle()
    assert call.status == FULL and served.alarms


def test_admitted_and_then_refused() -> None:
    """Puts that were let in while there was room are stored, told NOSPACE, and watchers hear of them."""
    served = Tight(2 * COST)
    session, watch = served.watch()
    served.create(session, b"\0", range_end=b"\0")
    calls: list[Any] = [RecordedCall(rpc.PutResponse) for _ in range(2)]
    for number, call in enumerate(calls):
        served.kv.put(call, rpc.PutRequest(key=b"k%d" % number, value=b"").SerializeToString())
    watch.take()
    served.room = 0
    served.world.settle()
    assert [call.status for call in calls] == [FULL, FULL]
    assert [event.kv.key for response in watch.take() for event in response.events] == [b"k0", b"k1"]
    assert served.alarms == []
