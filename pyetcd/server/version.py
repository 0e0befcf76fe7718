"""Which etcd we are, and which pyetcd."""

from __future__ import annotations

import platform
import sys

SERVER_VERSION = "3.7.1"
"""The release of etcd whose behaviour this server has."""

CLUSTER_VERSION = "3.7.0"
"""The cluster and storage version that goes with it."""

PYETCD_VERSION = "0.1.0"

_MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}


def build() -> str:
    """What stands where etcd names the commit it was built from."""
    return f"pyetcd {PYETCD_VERSION}"


def runtime() -> str:
    """What stands where etcd names its Go version."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def go_os() -> str:
    """The operating system by the name Go has for it."""
    return sys.platform


def go_arch() -> str:
    """The processor by the name Go has for it."""
    machine = platform.machine()
    return _MACHINES.get(machine, machine)
