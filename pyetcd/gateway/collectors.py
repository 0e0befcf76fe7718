"""One collector per room: each reads plain numbers of its source when somebody scrapes.

The sources are Protocols that ask for no more than a room has; a collector is only registered for what exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pyetcd.gateway.families import Histogram, histogram, number, numbers
from pyetcd.gateway.status import HealthCounters

GRPC_CODES = (
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
)
_TYPES = {"UNARY": "unary", "SERVER_STREAM": "server_stream", "BIDI": "bidi_stream"}


class MethodSource(Protocol):
    """One RPC (pyetcd.wire.call.Method)."""

    path: bytes
    kind: Any  # an enumeration with the names UNARY, SERVER_STREAM, BIDI
    started: int
    received: int
    sent: int
    handled: dict[int, int]


class TrafficSource(Protocol):
    """Bytes in and out (pyetcd.wire.sending.Traffic)."""

    received: int
    sent: int


class WireCollector(Collector):
    """Calls and messages of every method, and the bytes of all of them."""

    def __init__(self, methods: Iterable[MethodSource], traffic: TrafficSource) -> None:
        self._methods = [(method, _method_labels(method)) for method in methods]
        self._traffic = traffic

    def collect(self) -> Iterator[Metric]:
        methods = self._methods
        yield numbers("grpc_server_started_total", ((labels, m.started) for m, labels in methods))
        yield numbers("grpc_server_msg_received_total", ((labels, m.received) for m, labels in methods))
        yield numbers("grpc_server_msg_sent_total", ((labels, m.sent) for m, labels in methods))
        yield numbers(
            "grpc_server_handled_total",
            (
                ({**labels, "grpc_code": code}, m.handled.get(number, 0))
                for m, labels in methods
                for number, code in enumerate(GRPC_CODES)
            ),
        )
        yield number("etcd_network_client_grpc_received_bytes_total", self._traffic.received)
        yield number("etcd_network_client_grpc_sent_bytes_total", self._traffic.sent)


def _method_labels(method: MethodSource) -> dict[str, str]:
    _, service, name = method.path.decode().split("/")
    return {"grpc_method": name, "grpc_service": service, "grpc_type": _TYPES[method.kind.name]}


class StoreSource(Protocol):
    """The store (pyetcd.mvcc.store.Store)."""

    @property
    def revision(self) -> int: ...

    @property
    def compact_revision(self) -> int: ...


class OperationSource(Protocol):
    """What this member did with the store."""

    puts: int
    deletes: int
    ranges: int
    txns: int


class StoreCollector(Collector):
    """``keys`` counts the keys that exist; ``size`` and ``size_in_use`` are bytes of the database."""

    def __init__(self, store: StoreSource, keys: Any, size: Any, size_in_use: Any) -> None:
        self._store = store
        self._readers = {
            "etcd_debugging_mvcc_keys_total": keys,
            "etcd_mvcc_db_total_size_in_bytes": size,
            "etcd_mvcc_db_total_size_in_use_in_bytes": size_in_use,
        }

    def collect(self) -> Iterator[Metric]:
        yield number("etcd_debugging_mvcc_current_revision", self._store.revision)
        yield number("etcd_debugging_mvcc_compact_revision", self._store.compact_revision)
        for name, read in self._readers.items():
            yield number(name, read())


class OperationCollector(Collector):
    def __init__(self, operations: OperationSource) -> None:
        self._operations = operations

    def collect(self) -> Iterator[Metric]:
        yield number("etcd_mvcc_put_total", self._operations.puts)
        yield number("etcd_mvcc_delete_total", self._operations.deletes)
        yield number("etcd_mvcc_range_total", self._operations.ranges)
        yield number("etcd_mvcc_txn_total", self._operations.txns)


class WatchSource(Protocol):
    """The hub (pyetcd.watch.hub.Hub)."""

    @property
    def stream_count(self) -> int: ...

    @property
    def watcher_count(self) -> int: ...

    @property
    def slow_count(self) -> int: ...


class WatchCollector(Collector):
    def __init__(self, hub: WatchSource) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        yield number("etcd_debugging_mvcc_watch_stream_total", self._hub.stream_count)
        yield number("etcd_debugging_mvcc_watcher_total", self._hub.watcher_count)
        yield number("etcd_debugging_mvcc_slow_watcher_total", self._hub.slow_count)


class LeaseSource(Protocol):
    """The lessor (pyetcd.lease.lessor.Lessor)."""

    granted_count: int
    renewed_count: int
    revoked_count: int
    expired_count: int


class LeaseCollector(Collector):
    def __init__(self, leases: LeaseSource) -> None:
        self._leases = leases

    def collect(self) -> Iterator[Metric]:
        yield number("etcd_debugging_lease_granted_total", self._leases.granted_count)
        yield number("etcd_debugging_lease_renewed_total", self._leases.renewed_count)
        yield number("etcd_debugging_lease_revoked_total", self._leases.revoked_count)
        yield number("etcd_debugging_server_lease_expired_total", self._leases.expired_count)


class LogSource(Protocol):
    """The write-ahead log."""

    @property
    def bytes_written(self) -> int: ...


class DiskCollector(Collector):
    """Histograms have the bounds of families.MILLISECONDS_UP (pyetcd.disk.timings.Timings); None is not served."""

    def __init__(
        self,
        log: LogSource,
        fsync: Histogram,
        commit: Histogram | None = None,
    ) -> None:
        self._log = log
        self._histograms = {
            "etcd_disk_wal_fsync_duration_seconds": fsync,
            "etcd_disk_backend_commit_duration_seconds": commit,
        }

    def collect(self) -> Iterator[Metric]:
        yield number("etcd_disk_wal_write_bytes_total", self._log.bytes_written)
        for name, values in self._histograms.items():
            if values is not None:
                yield histogram(name, values)


class ServerSource(Protocol):
    """The member at large."""

    @property
    def has_leader(self) -> bool: ...

    @property
    def is_leader(self) -> bool: ...

    @property
    def is_learner(self) -> bool: ...

    @property
    def leader_changes(self) -> int: ...

    @property
    def applied_index(self) -> int: ...

    @property
    def commit_index(self) -> int: ...

    @property
    def pending_proposals(self) -> int: ...

    @property
    def failed_proposals(self) -> int: ...

    @property
    def cluster_version(self) -> str | None: ...

    @property
    def id(self) -> int: ...


class ServerCollector(Collector):
    """``gates`` maps a feature gate to (on, stage)."""

    def __init__(
        self, server: ServerSource, *, version: str, quota_bytes: int, gates: Mapping[str, tuple[bool, str]]
    ) -> None:
        self._server = server
        self._version = version
        self._quota = quota_bytes
        self._gates = gates

    def collect(self) -> Iterator[Metric]:
        server, own = self._server, f"{self._server.id:x}"
        yield number("etcd_server_has_leader", int(server.has_leader))
        yield number("etcd_server_is_leader", int(server.is_leader))
        yield number("etcd_server_is_learner", int(server.is_learner))
        yield number("etcd_server_leader_changes_seen_total", server.leader_changes)
        yield number("etcd_server_proposals_applied_total", server.applied_index)
        yield number("etcd_server_proposals_committed_total", server.commit_index)
        yield number("etcd_server_proposals_pending", server.pending_proposals)
        yield number("etcd_server_proposals_failed_total", server.failed_proposals)
        yield number("etcd_server_quota_backend_bytes", self._quota)
        yield number("etcd_server_version", 1, {"server_version": self._version})
        yield number("etcd_server_id", 1, {"server_id": own})
        yield number("etcd_network_known_peers", 1, {"Local": own, "Remote": own})
        if server.cluster_version:
            shown = server.cluster_version.rpartition(".")[0]
            yield number("etcd_cluster_version", 1, {"cluster_version": shown})
        yield numbers(
            "etcd_server_feature_enabled",
            (({"name": name, "stage": stage}, int(on)) for name, (on, stage) in self._gates.items()),
        )


class HealthCollector(Collector):
    def __init__(self, counters: HealthCounters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        counters = self._counters
        yield number("etcd_server_health_success", counters.successes)
        yield number("etcd_server_health_failures", counters.failures)
        yield numbers(
            "etcd_server_healthcheck",
            (({"type": kind, "name": name}, int(passed)) for (kind, name), passed in counters.last.items()),
        )
        yield numbers(
            "etcd_server_healthchecks_total",
            (
                ({"type": kind, "name": name, "status": status}, count)
                for (kind, name, status), count in counters.checks.items()
            ),
        )


class ConstantCollector(Collector):
    """What an official server always lists and what cannot happen here: zeros."""

    NAMES = (
        "etcd_debugging_store_expires_total",
        "etcd_debugging_store_watch_requests_total",
        "etcd_debugging_store_watchers",
        "etcd_grpc_proxy_cache_hits_total",
        "etcd_grpc_proxy_cache_keys_total",
        "etcd_grpc_proxy_cache_misses_total",
        "etcd_grpc_proxy_events_coalescing_total",
        "etcd_grpc_proxy_watchers_coalescing_total",
        "etcd_server_heartbeat_send_failures_total",
        "etcd_server_learner_promote_successes",
        "etcd_server_snapshot_apply_in_progress_total",
    )

    def collect(self) -> Iterator[Metric]:
        for name in self.NAMES:
            yield number(name, 0)
