"""What requests cost, when they fit, and what happens to one that no longer fits when it is applied (section 2.11)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyetcd.apply.outcome import Applied
from pyetcd.apply.quota import DEFAULT_BYTES, OverQuota, Quota, cost, txn_cost
from pyetcd.apply.state_machine import StateMachine
from pyetcd.auth.store import AuthStore
from pyetcd.auth.tokens import NoTokens
from pyetcd.cluster.alarms import Alarms
from pyetcd.cluster.membership import Membership
from pyetcd.lease.lessor import Lessor
from pyetcd.mvcc.memory import MemoryBackend
from pyetcd.mvcc.store import Store
from pyetcd.pb import rpc_pb2 as rpc

puts = st.builds(
    lambda key, value: rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=value)),
    st.binary(max_size=5),
    st.binary(max_size=300),
)
others = st.sampled_from(
    [
        rpc.RequestOp(),
        rpc.RequestOp(request_range=rpc.RangeRequest(key=b"k" * 99)),
        rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=b"k" * 99)),
    ]
)
transactions = st.recursive(
    st.builds(rpc.TxnRequest, success=st.lists(puts | others, max_size=4), failure=st.lists(puts | others, max_size=4)),
    lambda inner: st.builds(
        rpc.TxnRequest,
        success=st.lists(puts | st.builds(rpc.RequestOp, request_txn=inner), max_size=3),
        failure=st.lists(puts | st.builds(rpc.RequestOp, request_txn=inner), max_size=3),
    ),
    max_leaves=8,
)


def by_recursion(r: Any) -> int:
    """The rule as the wire contract words it."""

    def branch(ops: Any) -> int:
        total = 0
        for op in ops:
            if op.WhichOneof("request") == "request_put":
                total += 256 + len(op.request_put.key) + len(op.request_put.value)
            elif op.WhichOneof("request") == "request_txn":
                total += by_recursion(op.request_txn)
        return total

    return max(branch(r.success), branch(r.failure))


@given(transactions)
def test_a_transaction_costs_its_dearer_branch(r: rpc.TxnRequest) -> None:
    assert txn_cost(r) == cost("txn", r) == by_recursion(r)


def test_a_transaction_nested_as_deep_as_the_parser_goes() -> None:
    r = rpc.TxnRequest(success=[rpc.RequestOp(request_put=rpc.PutRequest(key=b"k", value=b"v"))])
    for _ in range(45):
        r = rpc.TxnRequest(failure=[rpc.RequestOp(request_txn=r)])
    assert txn_cost(r) == 258


def test_costs() -> None:
    assert cost("put", rpc.PutRequest(key=b"key", value=b"value")) == 256 + 8
    assert cost("lease_grant", rpc.LeaseGrantRequest(TTL=9, ID=9)) == 64
    assert cost("delete_range", rpc.DeleteRangeRequest(key=b"key")) == 0
    assert cost("compaction", rpc.CompactionRequest(revision=9)) == 0


@pytest.mark.parametrize(
    ("flag", "size", "cost", "fits"),
    [
        (1000, 743, 256, True),
        (1000, 744, 256, False),  # size and cost together must stay below the quota
        (1, 0, 0, True),  # what costs nothing is let in always
        (1, 20480, 0, True),
        (0, DEFAULT_BYTES - 257, 256, True),
        (0, DEFAULT_BYTES - 256, 256, False),
        (-1, 1 << 60, 1 << 40, True),
    ],
)
def test_what_fits(flag: int, size: int, cost: int, fits: bool) -> None:
    quota = Quota(lambda: size, flag, 2 << 20)
    assert quota.fits(cost) is fits
    assert quota.near or fits


@given(st.integers(min_value=-1, max_value=1 << 40), st.integers(min_value=0, max_value=1 << 40), transactions)
def test_far_from_the_quota_everything_fits(flag: int, size: int, r: rpc.TxnRequest) -> None:
    quota = Quota(lambda: size, flag, len(r.SerializeToString()))
    assert quota.near or quota.fits(txn_cost(r))


def test_near_follows_the_size() -> None:
    sizes = [0]
    quota = Quota(lambda: sizes[0], 1 << 30, 1000)
    assert not quota.near
    sizes[0] = (1 << 30) - 1000
    quota.refresh()
    assert quota.near


def machine(quota: Quota) -> StateMachine:
    backend = MemoryBackend()
    parts = Store(backend), Lessor(backend), Alarms(backend), Membership(backend, 1), AuthStore(backend, NoTokens())
    return StateMachine(*parts, quota)


def test_what_no_longer_fits_is_carried_out_and_refused() -> None:
    full = machine(Quota(lambda: 4096, 4096, 1000))
    outcome = full.apply("put", rpc.PutRequest(key=b"k", value=b"v"), 0.0)
    assert isinstance(outcome, OverQuota) and len(outcome.applied.changes) == 1
    assert full.store.get(b"k") is not None
    assert isinstance(full.apply("lease_grant", rpc.LeaseGrantRequest(ID=7, TTL=60), 0.0), OverQuota)
    assert 7 in full.lessor
    assert isinstance(full.apply("delete_range", rpc.DeleteRangeRequest(key=b"k"), 0.0), Applied)
