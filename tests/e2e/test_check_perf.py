"""`etcdctl check perf`: a minute of 150 writes a second; in a file of its own so that it runs beside the others."""

from __future__ import annotations

from tests.peers import need
from tests.servers import Server, etcdctl


def test_check_perf_runs_without_errors(ours: Server) -> None:
    """Every judgement line comes, and no write failed; whether the latencies pass depends on the machine."""
    need("etcdctl")
    done = etcdctl(ours.endpoint, "check", "perf", timeout=180)
    assert all(judged in done.stdout for judged in (b"Throughput", b"Slowest request", b"Stddev")), done
    assert b"too many errors" not in done.stdout
