"""What a member proposes about itself before it serves: its attributes and, the first time, the cluster version.

Wire contract, section 6.2: on a fresh member these are entries 3 and 4; a restart adds the attributes only.
"""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.errors import EtcdError, NoLeader
from pyetcd.member.member import Member
from pyetcd.member.proposal import Result
from pyetcd.mvcc.backend import Bucket
from pyetcd.pb import membership_pb2 as membership
from pyetcd.rpc.maintenance import STORAGE_VERSION
from pyetcd.server import messages
from pyetcd.server.config import Config
from pyetcd.server.identity import format_id
from pyetcd.server.logs import Logger
from pyetcd.server.values import format_duration
from pyetcd.server.version import CLUSTER_VERSION

RETRY_SECONDS = 0.05


class Publisher:
    """Publishes this member, then calls back."""

    def __init__(self, member: Member, config: Config, log: Logger) -> None:
        self.member = member
        self.config = config
        self.log = log
        self._published: Callable[[], object] = lambda: None

    def start(self, published: Callable[[], object]) -> None:
        """Begin as soon as there is a leader; ``published`` runs when everything is applied."""
        self._published = published
        self._attributes()

    def _attributes(self) -> None:
        request = membership.ClusterMemberAttrSetRequest(
            member_ID=self.member.id,
            member_attributes=membership.Attributes(
                name=self.config.name, client_urls=[str(url) for url in self.config.advertise_client_urls]
            ),
        )
        self.member.propose("cluster_member_attr_set", request.SerializeToString(), request, self._have_attributes)

    def _have_attributes(self, result: Result) -> None:
        if isinstance(result, NoLeader):
            self.member.later(RETRY_SECONDS, self._attributes)
            return
        if isinstance(result, EtcdError):
            self.log.error("failed to publish local member to cluster through raft", error=result)
            return
        self.log.info(
            messages.PUBLISHED,
            {
                "local-member-id": format_id(self.member.id),
                "local-member-attributes": self._shown_attributes(),
                "cluster-id": format_id(self.member.cluster_id),
                "publish-timeout": format_duration(self.member.limits.request_timeout),
            },
        )
        self._version()

    def _shown_attributes(self) -> str:
        urls = " ".join(str(url) for url in self.config.advertise_client_urls)
        return f"{{Name:{self.config.name} ClientURLs:[{urls}]}}"

    def _version(self) -> None:
        if self.member.membership.version == CLUSTER_VERSION:
            self._have_version(None)
            return
        request = membership.ClusterVersionSetRequest(ver=CLUSTER_VERSION)
        self.member.propose("cluster_version_set", request.SerializeToString(), request, self._have_version)

    def _have_version(self, result: Result | None) -> None:
        if isinstance(result, EtcdError):
            self.log.error("failed to update cluster version", error=result)
            return
        backend = self.member.backend
        if backend.get(Bucket.META, STORAGE_VERSION) != CLUSTER_VERSION.encode():
            backend.put(Bucket.META, STORAGE_VERSION, CLUSTER_VERSION.encode())
            backend.commit()
        self._published()
