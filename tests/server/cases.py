"""Command lines, variables and files, and what official etcd 3.7.1 made of them (recorded in testdata).

``python -m tests.server.cases`` records again with the official binary.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from tests.peers import need

FOLDER = Path(__file__).parent.parent / "testdata" / "server"
RECORDED = FOLDER / "refused.json"
STARTED = FOLDER / "started.json"
OFFICIAL_FLAGS = FOLDER / "official_flags.json"
MASKED = ("ts", "caller", "stacktrace")
# What the program says about itself, and what depends on the machine.
OWN_FIELDS = ("git-sha", "go-version", "go-os", "go-arch", "max-cpu-set", "max-cpu-available")


class Case(NamedTuple):
    """``file`` is the content of the configuration file, given by flag when it is not None."""

    arguments: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()
    file: str | None = None


def _lines(*texts: str) -> list[Case]:
    return [Case(tuple(text.split("|"))) for text in texts]


# Every one of these ends by itself, before a server is started.
REFUSED = [
    *_lines("foo", "--|foo", "-", "--name|a|foo", "-nope", "--nope=1", "--name", "-=x", "---name=x", "--=x"),
    *_lines("--pre-vote=maybe", "--pre-vote|false", "--pre-vote=", "--heartbeat-interval=x", "--heartbeat-interval="),
    *_lines("--heartbeat-interval=1e3", "--heartbeat-interval=-1", "--heartbeat-interval=+1", "--max-txn-ops=0o"),
    *_lines("--max-txn-ops=18446744073709551616", "--quota-backend-bytes=9223372036854775808", "--max-txn-ops=1_"),
    *_lines("--quota-backend-bytes|99999999999999999999", "--backend-batch-interval=5", "--backend-batch-interval=1x"),
    *_lines("--backend-batch-limit=1.5", "--max-concurrent-streams=x", "--max-concurrent-streams=4294967296"),
    *_lines("--max-concurrent-streams=-1", "--initial-cluster-state=bar", "--v2-deprecation=zz", "--v2-deprecation="),
    *_lines("--discovery-fallback=x", "--discovery-fallback=proxy", "--feature-gates=X=true", "--feature-gates=A"),
    *_lines("--feature-gates=LeaseCheckpoint=x", "--feature-gates=LeaseCheckpoint", "--version=x", "--vv=x|foo"),
    *_lines("--listen-peer-urls=foo", "--listen-client-urls=127.0.0.1:2379", "--listen-client-urls=http://127.0.0.1"),
    *_lines("--listen-client-urls=http://127.0.0.1:x", "--listen-client-urls=:2379", "--listen-client-urls=localhost"),
    *_lines("--listen-client-urls=http://127.0.0.1:2379/a", "--listen-client-urls=http://[::1", "--cors=foo"),
    *_lines("--listen-client-urls=http://a b:1", "--listen-client-urls=ftp://127.0.0.1:1", "--cors=http://a,*"),
    *_lines("--listen-client-urls=http://127.0.0.1:1,", "--listen-client-urls=http://127.0.0.1:1/", "--name=a\x01|x"),
    *_lines("--listen-peer-urls|http://foo.bar:23001", "--listen-peer-urls|http://:23001", "--log-format=bad"),
    *_lines("--listen-peer-urls|http://127.0.0.01:23001", "--listen-metrics-urls|http://foo.bar:23001"),
    *_lines("--listen-client-http-urls|http://foo.bar:23001", "--initial-advertise-peer-urls|http://:23001"),
    *_lines("--advertise-client-urls|http://:23001", "--listen-client-urls|http://127.0.0.1:23000", "--logger=bad"),
    *_lines("--listen-client-urls=", "--logger=capnslog", "--log-outputs=default,stdout", "--log-outputs=/no/such/log"),
    *_lines("--log-level=bad", "--enable-log-rotation", "--enable-log-rotation|--log-outputs=/tmp/a,/tmp/b"),
    *_lines("--log-outputs=systemd/journal,stdout", "--election-timeout|100", "--heartbeat-interval=0"),
    *_lines("--election-timeout=0", "--election-timeout=50001", "--election-timeout=0x10", "--auto-compaction-mode=x"),
    *_lines("--auto-compaction-mode=", "--compact-hash-check-time=0", "--compact-hash-check-time=-1m30s"),
    *_lines("--tls-min-version=x", "--tls-max-version=x", "--tls-min-version=TLS1.3|--tls-max-version=TLS1.2"),
    *_lines("--tls-min-version=TLS1.3|--cipher-suites=a", "--initial-cluster|x=http://127.0.0.1:1|--discovery-srv|y"),
    *_lines("--discovery-token|z", "--discovery-endpoints|z", "--discovery-token=a|--discovery-endpoints=,"),
    *_lines("--feature-gates=LeaseCheckpointPersist=true", "--max-snapshots=3|--election-timeout=1"),
    *_lines("--v2-deprecation=gone|--election-timeout=1", "--raft-read-timeout=1s|--election-timeout=1"),
    *_lines("--feature-gates=LeaseCheckpoint=true|--compact-hash-check-time=0", "--cluster-active-size|foo"),
    *_lines("--enable-distributed-tracing|--distributed-tracing-sampling-rate=-1", "--force=1|--election-timeout=1"),
    *_lines(
        "--enable-distributed-tracing|--distributed-tracing-sampling-rate=1000001", "--name=x|--election-timeout=1"
    ),
    *_lines("--log-format=console|--election-timeout=1", "--log-level=error|--election-timeout=1"),
    *_lines(
        "--initial-cluster-state=", "--log-outputs=stdout|--election-timeout=1", "--experimental-initial-corrupt-check"
    ),
    Case(("--name", "b"), (("ETCD_NAME", "a"),)),
    Case(("--name", "b"), (("ETCD_NAME", ""), ("ETCD_ELECTION_TIMEOUT", "1"))),
    Case((), (("ETCD_FOO", "1"), ("ETCD_MAX_TXN_OPS", "x"))),
    Case((), (("ETCD_MAX_TXN_OPS", "x"), ("ETCD_MAX_WALS", "y"))),
    Case((), (("ETCD_PRE_VOTE", "x"),)),
    Case((), (("ETCD_VERSION", "3"), ("ETCD_NAME", "g"), ("ETCD_ELECTION_TIMEOUT", "1"))),
    Case((), (("ETCD_LISTEN_CLIENT_URLS", "http://127.0.0.1:1"),)),
    Case((), (("ETCD_CONFIG_FILE", "/no/such/file"),)),
    Case((), (("ETCD_VV", "1"), ("ETCD_SNAPSHOT_COUNT", "5"), ("ETCD_ELECTION_TIMEOUT", "1"))),
    Case(("--config-file=/no/such/file", "--name=x")),
    Case(("--election-timeout=1000",), (("ETCD_NAME", "x"),), "election-timeout: 3\n"),
    *(
        Case((), (), text)
        for text in (
            '{"name": "x", "bogus": 1, "max-txn-ops": "a"}',
            '{"name": "x", "bogus": 1, "election-timeout": 3, "max-snapshots": 7}',
            "listen-peer-urls: foo\n",
            "listen-client-urls: http://127.0.0.1\n",
            "advertise-client-urls: foo\n",
            "feature-gates: X=true\n",
            "name: 5\nelection-timeout: 1\n",
            'name: a\npre-vote: "x"\n',
            "quota-backend-bytes: 1.5\n",
            "max-txn-ops: -1\n",
            "log-outputs: stderr\n",
            "log-outputs: [1]\n",
            "grpc-keepalive-min-time: 5s\n",
            "backend-batch-interval: 1.5\n",
            "[]",
            "a",
            "5",
            "Name: up\nELECTION-TIMEOUT: 20\n",
            "name: null\nelection-timeout: 30\n",
            "peer-transport-security: 5\n",
            "client-transport-security:\n  cert-file: 5\n",
            "client-transport-security:\n  client-cert-auth: x\n",
            "client-transport-security:\n  foo: 1\nelection-timeout: 7\n",
            "max-concurrent-streams: 4294967296\n",
            "auto-compaction-retention: 5\n",
            "cluster-active-size: 5\nelection-timeout: 3\n",
            "initial-cluster-state: foo\n",
            "backend-batch-interval: 100000000\nelection-timeout: 3000000000000\n",
            "name: yes\n",
            "strict-reconfig-check: yes\nelection-timeout: 3\n",
            "raft-read-timeout: 1\nelection-timeout: 3\n",
            'initial-cluster-state: ""\nelection-timeout: 3\n',
            "v2-deprecation: 5\n",
            "strict-reconfig-check: y\nelection-timeout: 3\n",
            "name: y\nelection-timeout: 3\n",
            "name: 12:30\nelection-timeout: 0x3\n",
            "name: 2020-01-01\nelection-timeout: 1_0\n",
            "election-timeout: 010\n",
            "election-timeout: 0o11\n",
            "election-timeout: 9_\n",
            "data-dir: ~\nelection-timeout: .3e1\n",
            "tls-min-version: TLS1.9\n",
            "heartbeat-interval: 1e3\nelection-timeout: 2e3\n",
            "listen-client-urls: http://foo.bar:1\nadvertise-client-urls: http://127.0.0.1:1\n",
        )
    ),
]

_HERE = ("--listen-client-urls=http://127.0.0.1:23080", "--listen-peer-urls=http://127.0.0.1:23081")
_ADVERTISED = ("--advertise-client-urls=http://127.0.0.1:23080", "--initial-advertise-peer-urls=http://127.0.0.1:23081")
_ALONE = (*_HERE, *_ADVERTISED)

# These start a server; what counts is the line that shows its configuration.
STARTING = [
    Case((*_ALONE, "--name=m1")),
    Case(
        (*_ALONE, "--name", "m2", "--data-dir", "elsewhere", "-snapshot-count", "0x10", "--snapshot-catchup-entries=7")
    ),
    Case(
        (*_ALONE, "--name=m3", "--heartbeat-interval=30", "--election-timeout=1001", "--pre-vote=false", "--max-wals=2")
    ),
    Case((*_ALONE, "--name=m4", "--auto-compaction-retention=90m", "--quota-backend-bytes=-1", "--max-learners=-3")),
    Case((*_ALONE, "--name=m5", "--auto-compaction-mode=revision", "--auto-compaction-retention=1000")),
    Case((*_ALONE, "--name=m6", "--auto-compaction-retention=5", "--feature-gates=InitialCorruptCheck=true")),
    Case((*_ALONE, "--name=m7", "--feature-gates=AllAlpha=true,PriorityRequest=false,AllBeta=false")),
    Case((*_ALONE, "--name=m8", "--cors=http://b:1,http://a:2", "--host-whitelist=b,a,b", "--max-request-bytes=1_000")),
    Case((*_ALONE, "--name=m9", "--compact-hash-check-time=1h0m1.5s", "--downgrade-check-time=250us")),
    Case((*_ALONE, "--initial-cluster=a=http://127.0.0.1:23081", "--name=a", "--initial-cluster-token=t")),
    Case((*_HERE, "--advertise-client-urls=http://x:1,http://c:1", "--name=m10")),
    Case(
        (*_ALONE, "--vv", "-v=anything"),
        (("ETCD_NAME", "from-env"), ("ETCD_MAX_CONCURRENT_STREAMS", "7"), ("ETCD_LOG_LEVEL", "Info")),
    ),
    Case(
        ("--name=unread",),
        (("ETCD_NAME", "unread"),),
        "name: from-file\nlisten-client-urls: http://127.0.0.1:23080\nlisten-peer-urls: 'http://127.0.0.1:23081'\n"
        "advertise-client-urls: http://127.0.0.1:23080\ninitial-advertise-peer-urls: http://127.0.0.1:23081\n"
        "compact-hash-check-time: 61000000000\nhost-whitelist: b,a\ncors: '*'\nmax-txn-ops: 5\npre-vote: no\n"
        "feature-gates: LeaseCheckpoint=true,LeaseCheckpointPersist=true\n",
    ),
]


def masked(lines: str) -> list[Any]:
    """Log lines without what differs between two programs; other lines as they are."""
    found: list[Any] = []
    for line in lines.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            found.append(line)
            continue
        for key in MASKED:
            record.pop(key, None)
        if "args" in record:
            record["args"][0] = "etcd"
        found.append(record)
    return found


def outcome(code: int, out: str, err: str, path: str) -> dict[str, Any]:
    """Exit status and output.  Usage and panics count by their first line, console lines without time and place."""
    err = err.replace(path, "FILE") if path else err
    if "\nUsage:\n" in err or err.startswith("panic:"):
        err = err.partition("\n")[0]
    err = re.sub(r"^\d{4}-\S+\t(\w+)\t\S+\t", r"\1\t", err, flags=re.MULTILINE)
    err = re.sub(r'("args": \[)"[^"]*"', r'\1"etcd"', err)
    return {"code": code, "out": masked(out), "err": masked(err)}


def _run(case: Case, seconds: float) -> tuple[int, str, str, str]:
    with tempfile.TemporaryDirectory() as folder:
        arguments, path = list(case.arguments), ""
        if case.file is not None:
            path = str(Path(folder) / "config.yaml")
            Path(path).write_text(case.file)
            arguments.append(f"--config-file={path}")
        environ = {"PATH": "/usr/bin:/bin", **dict(case.environ)}
        with subprocess.Popen(
            [need("etcd"), *arguments],
            cwd=folder,
            env=environ,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as server:
            try:
                out, err = server.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                server.kill()
                out, err = server.communicate()
            return server.returncode, out, err, path


def ask_official(case: Case) -> dict[str, Any]:
    return outcome(*_run(case, 10))


def official_start(case: Case) -> dict[str, Any]:
    """Fields of the official start-up line."""
    _, _, err, _ = _run(case, 1)
    line = next(record for record in masked(err) if record["msg"] == "starting an etcd server")
    for key in (*OWN_FIELDS, "level", "msg"):
        line.pop(key)
    return dict(line)


def _official_flags() -> dict[str, str]:
    text = subprocess.run([need("etcd"), "--help"], capture_output=True, text=True, check=True).stdout
    return {name: default or "" for name, default in re.findall(r"^  --([\w-]+)(?: '?(.*?)'?)?$", text, re.MULTILINE)}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, found in (
        (RECORDED, [{"case": case, **ask_official(case)} for case in REFUSED]),
        (STARTED, [{"case": case, "fields": official_start(case)} for case in STARTING]),
        (OFFICIAL_FLAGS, _official_flags()),
    ):
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
        print(f"{len(found)} recorded in {path.name}")


if __name__ == "__main__":
    sys.exit(main())
