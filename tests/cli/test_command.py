"""The command around the server: version, sub-commands, fast start, signals, readiness."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pyetcd.cli import main as command
from pyetcd.cli.serve import run_server
from pyetcd.server.logs import Logger, Output
from pyetcd.server.notify import notify_ready

SILENT = Logger(Output([]))


def test_version_is_four_lines(capfd: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--version"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == "etcd Version: 3.7.1"
    assert [line.partition(": ")[0] for line in lines] == ["etcd Version", "Git SHA", "Go Version", "Go OS/Arch"]


@pytest.mark.parametrize("word", ["-h", "--help", "-help", "--h"])
def test_help(word: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_server("pyetcd", ["--name=x", word, "--nonsense"]) == 0
    out, err = capfd.readouterr()
    assert err.startswith("Usage:\n") and "--listen-client-urls 'http://localhost:2379'" in out


def test_a_sub_command_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(command.SUB_COMMANDS, "migrate", "pyetcd.no_such_package.cli")
    assert command.main(["migrate", "--help"]) == 1
    assert capfd.readouterr().err == "pyetcd: the sub-command migrate is not part of this installation\n"


def test_a_sub_command_gets_its_arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sub_command_under_test.py").write_text("def main(arguments):\n    return len(arguments)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(command.SUB_COMMANDS, "check", "sub_command_under_test")
    assert command.main(["check", "a", "b", "c"]) == 3


def test_joining_an_existing_cluster_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_server("pyetcd", ["--initial-cluster-state=existing"]) == 1
    assert "joining a cluster comes later" in capfd.readouterr().err


def test_data_directories_that_are_none(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert run_server("pyetcd", [f"--data-dir={file}/x"]) == 1
    assert f'"error":"open {file}/x: not a directory"' in capfd.readouterr().err
    for name in ("member", "proxy"):
        (tmp_path / "both" / name).mkdir(parents=True)
    assert run_server("pyetcd", [f"--data-dir={tmp_path}/both"]) == 1
    assert "invalid datadir; both member and proxy directories exist" in capfd.readouterr().err


def test_version_needs_nothing_heavy() -> None:
    """Test frameworks ask for the version before every start."""
    script = """
        import sys
        from pyetcd.cli.main import main
        main(["--version"])
        heavy = ("twisted", "rocksdict", "google", "prometheus_client", "yaml", "uvloop", "asyncio", "zope")
        print([name for name in heavy if name in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_once_and_shows_in_the_exit_status(number: signal.Signals) -> None:
    script = """
        import os, signal, sys
        from pyetcd.server.signals import end_by_signal, go_name, on_stop_signals
        seen = []
        on_stop_signals(seen.append)
        number = int(sys.argv[1])
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        print(len(seen), go_name(seen[0]), flush=True)
        end_by_signal(seen[0])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(int(number))], capture_output=True, text=True, check=False
    )
    assert done.returncode == -number
    assert done.stdout == f"1 {'terminated' if number == signal.SIGTERM else 'interrupt'}\n"


def test_readiness_is_told_to_whoever_asked(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        assert notify_ready(SILENT, {"NOTIFY_SOCKET": address})
        assert manager.recv(100) == b"READY=1"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = f"pyetcd-test-{os.getpid()}"
        manager.bind("\0" + name)
        assert notify_ready(SILENT, {"NOTIFY_SOCKET": "@" + name})
        assert manager.recv(100) == b"READY=1"
    assert not notify_ready(SILENT, {})
    assert not notify_ready(SILENT, {"NOTIFY_SOCKET": str(tmp_path / "nobody")})


@pytest.mark.parametrize("loop", ["uvloop", "asyncio", "epoll"])
def test_a_signal_wakes_the_loop(loop: str) -> None:
    """The way the server uses it: the reactor without handlers of its own, idle when the signal comes."""
    script = """
        import sys
        from pyetcd.server.signals import end_by_signal, on_stop_signals
        from pyetcd.net.loop import install_reactor
        install_reactor(sys.argv[1])
        from twisted.internet import reactor
        seen = []
        def stop(number):
            seen.append(number)
            reactor.callFromThread(reactor.stop)
        on_stop_signals(stop)
        reactor.callWhenRunning(lambda: print("running", flush=True))
        reactor.run(installSignalHandlers=False)
        print("stopped", flush=True)
        end_by_signal(seen[0])
    """
    command = [sys.executable, "-c", textwrap.dedent(script), loop]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None and server.stdout.readline() == "running\n"
        server.send_signal(signal.SIGTERM)
        assert server.stdout.read() == "stopped\n"
        assert server.wait() == -signal.SIGTERM
