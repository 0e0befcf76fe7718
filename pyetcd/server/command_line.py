"""The command line, read as Go's flag package reads it (wire contract 10.1).

``-x v``, ``--x v``, ``-x=v``, ``--x=v``; a boolean takes its value only behind ``=``; the first word that is no flag
ends the flags, and so does ``--``.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyetcd.server.flags import FLAGS
from pyetcd.server.settings import Settings
from pyetcd.server.values import ValueSyntax, quote


class UsageError(Exception):
    """The command line cannot be read: text and usage go to standard error, exit status 2."""


class HelpWanted(Exception):
    """``-h`` or ``--help``."""


def parse_command_line(arguments: Sequence[str]) -> Settings:
    """Read the arguments (without the program's name).  Raises UsageError or HelpWanted."""
    settings = Settings()
    position = 0
    while position < len(arguments):
        word = arguments[position]
        if len(word) < 2 or word[0] != "-":
            break
        position += 1
        if word == "--":
            break
        position = _one_flag(settings, word, arguments, position)
    settings.positional = list(arguments[position:])
    return settings


def _one_flag(settings: Settings, word: str, arguments: Sequence[str], position: int) -> int:
    body = word[2:] if word.startswith("--") else word[1:]
    if body[:1] in ("", "-", "="):
        raise UsageError(f"bad flag syntax: {word}")
    name, has_value, value = body.partition("=")
    flag = FLAGS.get(name)
    if flag is None:
        if name in ("help", "h"):
            raise HelpWanted
        raise UsageError(f"flag provided but not defined: -{name}")
    if not has_value:
        if flag.kind.is_boolean:
            value = "true"
        elif position < len(arguments):
            value, position = arguments[position], position + 1
        else:
            raise UsageError(f"flag needs an argument: -{name}")
    try:
        settings.read(flag, value)
    except ValueSyntax as error:
        what = "invalid boolean value {} for -{}: {}" if flag.kind.is_boolean else "invalid value {} for flag -{}: {}"
        raise UsageError(what.format(quote(value), name, error)) from None
    return position
