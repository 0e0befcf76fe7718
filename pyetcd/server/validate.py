"""The checks etcd makes before it starts, in its order and words (wire contract 10.1)."""

from __future__ import annotations

from collections.abc import Callable

from pyetcd.server.feature_gates import enabled
from pyetcd.server.logs import Logger
from pyetcd.server.settings import ConfigError, Settings, UnsetAdvertiseClientUrls
from pyetcd.server.urls import Url, check_bind_urls, check_host_urls
from pyetcd.server.values import ValueSyntax, format_duration, quote

_LONGEST_ELECTION = 50_000
_LARGEST_SAMPLING_RATE = 1_000_000
_TLS_VERSIONS = {"": 0, "TLS1.2": 2, "TLS1.3": 3}


def check_settings(settings: Settings, log: Logger) -> None:
    """Raises ConfigError; what is merely unwise is logged as a warning."""
    check_listeners(settings, log)
    check_advertised(settings)
    check_bootstrap(settings)
    check_timing(settings)
    if settings.urls("listen-client-urls") and not settings.urls("advertise-client-urls"):
        raise UnsetAdvertiseClientUrls(
            "--advertise-client-urls is required when --listen-client-urls is set explicitly"
        )
    check_compaction(settings)
    check_tracing(settings)
    check_gates(settings, log)
    if settings.seconds("compact-hash-check-time") <= 0:
        shown = format_duration(settings.seconds("compact-hash-check-time"))
        raise ConfigError(f"--compact-hash-check-time must be >0 (set to {shown})")
    if settings.text("name") == "default":
        log.warn(
            "it isn't recommended to use default name, please set a value for --name. Note that etcd might run into "
            "issue when multiple members have the same default name",
            name="default",
        )
    check_tls_versions(settings)


def _worded(check: Callable[[tuple[Url, ...]], None], urls: tuple[Url, ...]) -> None:
    try:
        check(urls)
    except ValueSyntax as error:
        raise ConfigError(str(error)) from None


def check_listeners(settings: Settings, log: Logger) -> None:
    for name in ("listen-peer-urls", "listen-client-urls", "listen-client-http-urls"):
        _worded(check_bind_urls, settings.urls(name))
    if not settings.urls("listen-client-http-urls"):
        log.warn("Running http and grpc server on single port. This is not recommended for production.")
    _worded(check_bind_urls, settings.urls("listen-metrics-urls"))


def check_advertised(settings: Settings) -> None:
    forms = {
        "initial-advertise-peer-urls": '"host:port"',
        "advertise-client-urls": 'in the format "host:port", "unix:/path/to/socket" or "unixs:/path/to/socket"',
    }
    for name, form in forms.items():
        urls = settings.urls(name)
        try:
            check_host_urls(urls)
        except ValueSyntax as error:
            listed = quote(",".join(map(str, urls)))
            raise ConfigError(f"--{name} {listed} must be {form} ({error})") from None


def check_bootstrap(settings: Settings) -> None:
    endpoints = settings.strings("discovery-endpoints")
    ways = (settings.text("initial-cluster"), settings.text("discovery-srv"), endpoints)
    if settings.text("initial-cluster-state") not in ("new", "existing"):
        raise ConfigError(f"unexpected clusterState {quote(settings.text('initial-cluster-state'))}")
    if sum(map(bool, ways)) > 1:
        raise ConfigError(
            "multiple discovery or bootstrap flags are set. "
            'Choose one of "initial-cluster", "discovery-endpoints" or "discovery-srv"'
        )
    if bool(settings.text("discovery-token")) != bool(endpoints):
        raise ConfigError("both --discovery-token and --discovery-endpoints must be set")
    if any(not endpoint.strip() for endpoint in endpoints):
        raise ConfigError("--discovery-endpoints must not contain empty endpoints")


def check_timing(settings: Settings) -> None:
    tick, election = settings.number("heartbeat-interval"), settings.number("election-timeout")
    if tick == 0:
        raise ConfigError("--heartbeat-interval must be >0 (set to 0ms)")
    if election == 0:
        raise ConfigError("--election-timeout must be >0 (set to 0ms)")
    if 5 * tick > election:
        raise ConfigError(
            f"--election-timeout[{election}ms] should be at least as 5 times as --heartbeat-interval[{tick}ms]"
        )
    if election > _LONGEST_ELECTION:
        raise ConfigError(
            f"--election-timeout[{election}ms] is too long, and should be set less than {_LONGEST_ELECTION}ms"
        )


def check_compaction(settings: Settings) -> None:
    mode = settings.text("auto-compaction-mode")
    if not mode:
        raise ConfigError("undefined auto-compaction-mode")
    if mode not in ("periodic", "revision"):
        raise ConfigError(f"unknown auto-compaction-mode {quote(mode)}")


def check_tracing(settings: Settings) -> None:
    if not settings.on("enable-distributed-tracing"):
        return
    rate = settings.number("distributed-tracing-sampling-rate")
    if rate < 0:
        reason = "must be positive"
    elif rate > _LARGEST_SAMPLING_RATE:
        reason = f"must be less than {_LARGEST_SAMPLING_RATE}"
    else:
        return
    raise ConfigError(f"distributed tracing configurition is not valid: (tracing sampling rate {reason})")


def check_gates(settings: Settings, log: Logger) -> None:
    checkpoint = enabled(settings.gates(), "LeaseCheckpoint")
    persist = enabled(settings.gates(), "LeaseCheckpointPersist")
    if checkpoint and not persist:
        log.warn(
            "Detected that checkpointing is enabled without persistence. "
            "Consider enabling feature gate LeaseCheckpointPersist"
        )
    if persist and not checkpoint:
        raise ConfigError("enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint")


def check_tls_versions(settings: Settings) -> None:
    lowest, highest = settings.text("tls-min-version"), settings.text("tls-max-version")
    for version in (lowest, highest):
        if version not in _TLS_VERSIONS:
            raise ConfigError(f"unexpected TLS version {quote(version)} (must be one of: TLS1.2, TLS1.3)")
    if highest and _TLS_VERSIONS[lowest] > _TLS_VERSIONS[highest]:
        raise ConfigError(f"min version ({lowest}) is greater than max version ({highest})")
    if lowest == "TLS1.3" and settings.strings("cipher-suites"):
        raise ConfigError("cipher suites cannot be configured when only TLS1.3 is enabled")
