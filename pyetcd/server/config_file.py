"""``--config-file``: YAML or JSON with the flags' names as keys (wire contract 10.1).

As etcd reads it: key names in any case, unknown ones are passed over, ``null`` leaves the default, durations are
integer nanoseconds, TLS sits in two sections of its own.  A value of the wrong type is refused in the words of Go's
JSON decoder, the first in the order of the keys.
"""

from __future__ import annotations

from typing import Any

from pyetcd.server.flags import DURATION, FLAGS, Flag, Kind, Value
from pyetcd.server.settings import ConfigError, FatalExit, Settings
from pyetcd.server.urls import parse_urls
from pyetcd.server.values import ValueSyntax

_BOUNDS = {
    "int": (-(1 << 63), (1 << 63) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "time.Duration": (-(1 << 63), (1 << 63) - 1),
    "uint": (0, (1 << 64) - 1),
    "uint64": (0, (1 << 64) - 1),
    "uint32": (0, (1 << 32) - 1),
}
_TYPES = {
    "quota-backend-bytes": "int64",
    "snapshot-count": "uint64",
    "snapshot-catchup-entries": "uint64",
    "v2-deprecation": "config.V2DeprecationEnum",
}
_LISTS = frozenset(("log-outputs", "cipher-suites"))
_OUTER = frozenset(
    (
        "listen-peer-urls",
        "listen-client-urls",
        "listen-client-http-urls",
        "initial-advertise-peer-urls",
        "advertise-client-urls",
        "cors",
        "host-whitelist",
        "feature-gates",
    )
)
_TLS_KEYS = frozenset(
    ("self-signed-cert-validity", "cipher-suites", "tls-min-version", "tls-max-version", "cors", "host-whitelist")
)
_SECURITY_KEYS = {
    "cert-file": "string",
    "key-file": "string",
    "client-cert-file": "string",
    "client-key-file": "string",
    "client-cert-auth": "bool",
    "trusted-ca-file": "string",
    "auto-tls": "bool",
    "allowed-cn": "[]string",
    "allowed-hostname": "[]string",
    "skip-client-san-verification": "bool",
}


def read_config_file(path: str) -> Settings:
    """Settings out of a file.  Raises ConfigError, or FatalExit where etcd leaves without a log line."""
    settings = Settings()
    content = _load(path)
    if content is None:
        return settings
    if not isinstance(content, dict):
        raise _type_error(content, "", "Go value of type embed.configYAML", into="")
    for key in sorted(content, key=str):
        _read_key(settings, str(key), content[key])
    settings.given.update(str(key) for key in content)
    discovers = settings.strings("discovery-endpoints") or settings.text("discovery-srv")
    if discovers and not settings.changed("initial-cluster"):
        settings.values["initial-cluster"] = ""
    if not settings.text("initial-cluster-state"):
        settings.values["initial-cluster-state"] = "new"
    return settings


def _load(path: str) -> Any:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ConfigError(f"open {path}: {(error.strerror or str(error)).lower()}") from None
    from pyetcd.server.yaml_text import YamlSyntax, parse_yaml  # only this way of starting needs it

    try:
        return parse_yaml(data)
    except YamlSyntax as error:
        raise ConfigError(f"error converting YAML to JSON: yaml: {error}") from None


def _has_key(flag: Flag) -> bool:
    """Some flags have no key of their own: a section holds them, or nothing does."""
    if flag.group in ("Security", ""):
        return flag.name in _TLS_KEYS
    if flag.name.startswith("discovery-"):
        return flag.name in ("discovery-srv", "discovery-srv-name")
    return not flag.name.startswith(("raft-", "socket-"))


def _go_type(flag: Flag) -> str:
    if flag.name in _LISTS:
        return "[]string"
    if flag.kind is DURATION:
        return "time.Duration"
    return _TYPES.get(flag.name, flag.kind.json)


def _read_key(settings: Settings, key: str, value: Any) -> None:
    name = key.lower()
    if name in ("client-transport-security", "peer-transport-security"):
        return _read_security(settings, name, value)
    if name == "discovery-config":
        return _read_discovery(settings, value)
    flag = FLAGS.get(name)
    if flag is None or value is None or not _has_key(flag):
        return None
    owner = "configYAML.configJSON" if name in _OUTER else "configYAML.Config"
    checked = _check_type(value, _go_type(flag), f"{owner}.{name}")
    _store(settings, flag, checked)
    return None


def _store(settings: Settings, flag: Flag, value: Any) -> None:
    """Numbers and plain strings are taken over; what has an inner form is read as the flag is."""
    if flag.kind is DURATION:
        settings.values[flag.name] = value / 1e9
    elif isinstance(value, list):
        settings.values[flag.name] = tuple(value)
    elif not isinstance(value, str) or _is_plain(flag.kind):
        settings.values[flag.name] = value
    elif value:
        settings.values[flag.name] = _read_inner(flag, value)


def _is_plain(kind: Kind) -> bool:
    return kind.name in ("string", "choice", "choices")


def _read_inner(flag: Flag, text: str) -> Value:
    try:
        if flag.kind.name == "urls":
            return parse_urls(text.split(","))
        return flag.kind.read(text, () if flag.kind.name in ("origins", "set") else {})
    except ValueSyntax as error:
        if flag.name == "feature-gates":
            raise ConfigError(str(error)) from None
        name = "advertise-peer-urls" if flag.name == "advertise-client-urls" else flag.name
        raise FatalExit(f"unexpected error setting up {name}: {error}\n") from None


def _read_security(settings: Settings, section: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise _type_error(value, "embed.securityConfig", f"configYAML.configJSON.{section}")
    prefix = "peer-" if section.startswith("peer-") else ""
    for key in sorted(value, key=str):
        wanted = _SECURITY_KEYS.get(str(key).lower())
        if wanted is None or value[key] is None:
            continue
        found = _check_type(value[key], wanted, f"securityConfig.configJSON.{section}.{str(key).lower()}")
        name = _security_flag(prefix, str(key).lower())
        if not found:
            continue
        if name not in FLAGS:
            raise ConfigError(f"{section}.{key} is not served by this version of pyetcd: TLS comes later")
        settings.values[name] = tuple(found) if isinstance(found, list) else found


def _security_flag(prefix: str, key: str) -> str:
    if key.startswith("allowed-"):
        return f"{prefix or 'client-'}cert-{key}"
    return prefix + key


def _read_discovery(settings: Settings, value: Any) -> None:
    """Discovery is refused anyway: what matters is whether a token or endpoints are given."""
    if isinstance(value, dict):
        for key, found in value.items():
            if str(key).lower() in ("discovery-token", "token") and found:
                settings.values["discovery-token"] = str(found)
            if str(key).lower() == "endpoints" and found:
                settings.values["discovery-endpoints"] = tuple(str(item) for item in found)


def _check_type(value: Any, wanted: str, place: str) -> Any:
    """The value as the wanted Go type; raises ConfigError in the JSON decoder's words."""
    if wanted in ("string", "config.V2DeprecationEnum") and isinstance(value, str):
        return value
    if wanted == "bool" and isinstance(value, bool):
        return value
    if wanted == "[]string" and isinstance(value, list):
        return [_check_type(item, "string", place) for item in value if item is not None]
    if wanted in _BOUNDS and isinstance(value, (int, float)) and not isinstance(value, bool):
        lowest, highest = _BOUNDS[wanted]
        if value == int(value) and lowest <= value <= highest:
            return int(value)
        raise _type_error(value, wanted, place, number=True)
    raise _type_error(value, wanted, place)


def _type_error(value: Any, wanted: str, place: str, *, into: str | None = None, number: bool = False) -> ConfigError:
    if isinstance(value, bool):
        found = "bool"
    elif isinstance(value, (int, float)):
        found = f"number {value}" if number else "number"
    else:
        found = "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "string"
    target = place if into is not None else f"Go struct field {place} of type {wanted}"
    return ConfigError(
        f"error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into {target}"
    )
