"""Log lines somebody waits for: test harnesses, scripts, people with grep (wire contract 10.4)."""

from __future__ import annotations

STARTING = "starting an etcd server"
READY = "ready to serve client requests"
SERVING_INSECURELY = "serving client traffic insecurely; this is strongly discouraged!"
NOW_SERVING = "now serving peer/client/metrics"
PUBLISHED = "published local member to cluster through raft"
RECEIVED_SIGNAL = "received signal; shutting down"
CLOSING = "closing etcd server"
CLOSED = "closed etcd server"
FINISHED_COMPACTION = "finished scheduled compaction"
SLOW_APPLY = "apply request took too long"
REQUEST_STATS = "request stats"
NO_CORRUPTION = "initial corruption checking passed; no corruption"
START_FAILED = "discovery failed"
"""The line before exit status 1 when the start fails; etcd says so whatever it was that failed."""
