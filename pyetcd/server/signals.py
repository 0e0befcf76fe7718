"""SIGTERM and SIGINT: stop gracefully once, then die of the signal so that the exit status tells."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_NAMES = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminated"}


def go_name(number: int) -> str:
    """A signal by the name Go prints, as in ``received signal; shutting down``."""
    return _NAMES[signal.Signals(number)]


def on_stop_signals(stop: Callable[[int], None]) -> None:
    """Call ``stop(number)`` at the first SIGTERM or SIGINT; further ones are swallowed, as in etcd.

    The handler runs between two instructions of the main thread: ``stop`` should only wake the loop
    (``reactor.callFromThread``).  Call this after the reactor has installed its own handlers, or run the reactor
    without them.
    """
    seen = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        if not seen:
            seen = True
            stop(number)

    for number in _NAMES:
        signal.signal(number, handle)


def end_by_signal(number: int) -> NoReturn:
    """End this process by the signal it was stopped with; process 1, which no signal kills, exits with 0."""
    if os.getpid() == 1:
        os._exit(0)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os._exit(0)  # only reached when something keeps the signal from being delivered at once
