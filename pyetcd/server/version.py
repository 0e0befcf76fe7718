"""Which etcd we are, and which pyetcd."""

from __future__ import annotations

SERVER_VERSION = "3.7.1"
"""The release of etcd whose behaviour this server has."""

CLUSTER_VERSION = "3.7.0"
"""The cluster and storage version that goes with it."""

PYETCD_VERSION = "0.1.0"
