"""The HTTP side of a server, put together."""

from __future__ import annotations

from collections.abc import Collection

from pyetcd.gateway.collectors import HealthCollector
from pyetcd.gateway.exchange import Handler, Tree
from pyetcd.gateway.health import health_handlers
from pyetcd.gateway.metrics import Metrics
from pyetcd.gateway.router import Router, version_handler
from pyetcd.gateway.site import GatewayFactory
from pyetcd.gateway.status import HealthCounters, Log, StatusSource


def http_site(
    status: StatusSource,
    *,
    version: str,
    metrics: Metrics,
    log: Log,
    cors: Collection[str] = ("*",),
    host_whitelist: Collection[str] = ("*",),
    gateway: Tree | None = None,
) -> GatewayFactory:
    """A factory of HTTP/1.1 connections for the client port: ``/version``, health checks, ``/metrics``, ``/v3/``."""
    counters = HealthCounters()
    metrics.add(HealthCollector(counters))
    handlers: dict[str, Handler] = {
        "/version": version_handler(status, version),
        "/metrics": metrics,
        **health_handlers(status, counters, log),
    }
    trees = {"/v3/": gateway} if gateway is not None else {}
    return GatewayFactory(Router(handlers, prefixes=trees, cors=cors, host_whitelist=host_whitelist, log=log))
