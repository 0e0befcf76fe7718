"""Scripts with recorded output.

A script is text: comment lines (``#``), then cases of one command line, ``----`` and the output it gave, ended by an
empty line.  ``pytest --rewrite`` records what the commands print now; the diff is the review.

    # A deleted key is gone, its history is not.
    delete foo
    ----
    revision 4: DELETE foo
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SEPARATOR = "----"


@dataclass(frozen=True)
class Command:
    """``name`` and words of the line; ``key=value`` words are in ``options``."""

    name: str
    words: tuple[str, ...]
    options: dict[str, str]
    line: int


def parse(text: str, line: int) -> Command:
    words = shlex.split(text)
    options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    return Command(words[0], tuple(word for word in words[1:] if "=" not in word), options, line)


def run_script(path: Path, handle: Callable[[Command], str], *, rewrite: bool) -> None:
    """Run every command of a script; compare with what is recorded, or record it."""
    lines = path.read_text().splitlines()
    output: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        output.append(line)
        at += 1
        if not line.strip() or line.startswith("#"):
            continue
        command = parse(line, at)
        at, recorded = _recorded(lines, at)
        printed = [text.rstrip() for text in handle(command).splitlines()]
        if not rewrite:
            where = f"{path.name}:{command.line}: {line}"
            assert printed == recorded, f"{where}\nrecorded:\n{_show(recorded)}\nnow:\n{_show(printed)}"
        output += [SEPARATOR, *printed]
    if rewrite:
        path.write_text("\n".join(output).rstrip() + "\n")


def _recorded(lines: list[str], at: int) -> tuple[int, list[str]]:
    """The lines after the separator up to an empty one, and where the script goes on."""
    if at == len(lines) or lines[at] != SEPARATOR:
        return at, []
    end = at + 1
    while end < len(lines) and lines[end].strip():
        end += 1
    return end, lines[at + 1 : end]


def _show(lines: list[str]) -> str:
    return "\n".join(f"    {line}" for line in lines) or "    (nothing)"
