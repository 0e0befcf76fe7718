"""Rules of wire contract 4.1 to 4.3 that one example shows best."""

from __future__ import annotations

import pytest

from pyetcd.errors import LeaseNotFound, LeaseTTLTooLarge
from pyetcd.lease.lease import MAX_TTL
from pyetcd.lease.lessor import RETRY_SECONDS, Lessor
from pyetcd.lease.spread import REVOKE_RATE
from pyetcd.mvcc.backend import Bucket
from pyetcd.mvcc.memory import MemoryBackend
from pyetcd.pb.lease_pb2 import Lease as LeaseRecord


def primary(**options: float) -> Lessor:
    lessor = Lessor(MemoryBackend(), **options)  # type: ignore[arg-type]
    lessor.promote(0.0, 0.0)
    return lessor


@pytest.mark.parametrize(("asked", "given"), [(-5, 2), (0, 2), (1, 2), (2, 2), (3, 3), (MAX_TTL, MAX_TTL)])
def test_ttl_below_the_minimum_is_raised(asked: int, given: int) -> None:
    assert primary(min_ttl=2).grant(1, asked, 0.0) == given


def test_ttl_too_large() -> None:
    with pytest.raises(LeaseTTLTooLarge):
        primary().grant(1, MAX_TTL + 1, 0.0)


def test_id_zero_is_no_lease() -> None:
    with pytest.raises(LeaseNotFound):
        primary().grant(0, 5, 0.0)


def test_a_size_check_comes_before_the_existence_check() -> None:
    lessor = primary()
    lessor.grant(1, 5, 0.0)
    with pytest.raises(LeaseTTLTooLarge):
        lessor.grant(1, MAX_TTL + 1, 0.0)


def test_revoke_gives_the_keys_in_ascending_order() -> None:
    lessor = primary()
    lessor.grant(1, 5, 0.0)
    for key in (b"c", b"a", b"b\xff", b"b"):
        lessor.attach(1, key)
    assert lessor.revoke(1) == [b"a", b"b", b"b\xff", b"c"]
    assert lessor.lease_of_key(b"a") == 0


def test_a_key_has_one_lease_at_most() -> None:
    lessor = primary()
    lessor.grant(1, 5, 0.0)
    lessor.grant(2, 5, 0.0)
    lessor.attach(1, b"k")
    lessor.attach(2, b"k")
    assert (lessor.keys(1), lessor.keys(2), lessor.lease_of_key(b"k")) == ([], [b"k"], 2)
    lessor.detach(1, b"k")
    assert lessor.lease_of_key(b"k") == 2


def test_remaining_time_is_truncated() -> None:
    lessor = primary()
    lessor.grant(1, 10, 0.0)
    remaining = [lessor.time_to_live(1, now) for now in (0.0, 0.1, 1.0, 8.5, 9.5, 10.0, 10.9, 11.5)]
    assert [answer and answer[1] for answer in remaining] == [9, 9, 8, 1, 0, 0, 0, -1]


def test_expired_leases_come_in_order_up_to_the_limit_and_again_after_the_retry_time() -> None:
    lessor = primary()
    for id in range(1, 6):
        lessor.grant(id, 10 - id, 0.0)
    assert lessor.expired(4.9) == []
    assert lessor.expired(20.0, limit=2) == [5, 4]
    assert lessor.expired(20.0) == [3, 2, 1]
    assert lessor.expired(20.0 + RETRY_SECONDS / 2) == []
    lessor.revoke(3)
    assert sorted(lessor.expired(20.0 + RETRY_SECONDS)) == [1, 2, 4, 5]


def test_one_pass_gives_at_most_500() -> None:
    lessor = primary()
    for id in range(1, 700):
        lessor.grant(id, 5, 0.0)
    assert (len(lessor.expired(5.0)), len(lessor.expired(5.0))) == (500, 199)


def test_a_renewed_lease_ends_later() -> None:
    lessor = primary()
    lessor.grant(1, 5, 0.0)
    assert lessor.renew(1, 4.0) == 5
    assert lessor.expired(8.9) == []
    assert lessor.expired(9.0) == [1]


def test_a_thousand_renewals_do_not_grow_the_queue() -> None:
    lessor = primary()
    lessor.grant(1, 5, 0.0)
    for step in range(1000):
        lessor.renew(1, step * 1.0)
        assert lessor.expired(step * 1.0) == []
    lessor.check()


def test_whoever_waits_for_an_expired_lease_hears_of_the_revoke() -> None:
    lessor = primary()
    lessor.grant(1, 5, 0.0)
    heard: list[int | None] = []
    lessor.when_settled(1, lambda: heard.append(lessor.renew(1, 6.0)))
    lessor.revoke(1)
    assert heard == [None]


def test_whoever_waits_for_an_expired_lease_hears_of_lost_leadership() -> None:
    lessor = primary()
    lessor.grant(1, 5, 0.0)
    heard: list[bool] = []
    lessor.when_settled(1, lambda: heard.append(lessor.primary))
    lessor.demote()
    lessor.promote(9.0, 0.0)
    assert heard == [False]


def test_records_are_etcds() -> None:
    backend = MemoryBackend()
    lessor = Lessor(backend)
    lessor.grant(5, 60, 0.0)
    lessor.grant(-2, 70, 0.0)
    lessor.checkpoint(-2, 9, 0.0)
    assert backend.scan(Bucket.LEASE, b"", None) == [
        (b"\0\0\0\0\0\0\0\x05", LeaseRecord(ID=5, TTL=60).SerializeToString()),
        (b"\xff\xff\xff\xff\xff\xff\xff\xfe", LeaseRecord(ID=-2, TTL=70, RemainingTTL=9).SerializeToString()),
    ]


def test_restart_begins_the_full_time_again_or_what_the_checkpoint_left() -> None:
    backend = MemoryBackend()
    lessor = Lessor(backend)
    lessor.grant(1, 60, 0.0)
    lessor.grant(2, 60, 0.0)
    lessor.checkpoint(2, 20, 0.0)
    lessor.attach(1, b"k")
    again = Lessor(backend, min_ttl=2)
    again.load([(b"k", 1), (b"orphan", 99)])
    assert again.expired(1e9) == []
    again.promote(100.0, 1.0)
    assert again.time_to_live(1, 100.5) == (60, 60, [b"k"])
    assert again.time_to_live(2, 100.5) == (60, 20, [])
    assert again.lease_of_key(b"orphan") == 0
    assert again.leases(100.0) == [2, 1]
    again.check()


def test_a_raised_minimum_holds_for_leases_of_before() -> None:
    backend = MemoryBackend()
    Lessor(backend, min_ttl=1).grant(1, 1, 0.0)
    again = Lessor(backend, min_ttl=8)
    again.load()
    again.promote(0.0, 0.0)
    assert again.renew(1, 0.0) == 8


def test_checkpoints_of_long_leases() -> None:
    lessor = primary(checkpoint_interval=300.0)
    lessor.grant(1, 1000, 0.0)
    lessor.grant(2, 300, 0.0)
    assert lessor.due_checkpoints(299.0) == []
    assert lessor.due_checkpoints(300.5) == [(1, 700)]
    lessor.checkpoint(1, 700, 301.0)
    assert lessor.due_checkpoints(600.0) == []
    assert lessor.due_checkpoints(601.0) == [(1, 399)]
    assert (lessor.has_checkpoint(1), lessor.has_checkpoint(2)) == (True, False)


def test_a_pile_up_after_a_leader_change_is_spread() -> None:
    lessor = Lessor(MemoryBackend())
    count = 3 * REVOKE_RATE
    for id in range(1, count + 1):
        lessor.grant(id, 30, 0.0)
    lessor.promote(0.0, 1.0)
    lessor.check()
    ends = [0] * 8
    for second in range(len(ends)):
        while due := lessor.expired(31.0 + second + 1e-6):
            ends[second] += len(due)
            for id in due:
                lessor.revoke(id)
    assert sum(ends) == count
    assert max(ends) <= 3 * REVOKE_RATE // 4 + 1


def test_few_leases_are_not_spread() -> None:
    lessor = Lessor(MemoryBackend())
    for id in range(1, REVOKE_RATE):
        lessor.grant(id, 30, 0.0)
    lessor.promote(0.0, 1.0)
    assert lessor.leases(0.0) == list(range(1, REVOKE_RATE))
    assert len(lessor.expired(31.0, limit=REVOKE_RATE)) == REVOKE_RATE - 1
