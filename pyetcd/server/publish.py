"""What a member proposes about itself before it serves: its attributes and, when it is due, the cluster version.

Wire contract, section 6.2: on a fresh member these are entries 3 and 4; a restart adds the attributes only.
"""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.errors import EtcdError, NoLeader
from pyetcd.member.member import Member
from pyetcd.member.proposal import Result
from pyetcd.member.versions import Versions
from pyetcd.pb import membership_pb2 as membership
from pyetcd.server import messages
from pyetcd.server.config import Config
from pyetcd.server.identity import format_id
from pyetcd.server.logs import Logger
from pyetcd.server.values import format_duration

RETRY_SECONDS = 0.05


class Publisher:
    """Publishes this member, then calls back."""

    def __init__(self, member: Member, versions: Versions, config: Config, log: Logger) -> None:
        self.member = member
        self.versions = versions
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
        self.versions.update(self._have_version)

    def _shown_attributes(self) -> str:
        urls = " ".join(str(url) for url in self.config.advertise_client_urls)
        return f"{{Name:{self.config.name} ClientURLs:[{urls}]}}"

    def _have_version(self, error: EtcdError | None) -> None:
        if error is not None:
            self.log.error("failed to update cluster version", error=error)
            return
        self._published()
