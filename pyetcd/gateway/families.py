"""Families of metrics as etcd names them, and how plain numbers become their samples (wire contract 8.4).

Nothing on a hot path knows about prometheus: rooms count in ints and lists, and only a scrape turns them into
samples.  The table holds what pyetcd has a source for; tests compare it with a fresh official server's list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

GAUGE, COUNTER, HISTOGRAM = "gauge", "counter", "histogram"

MILLISECONDS_UP = tuple(0.001 * 2**n for n in range(14))
"""Bounds in seconds of most of etcd's latencies: 1 ms, doubled up to 8 s."""


class Histogram(Protocol):
    """``counts[i]`` values lie in the i-th bucket alone (not summed up), the last one above every bound."""

    @property
    def counts(self) -> Sequence[int]: ...

    @property
    def total(self) -> float:
        """Sum of all values."""


FAMILIES: dict[str, tuple[str, str]] = {
    "etcd_cluster_version": (GAUGE, "Version the cluster runs, as a label."),
    "etcd_debugging_lease_granted_total": (COUNTER, "Leases granted."),
    "etcd_debugging_lease_renewed_total": (COUNTER, "Leases renewed while this member led."),
    "etcd_debugging_lease_revoked_total": (COUNTER, "Leases revoked, expired ones included."),
    "etcd_debugging_mvcc_compact_revision": (GAUGE, "Revision of the last compaction, -1 before any."),
    "etcd_debugging_mvcc_current_revision": (GAUGE, "Current revision of the store."),
    "etcd_debugging_mvcc_keys_total": (GAUGE, "Keys that exist."),
    "etcd_debugging_mvcc_slow_watcher_total": (GAUGE, "Watchers that are behind."),
    "etcd_debugging_mvcc_watch_stream_total": (GAUGE, "Watch streams."),
    "etcd_debugging_mvcc_watcher_total": (GAUGE, "Watchers."),
    "etcd_debugging_server_lease_expired_total": (COUNTER, "Leases that expired."),
    "etcd_debugging_store_expires_total": (COUNTER, "A leftover of API version 2, always 0."),
    "etcd_debugging_store_watch_requests_total": (COUNTER, "A leftover of API version 2, always 0."),
    "etcd_debugging_store_watchers": (GAUGE, "A leftover of API version 2, always 0."),
    "etcd_disk_backend_commit_duration_seconds": (HISTOGRAM, "Time to commit the state."),
    "etcd_disk_wal_fsync_duration_seconds": (HISTOGRAM, "Time to sync the log."),
    "etcd_disk_wal_write_bytes_total": (GAUGE, "Bytes written to the log."),
    "etcd_grpc_proxy_cache_hits_total": (GAUGE, "Of the gRPC proxy: always 0 in a server."),
    "etcd_grpc_proxy_cache_keys_total": (GAUGE, "Of the gRPC proxy: always 0 in a server."),
    "etcd_grpc_proxy_cache_misses_total": (GAUGE, "Of the gRPC proxy: always 0 in a server."),
    "etcd_grpc_proxy_events_coalescing_total": (COUNTER, "Of the gRPC proxy: always 0 in a server."),
    "etcd_grpc_proxy_watchers_coalescing_total": (GAUGE, "Of the gRPC proxy: always 0 in a server."),
    "etcd_mvcc_db_total_size_in_bytes": (GAUGE, "Size of the store on disk."),
    "etcd_mvcc_db_total_size_in_use_in_bytes": (GAUGE, "Size of what the store holds."),
    "etcd_mvcc_delete_total": (COUNTER, "Deletes seen by this member."),
    "etcd_mvcc_put_total": (COUNTER, "Puts seen by this member."),
    "etcd_mvcc_range_total": (COUNTER, "Ranges seen by this member."),
    "etcd_mvcc_txn_total": (COUNTER, "Transactions with more than one operation seen by this member."),
    "etcd_network_client_grpc_received_bytes_total": (COUNTER, "Bytes received from clients."),
    "etcd_network_client_grpc_sent_bytes_total": (COUNTER, "Bytes sent to clients."),
    "etcd_network_known_peers": (GAUGE, "Members known."),
    "etcd_server_feature_enabled": (GAUGE, "Feature gates: 1 is on."),
    "etcd_server_has_leader": (GAUGE, "1 when there is a leader."),
    "etcd_server_health_failures": (COUNTER, "Failed health checks."),
    "etcd_server_health_success": (COUNTER, "Passed health checks."),
    "etcd_server_healthcheck": (GAUGE, "Last result of each check: 1 is passed."),
    "etcd_server_healthchecks_total": (COUNTER, "Health checks by kind, name and result."),
    "etcd_server_heartbeat_send_failures_total": (COUNTER, "Heartbeats sent late."),
    "etcd_server_id": (GAUGE, "Id of this member, as a label."),
    "etcd_server_is_leader": (GAUGE, "1 when this member leads."),
    "etcd_server_is_learner": (GAUGE, "1 when this member is a learner."),
    "etcd_server_leader_changes_seen_total": (COUNTER, "Changes of leader seen."),
    "etcd_server_learner_promote_successes": (COUNTER, "Learners promoted while this member led."),
    "etcd_server_proposals_applied_total": (GAUGE, "Index of the last applied entry."),
    "etcd_server_proposals_committed_total": (GAUGE, "Index of the last committed entry."),
    "etcd_server_proposals_failed_total": (COUNTER, "Proposals that failed."),
    "etcd_server_proposals_pending": (GAUGE, "Proposals on their way."),
    "etcd_server_quota_backend_bytes": (GAUGE, "Size the store may reach."),
    "etcd_server_snapshot_apply_in_progress_total": (GAUGE, "1 while a leader's snapshot is taken in."),
    "etcd_server_version": (GAUGE, "Version of this server, as a label."),
    "grpc_server_handled_total": (COUNTER, "Calls finished, by result."),
    "grpc_server_msg_received_total": (COUNTER, "Messages received."),
    "grpc_server_msg_sent_total": (COUNTER, "Messages sent."),
    "grpc_server_started_total": (COUNTER, "Calls started."),
    "os_fd_limit": (GAUGE, "Files this process may have open."),
    "os_fd_used": (GAUGE, "Files this process has open."),
    "process_cpu_seconds_total": (COUNTER, "CPU time of this process."),
    "process_max_fds": (GAUGE, "Files this process may have open."),
    "process_network_receive_bytes_total": (COUNTER, "Bytes received over the network."),
    "process_network_transmit_bytes_total": (COUNTER, "Bytes sent over the network."),
    "process_open_fds": (GAUGE, "Files this process has open."),
    "process_resident_memory_bytes": (GAUGE, "Resident memory of this process."),
    "process_start_time_seconds": (GAUGE, "When this process started, in Unix time."),
    "process_virtual_memory_bytes": (GAUGE, "Virtual memory of this process."),
    "process_virtual_memory_max_bytes": (GAUGE, "Virtual memory this process may have."),
    "promhttp_metric_handler_requests_in_flight": (GAUGE, "Scrapes being answered."),
    "promhttp_metric_handler_requests_total": (COUNTER, "Scrapes by status."),
}


def family(name: str) -> Metric:
    """An empty family of the table."""
    kind, text = FAMILIES[name]
    return Metric(name, text, kind)


def number(name: str, value: float, labels: Mapping[str, str] | None = None) -> Metric:
    """A family with one sample."""
    return numbers(name, [(labels or {}, value)])


def numbers(name: str, samples: Iterable[tuple[Mapping[str, str], float]]) -> Metric:
    """A family with one sample for each set of labels."""
    metric = family(name)
    for labels, value in samples:
        metric.add_sample(name, dict(labels), value)
    return metric


def histogram(name: str, values: Histogram, bounds: Sequence[float] = MILLISECONDS_UP) -> Metric:
    """A histogram; prometheus wants its buckets summed up."""
    metric, seen = family(name), 0
    for bound, count in zip((*map(float, bounds), float("inf")), values.counts, strict=True):
        seen += count
        metric.add_sample(f"{name}_bucket", {"le": bound_text(bound)}, seen)
    metric.add_sample(f"{name}_sum", {}, values.total)
    metric.add_sample(f"{name}_count", {}, seen)
    return metric


def bound_text(bound: float) -> str:
    """A bucket's label as Go prints it."""
    text = str(floatToGoString(bound))  # type: ignore[no-untyped-call]
    return text.removesuffix(".0")
