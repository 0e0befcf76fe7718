"""h2spec, the independent judge of HTTP/2: every generic, hpack and http2 case passes on the client port."""

from __future__ import annotations

import subprocess

from tests.peers import need
from tests.servers import Server


def test_h2spec_passes_in_full(ours: Server) -> None:
    command = [str(need("h2spec")), "--host", "127.0.0.1", "--port", str(ours.client_port), "--timeout", "5"]
    done = subprocess.run([*command, "generic", "hpack", "http2"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout
    assert " 0 skipped, 0 failed" in done.stdout, done.stdout
