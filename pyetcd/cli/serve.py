"""``pyetcd [flags]``: configuration, then the server (wire contract 10)."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from pyetcd.cli.texts import USAGE, help_text, version_text
from pyetcd.server.command_line import HelpWanted, UsageError, parse_command_line
from pyetcd.server.settings import FatalExit, Settings


def run_server(program: str, arguments: Sequence[str]) -> int:
    """Start the server and stay until it ends.  Exit status: 0, 1 for what etcd calls fatal, 2 for bad usage."""
    try:
        settings = parse_command_line(arguments)
    except HelpWanted:
        sys.stderr.write(USAGE + "\n")
        sys.stdout.write(help_text() + "\n")
        return 0
    except UsageError as error:
        sys.stderr.write(f"{error}\n{USAGE}\n")
        return 2
    if settings.on("version") and not settings.positional:
        sys.stdout.write(version_text())
        return 0
    try:
        return _start([program, *arguments], settings)
    except FatalExit as ending:
        sys.stderr.write(ending.text)
        return ending.code


def _start(command: Sequence[str], settings: Settings) -> int:
    # From here on imports cost time that a look at the version should not pay for.  Imports and the load make nothing
    # but what stays, so the collector rests until it is told what it need not look at (assembly.py).
    gc.disable()
    from pyetcd.server.data_dir import announce_start, with_data_dir
    from pyetcd.server.load import load_config

    config, log = load_config(command, settings, os.environ)
    config = with_data_dir(config, log)
    announce_start(config, log)
    from pyetcd.server.assembly import serve

    return serve(config, log)
