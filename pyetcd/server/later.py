"""Refusal of what is not built yet: one sentence each, never a flag that is silently ignored."""

from __future__ import annotations

from pyetcd.server.flags import FLAGS, Status
from pyetcd.server.settings import ConfigError, Settings

_TLS = "TLS"
_REASONS = {
    "listen-client-http-urls": "separate listeners for HTTP",
    "listen-metrics-urls": "separate listeners for metrics",
    "memory-mlock": "locked memory",
    "socket-reuse-port": "sharing a port between processes",
    "discovery-token": "discovery of members",
    "discovery-endpoints": "discovery of members",
    "discovery-srv": "discovery of members",
    "discovery-srv-name": "discovery of members",
    "enable-pprof": "profiling over HTTP",
    "metrics": "extensive metrics",
    "enable-log-rotation": "log rotation",
    "enable-distributed-tracing": "tracing",
    "corrupt-check-time": "comparing the contents of members",
    "bootstrap-defrag-threshold-megabytes": "defragmentation at the start",
    "force-new-cluster": "recovering a member out of a lost cluster",
}


def refuse_what_comes_later(settings: Settings) -> None:
    """Raises ConfigError for the first flag (in the table's order) that asks for something not built yet."""
    for name, flag in FLAGS.items():
        if flag.status is Status.LATER and settings.changed(name) and not _means_nothing(name, settings):
            what = _REASONS.get(name, _TLS)
            raise ConfigError(f"--{name} is not served by this version of pyetcd: {what} comes later")
    for name in ("listen-client-urls", "listen-peer-urls", "advertise-client-urls", "initial-advertise-peer-urls"):
        for url in settings.urls(name):
            if url.is_secure:
                raise ConfigError(f"--{name}={url} is not served by this version of pyetcd: TLS comes later")
            if url.is_socket:
                raise ConfigError(f"--{name}={url} is not served by this version of pyetcd: Unix sockets come later")
    members = {part.partition("=")[0] for part in settings.text("initial-cluster").split(",") if part}
    if len(members) > 1:
        raise ConfigError(
            "--initial-cluster with more than one member is not served by this version of pyetcd: "
            "clusters come later"
        )


def _means_nothing(name: str, settings: Settings) -> bool:
    """Values other than the default that ask for nothing: ``--metrics`` knows only ``extensive``, ``--cert-file=``."""
    if name == "metrics":
        return settings.text("metrics") != "extensive"
    return settings.values[name] in ("", ("",))
