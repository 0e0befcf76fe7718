"""Log lines as etcd writes them: zap's JSON or console lines, on standard error unless told otherwise.

One line is ``{"level":…,"ts":…,"caller":…,"msg":…,<fields>}`` (wire contract 10.4).  A Logger whose level is off costs
one comparison; ask ``log.debugging`` before building fields for a debug line.  Repeated lines are thinned as etcd's
are: of the same level and text 100 a second, then every hundredth.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from types import CodeType
from typing import Any

from pyetcd.server.values import format_duration

Fields = Mapping[str, Any]


class Level(IntEnum):
    DEBUG = -1
    INFO = 0
    WARN = 1
    ERROR = 2
    DPANIC = 3
    PANIC = 4
    FATAL = 5


_SAMPLED_FIRST = 100
_SAMPLED_THEREAFTER = 100


def parse_level(text: str) -> Level | None:
    """``--log-level``: any case, ``warning`` too, nothing means info; None when it is no level."""
    name = text.lower() or "info"
    name = "warn" if name == "warning" else name
    return Level[name.upper()] if name.upper() in Level.__members__ else None


class Seconds(float):
    """A duration among the fields: written as Go writes one (``1.5s``, ``10ms``)."""


def timestamp(now: float) -> str:
    """``2006-01-02T15:04:05.000000Z0700`` in local time, ``Z`` for UTC."""
    micros = int(now * 1e6)
    local = time.localtime(micros // 1_000_000)
    offset = time.strftime("%z", local)
    zone = "Z" if offset in ("+0000", "-0000") else offset
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', local)}.{micros % 1_000_000:06d}{zone}"


def _plain(value: Any) -> Any:
    if isinstance(value, Seconds):
        return format_duration(value)
    if isinstance(value, (str, int, float)) or value is None:
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (Sequence, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value)


_compact = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_spaced = json.JSONEncoder(ensure_ascii=False).encode


def json_line(level: Level, ts: str, name: str, caller: str, text: str, fields: dict[str, Any]) -> str:
    head: dict[str, Any] = {"level": level.name.lower(), "ts": ts}
    if name:
        head["logger"] = name
    head["caller"] = caller
    head["msg"] = text
    line = _compact(head)
    return f"{line[:-1]},{_compact(fields)[1:]}" if fields else line


def console_line(level: Level, ts: str, name: str, caller: str, text: str, fields: dict[str, Any]) -> str:
    columns = [ts, level.name.lower(), *([name] if name else []), caller, text]
    if fields:
        columns.append(_spaced(fields))
    return "\t".join(columns)


class Output:
    """File descriptors a line goes to, and the shape it has there."""

    def __init__(self, descriptors: Sequence[int], console: bool = False) -> None:
        self.descriptors = tuple(descriptors)
        self.shape = console_line if console else json_line

    def write(self, line: str) -> None:
        data = (line + "\n").encode("utf-8", "replace")
        for descriptor in self.descriptors:
            _write_all(descriptor, data)


def _write_all(descriptor: int, data: bytes) -> None:
    """A log that cannot be written must not stop the server: what fails is dropped."""
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass


class Sampler:
    """Counts equal lines within a second."""

    def __init__(self) -> None:
        self._second = 0
        self._counts: dict[tuple[Level, str], int] = {}

    def admits(self, level: Level, text: str, now: float) -> bool:
        second = int(now)
        if second != self._second:
            self._second, self._counts = second, {}
        count = self._counts[level, text] = self._counts.get((level, text), 0) + 1
        return count <= _SAMPLED_FIRST or (count - _SAMPLED_FIRST) % _SAMPLED_THEREAFTER == 0


_callers: dict[CodeType, str] = {}


def _caller(depth: int) -> str:
    frame = sys._getframe(depth)
    code = frame.f_code
    where = _callers.get(code)
    if where is None:
        where = _callers[code] = "/".join(code.co_filename.rsplit(os.sep, 2)[-2:])
    return f"{where}:{frame.f_lineno}"


class Logger:
    """Writes lines of at least ``level``.  Fields come as a mapping, as keywords (``_`` becomes ``-``) or both."""

    __slots__ = ("_clock", "_name", "_output", "_sampler", "debugging", "level")

    def __init__(
        self,
        output: Output | None = None,
        level: Level = Level.INFO,
        *,
        name: str = "",
        clock: Callable[[], float] = time.time,
        sampler: Sampler | None = None,
    ) -> None:
        self._output = output or Output([2])
        self._name = name
        self._clock = clock
        self._sampler = sampler or Sampler()
        self.level = level
        self.debugging = level <= Level.DEBUG

    def named(self, name: str) -> Logger:
        """The same log under a name of its own: lines carry ``"logger":name``."""
        return Logger(self._output, self.level, name=name, clock=self._clock, sampler=self._sampler)

    def debug(self, text: str, fields: Fields | None = None, /, **more: Any) -> None:
        if self.debugging:
            self.write(Level.DEBUG, text, fields, more, 3)

    def info(self, text: str, fields: Fields | None = None, /, **more: Any) -> None:
        if self.level <= Level.INFO:
            self.write(Level.INFO, text, fields, more, 3)

    def warn(self, text: str, fields: Fields | None = None, /, **more: Any) -> None:
        if self.level <= Level.WARN:
            self.write(Level.WARN, text, fields, more, 3)

    def error(self, text: str, fields: Fields | None = None, /, **more: Any) -> None:
        if self.level <= Level.ERROR:
            self.write(Level.ERROR, text, fields, more, 3)

    def fatal(self, text: str, fields: Fields | None = None, /, **more: Any) -> None:
        """Writes the line; unlike zap's it leaves the exit to the caller."""
        self.write(Level.FATAL, text, fields, more, 3)

    def write(
        self,
        level: Level,
        text: str,
        fields: Fields | None,
        more: Mapping[str, Any] | None = None,
        depth: int = 2,
        caller: str = "",
    ) -> None:
        """One line; ``caller`` or the frame ``depth`` calls up says where it comes from."""
        now = self._clock()
        if not self._sampler.admits(level, text, now):
            return
        written = {key: _plain(value) for key, value in (fields or {}).items()}
        for key, value in (more or {}).items():
            written[key.replace("_", "-")] = _plain(value)
        if level >= Level.ERROR:
            _add_stack(written, fields, more)
        where = caller or _caller(depth)
        self._output.write(self._output.shape(level, timestamp(now), self._name, where, text, written))


def _add_stack(written: dict[str, Any], fields: Fields | None, more: Fields | None) -> None:
    """Errors show where they come from when an exception is among the fields."""
    for value in (*(fields or {}).values(), *(more or {}).values()):
        if isinstance(value, BaseException) and value.__traceback__ is not None:
            written["stacktrace"] = "".join(traceback.format_exception(value)).rstrip()
            return
