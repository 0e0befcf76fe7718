"""The member's Loop on Twisted's reactor; on an asyncio reactor turns come from the loop itself, which is cheaper."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class ReactorLoop:
    """Implements member.loop.Loop, and carries results of worker threads back to the loop's thread."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.now = time.monotonic
        events = getattr(reactor, "_asyncioEventloop", None)
        self.soon: Callable[[Callable[[], object]], object] = (
            events.call_soon if events is not None else lambda action: reactor.callLater(0, action)
        )
        self.from_thread: Callable[..., object] = (
            events.call_soon_threadsafe if events is not None else reactor.callFromThread
        )

    def later(self, seconds: float, action: Callable[[], object]) -> Callable[[], None]:
        """Run ``action`` after ``seconds``; the result cancels it and may be called at any time."""
        delayed = self._reactor.callLater(seconds, action)

        def cancel() -> None:
            if delayed.active():
                delayed.cancel()

        return cancel
