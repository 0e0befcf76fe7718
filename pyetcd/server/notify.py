"""systemd's readiness protocol: one datagram to the socket that NOTIFY_SOCKET names."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from pyetcd.server.logs import Logger


def notify_ready(log: Logger | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell the service manager that the server is ready, if there is one.  Returns whether it was told."""
    log = log or Logger()
    log.info("notifying init daemon")
    address = environ.get("NOTIFY_SOCKET", "")
    told = False
    if address:
        if address.startswith("@"):
            address = "\0" + address[1:]  # an abstract socket
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.sendto(b"READY=1", address)
            told = True
        except OSError as error:
            log.error("failed to notify systemd for readiness", error=str(error))
            return False
    log.info("successfully notified init daemon")
    return told
