"""A look at the data directory before anything is started: what kind it is, and whether it is one at all."""

from __future__ import annotations

import os
from dataclasses import replace

from pyetcd.server.config import Config
from pyetcd.server.logs import Logger
from pyetcd.server.messages import START_FAILED
from pyetcd.server.settings import FatalExit


def with_data_dir(config: Config, log: Logger) -> Config:
    """A configuration that names its data directory."""
    if config.data_dir:
        return config
    path = f"{config.name}.etcd"
    log.warn("'data-dir' was empty; using default", data_dir=path)
    return replace(config, data_dir=path)


def announce_start(config: Config, log: Logger) -> bool:
    """Says whether the directory holds a member already (True) or the server starts afresh.

    Raises FatalExit when the directory cannot be read, belongs to something else, or is to be filled by joining.
    """
    kind = identify(config.data_dir, log)
    if kind == "proxy":
        log.fatal("v2 http proxy has already been deprecated in 3.6", dir_type=kind)
        raise FatalExit("", 2)
    text = "Initialize and start etcd server" if kind == "empty" else "server has already been initialized"
    log.info(text, data_dir=config.data_dir, dir_type=kind)
    if kind == "empty" and config.initial_cluster_state == "existing":
        flag = "--initial-cluster-state=existing"
        log.fatal(START_FAILED, error=f"{flag} is not served by this version of pyetcd: joining a cluster comes later")
        raise FatalExit("")
    return kind == "member"


def identify(path: str, log: Logger) -> str:
    """``empty``, ``member`` or ``proxy``."""
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return "empty"
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        log.fatal("failed to list data directory", dir=path, error=f"open {path}: {reason}")
        raise FatalExit("") from None
    for name in names:
        if name not in ("member", "proxy"):
            log.warn("found invalid file under data directory", filename=name, data_dir=path)
    if "member" in names and "proxy" in names:
        log.fatal("invalid datadir; both member and proxy directories exist")
        raise FatalExit("")
    return next((name for name in ("member", "proxy") if name in names), "empty")
