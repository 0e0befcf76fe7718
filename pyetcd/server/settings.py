"""What was asked for, before it is checked: a value per flag, and which flags were set at all."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyetcd.server.flags import FLAGS, Flag, Value, defaults
from pyetcd.server.urls import Url


class ConfigError(Exception):
    """The configuration cannot be used; the text is what etcd logs as ``failed to verify flags``."""


class UnsetAdvertiseClientUrls(ConfigError):
    """Clients are listened for on chosen URLs and nothing says what to advertise; etcd adds a line of its own."""


class FatalExit(Exception):
    """The command ends here and now: ``text`` goes to standard error as it is."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


@dataclass(slots=True)
class Settings:
    """Values of all flags; ``given`` are the names that were set, by whichever means."""

    values: dict[str, Value] = field(default_factory=defaults)
    given: set[str] = field(default_factory=set)
    positional: list[str] = field(default_factory=list)

    def read(self, flag: Flag, text: str) -> None:
        """Set a flag from its text; raises ValueSyntax."""
        self.values[flag.name] = flag.kind.read(text, self.values[flag.name])
        self.given.add(flag.name)

    def text(self, name: str) -> str:
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def number(self, name: str) -> int:
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def seconds(self, name: str) -> float:
        value = self.values[name]
        assert isinstance(value, float)
        return value

    def on(self, name: str) -> bool:
        value = self.values[name]
        assert isinstance(value, bool)
        return value

    def urls(self, name: str) -> tuple[Url, ...]:
        value = self.values[name]
        assert isinstance(value, tuple)
        return value  # type: ignore[return-value]

    def strings(self, name: str) -> tuple[str, ...]:
        value = self.values[name]
        assert isinstance(value, tuple)
        return value  # type: ignore[return-value]

    def gates(self) -> dict[str, bool]:
        value = self.values["feature-gates"]
        assert isinstance(value, dict)
        return value

    def changed(self, name: str) -> bool:
        """Whether a flag has another value than its default."""
        return self.values[name] != FLAGS[name].default
