"""Where the official tools are, and what a test does without them: skip on a bare machine, fail in CI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".peers" / "bin"


def need(name: str) -> Path:
    """The official program ``name`` (etcd, etcdctl, etcdutl, benchmark, h2spec)."""
    path = FOLDER / name
    if path.exists():
        return path
    reason = f"official {name} is not built: run `make peers` (needs Go)"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
