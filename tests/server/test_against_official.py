"""Command lines, variables and configuration files, case by case as official etcd took them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pyetcd.cli.serve import run_server
from pyetcd.cli.texts import help_text
from pyetcd.server.command_line import parse_command_line
from pyetcd.server.data_dir import with_data_dir
from pyetcd.server.flags import FLAGS, Status
from pyetcd.server.identity import format_initial_cluster, parse_initial_cluster
from pyetcd.server.load import load_config
from pyetcd.server.start_line import starting_fields
from tests.peers import need
from tests.server import cases
from tests.server.cases import Case

REFUSED = json.loads(cases.RECORDED.read_text())
STARTED = json.loads(cases.STARTED.read_text())
# The words of the YAML library differ; what is compared is that the file is refused.
OTHER_WORDS = "error converting YAML to JSON: yaml:"


def case_of(row: Any) -> Case:
    arguments, environ, file = row["case"]
    return Case(tuple(arguments), tuple(map(tuple, environ)), file)


def label(row: Any) -> str:
    arguments, environ, file = row["case"]
    return " ".join([*(f"{k}={v}" for k, v in environ), *arguments, repr(file or "")])[:80]


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working directory and no ETCD_* variables."""
    for key in os.environ:
        if key.startswith("ETCD_"):
            monkeypatch.delenv(key)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepared(case: Case, monkeypatch: pytest.MonkeyPatch, folder: Path) -> tuple[list[str], str]:
    for key, value in case.environ:
        monkeypatch.setenv(key, value)
    arguments, path = list(case.arguments), ""
    if case.file is not None:
        path = str(folder / "config.yaml")
        Path(path).write_text(case.file)
        arguments.append(f"--config-file={path}")
    return arguments, path


@pytest.mark.parametrize("row", REFUSED, ids=label)
def test_refused_as_official(
    row: Any, alone: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, path = prepared(case_of(row), monkeypatch, alone)
    code = run_server("etcd", arguments)
    out, err = capfd.readouterr()
    ours = cases.outcome(code, out, err, path)
    assert ours == {key: row[key] for key in ours}


@pytest.mark.parametrize("row", STARTED, ids=label)
def test_configuration_as_official(row: Any, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server would start with, shown as the official start-up line shows it."""
    arguments, _ = prepared(case_of(row), monkeypatch, alone)
    config, log = load_config(["etcd", *arguments], parse_command_line(arguments), os.environ)
    config = with_data_dir(config, log)
    cluster = format_initial_cluster(parse_initial_cluster(config.initial_cluster))
    fields = starting_fields(config, member_initialized=False, initial_cluster=cluster)
    shown = {key: value for key, value in fields.items() if key not in cases.OWN_FIELDS}
    assert list(shown.items()) == list(row["fields"].items())


# Shown differently by the official help: as Go constants, without quotes' meaning, or not at all.
SHOWN_OTHERWISE = {
    "compact-hash-check-time",  # 1m, ours 1m0s
    "compaction-batch-limit",
    "grpc-keepalive-interval",  # 2h, ours 2h0m0s
    "max-concurrent-streams",  # math.MaxUint32
    "watch-progress-notify-interval",  # 10m, which is what 0 means
}


def test_every_official_flag_is_known_with_its_default() -> None:
    official = json.loads(cases.OFFICIAL_FLAGS.read_text())
    # Only in the help text: the official binary itself does not know them.
    for removed in ("discovery", "discovery-proxy"):
        del official[removed]
    assert {name for name, flag in FLAGS.items() if flag.group} == set(official)
    ours = help_text()
    for name, default in official.items():
        if default and name not in SHOWN_OTHERWISE:
            assert f"  --{name} '{default}'\n" in ours
    assert all(flag.help for flag in FLAGS.values() if flag.status is not Status.IGNORED)


def test_recordings_are_fresh() -> None:
    """A sample of the cases asked again: the recordings belong to the binary that is here."""
    need("etcd")
    for row in REFUSED[::12]:
        again = cases.ask_official(case_of(row))
        assert again == {key: row[key] for key in again}, row["case"]
