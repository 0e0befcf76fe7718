"""Feature gates of etcd 3.7.1: names, defaults, and how ``--feature-gates`` reads (wire contract 10.2)."""

from __future__ import annotations

from pyetcd.server.values import ValueSyntax, parse_bool, quote

ALPHA = (
    "CompactHashCheck",
    "InitialCorruptCheck",
    "LeaseCheckpoint",
    "LeaseCheckpointPersist",
    "PriorityRequest",
    "SetMemberLocalAddr",
    "StopGRPCServiceOnDefrag",
)
BETA = ("FastLeaseKeepAlive", "TxnModeWriteWithSharedBuffer")
_STAGES = {"AllAlpha": ALPHA, "AllBeta": BETA}

DEFAULTS: dict[str, bool] = {**dict.fromkeys(ALPHA, False), **dict.fromkeys(BETA, True)}
KNOWN_GATES = ("AllAlpha", "AllBeta", *sorted(DEFAULTS))


def parse_gates(text: str, current: dict[str, bool]) -> dict[str, bool]:
    """Gates set by ``"A=true,B=false"`` on top of the ones set before; raises ValueSyntax with etcd's text."""
    wanted: dict[str, bool] = {}
    for part in text.split(","):
        if part:
            name, given, value = part.partition("=")
            wanted[name.strip()] = _gate_value(name.strip(), given, value.strip())
    gates = dict(current)
    for name, on in wanted.items():
        if name not in DEFAULTS and name not in _STAGES:
            raise ValueSyntax(f"unrecognized feature gate: {name}")
        gates[name] = on
        for member in _STAGES.get(name, ()):
            # A gate that is named itself wins over its stage, whichever comes first.
            gates.setdefault(member, wanted.get(member, on))
    return gates


def _gate_value(name: str, given: str, value: str) -> bool:
    if not given:
        raise ValueSyntax(f"missing bool value for {name}")
    try:
        return parse_bool(value)
    except ValueSyntax:
        reason = f"strconv.ParseBool: parsing {quote(value)}: invalid syntax"
        raise ValueSyntax(f"invalid value of {name}={value}, err: {reason}") from None


def enabled(gates: dict[str, bool], name: str) -> bool:
    """Whether a gate is on, set or by default."""
    return gates.get(name, DEFAULTS[name])


def stages(gates: dict[str, bool]) -> dict[str, tuple[bool, str]]:
    """Every gate as (on, stage), for the metrics; the two stages themselves are gates, too."""
    found = {"AllAlpha": (gates.get("AllAlpha", False), "ALPHA"), "AllBeta": (gates.get("AllBeta", False), "BETA")}
    for name in sorted(DEFAULTS):
        found[name] = enabled(gates, name), "ALPHA" if name in ALPHA else "BETA"
    return found


def format_gates(gates: dict[str, bool]) -> str:
    """The gates that were set, as the start-up line prints them."""
    return ",".join(sorted(f"{name}={'true' if on else 'false'}" for name, on in gates.items()))
