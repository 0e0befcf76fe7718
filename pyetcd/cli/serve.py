"""``pyetcd [flags]``: configuration, then the server (wire contract 10)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from pyetcd.cli.texts import USAGE, help_text, version_text
from pyetcd.server.command_line import HelpWanted, UsageError
from pyetcd.server.data_dir import announce_start, with_data_dir
from pyetcd.server.load import load_config
from pyetcd.server.settings import FatalExit


class _VersionShown(Exception):
    """``--version`` has been answered."""


def run_server(program: str, arguments: Sequence[str]) -> int:
    """Start the server and stay until it ends.  Exit status: 0, 1 for what etcd calls fatal, 2 for bad usage."""
    try:
        config, log = load_config(program, arguments, os.environ, _show_version)
        config = with_data_dir(config, log)
        announce_start(config, log)
    except _VersionShown:
        return 0
    except HelpWanted:
        sys.stderr.write(USAGE + "\n")
        sys.stdout.write(help_text() + "\n")
        return 0
    except UsageError as error:
        sys.stderr.write(f"{error}\n{USAGE}\n")
        return 2
    except FatalExit as ending:
        sys.stderr.write(ending.text)
        return ending.code
    from pyetcd.server.assembly import serve

    return serve(config, log)


def _show_version() -> None:
    sys.stdout.write(version_text())
    raise _VersionShown
