"""Cluster versions: major and minor only, and the rules of a downgrade (wire contract, section 6.4)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from pyetcd.cluster.go_json import go_json
from pyetcd.errors import WrongDowngradeVersionFormat

_SEMANTIC = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)(?:-([0-9A-Za-z.-]*))?(?:\+([0-9A-Za-z.-]*))?")
_INT64 = 1 << 63


class ClusterVersion(NamedTuple):
    """What members agree on; ordered as versions are."""

    major: int
    minor: int

    def __str__(self) -> str:
        """As it is stored and sent around: with a patch level of zero."""
        return f"{self.major}.{self.minor}.0"

    @property
    def short(self) -> str:
        """As it is shown: ``3.7``."""
        return f"{self.major}.{self.minor}"

    @property
    def downgrade_target(self) -> ClusterVersion:
        """The only version a cluster of this one may go down to."""
        return ClusterVersion(self.major, self.minor - 1)


def parse_target(text: str) -> ClusterVersion:
    """``X.Y`` or a semantic version, whose rest is dropped; raises WrongDowngradeVersionFormat."""
    found = _SEMANTIC.fullmatch(text) or _SEMANTIC.fullmatch(text + ".0")
    if found is None or any(int(number) >= _INT64 for number in found.group(1, 2, 3)):
        raise WrongDowngradeVersionFormat
    return ClusterVersion(int(found[1]), int(found[2]))


def parse_stored(text: str) -> ClusterVersion:
    """The inverse of ``str(version)``; ValueError for anything else."""
    major, minor, _ = text.split(".")
    return ClusterVersion(int(major), int(minor))


@dataclass(frozen=True, slots=True)
class Downgrade:
    """A downgrade job: the cluster may be taken over by servers of ``target`` (``3.6.0``; empty when not enabled)."""

    enabled: bool = False
    target: str = ""

    def to_json(self) -> bytes:
        return go_json({"target-version": self.target, "enabled": self.enabled})

    @classmethod
    def from_json(cls, data: bytes) -> Downgrade:
        fields = json.loads(data)
        return cls(fields["enabled"], fields["target-version"])


NO_DOWNGRADE = Downgrade()


def next_version(
    agreed: ClusterVersion | None, servers: ClusterVersion | None, job: Downgrade
) -> ClusterVersion | None:
    """The version the leader should propose now; None when it may stay as it is.

    agreed   the present cluster version, None before the first
    servers  the lowest release among the members, None when one of them cannot be asked
    """
    if servers is None or agreed is None:
        return servers
    if job.enabled:
        target = parse_stored(job.target)
        fits = target == agreed.downgrade_target and target == servers.downgrade_target
        return target if fits else None
    return servers if agreed < servers and agreed.major == servers.major else None
