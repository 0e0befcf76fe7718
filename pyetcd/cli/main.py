"""Where the command starts.

``pyetcd [flags]`` is the server; ``pyetcd conformance …`` and the others hand over to their own package.  Nothing heavy
is imported here: test frameworks run ``etcd --version`` before every server they start.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

SUB_COMMANDS = {
    "migrate": "pyetcd.migrate.cli",
    "conformance": "pyetcd.conformance.cli",
    "compat": "pyetcd.compat.cli",
    "snapshot": "pyetcd.cli.snapshot",
    "check": "pyetcd.cli.check",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; the result is its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in SUB_COMMANDS:
        return _sub_command(words[0], words[1:])
    from pyetcd.cli.serve import run_server

    return run_server(sys.argv[0], words)


def _sub_command(name: str, arguments: list[str]) -> int:
    module = SUB_COMMANDS[name]
    if not _installed(module):
        print(f"pyetcd: the sub-command {name} is not part of this installation", file=sys.stderr)
        return 1
    run: Callable[[list[str]], int | None] = import_module(module).main
    return run(arguments) or 0


def _installed(module: str) -> bool:
    from importlib.util import find_spec

    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package around it is missing
        return False


if __name__ == "__main__":
    sys.exit(main())
