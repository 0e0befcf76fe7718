"""Workers: order, outcomes, and what the loop hears."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from pyetcd.disk.worker import SteppedWorker, ThreadWorker


def fail() -> None:
    raise OSError("broken")


def test_jobs_run_in_order_on_another_thread_and_done_where_the_loop_says() -> None:
    calls: SimpleQueue[tuple[Callable[..., object], tuple[object, ...]]] = SimpleQueue()
    worker = ThreadWorker(lambda function, *args: calls.put((function, args)), "test")
    ran: list[object] = []
    heard: list[object] = []
    for n in range(50):
        worker.submit(lambda n=n: ran.append((n, threading.current_thread().name)), heard.append)  # type: ignore[misc]
    worker.submit(fail, heard.append)
    worker.close()
    assert ran == [(n, "test") for n in range(50)] and heard == []
    while not calls.empty():
        function, args = calls.get()
        function(*args)
    assert heard[:50] == [None] * 50 and str(heard[50]) == "broken"


def test_a_stepped_worker_does_one_job_at_a_time() -> None:
    worker = SteppedWorker()
    trace: list[object] = []
    worker.submit(lambda: trace.append("first"), trace.append)
    worker.submit(fail, lambda error: trace.append(str(error)))
    assert trace == []
    assert worker.step() and trace == ["first", None]
    worker.close()
    assert trace == ["first", None, "broken"] and not worker.step()
