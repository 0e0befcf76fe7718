"""The quota at the door: Put, Txn and LeaseGrant are weighed before their arguments are looked at (section 2.11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyetcd.apply.quota import cost
from pyetcd.cluster.alarms import NOSPACE
from pyetcd.errors import NoSpace
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.rpc.errors import fail

if TYPE_CHECKING:
    from pyetcd.rpc.guard import Guard
    from pyetcd.wire.call import Call


def admitted(guard: Guard, call: Call, field: str, r: Any) -> bool:
    """Whether the request fits; if not, the NOSPACE alarm is raised and the call ends.  Ask only near the quota."""
    member = guard.member
    if member.machine.quota.fits(cost(field, r)):
        return True
    alarm = rpc.AlarmRequest(action=rpc.AlarmRequest.ACTIVATE, memberID=member.id, alarm=NOSPACE)  # type: ignore[arg-type]
    # Refused whatever becomes of the alarm, but not before that is known.
    guard.propose(call, "alarm", alarm.SerializeToString(), alarm, lambda _: fail(call, NoSpace()))
    return False
