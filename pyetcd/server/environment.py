"""ETCD_* variables: used where the flag is absent, refused where it is not (wire contract 10.1)."""

from __future__ import annotations

from collections.abc import Mapping

from pyetcd.server.flags import FLAGS
from pyetcd.server.logs import Logger
from pyetcd.server.settings import ConfigError, FatalExit, Settings
from pyetcd.server.values import ValueSyntax, quote

SHADOWED = (
    "conflicting environment variable is shadowed by corresponding command-line flag "
    "(either unset environment variable or disable flag))"
)


def apply_environment(settings: Settings, environ: Mapping[str, str], log: Logger) -> None:
    """Fill in what the command line left open.

    Raises ConfigError for a value that cannot be read (the last one, as etcd does), FatalExit after the fatal line
    for a variable whose flag was given too.
    """
    on_command_line = {FLAGS[name].variable for name in settings.given}
    version = environ.get("ETCD_VERSION", "")
    if version:
        # A name many container images set for themselves; as a flag it would print the version and exit.
        log.warn("cannot set special environment variable", key="ETCD_VERSION", value=version)
    environ = {key: value for key, value in environ.items() if key != "ETCD_VERSION" or not value}
    used, complaint = _read_variables(settings, environ, on_command_line, log)
    _check_others(environ, used, on_command_line, log)
    if complaint:
        raise ConfigError(complaint)


def _read_variables(
    settings: Settings, environ: Mapping[str, str], skip: set[str], log: Logger
) -> tuple[set[str], str]:
    used, complaint = set(), ""
    for name in sorted(FLAGS):
        flag = FLAGS[name]
        value = environ.get(flag.variable, "")
        if not value or flag.variable in skip:
            continue
        used.add(flag.variable)
        try:
            settings.read(flag, value)
        except ValueSyntax as error:
            complaint = f"invalid value {quote(value)} for {flag.variable}: {error}"
        else:
            log.info(
                "recognized and used environment variable",
                {"variable-name": flag.variable, "variable-value": value},
            )
    return used, complaint


def _check_others(environ: Mapping[str, str], used: set[str], on_command_line: set[str], log: Logger) -> None:
    for key, value in environ.items():
        if key in used:
            continue
        if key in on_command_line:
            log.fatal(SHADOWED, {"environment-variable": key})
            raise FatalExit("")
        if key.startswith("ETCD_"):
            log.warn("unrecognized environment variable", {"environment-variable": f"{key}={value}"})
