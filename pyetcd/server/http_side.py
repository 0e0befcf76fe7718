"""What the client port answers to HTTP/1.1, wired: metrics, health, version, the JSON gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyetcd.gateway import collectors
from pyetcd.gateway.app import http_site
from pyetcd.gateway.json.gateway import JSONGateway
from pyetcd.gateway.metrics import Metrics
from pyetcd.gateway.site import GatewayFactory
from pyetcd.server import feature_gates
from pyetcd.server.version import SERVER_VERSION

if TYPE_CHECKING:
    from pyetcd.server.assembly import Server
    from pyetcd.server.bootstrap import Opened


def build_site(server: Server, opened: Opened, *, max_receive: int) -> GatewayFactory:
    """The factory of HTTP/1.1 connections; ``server`` serves already."""
    config = server.config
    return http_site(
        server.status,
        version=SERVER_VERSION,
        metrics=_metrics(server, opened),
        log=server.log,
        cors=config.cors,
        host_whitelist=config.host_whitelist,
        gateway=_gateway(server, max_receive) if config.enable_grpc_gateway else None,
    )


def _gateway(server: Server, max_receive: int) -> JSONGateway:
    return JSONGateway(
        server.router, max_receive=max_receive, traffic=server.traffic, loop=server.loop, on_error=server.log_bug
    )


def _metrics(server: Server, opened: Opened) -> Metrics:
    gates = feature_gates.stages(dict(server.config.feature_gates))
    return Metrics(
        collectors.WireCollector(server.router.methods.values(), server.traffic),
        collectors.StoreCollector(
            opened.store, lambda: len(opened.store.live), server.space.size, server.space.size_in_use
        ),
        collectors.OperationCollector(server.member.machine.writes.operations),
        collectors.WatchCollector(server.member.hub),
        collectors.LeaseCollector(opened.lessor),
        collectors.DiskCollector(opened.wal, opened.wal.sync_timings, commit=opened.backend.commit_timings),
        collectors.ServerCollector(
            server.status, version=SERVER_VERSION, quota_bytes=server.config.quota_bytes, gates=gates
        ),
    )
