"""Log lines as zap writes them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyetcd.server.log_setup import build_logger
from pyetcd.server.logs import Level, Logger, Output, Seconds, parse_level, timestamp
from pyetcd.server.settings import ConfigError, Settings


class Log:
    """A Logger that writes into a file, at a time of the test's choosing."""

    def __init__(self, path: Path, level: Level = Level.INFO, console: bool = False) -> None:
        self.now = 1_700_000_000.25
        self._path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
        self.log = Logger(Output([self._descriptor], console), level, clock=lambda: self.now)

    @property
    def lines(self) -> list[str]:
        return self._path.read_text().splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_json_line(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.log.info("starting", {"data-dir": "d", "n": 1, "on": True, "urls": ["a", "b"]}, wait_time=Seconds(0.1))
    (line,) = log.lines
    record = json.loads(line)
    caller = record.pop("caller")
    assert caller.startswith("server/test_logs.py:") and caller.rsplit(":")[1].isdigit()
    assert list(record.items()) == [
        ("level", "info"), ("ts", "2023-11-14T22:13:20.250000Z"), ("msg", "starting"), ("data-dir", "d"), ("n", 1),
        ("on", True), ("urls", ["a", "b"]), ("wait-time", "100ms"),
    ]  # fmt: skip
    assert line.startswith('{"level":"info","ts":"2023-11-14T22:13:20.250000Z","caller":"server/test_logs.py:')


def test_a_console_line(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", console=True)
    log.log.warn("failed", error="x", listed=[1])
    log.log.info("bare")
    first, second = (line.split("\t") for line in log.lines)
    assert first[:2] == ["2023-11-14T22:13:20.250000Z", "warn"]
    assert first[3:] == ["failed", '{"error": "x", "listed": [1]}']
    assert second[3:] == ["bare"]


def test_levels_and_names(tmp_path: Path) -> None:
    log = Log(tmp_path / "log", Level.WARN)
    log.log.debug("no")
    log.log.info("no")
    log.log.named("raft").warn("yes")
    log.log.error("yes")
    assert [(r["level"], r.get("logger")) for r in log.records] == [("warn", "raft"), ("error", None)]
    assert not log.log.debugging


def test_errors_show_where_they_come_from(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    try:
        raise ValueError("broken")
    except ValueError as error:
        log.log.error("oops", error=error)
        log.log.warn("oops", error=error)
    worse, mild = log.records
    assert worse["error"] == mild["error"] == "broken"
    assert "ValueError: broken" in worse["stacktrace"] and "stacktrace" not in mild


def test_anything_can_be_a_field(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    log.log.info('quo"te\n', a=b"\xff", b=None, c={"k": (1,)}, d="\udc80", e=object)
    (record,) = log.records
    assert record["msg"] == 'quo"te\n' and record["a"] == "\ufffd" and record["c"] == {"k": [1]}


def test_repeated_lines_are_thinned(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    for n in range(350):
        log.log.info("again", n=n)
        if n == 0:
            log.log.info("other")
    assert [r["n"] for r in log.records if r["msg"] == "again"] == [*range(100), 199, 299]
    log.now += 1
    log.log.info("again", n=-1)
    assert log.records[-1]["n"] == -1


def test_a_closed_output_does_not_raise() -> None:
    read, write = os.pipe()
    os.close(read)
    os.close(write)
    Logger(Output([write])).info("lost")


def test_time_zone_is_the_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "XYZ-2:30")
    time.tzset()
    assert timestamp(1_700_000_000.0) == "2023-11-15T00:43:20.000000+0230"


@pytest.mark.parametrize(
    "text, level",
    [("", Level.INFO), ("warning", Level.WARN), ("DEBUG", Level.DEBUG), ("dpanic", Level.DPANIC), ("x", None)],
)
def test_level_names(text: str, level: Level | None) -> None:
    assert parse_level(text) is level


def settings(**values: Any) -> Settings:
    found = Settings()
    for name, value in values.items():
        found.values[name.replace("_", "-")] = value
    return found


def test_files_are_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "etcd.log"
    path.write_text("before\n")
    build_logger(settings(log_outputs=(str(path),), log_level="debug")).debug("after")
    before, after = path.read_text().splitlines()
    assert before == "before" and json.loads(after)["msg"] == "after"


def test_null_device_silences_everything(capfd: pytest.CaptureFixture[str]) -> None:
    build_logger(settings(log_outputs=("/dev/null", "stderr"))).error("unseen")
    assert capfd.readouterr().err == ""


def test_journal_is_refused() -> None:
    with pytest.raises(ConfigError, match="not served"):
        build_logger(settings(log_outputs=("systemd/journal",)))


def test_twisted_speaks_through_our_log(tmp_path: Path) -> None:
    from twisted.logger import Logger as TwistedLogger
    from twisted.python.failure import Failure

    from pyetcd.server.twisted_log import TwistedObserver

    log = Log(tmp_path / "log")
    twisted = TwistedLogger(namespace="twisted.web.http", observer=TwistedObserver(log.log))  # type: ignore[arg-type]
    twisted.info("quiet")
    twisted.warn("strange {what}", what="thing")
    try:
        raise KeyError("k")
    except KeyError:
        twisted.failure("it broke", Failure())
    warned, failed = log.records
    assert (warned["level"], warned["msg"], warned["logger"]) == ("warn", "strange thing", "twisted")
    assert warned["caller"] == "web/http.py:0"
    assert (failed["level"], failed["msg"], failed["error"]) == ("error", "it broke", "'k'")
    assert "KeyError" in failed["stacktrace"]
