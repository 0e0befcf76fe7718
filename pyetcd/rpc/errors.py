"""From core errors to what a client sees: one table of (code, exact text) (wire contract, section 7).

Official clients map errors by text, so the text matters more than the code.  Entries that differ on the wire from
what etcd declares are marked; they are copied as they arrive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyetcd import errors as e
from pyetcd.wire.call import Code

if TYPE_CHECKING:
    from pyetcd.wire.call import Call

PREFIX = "etcdserver: "

TABLE: dict[type[e.EtcdError], tuple[Code, str]] = {
    e.EmptyKey: (Code.INVALID_ARGUMENT, "key is not provided"),
    e.KeyNotFound: (Code.INVALID_ARGUMENT, "key not found"),
    e.ValueProvided: (Code.INVALID_ARGUMENT, "value is provided"),
    e.LeaseProvided: (Code.INVALID_ARGUMENT, "lease is provided"),
    e.TooManyOps: (Code.INVALID_ARGUMENT, "too many operations in txn request"),
    e.DuplicateKey: (Code.INVALID_ARGUMENT, "duplicate key given in txn request"),
    e.InvalidClientAPIVersion: (Code.INVALID_ARGUMENT, "invalid client api version"),
    e.InvalidSortOption: (Code.INVALID_ARGUMENT, "invalid sort option"),
    e.RequestTooLarge: (Code.INVALID_ARGUMENT, "request is too large"),
    e.LeaseTTLTooLarge: (Code.OUT_OF_RANGE, "too large lease TTL"),
    e.Compacted: (Code.OUT_OF_RANGE, "mvcc: required revision has been compacted"),
    e.FutureRevision: (Code.OUT_OF_RANGE, "mvcc: required revision is a future revision"),
    e.LeaseNotFound: (Code.NOT_FOUND, "requested lease not found"),
    e.LeaseExists: (Code.FAILED_PRECONDITION, "lease already exists"),
    e.MemberNotFound: (Code.NOT_FOUND, "member not found"),
    e.MemberExists: (Code.FAILED_PRECONDITION, "member ID already exist"),
    e.PeerURLExists: (Code.FAILED_PRECONDITION, "Peer URLs already exists"),
    e.TooManyLearners: (Code.FAILED_PRECONDITION, "too many learner members in cluster"),
    e.MemberNotLearner: (Code.FAILED_PRECONDITION, "can only promote a learner member"),
    e.LearnerNotReady: (Code.FAILED_PRECONDITION, "can only promote a learner member which is in sync with leader"),
    e.BadMemberURLs: (Code.INVALID_ARGUMENT, "given member URLs are invalid"),
    # declared FailedPrecondition; goes out as Unknown
    e.NotEnoughStarted: (Code.UNKNOWN, "re-configuration failed due to not enough started members"),
    e.WrongDowngradeVersionFormat: (Code.INVALID_ARGUMENT, "wrong downgrade target version format"),
    e.InvalidDowngradeTargetVersion: (Code.INVALID_ARGUMENT, "invalid downgrade target version"),
    e.ClusterVersionUnavailable: (Code.FAILED_PRECONDITION, "cluster version not found during downgrade"),
    e.DowngradeInProcess: (Code.FAILED_PRECONDITION, "cluster has a downgrade job in progress"),
    e.NoSpace: (Code.RESOURCE_EXHAUSTED, "mvcc: database space exceeded"),
    e.Corrupt: (Code.DATA_LOSS, "corrupt cluster"),
    e.TooManyRequests: (Code.UNKNOWN, "too many requests"),  # declared ResourceExhausted; goes out as Unknown
    e.NotLeader: (Code.FAILED_PRECONDITION, "not leader"),
    e.BadLeaderTransferee: (Code.FAILED_PRECONDITION, "bad leader transferee"),
    e.UserEmpty: (Code.INVALID_ARGUMENT, "user name is empty"),
    e.RoleEmpty: (Code.INVALID_ARGUMENT, "role name is empty"),
    e.AuthFailed: (Code.INVALID_ARGUMENT, "authentication failed, invalid user ID or password"),
    e.PermissionNotGiven: (Code.INVALID_ARGUMENT, "permission not given"),
    e.InvalidAuthManagement: (Code.INVALID_ARGUMENT, "invalid auth management"),
    e.AuthOldRevision: (Code.INVALID_ARGUMENT, "revision of auth store is old"),
    e.InvalidAuthToken: (Code.UNAUTHENTICATED, "invalid auth token"),
    e.PermissionDenied: (Code.PERMISSION_DENIED, "permission denied"),
    e.AuthNotEnabled: (Code.FAILED_PRECONDITION, "authentication is not enabled"),
    e.RootUserNotFound: (Code.FAILED_PRECONDITION, "root user does not exist"),
    e.RootRoleNotGranted: (Code.FAILED_PRECONDITION, "root user does not have root role"),
    e.UserExists: (Code.FAILED_PRECONDITION, "user name already exists"),
    e.UserNotFound: (Code.FAILED_PRECONDITION, "user name not found"),
    e.RoleExists: (Code.FAILED_PRECONDITION, "role name already exists"),
    e.RoleNotFound: (Code.FAILED_PRECONDITION, "role name not found"),
    e.RoleNotGranted: (Code.FAILED_PRECONDITION, "role is not granted to the user"),
    e.PermissionNotGranted: (Code.FAILED_PRECONDITION, "permission is not granted to the role"),
    e.NoLeader: (Code.UNAVAILABLE, "no leader"),
    e.Stopped: (Code.UNAVAILABLE, "server stopped"),
    e.Timeout: (Code.UNAVAILABLE, "request timed out"),
    # Our own: official etcd ends the process instead.  Unavailable lets clients go to another member.
    e.DiskFailure: (Code.UNAVAILABLE, "disk failure, the request was not stored"),
    # Our own: official etcd accepts the second voter and stops committing until it is started.
    e.SingleVoterOnly: (Code.UNAVAILABLE, "this server cannot replicate to a second voting member; add a learner"),
}


def status(error: BaseException) -> tuple[Code, str]:
    """The gRPC status of a core error; anything not in the table is Unknown with its plain text, as in etcd."""
    entry = TABLE.get(type(error))  # type: ignore[arg-type]
    if entry is None:
        return Code.UNKNOWN, str(error)
    return entry[0], PREFIX + entry[1]


def fail(call: Call, error: BaseException) -> None:
    """End ``call`` with the status of ``error``."""
    code, text = status(error)
    call.fail(code, text)
