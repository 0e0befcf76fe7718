"""Random values of the fields, chosen near the edges where servers go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

KEYS = ['"a"', '"b"', '"c"', '"a/1"', '"a/2"', '"b/1"'] + [f'"k{i}"' for i in range(8)]
ODD_KEYS = ['"\\x00"', '"\\xff"', '"\\xff\\xff"', '"a\\x00"', '"k"', '"zz"', '""']
ENDS = ['"\\x00"', '"a0"', '"b"', '"c"', '"l"', '"k4"', '"z"', '"a"', '"\\xff"', '"a/2"']
LEASES = list(range(1, 7))
USERS = ["u1", "u2", "nobody"]
ROLES = ["r1", "r2", "nobody"]


@dataclass
class World:
    """What the script knows of the two stores, so that calls hit and miss on purpose."""

    revision: int = 1
    compacted: int = 0
    watchers: dict[str, set[int]] = field(default_factory=dict)  # stream → ids
    tokens: list[str] = field(default_factory=list)
    auth: bool = False
    chosen: int = 0  # server-chosen lease ids so far
    salted: bool = False  # passwords are stored, so that Hash can no longer be equal
    keep_alive: bool = False


class Values:
    """Draws one field value at a time."""

    def __init__(self, random: Random, world: World) -> None:
        self.random = random
        self.world = world

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def key(self) -> str:
        return self.random.choice(ODD_KEYS if self.chance(0.06) else KEYS)

    def end(self) -> str:
        return self.random.choice(ENDS if self.chance(0.9) else KEYS + ODD_KEYS)

    def value(self) -> str:
        if self.chance(0.01):
            return f'"x"*{self.random.choice([100, 3000, 40000])}'
        return f'"{self.random.choice(["", "v", "w", str(self.random.randrange(100))])}"'

    def revision(self) -> int:
        now = self.world.revision
        return self.random.choice(
            [
                0,
                0,
                now,
                now + 1,
                now - 1,
                max(1, now - self.random.randrange(30)),
                self.world.compacted,
                1,
                -1,
                now + 100,
            ]
        )

    def lease(self) -> str:
        return str(self.random.choice(LEASES))

    def flag(self, name: str, share: float = 0.3) -> str:
        return f" {name}: true" if self.chance(share) else ""

    def number(self, name: str, values: list[int], share: float) -> str:
        return f" {name}: {self.random.choice(values)}" if self.chance(share) else ""
