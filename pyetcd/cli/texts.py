"""What the command prints about itself: version, usage, help."""

from __future__ import annotations

from pyetcd.server.flags import FLAGS, Flag, Status
from pyetcd.server.urls import Url
from pyetcd.server.values import format_duration
from pyetcd.server.version import SERVER_VERSION, build, go_arch, go_os, runtime

USAGE = """Usage:

  pyetcd [flags]
    Start a server that speaks etcd's API.

  pyetcd --version
    Show the version of etcd this server stands for.

  pyetcd -h | --help
    Show every flag.

  pyetcd --config-file
    Read the configuration from a file; other flags and ETCD_* variables then do not count.
    Durations in it are integer nanoseconds (600000000000 for 10m).

  pyetcd migrate | conformance | compat | snapshot | check
    Tools beside the server; each has a help of its own.
"""

def version_text() -> str:
    """etcd's four lines; the first is what tools read."""
    return (
        f"etcd Version: {SERVER_VERSION}\n"
        f"Git SHA: {build()}\n"
        f"Go Version: {runtime()}\n"
        f"Go OS/Arch: {go_os()}/{go_arch()}\n"
    )


def help_text() -> str:
    """Every flag, grouped as in the table."""
    lines, group = [], ""
    for flag in FLAGS.values():
        if flag.group and flag.group != group:
            group = flag.group
            lines += ["", f"{group}:"]
        if flag.group:
            lines += [f"  --{flag.name} '{_shown(flag)}'", f"    {flag.help}{_remark(flag)}"]
    return "\n".join(lines) + "\n"


def _remark(flag: Flag) -> str:
    return "  (not served yet)" if flag.status is Status.LATER else ""


def _shown(flag: Flag) -> str:
    if flag.shown is not None:
        return flag.shown
    value = flag.default
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return format_duration(value)
    if isinstance(value, tuple):
        return ",".join(str(item) if isinstance(item, Url) else item for item in value)
    return str(value)
