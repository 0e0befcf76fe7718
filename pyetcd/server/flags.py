"""The one table of etcd 3.7.1's flags: name, kind of value, default, group, what it is for, and whether we serve it.

Everything that knows about flags reads this table: the command line, ETCD_* variables, the configuration file, the
help text, the refusal of what is not built yet (wire contract 10.2).  Every SERVED row has a field in Config.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from pyetcd.server import values
from pyetcd.server.feature_gates import KNOWN_GATES, parse_gates
from pyetcd.server.urls import Url, parse_urls
from pyetcd.server.values import ValueSyntax, quote

Value = str | int | float | bool | tuple[str, ...] | tuple[Url, ...] | dict[str, bool]


class Status(Enum):
    """How far pyetcd goes with a flag."""

    SERVED = "served"
    ACCEPTED = "accepted"  # read and checked as etcd does; nothing in a single member depends on it
    IGNORED = "ignored"  # a leftover of etcd's own past: any value, no effect, in etcd as here
    LATER = "later"  # refused in one sentence unless it has its default value


@dataclass(frozen=True, slots=True)
class Kind:
    """How the text of a value is read.  ``read(text, current)`` raises ValueSyntax."""

    name: str
    read: Callable[[str, Value], Value]
    json: str  # what the configuration file must hold: string, bool, int, uint, uint32, uint64, []string
    is_boolean: bool = False


def _choice(*allowed: str) -> Kind:
    def read(text: str, current: Value) -> Value:
        if text not in allowed:
            raise ValueSyntax("invalid value")
        return text

    return Kind("choice", read, "string")


def _choices(*allowed: str) -> Kind:
    def read(text: str, current: Value) -> Value:
        parts = text.split(",")
        for part in parts:
            if part not in allowed:
                raise ValueSyntax(f"invalid value {quote(part)}")
        return text

    return Kind("choices", read, "string")


def _read_urls(text: str, current: Value) -> Value:
    # A value that is empty or already part of the list changes nothing: so etcd reads its URL lists.
    assert isinstance(current, tuple)
    if text == "" or text in (str(url) for url in current):
        return current
    return tuple(dict.fromkeys(parse_urls(text.split(","))))


def _read_origins(text: str, current: Value) -> Value:
    assert isinstance(current, tuple)
    if text in current:
        return current
    if text == "*":
        return tuple(sorted({*map(str, current), "*"}))
    return tuple(sorted({str(url) for url in parse_urls(text.split(","))}))


def _read_gates(text: str, current: Value) -> Value:
    assert isinstance(current, dict)
    return parse_gates(text, current)


STRING = Kind("string", lambda text, _: text, "string")
BOOL = Kind("bool", lambda text, _: values.parse_bool(text), "bool", is_boolean=True)
INT = Kind("int", lambda text, _: values.parse_int(text), "int")
UINT = Kind("uint", lambda text, _: values.parse_uint(text), "uint")
UINT32 = Kind("uint32", lambda text, _: values.parse_uint32(text), "uint32")
DURATION = Kind("duration", lambda text, _: values.parse_duration(text), "int")
URLS = Kind("urls", _read_urls, "string")
ORIGINS = Kind("origins", _read_origins, "string")
SET = Kind("set", lambda text, _: tuple(sorted(set(text.split(",")))), "string")
LIST = Kind("list", lambda text, _: tuple(text.split(",")), "[]string")
GATES = Kind("gates", _read_gates, "string")
NOTHING = Kind("nothing", lambda text, _: "", "string", is_boolean=True)


@dataclass(frozen=True, slots=True)
class Flag:
    name: str
    kind: Kind
    default: Value
    help: str
    group: str
    status: Status
    shown: str | None = None  # the default as the help prints it, where that is not simply the value

    @property
    def field(self) -> str:
        """Name of the Config field."""
        return self.name.replace("-", "_").replace(".", "_")

    @property
    def variable(self) -> str:
        """Name of the environment variable."""
        return "ETCD_" + self.name.upper().replace("-", "_")


_rows: list[Flag] = []


def _group(group: str, *rows: tuple[object, ...]) -> None:
    for name, kind, default, status, text, *shown in rows:
        _rows.append(Flag(name, kind, default, text, group, status, *shown))  # type: ignore[arg-type]


def _url(text: str) -> tuple[Url, ...]:
    return parse_urls([text])


S, A, L = Status.SERVED, Status.ACCEPTED, Status.LATER

_group(
    "Member",
    ("name", STRING, "default", S, "Name of this member, for people."),
    ("data-dir", STRING, "", S, "Directory that holds everything the member stores.", "${name}.etcd"),
    ("wal-dir", STRING, "", S, "Separate directory for the write-ahead log."),
    ("snapshot-count", UINT, 10_000, S, "Applied entries after which the log is cut and a snapshot record written."),
    ("snapshot-catchup-entries", UINT, 5_000, S, "Log entries kept back for a slow follower when the log is cut."),
    ("heartbeat-interval", UINT, 100, S, "Milliseconds between heartbeats."),
    ("election-timeout", UINT, 1_000, S, "Milliseconds without a heartbeat after which an election starts."),
    ("initial-election-tick-advance", BOOL, True, A, "Shorten the wait for the first election after a start."),
    ("listen-peer-urls", URLS, _url("http://localhost:2380"), A, "URLs to listen on for other members."),
    ("listen-client-urls", URLS, _url("http://localhost:2379"), S, "URLs to listen on for clients, gRPC and HTTP."),
    ("listen-client-http-urls", URLS, (), L, "URLs to listen on for HTTP clients only; others are then gRPC only."),
    ("max-snapshots", UINT, 5, A, "Snapshot files to keep, 0 for all.  Deprecated since 3.6."),
    ("max-wals", UINT, 5, S, "Log files to keep, 0 for all."),
    ("memory-mlock", BOOL, False, L, "Lock the memory of the member, so that it is never swapped out."),
    ("quota-backend-bytes", INT, 0, S, "Size in bytes the store may reach before it refuses writes; 0 is 2 GiB."),
    ("backend-bbolt-freelist-type", STRING, "map", A, "How bbolt keeps its free pages; there is no bbolt here."),
    ("backend-batch-interval", DURATION, 0.0, S, "Longest time before state is committed; 0 is 100ms."),
    ("backend-batch-limit", INT, 0, S, "Most operations before state is committed; 0 is 10000."),
    ("max-txn-ops", UINT, 128, S, "Most operations in one transaction."),
    ("max-request-bytes", UINT, 1_572_864, S, "Largest client request in bytes."),
    ("max-concurrent-streams", UINT32, 4_294_967_295, S, "Most calls a client may have open on one connection."),
    ("grpc-keepalive-min-time", DURATION, 5.0, S, "Shortest pause between pings a client must keep."),
    ("grpc-keepalive-interval", DURATION, 7200.0, S, "Pause between pings to an idle client, 0 for none."),
    ("grpc-keepalive-timeout", DURATION, 20.0, S, "Time a client has to answer such a ping, 0 for ever."),
    ("socket-reuse-port", BOOL, False, L, "Let several processes listen on one port (SO_REUSEPORT)."),
    ("socket-reuse-address", BOOL, False, A, "Listen on an address in TIME_WAIT (SO_REUSEADDR); always done here."),
    ("enable-grpc-gateway", BOOL, True, A, "Translate JSON over HTTP under /v3/ into gRPC."),
    ("raft-read-timeout", DURATION, 5.0, A, "Read timeout of connections between members; at least 5s."),
    ("raft-write-timeout", DURATION, 5.0, A, "Write timeout of connections between members; at least 5s."),
    ("feature-gates", GATES, {}, S, f"Features to switch, as Name=true,Other=false: {', '.join(KNOWN_GATES)}.", ""),
)
_group(
    "Clustering",
    ("initial-advertise-peer-urls", URLS, _url("http://localhost:2380"), S, "Peer URLs this member tells the others."),
    ("initial-cluster", STRING, "default=http://localhost:2380", S, "Members of a new cluster, as name=url,name=url."),
    ("initial-cluster-state", _choice("new", "existing"), "new", S, "A new cluster or one to join; read once."),
    ("initial-cluster-token", STRING, "etcd-cluster", S, "Keeps clusters with the same members apart."),
    ("advertise-client-urls", URLS, _url("http://localhost:2379"), S, "Client URLs this member tells the world."),
    ("discovery-token", STRING, "", L, "Token of the cluster at the discovery service."),
    ("discovery-endpoints", SET, (), L, "Addresses of the discovery service."),
    ("discovery-dial-timeout", DURATION, 2.0, A, "Time to reach the discovery service."),
    ("discovery-request-timeout", DURATION, 5.0, A, "Time for one question to the discovery service."),
    ("discovery-keepalive-time", DURATION, 2.0, A, "Pause between pings to the discovery service."),
    ("discovery-keepalive-timeout", DURATION, 6.0, A, "Time the discovery service has to answer a ping."),
    ("discovery-insecure-transport", BOOL, True, A, "Talk to the discovery service without TLS."),
    ("discovery-insecure-skip-tls-verify", BOOL, False, A, "Do not check the discovery service's certificate."),
    ("discovery-cert", STRING, "", A, "Certificate shown to the discovery service."),
    ("discovery-key", STRING, "", A, "Key of that certificate."),
    ("discovery-cacert", STRING, "", A, "Authorities that may vouch for the discovery service."),
    ("discovery-user", STRING, "", A, "User, or user:password, at the discovery service."),
    ("discovery-password", STRING, "", A, "Password at the discovery service."),
    ("discovery-fallback", _choice("exit", "proxy"), "exit", A, "What to do when discovery fails; only exit is left."),
    ("discovery-srv", STRING, "", L, "Domain whose SRV records name the members."),
    ("discovery-srv-name", STRING, "", L, "Suffix of the service name in those records."),
    ("strict-reconfig-check", BOOL, True, A, "Refuse membership changes that would lose the quorum."),
    ("pre-vote", BOOL, True, A, "Ask before an election whether it could be won."),
    ("auto-compaction-retention", STRING, "0", S, "How much history automatic compaction leaves; 0 switches it off."),
    ("auto-compaction-mode", STRING, "periodic", S, "The retention is a time (periodic) or a number (revision)."),
    (
        "v2-deprecation",
        _choices("write-only", "write-only-skip-check", "write-only-drop-data", "gone"),
        "",
        A,
        "Has no effect any more.",
        "write-only",
    ),
)
_group(
    "Security",
    ("cert-file", STRING, "", L, "Certificate shown to clients."),
    ("key-file", STRING, "", L, "Key of that certificate."),
    ("client-cert-auth", BOOL, False, L, "Demand a certificate from every client."),
    ("client-cert-file", STRING, "", L, "Certificate the member shows when it is the client."),
    ("client-key-file", STRING, "", L, "Key of that certificate."),
    ("client-crl-file", STRING, "", L, "List of revoked client certificates."),
    ("client-cert-allowed-hostname", LIST, (), L, "Host names a client's certificate may carry."),
    ("trusted-ca-file", STRING, "", L, "Authorities that may vouch for clients."),
    ("auto-tls", BOOL, False, L, "Make certificates for clients at the start."),
    ("peer-cert-file", STRING, "", L, "Certificate shown to other members."),
    ("peer-key-file", STRING, "", L, "Key of that certificate."),
    ("peer-client-cert-auth", BOOL, False, L, "Demand a certificate from every member."),
    ("peer-client-cert-file", STRING, "", L, "Certificate shown when calling another member."),
    ("peer-client-key-file", STRING, "", L, "Key of that certificate."),
    ("peer-trusted-ca-file", STRING, "", L, "Authorities that may vouch for members."),
    ("peer-cert-allowed-cn", LIST, (), L, "Common names a member's certificate may carry."),
    ("peer-cert-allowed-hostname", LIST, (), L, "Host names a member's certificate may carry."),
    ("peer-auto-tls", BOOL, False, L, "Make certificates for members at the start."),
    ("peer-skip-client-san-verification", BOOL, False, L, "Do not compare a member's address with its certificate."),
    ("self-signed-cert-validity", UINT, 1, A, "Years that certificates made at the start are valid."),
    ("peer-crl-file", STRING, "", L, "List of revoked certificates of members."),
    ("cipher-suites", LIST, (), L, "TLS cipher suites, in order of preference."),
    ("cors", ORIGINS, ("*",), S, "Web origins that may call; * or nothing for all."),
    ("host-whitelist", SET, ("*",), S, "Host names HTTP requests may use; * or nothing for all."),
    ("tls-min-version", STRING, "TLS1.2", A, "Oldest TLS version spoken: TLS1.2 or TLS1.3."),
    ("tls-max-version", STRING, "", A, "Newest TLS version spoken: TLS1.2 or TLS1.3."),
)
_group(
    "Auth",
    ("auth-token", STRING, "simple", S, "Kind of token and its options: simple or jwt."),
    ("bcrypt-cost", UINT, 10, S, "Cost factor of password hashes."),
    ("auth-token-ttl", UINT, 300, S, "Seconds a simple token lives."),
)
_group(
    "Profiling and Monitoring",
    ("enable-pprof", BOOL, False, L, "Serve profiles under /debug/pprof/."),
    ("metrics", STRING, "basic", L, "How much detail metrics have: basic or extensive."),
    ("listen-metrics-urls", URLS, (), L, "More URLs that serve metrics and health only."),
)
_group(
    "Logging",
    ("logger", STRING, "zap", S, "Kind of log; only zap's lines are written."),
    ("log-outputs", SET, ("default",), S, "Where log lines go: default, stderr, stdout or files, comma-separated."),
    ("log-level", STRING, "info", S, "Least important level written: debug, info, warn, error, panic or fatal."),
    ("log-format", STRING, "json", S, "Lines as json or for the console."),
    ("enable-log-rotation", BOOL, False, L, "Start a new log file when one is full."),
    (
        "log-rotation-config-json",
        STRING,
        '{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}',
        A,
        "When a log file is full and what becomes of it.",
    ),
    ("warning-unary-request-duration", DURATION, 0.3, S, "Calls that take longer are logged."),
)
_group(
    "Distributed tracing",
    ("enable-distributed-tracing", BOOL, False, L, "Send traces to an OpenTelemetry collector."),
    ("distributed-tracing-address", STRING, "localhost:4317", A, "Address of the collector."),
    ("distributed-tracing-service-name", STRING, "etcd", A, "Service name in traces."),
    ("distributed-tracing-instance-id", STRING, "", A, "Instance name in traces."),
    ("distributed-tracing-sampling-rate", INT, 0, A, "Traces kept out of a million."),
)
_group(
    "Features",
    ("corrupt-check-time", DURATION, 0.0, L, "Pause between comparisons of the members' contents, 0 for none."),
    ("compact-hash-check-time", DURATION, 60.0, A, "Pause between comparisons of compaction hashes."),
    ("compaction-batch-limit", INT, 0, S, "Revisions removed in one step of a compaction; 0 is 1000."),
    ("compaction-sleep-interval", DURATION, 0.0, S, "Pause between the steps of a compaction; 0 is 10ms."),
    ("watch-progress-notify-interval", DURATION, 0.0, S, "Pause between progress notices to idle watchers; 0 is 10m."),
    ("warning-apply-duration", DURATION, 0.1, S, "Applied requests that take longer are logged."),
    ("bootstrap-defrag-threshold-megabytes", UINT, 0, L, "Defragment at the start when it frees this much."),
    ("max-learners", INT, 1, A, "Most members that may be learners at a time."),
    ("downgrade-check-time", DURATION, 5.0, A, "Pause between looks at the state of a downgrade."),
)
_group(
    "Unsafe feature",
    ("force-new-cluster", BOOL, False, L, "Make a cluster of this member alone out of what is stored."),
    ("unsafe-no-fsync", BOOL, False, S, "Do not wait for the disk: data is lost in a power cut."),
)
_group(
    "",
    ("config-file", STRING, "", S, "File with the configuration; then nothing else is read."),
    ("version", BOOL, False, S, "Print the version and exit."),
    *(
        (name, NOTHING, "", Status.IGNORED, "")
        for name in (
            "cluster-active-size",
            "cluster-remove-delay",
            "cluster-sync-interval",
            "config",
            "force",
            "max-result-buffer",
            "max-retry-attempts",
            "peer-heartbeat-interval",
            "peer-election-timeout",
            "retry-interval",
            "snapshot",
            "v",
            "vv",
            "test.coverprofile",
            "test.outputdir",
        )
    ),
)

FLAGS: dict[str, Flag] = {flag.name: flag for flag in _rows}


def defaults() -> dict[str, Value]:
    """A fresh value for every flag."""
    return {name: flag.default for name, flag in FLAGS.items()}
