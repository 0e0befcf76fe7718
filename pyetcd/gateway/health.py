"""``/health``, ``/livez``, ``/readyz`` (wire contract 8.4)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from pyetcd.gateway.exchange import TEXT, Answer, Done, Handler, Request, http_error, method_not_allowed
from pyetcd.gateway.status import HealthCounters, Log, StatusSource

Check = Callable[[StatusSource, Callable[[str | None], object]], object]
"""Runs one check; the callback gets None or why it failed."""


def _data_corruption(status: StatusSource, done: Callable[[str | None], object]) -> object:
    return done("alarm activated: CORRUPT" if "CORRUPT" in status.alarms() else None)


def _non_learner(status: StatusSource, done: Callable[[str | None], object]) -> object:
    return done("not supported for learner" if status.is_learner else None)


CHECKS: dict[str, Check] = {
    "data_corruption": _data_corruption,
    "serializable_read": lambda status, done: status.check_read(False, done),
    "linearizable_read": lambda status, done: status.check_read(True, done),
    "non_learner": _non_learner,
}
ENDPOINTS = {"livez": ("serializable_read",), "readyz": tuple(CHECKS)}


def health_handlers(status: StatusSource, counters: HealthCounters, log: Log) -> dict[str, Handler]:
    """Handlers by path, one for every check besides the three that combine them."""
    handlers: dict[str, Handler] = {"/health": _Health(status, counters, log)}
    for kind, names in ENDPOINTS.items():
        handlers[f"/{kind}"] = _Checks(status, counters, log, kind, names, whole=True)
        for name in names:
            handlers[f"/{kind}/{name}"] = _Checks(status, counters, log, kind, (name,), whole=False)
    return handlers


class _Health:
    """The old endpoint: one verdict in JSON, with a reason."""

    def __init__(self, status: StatusSource, counters: HealthCounters, log: Log) -> None:
        self._status = status
        self._counters = counters
        self._log = log

    def __call__(self, request: Request, done: Done) -> None:
        if request.method != "GET":
            done(method_not_allowed())
            self._log.warn("/health error", status_code=405)
            return
        serializable = request.values("serializable")[:1] == ["true"]
        reason = self._alarm(request.values("exclude"))
        if not reason and not serializable and not self._status.has_leader:
            reason = "RAFT NO LEADER"
            self._log.warn("serving /health false; no leader")
        if reason:
            self._answer(reason, done)
        else:
            self._status.check_read(not serializable, lambda error: self._read(error, done))

    def _alarm(self, excluded: Sequence[str]) -> str:
        for name in self._status.alarms():
            if name not in excluded:
                self._log.warn("serving /health false due to an alarm", alarm=name)
                return f"ALARM {name if name in ('NOSPACE', 'CORRUPT') else 'UNKNOWN'}"
        return ""

    def _read(self, error: str | None, done: Done) -> None:
        if error is not None:
            self._log.warn("serving /health false; Range fails", error=error)
        self._answer("" if error is None else f"RANGE ERROR:{error}", done)

    def _answer(self, reason: str, done: Done) -> None:
        body = json.dumps({"health": "false" if reason else "true", "reason": reason}, separators=(",", ":"))
        if reason:
            self._counters.failures += 1
            self._log.warn("/health error", output=body, status_code=503)
            done(http_error(503, body))
        else:
            self._counters.successes += 1
            done(Answer(200, body.encode(), found_type=TEXT))


class _Checks:
    """One check or all of an endpoint, run one after the other."""

    def __init__(
        self, status: StatusSource, counters: HealthCounters, log: Log, kind: str, names: tuple[str, ...], whole: bool
    ) -> None:
        self._status = status
        self._counters = counters
        self._log = log
        self._kind = kind
        self._names = names
        self._whole = whole
        self._path = f"/{kind}" if whole else f"/{kind}/{names[0]}"

    def __call__(self, request: Request, done: Done) -> None:
        if request.method != "GET":
            done(method_not_allowed())
            self._log.warn("Health request error", path=self._path, status_code=405)
            return
        names = self._wanted(request)
        verbose = bool(request.values("verbose"))
        self._run(names, [], lambda results: self._answer(results, verbose, done))

    def _wanted(self, request: Request) -> tuple[str, ...]:
        """An endpoint may leave checks out; names it does not have are only logged."""
        if not self._whole:
            return self._names
        excluded = {name for name in request.values("exclude") if name}
        missing = sorted(excluded.difference(self._names))
        if missing:
            listed = ",".join(json.dumps(name) for name in missing)
            self._log.warn("some health checks cannot be excluded", {"missing-health-checks": listed})
        return tuple(name for name in self._names if name not in excluded)

    def _run(
        self,
        names: tuple[str, ...],
        results: list[tuple[str, str | None]],
        finished: Callable[[list[tuple[str, str | None]]], object],
    ) -> None:
        if not names:
            finished(results)
            return

        def heard(error: str | None) -> None:
            self._counters.record(self._kind, names[0], error is None)
            self._run(names[1:], [*results, (names[0], error)], finished)

        CHECKS[names[0]](self._status, heard)

    def _answer(self, results: list[tuple[str, str | None]], verbose: bool, done: Done) -> None:
        lines = "".join(
            f"[+]{name} ok\n" if error is None else f"[-]{name} failed: {error}\n" for name, error in results
        )
        if any(error is not None for _, error in results):
            self._log.error("Health check error", path=self._path, reason=lines, status_code=503)
            done(http_error(503, lines))
            return
        body = (lines if verbose else "") + "ok\n"
        done(Answer(200, body.encode(), {"Content-Type": TEXT, "X-Content-Type-Options": "nosniff"}))
