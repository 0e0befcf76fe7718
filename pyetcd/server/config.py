"""The configuration of a member: one frozen record that the assembly builds everything from.

Durations are seconds, sizes bytes.  Where a flag's zero means "etcd's own default", the record holds that default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyetcd.server import feature_gates
from pyetcd.server.autocompaction import Retention, parse_retention
from pyetcd.server.settings import ConfigError, Settings
from pyetcd.server.urls import Url
from pyetcd.server.values import ValueSyntax

DEFAULT_QUOTA = 2 << 30
_SHORTEST_PROGRESS_INTERVAL = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    # member
    name: str
    data_dir: str
    wal_dir: str  # "" when the log lives inside the data directory
    snapshot_count: int
    snapshot_catchup_entries: int
    heartbeat_interval: int  # milliseconds, as the flag
    election_timeout: int  # milliseconds, as the flag
    initial_election_tick_advance: bool
    max_snapshots: int
    max_wals: int
    listen_peer_urls: tuple[Url, ...]
    listen_client_urls: tuple[Url, ...]
    advertise_client_urls: tuple[Url, ...]
    initial_advertise_peer_urls: tuple[Url, ...]
    # bootstrap
    initial_cluster: str
    initial_cluster_state: str  # "new" or "existing"
    initial_cluster_token: str
    strict_reconfig_check: bool
    pre_vote: bool
    # limits
    quota_backend_bytes: int  # as the flag: 0 is 2 GiB, negative switches the quota off
    max_txn_ops: int
    max_request_bytes: int
    max_concurrent_streams: int
    max_learners: int
    grpc_keepalive_min_time: float
    grpc_keepalive_interval: float
    grpc_keepalive_timeout: float
    # state
    backend_batch_interval: float
    backend_batch_limit: int
    compaction_batch_limit: int
    compaction_sleep_interval: float
    auto_compaction_mode: str  # "periodic" or "revision"
    auto_compaction_retention: Retention
    unsafe_no_fsync: bool
    # auth
    auth_token: str
    auth_token_ttl: float  # seconds a simple token lives, 0 for etcd's 300
    bcrypt_cost: int
    # HTTP
    cors: tuple[str, ...]
    host_whitelist: tuple[str, ...]
    enable_grpc_gateway: bool
    # observability
    log_level: str
    log_format: str
    log_outputs: tuple[str, ...]
    warning_apply_duration: float
    warning_unary_request_duration: float
    watch_progress_notify_interval: float
    compact_hash_check_time: float
    downgrade_check_time: float
    feature_gates: Mapping[str, bool] = field(default_factory=dict)  # only the ones that were set

    @property
    def quota_bytes(self) -> int:
        """The size that raises NOSPACE; 0 when there is no quota."""
        return DEFAULT_QUOTA if self.quota_backend_bytes == 0 else max(self.quota_backend_bytes, 0)

    @property
    def member_dir(self) -> str:
        return f"{self.data_dir.rstrip('/') or '/'}/member"

    @property
    def request_timeout(self) -> float:
        """Seconds a request may take inside the member: 5 s and two elections."""
        return 5.0 + 2 * self.election_seconds

    @property
    def election_ticks(self) -> int:
        return self.election_timeout // self.heartbeat_interval

    @property
    def election_seconds(self) -> float:
        """The election timeout as it works: whole heartbeats."""
        return self.election_ticks * self.heartbeat_interval / 1000

    def gate(self, name: str) -> bool:
        """Whether a feature gate is on."""
        return feature_gates.enabled(dict(self.feature_gates), name)


def build_config(settings: Settings) -> Config:
    """Checked settings as a Config.  Raises ConfigError for a retention that cannot be read."""
    text, number, seconds, on = settings.text, settings.number, settings.seconds, settings.on
    return Config(
        name=text("name"),
        data_dir=text("data-dir"),
        wal_dir=text("wal-dir"),
        snapshot_count=number("snapshot-count"),
        snapshot_catchup_entries=number("snapshot-catchup-entries"),
        heartbeat_interval=number("heartbeat-interval"),
        election_timeout=number("election-timeout"),
        initial_election_tick_advance=on("initial-election-tick-advance"),
        max_snapshots=number("max-snapshots"),
        max_wals=number("max-wals"),
        listen_peer_urls=settings.urls("listen-peer-urls"),
        listen_client_urls=settings.urls("listen-client-urls"),
        advertise_client_urls=settings.urls("advertise-client-urls"),
        initial_advertise_peer_urls=settings.urls("initial-advertise-peer-urls"),
        initial_cluster=text("initial-cluster"),
        initial_cluster_state=text("initial-cluster-state"),
        initial_cluster_token=text("initial-cluster-token"),
        strict_reconfig_check=on("strict-reconfig-check"),
        pre_vote=on("pre-vote"),
        quota_backend_bytes=number("quota-backend-bytes"),
        max_txn_ops=number("max-txn-ops"),
        max_request_bytes=number("max-request-bytes"),
        max_concurrent_streams=number("max-concurrent-streams"),
        max_learners=number("max-learners"),
        grpc_keepalive_min_time=seconds("grpc-keepalive-min-time"),
        grpc_keepalive_interval=seconds("grpc-keepalive-interval"),
        grpc_keepalive_timeout=seconds("grpc-keepalive-timeout"),
        backend_batch_interval=seconds("backend-batch-interval") or 0.1,
        backend_batch_limit=number("backend-batch-limit") or 10_000,
        compaction_batch_limit=number("compaction-batch-limit") or 1_000,
        compaction_sleep_interval=seconds("compaction-sleep-interval") or 0.01,
        auto_compaction_mode=text("auto-compaction-mode"),
        auto_compaction_retention=_retention(settings),
        unsafe_no_fsync=on("unsafe-no-fsync"),
        auth_token=text("auth-token"),
        auth_token_ttl=float(number("auth-token-ttl")),
        bcrypt_cost=number("bcrypt-cost"),
        cors=settings.strings("cors"),
        host_whitelist=settings.strings("host-whitelist"),
        enable_grpc_gateway=on("enable-grpc-gateway"),
        log_level=text("log-level"),
        log_format=text("log-format"),
        log_outputs=settings.strings("log-outputs"),
        warning_apply_duration=seconds("warning-apply-duration"),
        warning_unary_request_duration=seconds("warning-unary-request-duration") or 0.3,
        watch_progress_notify_interval=_progress_interval(seconds("watch-progress-notify-interval")),
        compact_hash_check_time=seconds("compact-hash-check-time"),
        downgrade_check_time=seconds("downgrade-check-time"),
        feature_gates=dict(settings.gates()),
    )


def _retention(settings: Settings) -> Retention:
    try:
        return parse_retention(settings.text("auto-compaction-mode"), settings.text("auto-compaction-retention") or "0")
    except ValueSyntax as error:
        raise ConfigError(f"error parsing CompactionRetention: {error}") from None


def _progress_interval(seconds: float) -> float:
    if seconds <= 0:
        return 600.0
    return max(seconds, _SHORTEST_PROGRESS_INTERVAL)
