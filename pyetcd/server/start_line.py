"""The line that shows the whole configuration at the start, field by field as etcd writes it (wire contract 10.4)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from pyetcd.server.config import DEFAULT_QUOTA, Config
from pyetcd.server.feature_gates import format_gates
from pyetcd.server.values import format_duration
from pyetcd.server.version import SERVER_VERSION, build, go_arch, go_os, runtime


def starting_fields(config: Config, *, member_initialized: bool, initial_cluster: str) -> dict[str, Any]:
    """Fields of ``starting an etcd server``; ``initial_cluster`` is empty for a member that exists already."""
    return {
        **_program(),
        "member-initialized": member_initialized,
        **_member(config),
        **_urls(config),
        "initial-cluster": initial_cluster,
        "initial-cluster-state": config.initial_cluster_state,
        "initial-cluster-token": config.initial_cluster_token,
        **_limits(config),
        **_checks(config),
        **_discovery(),
        "downgrade-check-interval": format_duration(config.downgrade_check_time),
        "max-learners": config.max_learners,
        "v2-deprecation": "write-only",
    }


def closing_fields(config: Config) -> dict[str, Any]:
    """Fields of ``closing etcd server`` and ``closed etcd server``."""
    return {
        "name": config.name,
        "data-dir": config.data_dir,
        "advertise-peer-urls": _texts(config.initial_advertise_peer_urls),
        "advertise-client-urls": _texts(config.advertise_client_urls),
    }


def serving_fields(config: Config, member_id: int) -> dict[str, Any]:
    """Fields of ``now serving peer/client/metrics``."""
    return {
        "local-member-id": f"{member_id:x}",
        "initial-advertise-peer-urls": _texts(config.initial_advertise_peer_urls),
        "listen-peer-urls": _texts(config.listen_peer_urls),
        "advertise-client-urls": _texts(config.advertise_client_urls),
        "listen-client-urls": _texts(config.listen_client_urls),
        "listen-metrics-urls": [],
    }


def _texts(urls: Iterable[object]) -> list[str]:
    return [str(url) for url in urls]


def _program() -> dict[str, Any]:
    return {
        "etcd-version": SERVER_VERSION,
        "git-sha": build(),
        "go-version": runtime(),
        "go-os": go_os(),
        "go-arch": go_arch(),
        "max-cpu-set": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "max-cpu-available": os.cpu_count(),
    }


def _member(config: Config) -> dict[str, Any]:
    return {
        "name": config.name,
        "data-dir": config.data_dir,
        "wal-dir": config.wal_dir,
        "wal-dir-dedicated": config.wal_dir,
        "member-dir": config.member_dir,
        "force-new-cluster": False,
        "heartbeat-interval": format_duration(config.heartbeat_interval / 1000),
        "election-timeout": format_duration(config.election_seconds),
        "initial-election-tick-advance": config.initial_election_tick_advance,
        "snapshot-count": config.snapshot_count,
        "max-wals": config.max_wals,
        "max-snapshots": config.max_snapshots,
        "snapshot-catchup-entries": config.snapshot_catchup_entries,
    }


def _urls(config: Config) -> dict[str, Any]:
    return {
        "initial-advertise-peer-urls": _texts(config.initial_advertise_peer_urls),
        "listen-peer-urls": _texts(config.listen_peer_urls),
        "advertise-client-urls": _texts(config.advertise_client_urls),
        "listen-client-urls": _texts(config.listen_client_urls),
        "listen-metrics-urls": [],
        "local-address": "",
        "cors": sorted(config.cors),
        "host-whitelist": sorted(config.host_whitelist),
    }


def _limits(config: Config) -> dict[str, Any]:
    return {
        "quota-backend-bytes": config.quota_backend_bytes or DEFAULT_QUOTA,
        "max-request-bytes": config.max_request_bytes,
        "max-concurrent-streams": config.max_concurrent_streams,
    }


def _checks(config: Config) -> dict[str, Any]:
    retention = format_duration(config.auto_compaction_retention / 1e9)
    return {
        "pre-vote": config.pre_vote,
        "feature-gates": format_gates(dict(config.feature_gates)),
        "initial-corrupt-check": False,
        "corrupt-check-time-interval": "0s",
        "compact-check-time-interval": format_duration(config.compact_hash_check_time),
        "auto-compaction-mode": config.auto_compaction_mode,
        "auto-compaction-retention": retention,
        "auto-compaction-interval": retention,
    }


def _discovery() -> dict[str, Any]:
    """Discovery is never on here: the fields are there for whoever reads them."""
    return {
        "discovery-token": "",
        "discovery-endpoints": "",
        "discovery-dial-timeout": "2s",
        "discovery-request-timeout": "5s",
        "discovery-keepalive-time": "2s",
        "discovery-keepalive-timeout": "6s",
        "discovery-insecure-transport": True,
        "discovery-insecure-skip-tls-verify": False,
        "discovery-cert": "",
        "discovery-key": "",
        "discovery-cacert": "",
        "discovery-user": "",
    }
