"""Password work off the loop: one thread hashes and compares, one after another, while other calls go on.

A storm of logins then takes one core at most and waits in its own queue.  bcrypt lets go of the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pyetcd.auth.passwords import SALT_BYTES, allowed_cost, hash_password, is_password
from pyetcd.errors import EtcdError, Stopped, TooManyRequests

if TYPE_CHECKING:
    from pyetcd.auth.tokens import RandomBytes
    from pyetcd.disk.worker import Worker

MOST_WAITING = 4096
"""Jobs in the queue before further ones are refused: minutes of work, and memory must end somewhere."""

T = TypeVar("T")
Wanted = Callable[[], bool]


class PasswordWorker:
    """``cost`` is --bcrypt-cost; ``random`` gives the salts.

    Jobs of callers who have gone away (``wanted`` says False when the job's turn comes) are skipped, and their
    ``done`` is never called.
    """

    def __init__(self, worker: Worker, cost: int, random: RandomBytes) -> None:
        self._worker = worker
        self._cost = allowed_cost(cost)
        self._random = random
        self._waiting = 0
        self._stopped = False

    def hash(self, password: str, wanted: Wanted, done: Callable[[bytes | EtcdError], object]) -> None:
        """``done`` hears the record to store, or PasswordTooLong."""
        salt = self._random(SALT_BYTES)
        self._submit(lambda: hash_password(password.encode(), self._cost, salt), wanted, done)

    def compare(
        self, password: str, stored: bytes, wanted: Wanted, done: Callable[[bool | EtcdError], object]
    ) -> None:
        """``done`` hears whether the password is the stored one."""
        self._submit(lambda: is_password(password.encode(), stored), wanted, done)

    def close(self) -> None:
        """Blocks until the job under way is finished; those behind it are dropped."""
        self._stopped = True
        self._worker.close()

    def _submit(self, work: Callable[[], T], wanted: Wanted, done: Callable[[T | EtcdError], object]) -> None:
        if self._stopped or self._waiting >= MOST_WAITING:
            done(Stopped() if self._stopped else TooManyRequests())
            return
        self._waiting += 1
        results: list[T] = []

        def job() -> None:
            if wanted() and not self._stopped:
                results.append(work())

        self._worker.submit(job, partial(self._finish, results, done))

    def _finish(
        self, results: list[T], done: Callable[[T | EtcdError], object], error: BaseException | None
    ) -> None:
        self._waiting -= 1
        if isinstance(error, EtcdError):
            done(error)
        elif error is not None:
            raise error
        elif results:
            done(results[0])
        elif self._stopped:
            done(Stopped())
