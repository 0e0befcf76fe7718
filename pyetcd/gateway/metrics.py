"""``/metrics``: the collectors of all rooms behind one handler."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from pyetcd.gateway.collectors import ConstantCollector
from pyetcd.gateway.exchange import Answer, Done, Request
from pyetcd.gateway.exposition import CONTENT_TYPE, render
from pyetcd.gateway.families import number, numbers
from pyetcd.gateway.process import ProcessCollector


class Metrics:
    """Handler of ``/metrics``; any method is answered."""

    def __init__(self, *collectors: Collector) -> None:
        self._collectors = [*collectors, ConstantCollector(), ProcessCollector()]
        self._scrapes = {200: 0, 500: 0, 503: 0}

    def add(self, collector: Collector) -> None:
        self._collectors.append(collector)

    def collect(self) -> Iterator[Metric]:
        """Every family of every collector."""
        for collector in self._collectors:
            yield from collector.collect()
        yield number("promhttp_metric_handler_requests_in_flight", 1)
        yield numbers(
            "promhttp_metric_handler_requests_total",
            (({"code": str(code)}, count) for code, count in self._scrapes.items()),
        )

    def __call__(self, request: Request, done: Done) -> None:
        body, headers = render(self.collect()), {"Content-Type": CONTENT_TYPE}
        if _takes_gzip(request.headers.get("accept-encoding", "")):
            body, headers["Content-Encoding"] = gzip.compress(body, compresslevel=1), "gzip"
        self._scrapes[200] += 1
        done(Answer(200, body, headers))


def _takes_gzip(accepted: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, parameters = part.partition(";")
        if name.strip() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0")
    return False
