"""What the load generators say is read rightly, and a missed goal is marked as missed."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.bench import measure, table
from tests.bench.tools import LoadFailed, read_benchmark

SAID = """
Summary:
  Total:	0.3198 secs.
  Slowest:	0.0054 secs.
  Fastest:	0.0004 secs.
  Requests/sec:	17877.7751

Latency distribution:
  50% in 0.0014 secs.
  99% in 0.0043 secs.
  99.9% in 0.0053 secs.
20000 / 20000 [----] 100.00% ? p/sWatch events received summary:

Summary:
  Total:	0.1194 secs.
  Slowest:	2.5e-05 secs.
  Requests/sec:	1.67486e+05

Latency distribution:
  50% in 1e-06 secs.
"""


def test_the_last_summary_counts_and_few_samples_have_no_p99() -> None:
    load = read_benchmark(SAID, 20000)
    assert (load.ops, load.rate) == (20000, 167486.0)
    assert (load.p50, load.p99, load.worst) == pytest.approx((0.001, 0.025, 0.025))


def test_percentiles_are_milliseconds() -> None:
    load = read_benchmark(SAID[: SAID.index("20000 / 20000")], 2000)
    assert (load.p50, load.p99, load.worst) == pytest.approx((1.4, 4.3, 5.4))


@pytest.mark.parametrize("said", ["", SAID + "\nError distribution:\n  [3] context deadline exceeded\n"])
def test_errors_are_not_a_result(said: str) -> None:
    with pytest.raises(LoadFailed):
        read_benchmark(said, 1)


def test_goals_are_marked() -> None:
    assert table.judged(0.41, 0.6) == "**0.41** ≤ 0.6 ✓"
    assert table.judged(0.61, 0.6) == "**0.61** ≤ 0.6 ✗"
    assert table.judged(1.19, 1.2, at_least=True) == "**1.19** ≥ 1.2 ✗"
    assert table.judged(None, 0.6) == "– (≤ 0.6)"


def test_the_median_of_the_runs_is_compared() -> None:
    samples = {"official": [{"x": 10.0}, {"x": 99.0}, {"x": 10.0}], "ours": [{"x": 4.0}, {"x": 5.0}, {"x": 6.0}]}
    assert table.ratio(samples, "x") == 0.5
    assert table.pair(samples, "x") == "10.0 / 5.00"


def test_cpu_of_children_counts() -> None:
    """A busy grandchild, alive or ended, is part of the tree."""
    spin = "import time\nwhile time.process_time() < 0.2: pass\n"
    child = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {spin!r}]); print('done', flush=True); input()"
    )
    process = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert process.pid in measure.tree(os.getpid())
    assert measure.cpu_seconds(process.pid) >= 0.2
    process.communicate(b"\n")


def test_settling_ends_when_the_process_rests() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    begun = time.monotonic()
    measure.settle(process.pid, limit=600)
    assert time.monotonic() - begun < 600
    process.communicate(b"\n")
