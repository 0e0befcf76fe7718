"""Keeps the cluster version and the storage version where the members' releases and a downgrade want them.

The cluster version is agreed on through the log; the storage version is this member's own note and follows it.
"""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.apply.outcome import Applied
from pyetcd.cluster.versions import ClusterVersion, next_version, parse_stored
from pyetcd.errors import EtcdError
from pyetcd.member.member import Member
from pyetcd.member.proposal import Result
from pyetcd.mvcc.backend import Bucket
from pyetcd.pb import membership_pb2 as membership

PERIOD = 4.0
"""Seconds between two looks, as in etcd."""
STORAGE_VERSION = b"storageVersion"


class Versions:
    """The leader's part: looks every PERIOD and proposes.  ``release`` is this server's own."""

    def __init__(self, member: Member, release: ClusterVersion) -> None:
        self.member = member
        self.release = release
        self._cancel: Callable[[], None] | None = None

    def start(self) -> None:
        """Begin to look now and then."""
        self._cancel = self.member.later(PERIOD, self._look)

    def stop(self) -> None:
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def update(self, done: Callable[[EtcdError | None], object]) -> None:
        """Look now; ``done`` hears when both versions are what they should be, or why not."""
        known = self.member.membership
        agreed = parse_stored(known.version) if known.version else None
        wanted = next_version(agreed, self._lowest_release(), known.downgrade)
        if wanted is None:
            self._follow()
            done(None)
            return
        request = membership.ClusterVersionSetRequest(ver=str(wanted))
        self.member.propose(
            "cluster_version_set", request.SerializeToString(), request, lambda result: self._agreed(result, done)
        )

    def _agreed(self, result: Result, done: Callable[[EtcdError | None], object]) -> None:
        if isinstance(result, Applied):
            self._follow()
            done(None)
        else:
            done(result)

    def _lowest_release(self) -> ClusterVersion | None:
        """None while there is another member, because it cannot be asked."""
        return self.release if len(self.member.membership.members) == 1 else None

    def _follow(self) -> None:
        """Note the cluster version as the storage version; the storage format is the same for all of them."""
        backend, version = self.member.backend, self.member.membership.version.encode()
        if backend.get(Bucket.META, STORAGE_VERSION) != version:
            backend.put(Bucket.META, STORAGE_VERSION, version)
            backend.commit()

    def _look(self) -> None:
        self._cancel = self.member.later(PERIOD, self._look)
        if self.member.is_leader:
            self.update(lambda error: None)
