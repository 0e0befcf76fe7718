"""Turns expired leases into LeaseRevoke entries (wire contract, section 4.2)."""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.lease.lessor import Lessor
from pyetcd.pb import rpc_pb2 as rpc

from .loop import Loop
from .proposal import Done

PERIOD = 0.5
PER_PASS = 500

Propose = Callable[[str, bytes, object, Done], None]


class Expiry:
    """Every half second, at most 500 leases: propose their end. A lease in flight is not proposed again."""

    def __init__(self, lessor: Lessor, propose: Propose, loop: Loop) -> None:
        self.lessor = lessor
        self.propose = propose
        self.loop = loop
        self._in_flight: set[int] = set()
        self._cancel: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin the passes; the lessor must have been promoted."""
        self._cancel = self.loop.later(PERIOD, self._pass)

    def stop(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def _pass(self) -> None:
        for lease_id in self.lessor.expired(self.loop.now(), PER_PASS):
            if lease_id not in self._in_flight:
                self._revoke(lease_id)
        self.start()

    def _revoke(self, lease_id: int) -> None:
        self._in_flight.add(lease_id)
        request = rpc.LeaseRevokeRequest(ID=lease_id)
        self.propose("lease_revoke", request.SerializeToString(), request, lambda _: self._in_flight.discard(lease_id))
