"""What a run judges: servers started for it, one per case, or one endpoint that somebody else runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .case import Case
from .client import Credentials, connect
from .probe import CannotJudge, Probe, clear, probe
from .rebase import Rebase
from .server import ManagedServer


class Session(Protocol):
    """One server for one case."""

    address: str
    credentials: Credentials | None
    rebase: Rebase

    def restart(self) -> None: ...
    def close(self) -> None: ...


class Target(Protocol):
    name: str
    managed: bool

    def session(self, case: Case) -> Session: ...


class ManagedSession:
    """A fresh member of its own."""

    credentials: Credentials | None = None

    def __init__(self, command: str, flags: list[str]) -> None:
        self._server = ManagedServer(command, flags)
        self.rebase = Rebase()
        try:
            self._server.start()
        except BaseException:
            self._server.close()
            raise
        self.address = self._server.address

    def restart(self) -> None:
        self._server.restart()

    def close(self) -> None:
        self._server.close()


@dataclass
class ManagedTarget:
    """Starts ``command`` with etcd's flags for every case."""

    command: str
    name: str = ""
    managed: bool = True

    def session(self, case: Case) -> Session:
        return ManagedSession(self.command, case.flags)


class RemoteSession:
    """The shared endpoint, emptied before the case."""

    def __init__(self, target: RemoteTarget) -> None:
        self.address, self.credentials = target.address, target.credentials
        with connect(self.address, self.credentials) as channel:
            clear(channel)
            self.rebase = probe(channel).rebase

    def restart(self) -> None:
        raise CannotJudge("a remote endpoint cannot be restarted")

    def close(self) -> None:
        return


@dataclass
class RemoteTarget:
    """``address`` is host:port.  ``check`` refuses a store that holds something."""

    address: str
    credentials: Credentials | None = None
    name: str = ""
    managed: bool = False

    def check(self, allow_dirty: bool) -> Probe:
        """Raises CannotJudge with one sentence; writes nothing."""
        with connect(self.address, self.credentials) as channel:
            found = probe(channel)
        if found.contents and not allow_dirty:
            raise CannotJudge(
                f"the store at {self.address} is not empty ({found.contents}); a run deletes everything in it, "
                "so this needs --allow-dirty"
            )
        return found

    def session(self, case: Case) -> Session:
        return RemoteSession(self)


def version_of(target: ManagedTarget) -> str:
    """Start one server to ask its version.  Raises CannotJudge."""
    server = ManagedServer(target.command)
    try:
        server.start()
        with connect(server.address) as channel:
            return probe(channel).version
    except RuntimeError as error:
        raise CannotJudge(str(error)) from None
    finally:
        server.close()
