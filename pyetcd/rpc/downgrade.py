"""Maintenance.Downgrade: may the cluster go one minor release down, do it, stop doing it (wire contract, section 6.4).

Enabling only records the job; the cluster version follows in member/versions.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pyetcd.apply.outcome import Applied
from pyetcd.cluster.versions import ClusterVersion, parse_stored, parse_target
from pyetcd.errors import (
    ClusterVersionUnavailable,
    DowngradeInProcess,
    EtcdError,
    InvalidDowngradeTargetVersion,
    UnknownMethod,
)
from pyetcd.member.member import Member
from pyetcd.member.proposal import Result
from pyetcd.pb import membership_pb2 as membership
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.decode import decode
from pyetcd.rpc.errors import fail
from pyetcd.rpc.guard import Guard
from pyetcd.wire.call import Call, Kind, Method

VALIDATE, ENABLE, CANCEL = range(3)


class DowngradeService:
    """One RPC with three actions; every answer names the present cluster version."""

    def __init__(self, member: Member, guard: Guard | None = None) -> None:
        self.member = member
        self.guard = guard or Guard(member)
        self.membership = member.membership

    def methods(self) -> list[Method]:
        """The service's RPCs."""
        return [Method(b"/etcdserverpb.Maintenance/Downgrade", Kind.UNARY, self.downgrade)]

    def downgrade(self, call: Call, body: bytes) -> None:
        r = decode(call, rpc.DowngradeRequest, body)
        if r is None:
            return
        try:
            self.guard.check_root(call)
            self._start(call, r)
        except EtcdError as error:
            fail(call, error)

    def _start(self, call: Call, r: rpc.DowngradeRequest) -> None:
        if r.action == CANCEL:
            self.member.linearizable(partial(self._cancel, call))
            return
        if r.action not in (VALIDATE, ENABLE):
            raise UnknownMethod
        target = parse_target(r.version)
        if not self.membership.version:
            raise ClusterVersionUnavailable
        act = self._enable if r.action == ENABLE else self._validated
        self.member.linearizable(partial(self._validate, call, target, act))

    def _validate(
        self, call: Call, target: ClusterVersion, act: Callable[[Call, ClusterVersion], None], error: EtcdError | None
    ) -> None:
        if error is None and target != parse_stored(self.membership.version).downgrade_target:
            error = InvalidDowngradeTargetVersion()
        if error is None and self.membership.downgrade.enabled:
            error = DowngradeInProcess()
        if error is None:
            act(call, target)
        else:
            fail(call, error)

    def _validated(self, call: Call, target: ClusterVersion) -> None:
        self._answer(call)

    def _enable(self, call: Call, target: ClusterVersion) -> None:
        self._set(membership.DowngradeInfoSetRequest(enabled=True, ver=str(target)), partial(self._enabled, call))

    def _enabled(self, call: Call, result: Result) -> None:
        if isinstance(result, Applied):
            self._answer(call)
        else:
            fail(call, result)

    def _cancel(self, call: Call, error: EtcdError | None) -> None:
        """Always answered alike: etcd swallows what goes wrong here, a job that does not exist included."""
        if error is None and self.membership.downgrade.enabled:
            self._set(membership.DowngradeInfoSetRequest(), lambda _: self._answer(call))
        else:
            self._answer(call)

    def _set(self, request: membership.DowngradeInfoSetRequest, done: Callable[[Result], object]) -> None:
        self.member.propose("downgrade_info_set", request.SerializeToString(), request, done)

    def _answer(self, call: Call) -> None:
        version = parse_stored(self.membership.version).short
        answer = rpc.DowngradeResponse(version=version)
        call.reply(self.member.header(self.member.store.revision) + answer.SerializeToString())
