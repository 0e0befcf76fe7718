"""The next call of a duel, as lines of a case."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from ..case import Outcome, Step, Verb
from ..schema import rpc_for
from .messages import delete_request, put_request, range_request, txn_request, watch_create
from .values import LEASES, ROLES, USERS, Values, World

STREAMS = ["w0", "w1", "w2"]
Lines = list[str]


class Grammar:
    """Draws moves from the chosen groups; ``learn`` tells it what the reference answered."""

    def __init__(self, random: Random, groups: list[str]) -> None:
        self.random = random
        self.world = World()
        self.v = Values(random, self.world)
        self._groups = [name for name in GROUPS if name in groups]
        self._weights = [GROUPS[name][0] for name in self._groups]

    def opening(self) -> Lines:
        """Streams of the whole duel.  Each has a watcher of nothing, so that it answers progress requests."""
        if "watch" not in self._groups:
            return []
        lines = []
        for name in STREAMS:
            self.world.watchers[name] = set()
            lines += [f'open {name} Watch.Watch create_request {{ key: "nothing" watch_id: 1000 }}', f"{name} expect"]
        return lines

    def next(self) -> Lines:
        """One move: one or a few lines."""
        group = self.random.choices(self._groups, self._weights)[0]
        lines = GROUPS[group][1](self)
        if "watch" in self._groups and self.v.chance(0.06):
            lines += self.settle()
        return lines

    def settle(self) -> Lines:
        return [f"{name} settle" for name in STREAMS]

    def call(self, method: str, request: str = "") -> str:
        """A call line, with a token while auth is on."""
        client = self.random.choice(["", "", "@b "])
        options = ""
        if self.world.tokens and self.v.chance(0.9):
            options = f" [token=${self.random.choice(self.world.tokens)}]"
        elif self.v.chance(0.03):
            options = f" [{self.random.choice(['hasleader=true', 'gzip', 'client-api-version=3.7.1'])}]"
        return f"{client}{method}{options} {request}".rstrip()

    def as_root(self, method: str, request: str) -> str:
        """A call that must succeed while auth is on."""
        token = f"[token=${self.world.tokens[0]}] " if self.world.tokens else ""
        return f"{method} {token}{request}"

    def learn(self, step: Step, method: str, outcome: Outcome) -> None:
        """Follow the reference's revision and what its answers imply for later moves."""
        if not outcome.answers or outcome.answers[-1].body is None or step.verb in (Verb.HTTP, Verb.SNAPSHOT):
            return
        answer = rpc_for(method).response.FromString(outcome.answers[-1].body)
        header: Any = getattr(answer, "header", None)
        if header is not None and header.revision:
            self.world.revision = max(self.world.revision, header.revision)


# -- groups: each a function from the grammar to the lines of one move ----------------------------------------------


def kv(g: Grammar) -> Lines:
    draw = g.random.random()
    if draw < 0.4:
        return [g.call("KV.Range", range_request(g.v))]
    if draw < 0.8:
        return [g.call("KV.Put", put_request(g.v))]
    if draw < 0.93:
        return [g.call("KV.DeleteRange", delete_request(g.v))]
    return [g.call("KV.RangeStream", range_request(g.v, sorting=g.v.chance(0.2)))]


def txn(g: Grammar) -> Lines:
    return [g.call("KV.Txn", txn_request(g.v))]


def compact(g: Grammar) -> Lines:
    """Streams settle first: a watcher that is still catching up might be overtaken on one side only."""
    world = g.world
    target = max(1, world.revision - g.random.randrange(20)) if g.v.chance(0.7) else g.v.revision()
    if world.compacted < target <= world.revision:
        world.compacted = target
    before = g.settle() if world.watchers else []
    physical = g.v.flag("physical", 0.7)
    lines = [*before, g.call("KV.Compact", f"revision: {target}{physical}")]
    # an unfinished background pass would make the hash depend on the moment
    return lines if physical else [*lines, g.call("KV.Compact", f"revision: {target} physical: true")]


def lease(g: Grammar) -> Lines:
    draw = g.random.random()
    number = g.v.lease()
    if draw < 0.3:
        ttl = g.random.choice([100000, 200000, 300000, 9000000000, 9000000001])
        return [g.call("Lease.LeaseGrant", f"TTL: {ttl} ID: {g.random.choice(LEASES)}")]
    if draw < 0.31 and not g.world.auth:
        return _chosen_lease(g)
    if draw < 0.55:
        return [g.call("Lease.LeaseRevoke", f"ID: {number}")]
    if draw < 0.8:
        return [g.call("Lease.LeaseTimeToLive", f"ID: {number}{g.v.flag('keys', 0.6)}")]
    if draw < 0.9:
        return [g.call("Lease.LeaseLeases")]
    if not g.world.keep_alive:
        g.world.keep_alive = True
        return [f"open k Lease.LeaseKeepAlive ID: {number}", "k expect"]
    return [f"k send ID: {number}", "k expect"]


def _chosen_lease(g: Grammar) -> Lines:
    """A server-chosen id lives for one move: a key that carried it would make the hashes of the stores differ."""
    g.world.chosen += 1
    name = f"L{g.world.chosen}"
    use = g.random.choice(["LeaseTimeToLive", "LeaseRevoke"])
    return [
        "Lease.LeaseGrant TTL: 400000",
        f"  capture {name} = ID",
        f"Lease.{use} ID: ${name}",
        f"Lease.LeaseRevoke ID: ${name}",
    ]


def watch(g: Grammar) -> Lines:
    """Creations and cancellations stand between settled streams, so that both servers see the same present."""
    name = g.random.choice(STREAMS)
    ids = g.world.watchers[name]
    draw = g.random.random()
    if draw < 0.1:
        return _unsynced(g, name)
    if draw < 0.5 and len(ids) < 8:
        start = g.random.choice([0, 0, 0, max(g.world.compacted, g.world.revision - g.random.randrange(20))])
        chosen = g.random.choice([0, 0, 0, 1, 2, 3, 7])
        ids.add(chosen or len(ids))
        return _create(g, name, start, chosen)
    if draw < 0.85:
        number = g.random.choice(sorted(ids | {0, 1, 2, 3, 7, 55}))
        ids.discard(number)
        return [f"{name} settle", f"{name} send cancel_request {{ watch_id: {number} }}", f"{name} settle"]
    return [f"{name} settle"]


def _create(g: Grammar, name: str, start: int, watch_id: int) -> Lines:
    text = watch_create(g.v, start) + (f" watch_id: {watch_id}" if watch_id else "")
    return [f"{name} settle", f"{name} send create_request {{ {text} }}", f"{name} expect", f"{name} settle"]


def _unsynced(g: Grammar, name: str) -> Lines:
    """A watcher of the future, or of what is compacted: it silences progress, so it goes in the same move."""
    start = g.random.choice([g.world.revision + 2, g.world.revision + 50, max(1, g.world.compacted - 1), -1])
    lines = _create(g, name, start, 500)
    for _ in range(g.random.randrange(3)):
        lines += g.random.choice([kv, txn])(g)
    return [*lines, f"{name} send cancel_request {{ watch_id: 500 }}", f"{name} settle"]


def maintenance(g: Grammar) -> Lines:
    choices = [
        "Maintenance.Status",
        f"Maintenance.HashKV revision: {g.v.revision()}",
        "Maintenance.HashKV",
        "Maintenance.HashKV" if g.world.salted else "Maintenance.Hash",
        "Maintenance.Alarm",
        "Maintenance.MoveLeader targetID: $member",
        "Maintenance.MoveLeader targetID: 7",
        f'Maintenance.Downgrade version: "{g.random.choice(["3.6", "3.5", "x", "3.7", "3.6.1"])}"',
    ]
    method, _, request = g.random.choice(choices).partition(" ")
    if g.v.chance(0.1):
        return _alarm(g)
    if g.v.chance(0.01):
        return ["snapshot"] if not g.world.auth else []
    return [g.call(method, request)]


def _alarm(g: Grammar) -> Lines:
    """Raise an alarm, call a few things, clear it."""
    name = g.random.choice(["NOSPACE", "CORRUPT"])
    member = g.random.choice(["$member", "77"])
    lines = [g.as_root("Maintenance.Alarm", f"action: ACTIVATE memberID: {member} alarm: {name}")]
    for _ in range(g.random.randrange(4)):
        lines += g.random.choice([kv, kv, txn])(g)
    return [*lines, g.as_root("Maintenance.Alarm", f"action: DEACTIVATE memberID: {member} alarm: {name}")]


def cluster(g: Grammar) -> Lines:
    choices = [
        "Cluster.MemberList",
        "Cluster.MemberList linearizable: true",
        'Cluster.MemberAdd peerURLs: "junk"',
        'Cluster.MemberAdd peerURLs: "http://localhost:2380"',
        "Cluster.MemberRemove ID: 7",
        "Cluster.MemberRemove ID: $member",
        'Cluster.MemberUpdate ID: 7 peerURLs: "http://localhost:1"',
        'Cluster.MemberUpdate ID: $member peerURLs: "http://localhost:2380"',
        "Cluster.MemberPromote ID: $member",
        "Cluster.MemberPromote ID: 7",
    ]
    method, _, request = g.random.choice(choices).partition(" ")
    return [g.call(method, request)]


def auth(g: Grammar) -> Lines:
    if g.world.auth and g.v.chance(0.1):
        g.world.auth = False
        tokens, g.world.tokens = g.world.tokens, []
        return [f"Auth.AuthDisable [token=${tokens[0]}]"]
    if not g.world.auth and g.v.chance(0.03):
        g.world.auth = True
        return _enable(g)
    user, role = g.random.choice(USERS), g.random.choice(ROLES)
    perm = f"permType: {g.random.choice(['READ', 'WRITE', 'READWRITE'])} key: {g.v.key()}"
    if g.v.chance(0.6):
        perm += f" range_end: {g.v.end()}"
    choices = [
        "Auth.AuthStatus",
        f'Auth.UserAdd name: "{user}" options {{ no_password: true }}',
        f'Auth.UserDelete name: "{user}"',
        f'Auth.UserGet name: "{user}"',
        "Auth.UserList",
        f'Auth.UserGrantRole user: "{user}" role: "{role}"',
        f'Auth.UserRevokeRole name: "{user}" role: "{role}"',
        f'Auth.RoleAdd name: "{role}"',
        f'Auth.RoleDelete role: "{role}"',
        f'Auth.RoleGet role: "{role}"',
        "Auth.RoleList",
        f'Auth.RoleGrantPermission name: "{role}" perm {{ {perm} }}',
        f'Auth.RoleGrantPermission name: "{role}" perm {{ {perm} }}',
        f'Auth.RoleRevokePermission role: "{role}" key: {g.v.key()}',
        'Auth.Authenticate name: "nobody" password: "x"',
        "Auth.UserAdd",
        "Auth.RoleAdd",
    ]
    method, _, request = g.random.choice(choices).partition(" ")
    return [g.call(method, request)]


def _enable(g: Grammar) -> Lines:
    """Auth goes on with root and one ordinary user, both with tokens."""
    g.world.tokens = ["ROOT", "USER"]
    g.world.salted = True
    return [
        'Auth.UserAdd name: "root" password: "r"',
        'Auth.UserGrantRole user: "root" role: "root"',
        'Auth.UserAdd name: "u0" password: "p"',
        'Auth.RoleAdd name: "r1"',
        'Auth.RoleGrantPermission name: "r1" perm { permType: READWRITE key: "a" range_end: "c" }',
        'Auth.UserGrantRole user: "u0" role: "r1"',
        "Auth.AuthEnable",
        'Auth.Authenticate name: "root" password: "r"',
        "  capture ROOT = token",
        'Auth.Authenticate name: "u0" password: "p"',
        "  capture USER = token",
    ]


def lock(g: Grammar) -> Lines:
    """Every lease locks a name of its own, so nobody waits."""
    number = g.random.choice(LEASES)
    if g.v.chance(0.6):
        return [g.call("Lock.Lock", f'name: "lock{number}" lease: {number}')]
    return [g.call("Lock.Unlock", f'key: "lock{number}/{number:x}"' if g.v.chance(0.9) else "")]


def election(g: Grammar) -> Lines:
    number = g.random.choice(LEASES)
    name = f'name: "election{number}"'
    leader = f'leader {{ {name} key: "election{number}/{number:x}" rev: {g.v.revision()} lease: {number} }}'
    return [
        g.random.choice(
            [
                g.call("Election.Campaign", f"{name} lease: {number} value: {g.v.value()}"),
                g.call("Election.Leader", name),
                g.call("Election.Proclaim", f"{leader} value: {g.v.value()}"),
                g.call("Election.Resign", leader),
                g.call("Election.Resign"),
            ]
        )
    ]


def health(g: Grammar) -> Lines:
    return [g.random.choice(["Health.Check", 'Health.Check service: "x"', "Health.List"])]


def raw(g: Grammar) -> Lines:
    """Bytes that are nearly a message, and methods that are nearly there."""
    if g.v.chance(0.1):
        return [g.random.choice(["/etcdserverpb.KV/Nope", "/nope.X/Y", "/etcdserverpb.Lease/", "/x"])]
    method, text = g.random.choice(
        [("KV.Range", range_request), ("KV.Put", put_request), ("KV.DeleteRange", delete_request)]
    )
    from ..text import parse

    body = bytearray(parse(text(g.v).replace("$L", ""), rpc_for(method).request).SerializeToString()[:200])
    for _ in range(g.random.randint(1, 3)):
        at = g.random.randrange(len(body) + 1)
        edit = g.random.randrange(3)
        if edit == 0:
            body.insert(at, g.random.randrange(256))
        elif at < len(body):
            body[at : at + 1] = b"" if edit == 1 else bytes([g.random.randrange(256)])
    return [g.call(method, "raw " + body.hex())]


GROUPS: dict[str, tuple[float, Callable[[Grammar], Lines]]] = {
    "kv": (40, kv),
    "txn": (20, txn),
    "compact": (0.7, compact),
    "lease": (12, lease),
    "watch": (2.5, watch),
    "maintenance": (3, maintenance),
    "cluster": (2, cluster),
    "auth": (4, auth),
    "lock": (1.5, lock),
    "election": (1.5, election),
    "health": (0.3, health),
    "raw": (3, raw),
}
"""Name → (weight, move).  The names are what ``--only`` takes."""
