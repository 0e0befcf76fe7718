"""Prometheus' text format as etcd's handler writes it.

prometheus_client's own writer insists on names that end in ``_total`` and on creation times; etcd has counters
without that ending and no such samples.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"


def render(metrics: Iterable[Metric]) -> bytes:
    """Families by name, samples by labels; families without samples are left out."""
    lines: list[str] = []
    for metric in sorted(metrics, key=lambda metric: metric.name):
        if metric.samples:
            lines.append(f"# HELP {metric.name} {metric.documentation}")
            lines.append(f"# TYPE {metric.name} {metric.type}")
            lines.extend(_lines(metric))
    return ("\n".join(lines) + "\n").encode()


def _lines(metric: Metric) -> list[str]:
    lines = [f"{sample.name}{_labels(sample.labels)} {number_text(sample.value)}" for sample in metric.samples]
    return lines if metric.type == "histogram" else sorted(lines)


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(labels[name])}"' for name in sorted(labels)) + "}"


def _escaped(text: str) -> str:
    if "\\" in text or '"' in text or "\n" in text:
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return text


def number_text(value: float) -> str:
    """``12``, ``0.5``, ``2.147483648e+09``: as Go prints a float."""
    if value.__class__ is int and -1_000_000 < value < 1_000_000:
        return str(value)
    return str(floatToGoString(value)).removesuffix(".0")  # type: ignore[no-untyped-call]
