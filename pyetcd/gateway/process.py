"""``process_*`` and ``os_fd_*``: what the operating system knows about this process."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector as Standard
from prometheus_client.registry import Collector

from pyetcd.gateway.families import FAMILIES, number

_UNLIMITED = float(2**64 - 1)


class ProcessCollector(Collector):
    """prometheus_client's own collector where it agrees with Go's, and the families it lacks."""

    def __init__(self) -> None:
        self._standard = Standard(registry=None)

    def collect(self) -> Iterator[Metric]:
        for metric in self._standard.collect():
            for sample in metric.samples:
                if sample.name in FAMILIES:
                    yield number(sample.name, sample.value)
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        yield number("os_fd_limit", soft)
        yield number("os_fd_used", len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0)
        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        yield number("process_virtual_memory_max_bytes", _UNLIMITED if most < 0 else most)
        received, sent = _network_bytes()
        yield number("process_network_receive_bytes_total", received)
        yield number("process_network_transmit_bytes_total", sent)


def _network_bytes() -> tuple[int, int]:
    """InOctets and OutOctets of the IP extension counters, where Go's library takes them from."""
    try:
        with open("/proc/self/net/netstat") as file:
            rows = [line.split() for line in file if line.startswith("IpExt:")]
    except OSError:
        return 0, 0
    found = dict(zip(rows[0], rows[1], strict=False)) if len(rows) == 2 else {}
    return int(found.get("InOctets", 0)), int(found.get("OutOctets", 0))
