"""When a watch stream has said everything: the answer to a progress request stands behind all events before it."""

from __future__ import annotations

import time

from pyetcd.pb import rpc_pb2

from .case import Outcome
from .client import Call, outcome_of

SETTLE_SECONDS = 0.25
SETTLE_POLL_SECONDS = 0.12
PROGRESS = rpc_pb2.WatchRequest(progress_request=rpc_pb2.WatchProgressRequest()).SerializeToString()


def settle(call: Call) -> Outcome:
    """Ask for progress until the stream answers: everything before that answer is all there is.

    A stream with a watcher that is not synced stays silent; then a quarter of a second of silence has to do.
    """
    bodies: list[bytes] = []
    end = time.monotonic() + SETTLE_SECONDS
    asked = 0
    while time.monotonic() < end and not call.ended:
        call.send(PROGRESS)
        asked += 1
        while (body := call.next(SETTLE_POLL_SECONDS)) is not None:
            if is_progress(body):
                return outcome_of(bodies + _late(call, asked), None)
            bodies.append(body)
            end = time.monotonic() + SETTLE_SECONDS
    return outcome_of(bodies, call.status if call.ended else None)


def _late(call: Call, asked: int) -> list[bytes]:
    """When it was asked more than once, the other answers are on their way."""
    found = []
    while asked > 1 and (body := call.next(SETTLE_POLL_SECONDS / 4)) is not None:
        if not is_progress(body):
            found.append(body)
    return found


def is_progress(body: bytes) -> bool:
    """The answer to a progress request: nothing but a header and watch id -1."""
    answer = rpc_pb2.WatchResponse.FromString(body)
    return answer.watch_id == -1 and not (answer.created or answer.canceled or answer.events)
