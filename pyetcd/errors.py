"""Errors of the core, by whose fault they are.  What each one looks like on the wire is one table: rpc/errors.py.

Nothing here knows gRPC.  The names are etcd's own (wire contract, section 7) without the ``Err`` prefix.
"""

from __future__ import annotations


class EtcdError(Exception):
    """Base of every error that travels to a client as a status."""


# -- the request is wrong, whatever the state of the store ------------------------------------------------------


class BadRequest(EtcdError):
    """The client's mistake; seen by looking at the request alone."""


class EmptyKey(BadRequest):
    """A key is required and was not given."""


class KeyNotFound(BadRequest):
    """ignore_value or ignore_lease on a missing key; also an operation without any request in it."""


class ValueProvided(BadRequest):
    """ignore_value together with a value."""


class LeaseProvided(BadRequest):
    """ignore_lease together with a lease."""


class TooManyOps(BadRequest):
    """More operations in one transaction than --max-txn-ops."""


class DuplicateKey(BadRequest):
    """One transaction would change a key twice."""


class InvalidSortOption(BadRequest):
    """A sort order or target outside the enumeration."""


class InvalidClientAPIVersion(BadRequest):
    """Metadata client-api-version is not UTF-8."""


class RequestTooLarge(BadRequest):
    """The log entry would exceed --max-request-bytes."""


class LeaseTTLTooLarge(BadRequest):
    """More than 9,000,000,000 seconds."""


class UserEmpty(BadRequest):
    """No user name was given; or authentication is on and the caller did not say who he is."""


class RoleEmpty(BadRequest):
    """No role name was given."""


class PermissionNotGiven(BadRequest):
    """RoleGrantPermission without a permission."""


class PasswordTooLong(BadRequest):
    """bcrypt takes no more than 72 bytes."""

    def __init__(self) -> None:
        super().__init__("bcrypt: password length exceeds 72 bytes")  # on the wire: Unknown, with this text


class BadMemberURLs(BadRequest):
    """Peer URLs of a new member are missing or do not parse."""


class WrongDowngradeVersionFormat(BadRequest):
    """A downgrade target that is no version."""


class InvalidDowngradeTargetVersion(BadRequest):
    """A downgrade goes one minor release down, nowhere else."""


class UnknownMethod(BadRequest):
    """An action outside the enumeration."""

    def __init__(self) -> None:
        super().__init__("etcdserver: unknown method")  # on the wire: Unknown, with this text


# -- the request does not fit the state -------------------------------------------------------------------------


class StateConflict(EtcdError):
    """A valid request that the present state refuses."""


class Compacted(StateConflict):
    """The revision asked for has been compacted."""


class FutureRevision(StateConflict):
    """The revision asked for does not exist yet."""


class LeaseNotFound(StateConflict):
    """No lease of that id."""


class LeaseExists(StateConflict):
    """A lease of that id is there already."""


class MemberNotFound(StateConflict):
    """No member of that id, or one that was removed."""


class MemberExists(StateConflict):
    """A member of that id is there already."""


class PeerURLExists(StateConflict):
    """Another member has that peer URL."""


class TooManyLearners(StateConflict):
    """One more would exceed --max-learners."""


class MemberNotLearner(StateConflict):
    """Only learners are promoted."""


class LearnerNotReady(StateConflict):
    """The learner's log is too far behind to vote."""


class NotEnoughStarted(StateConflict):
    """The started voters that remain would be no quorum."""


class ClusterVersionUnavailable(StateConflict):
    """The members have not agreed on a version yet."""


class DowngradeInProcess(StateConflict):
    """A downgrade is enabled already."""


class NoSpace(StateConflict):
    """The backend quota is used up (or its alarm is set)."""


class Corrupt(StateConflict):
    """The CORRUPT alarm is set."""


class TooManyRequests(StateConflict):
    """Too many proposals wait to be applied."""


class NotLeader(StateConflict):
    """Only the leader can do this."""


class BadLeaderTransferee(StateConflict):
    """Leadership cannot go to that member."""


class NotPrimaryLessor(StateConflict):
    """Only the leader renews leases and knows how long they last."""

    def __init__(self) -> None:
        super().__init__("not a primary lessor")  # on the wire: Unknown, with this text


# -- who may do what --------------------------------------------------------------------------------------------


class Denied(StateConflict):
    """Authentication says no."""


class InvalidAuthToken(Denied):
    """The token is unknown, has ended or was not signed by us."""


class PermissionDenied(Denied):
    """The caller is known and may not do this."""


class AuthOldRevision(Denied):
    """Users or roles have changed since the caller identified himself."""


class AuthFailed(Denied):
    """Wrong user or password."""


class NoPasswordUser(Denied):
    """A password was given for a user that has none."""

    def __init__(self) -> None:  # on the wire: Unknown, with this text
        super().__init__("auth: authentication failed, password was given for no password user")


class VerifyOnly(Denied):
    """This member knows only the public half of the key that signs tokens."""

    def __init__(self) -> None:
        super().__init__("auth: token signing attempted with verify-only key")  # on the wire: Unknown, with this text


class InvalidKey(Denied):
    """The key that signs tokens does not fit the method; the text says why (on the wire: Unknown)."""


class AuthNotEnabled(StateConflict):
    """Nobody can log in while authentication is off."""


class InvalidAuthManagement(StateConflict):
    """This would lock root out, or the permission's range is none."""


class RootUserNotFound(StateConflict):
    """Authentication needs a user root."""


class RootRoleNotGranted(StateConflict):
    """Authentication needs a user root that holds the role root."""


class UserExists(StateConflict):
    """A user of that name is there already."""


class UserNotFound(StateConflict):
    """No user of that name."""


class RoleExists(StateConflict):
    """A role of that name is there already."""


class RoleNotFound(StateConflict):
    """No role of that name."""


class RoleNotGranted(StateConflict):
    """The user does not hold that role."""


class PermissionNotGranted(StateConflict):
    """The role has no permission on exactly that range."""


# -- the server's own trouble -----------------------------------------------------------------------------------


class Unavailable(EtcdError):
    """The member cannot answer now; the client may try again."""


class NoLeader(Unavailable):
    """There is no leader and the caller insisted on one."""


class Stopped(Unavailable):
    """The server is shutting down."""


class Timeout(Unavailable):
    """The proposal was not applied within the request timeout."""


class DiskFailure(Unavailable):
    """The log could not be written; nothing that waits for it was acknowledged."""


class SingleVoterOnly(Unavailable):
    """A second voter would be needed for every commit, and this release cannot talk to one."""
