"""h2spec, all its cases: in full against an application with bodies, and against a gRPC router."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
H2SPEC = ROOT / ".peers" / "bin" / "h2spec"

pytestmark = pytest.mark.skipif(not H2SPEC.exists(), reason="h2spec is not installed (make peers)")

ANSWERED_EARLY = {
    # h2spec's GETs are no gRPC requests: as in gRPC-Go they are refused by their HEADERS alone, with RST_STREAM behind,
    # before the frame the case is about arrives.  The plain application shows that the same Connection passes them.
    "Sends a WINDOW_UPDATE frame on half-closed (remote) stream",
    "Sends a PRIORITY frame on half-closed (remote) stream",
    "closed: Sends a DATA frame after sending RST_STREAM frame",
    "closed: Sends a HEADERS frame after sending RST_STREAM frame",
    "Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
    "Sends a WINDOW_UPDATE frame with a flow control window increment of 0 on a stream",
    "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream",
    "Sends a second HEADERS frame without the END_STREAM flag",
    "Sends a HEADERS frame that contains a pseudo-header field as trailers",
    'Sends a HEADERS frame with the "content-length" header field which does not equal the DATA frame payload length',
    'Sends a HEADERS frame with the "content-length" header field which does not equal the sum of the multiple DATA '
    "frames payload length",
}


@contextmanager
def serving(application: str, loop: str) -> Iterator[str]:
    """The port of a server process."""
    command = [sys.executable, "-m", "tests.wire.serving", application, loop]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def h2spec(port: str) -> tuple[str, set[str]]:
    """The summary line, and the names of the failed cases."""
    command = [str(H2SPEC), "-h", "127.0.0.1", "-p", port, "-o", "5"]
    report = subprocess.run(command, capture_output=True, text=True, timeout=600).stdout
    failures = report.partition("Failures:")[2]
    return report.strip().splitlines()[-1], set(re.findall(r"× \d+: (.*)", failures))


@pytest.mark.parametrize("loop", ["uvloop", "asyncio", "epoll"])
def test_every_case_passes_and_none_is_skipped(loop: str) -> None:
    with serving("plain", loop) as port:
        summary, failed = h2spec(port)
    assert failed == set()
    assert re.fullmatch(r"(\d+) tests, \1 passed, 0 skipped, 0 failed", summary), summary


def test_a_grpc_router_differs_only_where_it_answers_early() -> None:
    with serving("grpc", "uvloop") as port:
        summary, failed = h2spec(port)
    assert failed <= ANSWERED_EARLY, summary
