"""From the logging flags to a Logger (``--logger``, ``--log-outputs``, ``--log-level``, ``--log-format``)."""

from __future__ import annotations

import os

from pyetcd.server.logs import Logger, Output, parse_level
from pyetcd.server.settings import ConfigError, FatalExit, Settings
from pyetcd.server.values import quote

_JOURNAL = "systemd/journal"
_STANDARD = {"default": 2, "stderr": 2, "stdout": 1}


def build_logger(settings: Settings) -> Logger:
    """The log the member will use.  Raises ConfigError with etcd's text, FatalExit for an unknown level."""
    if settings.text("logger") == "capnslog":
        raise ConfigError("--logger=capnslog is removed in v3.5")
    if settings.text("logger") != "zap":
        raise ConfigError(f"unknown logger option {quote(settings.text('logger'))}")
    outputs = settings.strings("log-outputs") or ("default",)
    if len(outputs) > 1 and "default" in outputs:
        raise ConfigError(f"multi logoutput for {quote('default')} is not supported yet")
    if settings.on("enable-log-rotation"):
        _check_rotation(outputs)
    if _JOURNAL in outputs:
        _refuse_journal(outputs)
    level = parse_level(settings.text("log-level"))
    if level is None:
        raise FatalExit(f"panic: unrecognized level: {quote(settings.text('log-level'))}\n", 2)
    form = settings.text("log-format") or "json"
    if form not in ("json", "console"):
        raise ConfigError(f"unknown log format: {form}, supported values json, console")
    return Logger(Output(_open_all(outputs), console=form == "console"), level)


def _check_rotation(outputs: tuple[str, ...]) -> None:
    files = [output for output in outputs if output not in _STANDARD]
    if len(files) > 1 or (len(outputs) == 1 and not files):
        raise ConfigError("--log-outputs requires a single file path when --log-rotate-config-json is defined")


def _refuse_journal(outputs: tuple[str, ...]) -> None:
    if len(outputs) > 1:
        listed = " ".join(quote(output) for output in outputs)
        raise ConfigError(
            f"running with systemd/journal but other '--log-outputs' values ([{listed}]) are configured with "
            "'default'; override 'default' value with something else"
        )
    raise ConfigError("--log-outputs=systemd/journal is not served by this version of pyetcd")


def _open_all(outputs: tuple[str, ...]) -> list[int]:
    if "/dev/null" in outputs:
        return []
    found = []
    for output in outputs:
        descriptor = _STANDARD.get(output)
        if descriptor is None:
            descriptor = _open(output)
        if descriptor not in found:
            found.append(descriptor)
    return found


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise ConfigError(f"open sink {quote(path)}: open {path}: {reason}") from None
