"""The Lease service on a stepped member (wire contract 4.1, 4.2)."""

from __future__ import annotations

from typing import Any

import pytest

from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.wire.call import Code
from tests.rpc.watched import RecordedCall, Served

NOT_FOUND = (Code.NOT_FOUND, "etcdserver: requested lease not found")


def leased(served: Served, key: bytes, lease: int) -> None:
    request = rpc.PutRequest(key=key, lease=lease)
    served.member.propose("put", request.SerializeToString(), request, lambda _: None)
    served.world.settle()


def renew(session: Any, *ids: int) -> None:
    for id in ids:
        session.message(rpc.LeaseKeepAliveRequest(ID=id).SerializeToString())


def ttls(call: RecordedCall) -> list[tuple[int, int]]:
    return [(reply.ID, reply.TTL) for reply in call.take()]


def ttl_of(served: Served, id: int, keys: bool = False) -> Any:
    request = rpc.LeaseTimeToLiveRequest(ID=id, keys=keys)
    return served.unary(served.leases.time_to_live, request, rpc.LeaseTimeToLiveResponse)


def test_grant() -> None:
    served = Served()
    answer = served.grant(5, 1)
    assert (answer.ID, answer.TTL, answer.header.revision, answer.error) == (5, 2, 1, "")
    assert served.grant(5, 60) == (Code.FAILED_PRECONDITION, "etcdserver: lease already exists")
    assert served.grant(6, 9_000_000_001) == (Code.OUT_OF_RANGE, "etcdserver: too large lease TTL")
    assert served.grant(-7, 60).ID == -7


def test_grant_chooses_a_positive_id() -> None:
    served = Served()
    ids = iter([0, 1 << 63, (1 << 63) + 9])
    served.member.next_request_id, real = lambda: next(ids, 77), served.member.next_request_id
    assert served.grant(0, 60).ID == 9
    served.member.next_request_id = real
    assert 9 in served.member.lessor


def test_revoke_deletes_the_keys_at_one_revision() -> None:
    served = Served()
    session, call = served.watch()
    served.grant(5, 60)
    leased(served, b"b", 5)
    leased(served, b"a", 5)
    served.create(session, b"\0", range_end=b"\0")
    call.take()
    assert served.revoke(5).header.revision == 4
    (response,) = call.take()
    assert [(event.type, event.kv.key) for event in response.events] == [(1, b"a"), (1, b"b")]
    assert served.revoke(5) == NOT_FOUND


def test_revoke_without_keys_makes_no_revision() -> None:
    served = Served()
    served.grant(5, 60)
    assert served.revoke(5).header.revision == 1


def test_time_to_live() -> None:
    served = Served()
    served.grant(5, 60)
    leased(served, b"k", 5)
    answer = ttl_of(served, 5, keys=True)
    assert (answer.ID, answer.TTL, answer.grantedTTL, list(answer.keys)) == (5, 59, 60, [b"k"])
    assert answer.header.revision == 2
    assert list(ttl_of(served, 5).keys) == []
    missing = ttl_of(served, 99, keys=True)
    assert (missing.ID, missing.TTL, missing.grantedTTL, missing.header.revision) == (99, -1, 0, 2)


def test_leases_are_listed_by_the_time_left() -> None:
    served = Served()
    for id, ttl in ((1, 60), (2, 10), (-3, 30)):
        served.grant(id, ttl)
    listed = served.unary(served.leases.leases, rpc.LeaseLeasesRequest(), rpc.LeaseLeasesResponse)
    assert [status.ID for status in listed.leases] == [2, -3, 1]
    assert listed.header.revision == 1


def test_keep_alive_answers_in_order_and_missing_leases_with_ttl_0() -> None:
    served = Served()
    served.grant(5, 60)
    session, call = served.keep_alive()
    renew(session, 5, 99, 0, -4, 5)
    assert ttls(call) == [(5, 60), (99, 0), (0, 0), (-4, 0), (5, 60)]
    assert call.open


def test_replies_are_protobufs_bytes() -> None:
    served = Served()
    served.grant(-5, 60)
    session, call = served.keep_alive()
    renew(session, -5, 3)
    assert call.raw == [reply.SerializeToString() for reply in call.sent]


def test_half_close_ends_the_stream_with_ok() -> None:
    served = Served()
    session, call = served.keep_alive()
    renew(session, 1)
    session.half_close()
    assert (call.status, len(call.take()), served.leases.sessions) == ((0, ""), 1, {})


def test_an_expired_lease_answers_when_it_is_revoked_and_nobody_overtakes() -> None:
    served = Served()
    served.grant(5, 2)
    served.grant(6, 60)
    leased(served, b"k", 5)
    session, call = served.keep_alive()
    served.world.loop.advance(2.1)
    renew(session, 5, 6, 5)
    session.half_close()
    assert ttls(call) == [] and call.open
    revision = served.member.store.revision
    served.expiry.start()
    served.elapse(1.0)
    replies = call.take()
    assert [(reply.ID, reply.TTL) for reply in replies] == [(5, 0), (6, 60), (5, 0)]
    assert [reply.header.revision for reply in replies] == [revision] * 3, "headers are made before the renewal"
    assert served.member.store.revision == revision + 1
    assert call.status == (0, "")


def test_a_lost_leadership_ends_a_waiting_renewal() -> None:
    served = Served()
    served.grant(5, 2)
    session, call = served.keep_alive()
    served.world.loop.advance(2.1)
    renew(session, 5)
    served.member.lessor.demote()
    assert call.status == (Code.UNKNOWN, "not a primary lessor")
    assert served.leases.sessions == {}


def test_a_client_that_goes_away_while_waiting() -> None:
    served = Served()
    served.grant(5, 2)
    session, call = served.keep_alive()
    served.world.loop.advance(2.1)
    renew(session, 5)
    call.reset()
    served.expiry.start()
    served.elapse(1.0)
    assert call.take() == [] and served.leases.sessions == {} and 5 not in served.member.lessor


def test_renewals_keep_a_lease_alive() -> None:
    served = Served()
    served.grant(5, 2)
    served.expiry.start()
    session, call = served.keep_alive()
    for _ in range(10):
        served.elapse(1.0)
        renew(session, 5)
    assert ttls(call) == [(5, 2)] * 10
    served.elapse(3.1)
    assert 5 not in served.member.lessor


def test_a_checkpoint_is_forgotten_through_the_log_first() -> None:
    served = Served()
    served.member.lessor.checkpoint_interval = 300.0
    served.grant(5, 1000)
    served.member.lessor.checkpoint(5, 400, served.member.now())
    session, call = served.keep_alive()
    renew(session, 5, 5)
    assert ttls(call) == []
    served.world.settle()
    assert ttls(call) == [(5, 1000), (5, 1000)]
    assert ttl_of(served, 5).TTL == 999


def test_undecodable_bytes_end_the_stream() -> None:
    served = Served()
    session, call = served.keep_alive()
    session.message(b"\x08")
    assert call.status is not None and call.status[0] == Code.INTERNAL


@pytest.mark.parametrize("only", [False, True])
def test_ending_streams(only: bool) -> None:
    served = Served()
    _, insists = served.keep_alive(has_leader=True)
    _, other = served.keep_alive()
    served.leases.end_all(Code.UNAVAILABLE, "etcdserver: no leader", only_with_leader=only)
    assert (insists.open, other.open) == (False, only)
