"""Turns expired leases into LeaseRevoke entries (wire contract, section 4.2)."""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.lease.lessor import Lessor
from pyetcd.member.loop import Loop
from pyetcd.member.proposal import Done
from pyetcd.pb import rpc_pb2 as rpc

PERIOD = 0.5

Propose = Callable[[str, bytes, object, Done], None]


class Expiry:
    """Every half second: propose the end of what has expired.  The lessor hands a lease out again if that failed."""

    def __init__(self, lessor: Lessor, propose: Propose, loop: Loop) -> None:
        self.lessor = lessor
        self.propose = propose
        self.loop = loop
        self._cancel: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin the passes; the lessor must have been promoted."""
        self._cancel = self.loop.later(PERIOD, self._pass)

    def stop(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def _pass(self) -> None:
        for lease_id in self.lessor.expired(self.loop.now()):
            request = rpc.LeaseRevokeRequest(ID=lease_id)
            self.propose("lease_revoke", request.SerializeToString(), request, _ignore)
        self.start()


def _ignore(result: object) -> None:
    """Nobody waits for an expiry."""
