"""Twisted's own log lines, among the server's."""

from __future__ import annotations

from twisted.logger import LogEvent, LogLevel, formatEvent, globalLogPublisher

from pyetcd.server.logs import Level, Logger

_LEVELS = {
    LogLevel.debug: Level.DEBUG,
    LogLevel.info: Level.DEBUG,  # "factory started" and the like: of no use to whoever runs a server
    LogLevel.warn: Level.WARN,
    LogLevel.error: Level.ERROR,
    LogLevel.critical: Level.ERROR,
}


class TwistedObserver:
    """An observer for globalLogPublisher; failures become error lines with their traceback."""

    def __init__(self, log: Logger) -> None:
        self._log = log.named("twisted")

    def __call__(self, event: LogEvent) -> None:
        level = _LEVELS.get(event.get("log_level", LogLevel.info), Level.DEBUG)
        if level < self._log.level:
            return
        failure = event.get("log_failure")
        fields = {} if failure is None else {"error": failure.value}
        text = formatEvent(event) or (failure.getErrorMessage() if failure is not None else "")
        namespace = str(event.get("log_namespace", "twisted"))
        self._log.write(level, text, fields, caller="/".join(namespace.split(".")[-2:]) + ".py:0")


def adopt_twisted_log(log: Logger) -> None:
    """From now on Twisted writes where the server does."""
    globalLogPublisher.addObserver(TwistedObserver(log))  # type: ignore[arg-type]  # any callable will do
