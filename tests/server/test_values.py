"""Go's spelling of values, URLs, and what is refused because it comes later."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyetcd.server.config import Config, build_config
from pyetcd.server.default_host import with_default_host
from pyetcd.server.feature_gates import DEFAULTS, parse_gates, stages
from pyetcd.server.flags import FLAGS, Status
from pyetcd.server.later import refuse_what_comes_later
from pyetcd.server.settings import ConfigError, Settings
from pyetcd.server.urls import parse_url, parse_urls, split_host_port
from pyetcd.server.values import ValueSyntax, duration_nanoseconds, format_duration, parse_int, parse_uint, quote


@pytest.mark.parametrize(
    "text, value",
    [("0", 0), ("010", 8), ("0x_1F", 31), ("0b11", 3), ("0o17", 15), ("1_000", 1000), ("-0x10", -16), ("+7", 7)],
)
def test_integers(text: str, value: int) -> None:
    assert parse_int(text) == value


@pytest.mark.parametrize(
    "text", ["", "-", "_1", "1_", "1__0", "09", "0x", "1.0", " 1", "1e3", "٣", f"-{(1 << 63) + 1}"]
)
def test_no_integers(text: str) -> None:
    with pytest.raises(ValueSyntax):
        parse_int(text)


def test_unsigned_have_no_sign() -> None:
    for text in ("-0", "+0", "18446744073709551616"):
        with pytest.raises(ValueSyntax):
            parse_uint(text)
    assert parse_uint("18446744073709551615") == (1 << 64) - 1


@pytest.mark.parametrize(
    "seconds, text",
    [(0, "0s"), (0.1, "100ms"), (60, "1m0s"), (7200, "2h0m0s"), (1.5, "1.5s"), (3661.25, "1h1m1.25s"),
     (0.00025, "250µs"), (1.5e-8, "15ns"), (-90, "-1m30s"), (0.0015, "1.5ms")],
)  # fmt: skip
def test_durations_print(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    "text, complaint",
    [("", 'time: invalid duration ""'), ("5", 'time: missing unit in duration "5"'),
     ("5x", 'time: unknown unit "x" in duration "5x"'), (".s", 'time: invalid duration ".s"'),
     ("1h5", 'time: missing unit in duration "1h5"'), ("9223372036s1h", 'time: invalid duration "9223372036s1h"')],
)  # fmt: skip
def test_durations_that_cannot_be_read(text: str, complaint: str) -> None:
    with pytest.raises(ValueSyntax) as caught:
        duration_nanoseconds(text)
    assert str(caught.value) == complaint


@given(st.integers(min_value=0, max_value=10**12))
def test_durations_come_back(microseconds: int) -> None:
    assert duration_nanoseconds(format_duration(microseconds / 1e6)) == microseconds * 1000


@pytest.mark.parametrize(
    "text, quoted", [('a"\\', '"a\\"\\\\"'), ("\n\t\x01", '"\\n\\t\\x01"'), ("é☃", '"é☃"'), ("\u200b", '"\\u200b"')]
)
def test_quoting(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize(
    "text, host, port",
    [("http://127.0.0.1:2379", "127.0.0.1", 2379), ("https://[::1]:1", "::1", 1), ("http://:80", "", 80),
     ("HTTP://localhost:", "localhost", 0)],
)  # fmt: skip
def test_urls(text: str, host: str, port: int) -> None:
    url = parse_url(text)
    assert (url.hostname, url.port) == (host, port)
    assert str(url) == text.replace("HTTP", "http")


def test_socket_urls_and_order() -> None:
    assert parse_url("unix://127.0.0.5:1456").socket_path == "127.0.0.5:1456"
    assert parse_url("unix:///tmp/a.sock").socket_path == "/tmp/a.sock"
    assert [str(u) for u in parse_urls(["http://b:1", " http://a:2 "])] == ["http://a:2", "http://b:1"]
    with pytest.raises(ValueError, match="no port"):
        split_host_port("::1")


def test_gates() -> None:
    assert parse_gates("AllAlpha=true,LeaseCheckpoint=f", {})["LeaseCheckpoint"] is False
    assert parse_gates("PriorityRequest=1, FastLeaseKeepAlive = F ,", {}) == {
        "PriorityRequest": True,
        "FastLeaseKeepAlive": False,
    }
    assert set(stages({})) == {*DEFAULTS, "AllAlpha", "AllBeta"}
    assert stages(parse_gates("AllBeta=false", {}))["FastLeaseKeepAlive"] == (False, "BETA")


def given_settings(**values: str) -> Settings:
    settings = Settings()
    for name, text in values.items():
        settings.read(FLAGS[name.replace("_", "-")], text)
    return settings


SAMPLES = {"bool": "true", "string": "x", "urls": "http://127.0.0.1:9", "uint": "7", "duration": "7s", "list": "a,b",
           "set": "a,b"}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, flag in FLAGS.items() if flag.status is Status.LATER])
def test_what_comes_later_is_refused_in_one_sentence(name: str) -> None:
    settings = Settings()
    text = "extensive" if name == "metrics" else SAMPLES[FLAGS[name].kind.name]
    settings.read(FLAGS[name], text)
    with pytest.raises(ConfigError) as caught:
        refuse_what_comes_later(settings)
    assert str(caught.value).startswith(f"--{name} is not served by this version of pyetcd: ")
    assert str(caught.value).endswith(" comes later")


@pytest.mark.parametrize(
    "values",
    [{"listen_client_urls": "https://127.0.0.1:1"}, {"listen_peer_urls": "https://127.0.0.1:1"},
     {"listen_client_urls": "unix://a:1"}, {"initial_cluster": "a=http://h:1,b=http://h:2"}],
)  # fmt: skip
def test_values_that_come_later(values: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="not served by this version"):
        refuse_what_comes_later(given_settings(**values))


def test_defaults_are_never_refused() -> None:
    refuse_what_comes_later(Settings())
    refuse_what_comes_later(given_settings(cert_file="", metrics="basic", auto_tls="false", cipher_suites=""))
    refuse_what_comes_later(given_settings(initial_cluster="a=http://h:1,a=http://h:2", metrics="other"))


def test_every_served_flag_has_a_field() -> None:
    fields = {field.name for field in dataclasses.fields(Config)}
    # The log is built from these, and the rest is over before there is a configuration.
    elsewhere = {"logger", "config-file", "version"}
    served = {flag.field for name, flag in FLAGS.items() if flag.status is Status.SERVED and name not in elsewhere}
    assert served <= fields
    assert fields <= {flag.field for flag in FLAGS.values() if flag.status in (Status.SERVED, Status.ACCEPTED)}


def test_zero_means_etcds_own_default() -> None:
    config = build_config(Settings())
    assert (config.backend_batch_interval, config.backend_batch_limit) == (0.1, 10_000)
    assert (config.compaction_batch_limit, config.compaction_sleep_interval) == (1_000, 0.01)
    assert config.watch_progress_notify_interval == 600.0
    assert config.quota_bytes == 2 << 30 and config.request_timeout == 7.0
    assert build_config(given_settings(quota_backend_bytes="-1")).quota_bytes == 0
    assert build_config(given_settings(watch_progress_notify_interval="1ms")).watch_progress_notify_interval == 0.1
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.name = "x"  # type: ignore[misc]


def test_default_host_replaces_default_advertised_urls_only() -> None:
    every = given_settings(listen_peer_urls="http://0.0.0.0:1", listen_client_urls="http://0.0.0.0:2", name="m")
    config, used = with_default_host(build_config(every), "10.1.2.3")
    assert used
    assert [str(u) for u in config.initial_advertise_peer_urls] == ["http://10.1.2.3:1"]
    assert [str(u) for u in config.advertise_client_urls] == ["http://10.1.2.3:2"]
    assert config.initial_cluster == "m=http://10.1.2.3:1"
    chosen = given_settings(listen_peer_urls="http://0.0.0.0:1", initial_advertise_peer_urls="http://h:1")
    config, used = with_default_host(build_config(chosen), "10.1.2.3")
    assert not used and str(config.initial_advertise_peer_urls[0]) == "http://h:1"
    assert config.initial_cluster == "default=http://localhost:2380"
