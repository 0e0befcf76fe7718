"""Which event loop the process runs on.  Must be called before anything imports ``twisted.internet.reactor``."""

from __future__ import annotations

import asyncio
import sys
from typing import Literal

Loop = Literal["uvloop", "asyncio", "epoll"]


def install_reactor(prefer: Loop = "uvloop") -> Loop:
    """Installs Twisted's reactor: on uvloop where it is installed, else on plain asyncio; ``epoll`` (Twisted's own
    default reactor) only when asked for.  Returns what it became.  ReactorAlreadyInstalledError when it is too late."""
    if prefer == "epoll":
        from twisted.internet import default

        default.install()
        return "epoll"
    from twisted.internet import asyncioreactor

    loop, name = _new_loop(prefer)
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    return name


def _new_loop(prefer: Loop) -> tuple[asyncio.AbstractEventLoop, Loop]:
    if prefer == "uvloop" and sys.platform != "win32":
        try:
            import uvloop
        except ImportError:
            pass
        else:
            return uvloop.new_event_loop(), "uvloop"
    return asyncio.SelectorEventLoop(), "asyncio"
