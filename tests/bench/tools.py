"""The load generators, run pinned to their own CPU, and what their output says."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.peers import FOLDER

LOAD_CPU = 1


class LoadFailed(RuntimeError):
    """A load generator ended with an error or said something that cannot be read."""


@dataclass
class Load:
    """One run of a generator. Latencies in milliseconds, None where the tool tells none that mean anything."""

    ops: int
    rate: float
    p50: float | None = None
    p99: float | None = None
    worst: float | None = None


def pinned(command: list[str], timeout: float = 900, nice: int = 0) -> str:
    prefix = ["taskset", "-c", str(LOAD_CPU), *(["nice", "-n", str(nice)] if nice else [])]
    done = subprocess.run([*prefix, *command], capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise LoadFailed(f"{' '.join(command)}: exit {done.returncode}\n{(done.stdout + done.stderr)[-1500:]}")
    return done.stdout


def benchmark(endpoint: str, arguments: str, ops: int, *, latency: bool = True) -> Load:
    """etcd's ``benchmark``."""
    command = [str(FOLDER / "benchmark"), f"--endpoints={endpoint}", "--precise", *arguments.split()]
    return read_benchmark(pinned(command), ops, latency=latency)


def read_benchmark(output: str, ops: int, *, latency: bool = True) -> Load:
    """What the tool said; with several summaries (watch) the last one is the one meant."""
    text = output.rsplit("Summary:", 1)[-1]
    rate = re.search(r"Requests/sec:\s+([\d.e+-]+)", text)
    if rate is None or "Error distribution" in text:
        raise LoadFailed(f"benchmark said:\n{text[-1500:]}")
    if not latency:
        return Load(ops, float(rate[1]))
    slowest = _milliseconds(text, r"Slowest:\s+([\d.e+-]+)")
    # with few samples the tool leaves the high percentiles out
    p99 = _milliseconds(text, r"\b99% in ([\d.e+-]+)") or slowest
    return Load(ops, float(rate[1]), _milliseconds(text, r"\b50% in ([\d.e+-]+)"), p99, slowest)


def _milliseconds(text: str, pattern: str) -> float | None:
    found = re.search(pattern, text)
    return float(found[1]) * 1000 if found else None


def load(endpoint: str, arguments: str) -> Load:
    """Our own generator (load/): Kubernetes transactions, filling, paced small calls."""
    command = [str(FOLDER / "load"), *arguments.split()]
    said = json.loads(pinned([*command[:2], f"--endpoint={endpoint}", *command[2:]]))
    return Load(said["ops"], said["ops"] / said["seconds"], said["p50_ms"], said["p99_ms"], said["max_ms"])


def h2load_command(endpoint: str, method: str, message: bytes, scratch: Path, arguments: str) -> list[str]:
    """h2load posting one gRPC message to ``method`` over and over; every request is the same bytes."""
    program = shutil.which("h2load")
    if program is None:
        raise LoadFailed("h2load is missing: install Debian's nghttp2-client for this row")
    body = scratch / "body"
    body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
    headers = ["-H", "content-type: application/grpc", "-H", "te: trailers"]
    return [program, *arguments.split(), "-d", str(body), *headers, f"http://{endpoint}{method}"]


def h2load(endpoint: str, method: str, message: bytes, arguments: str) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        log = scratch / "log"
        command = h2load_command(endpoint, method, message, scratch, arguments)
        text = pinned([*command[:-1], f"--log-file={log}", command[-1]])
        rate = re.search(r"finished in .*?, ([\d.]+) req/s", text)
        failed = re.search(r"(\d+) failed, (\d+) errored", text)
        if rate is None or failed is None or failed.groups() != ("0", "0"):
            raise LoadFailed(f"{' '.join(command)}:\n{text[-1500:]}")
        micros = [int(line.split("\t")[2]) for line in log.read_text().splitlines()]
    hundredths = statistics.quantiles(micros, n=100)
    return Load(len(micros), float(rate[1]), hundredths[49] / 1000, hundredths[98] / 1000, max(micros) / 1000)
