"""Who is calling, and may they?  What each service asks before it does anything (wire contract, sections 5.1 and 5.5).

Everything here costs one attribute test while authentication is off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyetcd.auth.caller import NOBODY, Caller
from pyetcd.auth.store import ROOT
from pyetcd.errors import AuthOldRevision, EtcdError, InvalidAuthToken, UserEmpty
from pyetcd.rpc.errors import status

if TYPE_CHECKING:
    from pyetcd.member.member import Member
    from pyetcd.member.proposal import Done
    from pyetcd.wire.call import Call

TOKEN_HEADERS = (b"token", b"authorization")
"""The first one that is there counts, even when it is empty."""
FROM_GATEWAY = b"grpcgateway-accept"
BEARER = b"Bearer "

CommonName = Callable[["Call"], "str | None"]


class Guard:
    """Turns a call's headers into a Caller, and a Caller's wish into yes or an error.

    common_name  the name in the client's verified certificate, None when there is none; given only with
                 --client-cert-auth
    """

    def __init__(self, member: Member, common_name: CommonName | None = None) -> None:
        self.member = member
        self.auth = member.auth
        self.permits = member.machine.permits
        self._common_name = common_name

    # -- who --------------------------------------------------------------------------------------------------------

    def caller(self, call: Call) -> Caller | None:
        """Who is calling; None when authentication is off or the caller does not say.  Raises InvalidAuthToken."""
        auth = self.auth
        if not auth.enabled:
            return None
        metadata = call.metadata
        for name in TOKEN_HEADERS:
            token = metadata.get(name)
            if token is not None:
                found = auth.tokens.find(token.removeprefix(BEARER), auth.revision)
                if found is None:
                    raise InvalidAuthToken
                return found
        return self._from_certificate(call)

    def _from_certificate(self, call: Call) -> Caller | None:
        """A gateway shows its own certificate, which says nothing about who stands behind it."""
        if self._common_name is None:
            return None
        name = self._common_name(call)
        if name is None or call.metadata.get(FROM_GATEWAY) is not None:
            return None
        return Caller(name, self.auth.revision)

    def check_known(self, call: Call) -> None:
        """Raises unless the caller is somebody, or authentication is off."""
        if self.auth.enabled and self.caller(call) is None:
            raise UserEmpty

    def check_root(self, call: Call) -> None:
        """Raises unless the caller holds the role root, or authentication is off."""
        if self.auth.enabled:
            self.auth.check_root(self.caller(call))

    # -- reading ----------------------------------------------------------------------------------------------------

    def reader(self, call: Call, check: Callable[[Caller, Any], None], r: Any) -> Caller:
        """Who reads, after ``check`` has let them; to be given to ``still`` once the read is done."""
        caller = self.caller(call) or NOBODY
        check(caller, r)
        return caller

    def check_still(self, caller: Caller) -> None:
        """Raises AuthOldRevision when users or roles have changed since the caller was let in.

        A token from another time than the present revision does not pass either, not even a later one.
        """
        if caller.revision != 0 and caller.revision != self.auth.revision:
            raise AuthOldRevision

    def check_read(self, call: Call, key: bytes, range_end: bytes) -> None:
        """Raises unless the caller may read [key, range_end), or authentication is off."""
        if self.auth.enabled:
            self.auth.check_read(self.caller(call) or NOBODY, key, range_end)

    def watch_refusal(self, call: Call, key: bytes, range_end: bytes) -> str | None:
        """Why the caller may not watch this range, as a watch response words it; None when they may."""
        try:
            self.check_read(call, key, range_end)
        except EtcdError as error:
            code, text = status(error)
            return f"rpc error: code = {code.name.title().replace('_', '')} desc = {text}"
        return None

    # -- leases -----------------------------------------------------------------------------------------------------

    def check_renewal(self, call: Call, lease_id: int) -> None:
        """Whoever may write all keys of a lease, or is root, may keep it alive."""
        self.permits.lease_keys(self._somebody(call), lease_id)

    def check_keys_shown(self, call: Call, lease_ids: list[int]) -> None:
        """Whoever may read all keys of these leases, or is root, may hear of them."""
        caller = self._somebody(call)
        if not self.auth.is_root(caller):
            for lease_id in lease_ids:
                for key in self.member.lessor.keys(lease_id):
                    self.auth.check_read(caller, key)

    def _somebody(self, call: Call) -> Caller:
        caller = self.caller(call)
        if caller is None:
            raise UserEmpty
        return caller

    # -- writing ----------------------------------------------------------------------------------------------------

    def propose(self, call: Call, field: str, request: bytes, message: Any, done: Done) -> None:
        """Member.propose for the caller of ``call``; what they may is judged when the entry is applied."""
        caller = None
        if self.auth.enabled:
            try:
                caller = self.caller(call)
            except EtcdError as error:
                done(error)
                return
        self.member.propose(field, request, message, done, caller)

    def propose_as_root(self, field: str, request: bytes, message: Any, done: Done) -> None:
        """Member.propose for the member itself: expiring leases."""
        caller = Caller(ROOT, self.auth.revision) if self.auth.enabled else None
        self.member.propose(field, request, message, done, caller)
