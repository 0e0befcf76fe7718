"""The families served, compared with a fresh official server's list; the text format."""

from __future__ import annotations

import gzip
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pyetcd.gateway import collectors as rooms
from pyetcd.gateway.exchange import Answer, Request
from pyetcd.gateway.exposition import number_text, render
from pyetcd.gateway.families import FAMILIES, histogram, number, numbers
from pyetcd.gateway.metrics import Metrics
from pyetcd.gateway.status import HealthCounters
from pyetcd.server.feature_gates import stages

LISTED = Path(__file__).parent.parent / "testdata" / "gateway" / "metric_families.txt"
# Not in a fresh server's list: they appear with the first health check.
WITH_USE = {"etcd_server_healthcheck", "etcd_server_healthchecks_total"}


def official() -> dict[str, tuple[str, set[str], str]]:
    rows = (line.split() for line in LISTED.read_text().splitlines() if not line.startswith("#"))
    return {name: (kind, set(labels.split(",")) - {"-"}, status) for name, kind, labels, status in rows}


class Kind(Enum):
    UNARY = 1
    SERVER_STREAM = 2
    BIDI = 3


def everything() -> Metrics:
    timings = SimpleNamespace(counts=[1] * 15, total=3.5)
    methods = [
        SimpleNamespace(path=path, kind=kind, started=3, received=2, sent=1, handled={0: 2, 5: 1})
        for path, kind in ((b"/etcdserverpb.KV/Range", Kind.UNARY), (b"/etcdserverpb.Watch/Watch", Kind.BIDI))
    ]
    server: Any = SimpleNamespace(
        has_leader=True, is_leader=True, is_learner=False, leader_changes=1, applied_index=4, commit_index=4,
        pending_proposals=0, failed_proposals=0, cluster_version="3.7.0", id=0x8E9E05C52164694D,
    )  # fmt: skip
    store: Any = SimpleNamespace(revision=1, compact_revision=-1)
    watch: Any = SimpleNamespace(stream_count=0, watcher_count=0, slow_count=0)
    health = HealthCounters()
    health.record("livez", "serializable_read", True)
    return Metrics(
        rooms.WireCollector(methods, SimpleNamespace(received=10, sent=20)),
        rooms.StoreCollector(store, lambda: 0, lambda: 20480, lambda: 16384),
        rooms.OperationCollector(SimpleNamespace(puts=1, deletes=2, ranges=3, txns=4)),
        rooms.WatchCollector(watch),
        rooms.LeaseCollector(
            SimpleNamespace(granted_count=1, renewed_count=2, revoked_count=3, expired_count=4)
        ),
        rooms.DiskCollector(SimpleNamespace(bytes_written=512), timings, timings),
        rooms.ServerCollector(server, version="3.7.1", quota_bytes=2 << 30, gates=stages({})),
        rooms.HealthCollector(health),
    )


def test_every_official_family_is_served_or_named_as_missing() -> None:
    served = {name for name, (_, _, status) in official().items() if status == "served"}
    assert set(FAMILIES) - WITH_USE == served


def test_collectors_together_fill_the_table() -> None:
    assert {metric.name for metric in everything().collect()} == set(FAMILIES)


def test_types_and_labels_are_official() -> None:
    listed = official()
    for metric in everything().collect():
        if metric.name in WITH_USE:
            continue
        kind, labels, _ = listed[metric.name]
        assert metric.type == kind, metric.name
        assert {label for sample in metric.samples for label in sample.labels} - {"le"} == labels, metric.name


def test_text() -> None:
    text = render(everything().collect()).decode()
    for line in (
        "etcd_server_quota_backend_bytes 2.147483648e+09",
        'etcd_server_id{server_id="8e9e05c52164694d"} 1',
        'etcd_cluster_version{cluster_version="3.7"} 1',
        "# TYPE etcd_server_health_success counter",
        "# TYPE etcd_disk_wal_write_bytes_total gauge",
        'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 1',
        'etcd_disk_wal_fsync_duration_seconds_bucket{le="8.192"} 14',
        'etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 15',
        "etcd_disk_wal_fsync_duration_seconds_sum 3.5",
        "etcd_disk_wal_fsync_duration_seconds_count 15",
        'grpc_server_handled_total{grpc_code="NotFound",grpc_method="Range",grpc_service="etcdserverpb.KV",'
        'grpc_type="unary"} 1',
        'grpc_server_started_total{grpc_method="Watch",grpc_service="etcdserverpb.Watch",grpc_type="bidi_stream"} 3',
        "etcd_debugging_mvcc_compact_revision -1",
    ):
        assert f"\n{line}\n" in text
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert names == sorted(names)


def test_an_independent_reader_understands_it() -> None:
    read = {family.name for family in text_string_to_metric_families(render(everything().collect()).decode())}
    assert {"etcd_server_has_leader", "process_resident_memory_bytes", "grpc_server_handled"} <= read


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (12.0, "12"), (0.5, "0.5"), (-1, "-1"), (999999, "999999"), (1000000, "1e+06"), (1e-06, "1e-06"),
     (2147483648, "2.147483648e+09"), (float("inf"), "+Inf"), (0.011338477999999999, "0.011338477999999999")],
)  # fmt: skip
def test_numbers_as_go_prints_them(value: float, text: str) -> None:
    assert number_text(value) == text


def test_labels_are_escaped_and_a_wrong_histogram_is_noticed() -> None:
    metric = numbers("etcd_server_id", [({"server_id": 'a"\\\n'}, 1)])
    assert b'etcd_server_id{server_id="a\\"\\\\\\n"} 1\n' in render([metric])
    with pytest.raises(ValueError, match="zip"):
        histogram("etcd_disk_wal_fsync_duration_seconds", SimpleNamespace(counts=[1], total=0.0))
    assert render([number("etcd_server_has_leader", 1)]).endswith(b"etcd_server_has_leader 1\n")


def test_handler_packs_when_asked_and_counts_itself() -> None:
    metrics, answers = everything(), list[Answer]()
    metrics(Request("GET", "/metrics"), answers.append)
    metrics(Request("POST", "/metrics", headers={"accept-encoding": "zstd, gzip;q=0.5"}), answers.append)
    metrics(Request("GET", "/metrics", headers={"accept-encoding": "gzip;q=0"}), answers.append)
    plain, packed, refused = answers
    assert (
        plain.headers
        == refused.headers
        == {"Content-Type": "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"}
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert b'promhttp_metric_handler_requests_total{code="200"} 0' in plain.body
    assert b'promhttp_metric_handler_requests_total{code="200"} 1' in gzip.decompress(packed.body)
