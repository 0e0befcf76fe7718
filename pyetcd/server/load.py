"""From arguments and environment to a checked configuration, in etcd's order and with its log lines.

The order matters to whoever reads the log: complaints about variables come through the default log before the chosen
one exists, warnings about the configuration before the line that repeats the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyetcd.server.config import Config, build_config
from pyetcd.server.config_file import read_config_file
from pyetcd.server.default_host import default_host, with_default_host
from pyetcd.server.environment import apply_environment
from pyetcd.server.later import refuse_what_comes_later
from pyetcd.server.log_setup import build_logger
from pyetcd.server.logs import Logger
from pyetcd.server.settings import ConfigError, FatalExit, Settings, UnsetAdvertiseClientUrls
from pyetcd.server.urls import Url
from pyetcd.server.validate import check_settings
from pyetcd.server.values import format_duration, quote

_DEPRECATED = {
    "max-snapshots": "--max-snapshots is deprecated in 3.6 and will be decommissioned in 3.8.",
    "v2-deprecation": "--v2-deprecation is deprecated and scheduled for removal in v3.8. "
    "The default value is enforced, ignoring user input.",
}
_SHORTEST_RAFT_TIMEOUT = 5.0


def load_config(command: Sequence[str], settings: Settings, environ: Mapping[str, str]) -> tuple[Config, Logger]:
    """The configuration and the log to use, from a command line that has been read (command_line.py).

    ``command`` is that line with the program's name, for the log.  Raises FatalExit, everything written, when the
    command has to end.
    """
    log, complaint = Logger(), None
    try:
        if settings.positional:
            raise ConfigError(f"{quote(settings.positional[0])} is not a valid flag")
        path = settings.text("config-file") or environ.get("ETCD_CONFIG_FILE", "")
        if path:
            settings, log = _from_file(path)
        else:
            settings = _from_command_line(settings, environ, log)
            log = build_logger(settings)
            _check(settings, log)
        refuse_what_comes_later(settings)
    except ConfigError as error:
        complaint = error
    log.info("Running: ", args=list(command))
    if complaint is not None:
        log.warn("failed to verify flags", error=complaint)
        if isinstance(complaint, UnsetAdvertiseClientUrls):
            log.warn("advertise client URLs are not set", error=complaint)
        raise FatalExit("")
    return _build(settings, log), log


def _from_file(path: str) -> tuple[Settings, Logger]:
    """Settings and log of a file that passes the checks; until then its log serves for their warnings only."""
    settings = read_config_file(path)
    log = build_logger(settings)
    check_settings(settings, log)
    log.info(
        "loaded server configuration, other configuration command line flags and environment variables "
        "will be ignored if provided",
        path=path,
    )
    _warn_deprecated(settings, log)
    return settings, log


def _check(settings: Settings, log: Logger) -> None:
    try:
        check_settings(settings, log)
    finally:
        _warn_deprecated(settings, log)


def _warn_deprecated(settings: Settings, log: Logger) -> None:
    for name, text in _DEPRECATED.items():
        if name in settings.given:
            log.warn(text)


def _from_command_line(settings: Settings, environ: Mapping[str, str], log: Logger) -> Settings:
    apply_environment(settings, environ, log)
    for name in ("raft-read-timeout", "raft-write-timeout"):
        if settings.seconds(name) < _SHORTEST_RAFT_TIMEOUT:
            settings.values[name] = _SHORTEST_RAFT_TIMEOUT
            log.info(f"{name} increased to minimum value: {format_duration(_SHORTEST_RAFT_TIMEOUT)}")
    if "listen-client-urls" in settings.given and "advertise-client-urls" not in settings.given:
        no_urls: tuple[Url, ...] = ()
        settings.values["advertise-client-urls"] = no_urls
    discovers = settings.text("discovery-srv") or settings.text("discovery-srv-name")
    if (discovers or settings.strings("discovery-endpoints")) and "initial-cluster" not in settings.given:
        settings.values["initial-cluster"] = ""
    if settings.text("discovery-fallback") == "proxy":
        raise ConfigError('v2 proxy is deprecated, and --discovery-fallback can\'t be configured as "proxy"')
    return settings


def _build(settings: Settings, log: Logger) -> Config:
    try:
        config = build_config(settings)
    except ConfigError as error:
        log.fatal("discovery failed", error=error)
        raise FatalExit("") from None
    host = ""
    try:
        host = default_host()
    except OSError as error:
        log.info("failed to detect default host", error=error)
    config, used = with_default_host(config, host)
    if used:
        log.info("detected default host for advertise", host=host)
    return config
