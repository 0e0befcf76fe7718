"""Known ways around authentication, each tried."""

from __future__ import annotations

from typing import Any

import pytest

from pyetcd.pb import election_pb2 as election
from pyetcd.pb import lock_pb2 as lock
from pyetcd.pb import rpc_pb2 as rpc
from pyetcd.wire.call import Code
from tests.rpc.auth_world import AuthWorld

EMPTY = (Code.INVALID_ARGUMENT, "etcdserver: user name is empty")
DENIED = (Code.PERMISSION_DENIED, "etcdserver: permission denied")
INVALID = (Code.UNAUTHENTICATED, "etcdserver: invalid auth token")
MINE, ALL = b"a", b"\0"


@pytest.fixture
def world() -> AuthWorld:
    """``u`` may read and write [a, c), ``r`` only read it, ``w`` only write it; z is nobody's but root's."""
    world = AuthWorld()
    for key in (b"a", b"b", b"z"):
        world.must("KV/Put", rpc.PutRequest(key=key, value=b"secret of " + key))
    for user, kind in (("u", 2), ("r", 0), ("w", 1)):
        world.allow(user, kind, b"a", b"c")
    world.enable()
    return world


def watch(world: AuthWorld, user: str | None, key: bytes, end: bytes, **fields: Any) -> Any:
    request = rpc.WatchRequest(create_request=rpc.WatchCreateRequest(key=key, range_end=end, **fields))
    call = world.start("Watch/Watch", request, user=user)
    world.settle()
    assert call.open
    return call


# -- ranges -----------------------------------------------------------------------------------------------------

BEYOND = [
    (b"z", b""), (b"a", b"\0"), (b"a", b"c\0"), (b"a", b"d"), (b"`", b"c"), (b"\0", b"c"), (b"\0", b"\0"),
    (b"c", b""), (b"c", b"\0"), (b"b", b"\xff\xff"), (b"", b"c"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "end"), [each for each in BEYOND if each[0]])
@pytest.mark.parametrize("method", ["KV/Range", "KV/RangeStream"])
def test_no_range_reaches_beyond(world: AuthWorld, method: str, key: bytes, end: bytes) -> None:
    for extra in ({}, {"serializable": True}, {"count_only": True}, {"keys_only": True}, {"limit": 1}):
        assert world.call(method, rpc.RangeRequest(key=key, range_end=end, **extra), user="u") == DENIED


@pytest.mark.parametrize(("key", "end"), BEYOND)
def test_no_watch_reaches_beyond(world: AuthWorld, key: bytes, end: bytes) -> None:
    """An open end was once taken for an empty one, and so was an empty key."""
    call = watch(world, "u", key, end, start_revision=1, prev_kv=True)
    (answer,) = call.sent
    assert answer.created and answer.canceled and answer.watch_id == -1
    assert answer.cancel_reason == f"rpc error: code = PermissionDenied desc = {DENIED[1]}"
    world.must("KV/Put", rpc.PutRequest(key=b"z", value=b"new"))
    assert len(call.sent) == 1


def test_watches_without_a_name_or_with_a_wrong_one(world: AuthWorld) -> None:
    request = rpc.WatchRequest(create_request=rpc.WatchCreateRequest(key=b"a"))
    for headers, code, text in (
        ((), "InvalidArgument", EMPTY[1]), (((b"token", b""),), "Unauthenticated", INVALID[1]),
    ):  # fmt: skip
        call = world.start("Watch/Watch", request, headers=headers)
        world.settle()
        assert call.sent[0].cancel_reason == f"rpc error: code = {code} desc = {text}"
        assert call.open


def test_a_permitted_watch_hears_what_it_may(world: AuthWorld) -> None:
    call = watch(world, "r", b"a", b"c")
    world.must("KV/Put", rpc.PutRequest(key=b"b"))
    world.must("KV/Put", rpc.PutRequest(key=b"z"))
    world.settle()
    assert [event.kv.key for response in call.sent for event in response.events] == [b"b"]


# -- transactions -----------------------------------------------------------------------------------------------

def put(key: bytes, **fields: Any) -> rpc.RequestOp:
    return rpc.RequestOp(request_put=rpc.PutRequest(key=key, **fields))


def get(key: bytes, end: bytes = b"") -> rpc.RequestOp:
    return rpc.RequestOp(request_range=rpc.RangeRequest(key=key, range_end=end))


def delete(key: bytes, end: bytes = b"", **fields: Any) -> rpc.RequestOp:
    return rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key, range_end=end, **fields))


def nested(*ops: rpc.RequestOp, depth: int = 1, **fields: Any) -> rpc.RequestOp:
    made = rpc.RequestOp(request_txn=rpc.TxnRequest(success=ops, **fields))
    for _ in range(depth - 1):
        made = rpc.RequestOp(request_txn=rpc.TxnRequest(failure=[made]))
    return made


TELLS = rpc.Compare(key=b"z", target=rpc.Compare.VALUE, result=rpc.Compare.GREATER, value=b"s")
TELLS_OF_ALL = rpc.Compare(key=b"a", range_end=b"\0", target=rpc.Compare.VERSION, result=rpc.Compare.GREATER)

WAYS: dict[str, rpc.TxnRequest] = {
    "a compare tells what it must not": rpc.TxnRequest(compare=[TELLS]),
    "an interval of compares too": rpc.TxnRequest(compare=[TELLS_OF_ALL]),
    "one among allowed ones": rpc.TxnRequest(compare=[rpc.Compare(key=b"a"), TELLS]),
    "a nested compare": rpc.TxnRequest(success=[nested(compare=[TELLS])]),
    "a nested compare in the branch not taken": rpc.TxnRequest(failure=[nested(compare=[TELLS])]),
    "a deep compare": rpc.TxnRequest(success=[nested(nested(compare=[TELLS]), depth=20)]),
    "a read in the other branch": rpc.TxnRequest(failure=[get(b"z")]),
    "a nested read": rpc.TxnRequest(success=[nested(get(b"a", b"\0"))]),
    "a nested write": rpc.TxnRequest(success=[nested(put(b"z"))]),
    "a deep write": rpc.TxnRequest(success=[nested(put(b"z"), depth=30)]),
    "a nested deletion": rpc.TxnRequest(success=[nested(delete(b"a", b"\0"))]),
    "a write behind an allowed one": rpc.TxnRequest(success=[put(b"a"), put(b"z")]),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_transaction_reaches_beyond(world: AuthWorld, way: str) -> None:
    before = world.member.store.revision
    assert world.call("KV/Txn", WAYS[way], user="u") == DENIED
    assert world.call("KV/Txn", WAYS[way]) == EMPTY
    assert world.member.store.revision == before


def test_previous_values_are_reads(world: AuthWorld) -> None:
    """Who may only write must not be told what stood there."""
    for method, request in (
        ("KV/Put", rpc.PutRequest(key=b"a", prev_kv=True)),
        ("KV/DeleteRange", rpc.DeleteRangeRequest(key=b"a", prev_kv=True)),
        ("KV/Txn", rpc.TxnRequest(success=[put(b"a", prev_kv=True)])),
        ("KV/Txn", rpc.TxnRequest(success=[delete(b"a", prev_kv=True)])),
        ("KV/Txn", rpc.TxnRequest(success=[nested(delete(b"a", prev_kv=True))])),
        ("KV/Txn", rpc.TxnRequest(compare=[rpc.Compare(key=b"a")], success=[put(b"a")])),
    ):
        assert world.call(method, request, user="w") == DENIED
    assert not isinstance(world.call("KV/Put", rpc.PutRequest(key=b"a"), user="w"), tuple)


# -- leases -----------------------------------------------------------------------------------------------------


@pytest.fixture
def leased(world: AuthWorld) -> AuthWorld:
    """Root's key z hangs on lease 5; lease 6 is free."""
    world.must("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=5, TTL=1000))
    world.must("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=6, TTL=1000))
    world.must("KV/Put", rpc.PutRequest(key=b"z", lease=5))
    return world


def test_attaching_to_a_lease_is_power_over_all_its_keys(leased: AuthWorld) -> None:
    """Otherwise a user could hang an own key on a foreign lease and have a say in its end."""
    assert leased.call("KV/Put", rpc.PutRequest(key=b"a", lease=5), user="u") == DENIED
    txn = rpc.TxnRequest(success=[nested(put(b"a", lease=5))])
    assert leased.call("KV/Txn", txn, user="u") == DENIED
    assert not isinstance(leased.call("KV/Put", rpc.PutRequest(key=b"a", lease=6), user="u"), tuple)


def test_a_lease_is_ended_and_kept_alive_by_who_may_write_all_of_it(leased: AuthWorld) -> None:
    leased.must("KV/Put", rpc.PutRequest(key=b"a", lease=6))
    assert leased.call("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=5), user="u") == DENIED
    assert leased.call("Lease/LeaseKeepAlive", rpc.LeaseKeepAliveRequest(ID=5), user="u") == DENIED
    assert leased.call("Lease/LeaseKeepAlive", rpc.LeaseKeepAliveRequest(ID=6), user="u").TTL == 1000
    leased.must("KV/Put", rpc.PutRequest(key=b"z", lease=6))
    assert leased.call("Lease/LeaseKeepAlive", rpc.LeaseKeepAliveRequest(ID=6), user="u") == DENIED
    assert leased.call("Lease/LeaseRevoke", rpc.LeaseRevokeRequest(ID=6), user="u") == DENIED


def test_a_keep_alive_stream_is_judged_at_every_renewal(leased: AuthWorld) -> None:
    call = leased.start("Lease/LeaseKeepAlive", rpc.LeaseKeepAliveRequest(ID=6), user="u")
    assert call.sent[0].TTL == 1000
    leased.must("KV/Put", rpc.PutRequest(key=b"z", lease=6))
    call.session.message(rpc.LeaseKeepAliveRequest(ID=6).SerializeToString())
    assert call.status == DENIED and len(call.sent) == 1


def test_a_stream_with_an_ended_token_ends(leased: AuthWorld) -> None:
    call = leased.start("Lease/LeaseKeepAlive", rpc.LeaseKeepAliveRequest(ID=6), user="u")
    leased.must("Auth/UserChangePassword", rpc.AuthUserChangePasswordRequest(name="u", password="new"))
    call.session.message(rpc.LeaseKeepAliveRequest(ID=6).SerializeToString())
    assert call.status == INVALID


def test_names_of_foreign_keys_stay_hidden(leased: AuthWorld) -> None:
    asked = rpc.LeaseTimeToLiveRequest(ID=5, keys=True)
    assert leased.call("Lease/LeaseTimeToLive", asked, user="u") == DENIED
    assert leased.call("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=5), user="u").grantedTTL == 1000
    assert leased.call("Lease/LeaseLeases", user="u") == DENIED
    assert list(leased.must("Lease/LeaseTimeToLive", asked).keys) == [b"z"]
    assert leased.call("Lease/LeaseTimeToLive", rpc.LeaseTimeToLiveRequest(ID=99, keys=True), user="u").TTL == -1


# -- identity ---------------------------------------------------------------------------------------------------


def test_the_first_token_counts_and_token_beats_authorization(world: AuthWorld) -> None:
    get_z, root, user = rpc.RangeRequest(key=b"z"), world.tokens["root"], world.tokens["u"]
    cases: list[tuple[Any, Any]] = [
        (((b"token", user), (b"token", root)), DENIED),
        (((b"token", user), (b"authorization", root)), DENIED),
        (((b"authorization", root), (b"token", user)), DENIED),
        (((b"authorization", root), (b"token", b"")), INVALID),
        (((b"authorization", user),), DENIED),
        (((b"authorization", b"Bearer " + user),), DENIED),
        (((b"authorization", b"bearer " + root),), INVALID),
        (((b"authorization", b"Basic " + root),), INVALID),
        (((b"token", b" " + root),), INVALID),
        (((b"token", root + b"\n"),), INVALID),
        (((b"token", root[:-1]),), INVALID),
        (((b"token", root.swapcase()),), INVALID),
        (((b"grpcgateway-authorization", root),), EMPTY),
        (((b"username", b"root"),), EMPTY),
    ]
    for headers, answer in cases:
        assert world.call("KV/Range", get_z, headers=headers) == answer, headers
    for headers in (((b"token", root),), ((b"token", b"Bearer " + root),), ((b"authorization", b"Bearer " + root),)):
        assert world.call("KV/Range", get_z, headers=headers).count == 1


def test_a_certificate_speaks_for_its_holder_but_not_for_a_gateway() -> None:
    names = {"now": "u"}
    world = AuthWorld(common_name=lambda call: names["now"])
    world.allow("u", 2, b"a")
    world.enable()
    get_a, get_z = rpc.RangeRequest(key=b"a"), rpc.RangeRequest(key=b"z")
    assert world.call("KV/Range", get_a).count == 0
    assert world.call("KV/Range", get_z) == DENIED
    assert world.call("KV/Range", get_a, headers=((b"grpcgateway-accept", b"*/*"),)) == EMPTY
    assert world.call("KV/Range", get_a, headers=((b"token", b""),)) == INVALID  # a token beats it, even a wrong one
    assert world.call("KV/Range", get_z, user="root").count == 0
    for name, answer in (("nobody", DENIED), ("", DENIED), (None, EMPTY)):
        names["now"] = name  # type: ignore[assignment]
        assert world.call("KV/Range", get_a) == answer


def test_root_by_name_alone_is_nobody(world: AuthWorld) -> None:
    """The role makes root; and a user without roles may nothing."""
    world.must("Auth/UserAdd", rpc.AuthUserAddRequest(name="admin", password="p"))
    world.must("Auth/UserGrantRole", rpc.AuthUserGrantRoleRequest(user="admin", role="root"))
    world.must("Auth/UserAdd", rpc.AuthUserAddRequest(name="bare", password="p"))
    world.log_in("admin")
    world.log_in("bare")
    assert world.call("KV/Range", rpc.RangeRequest(key=b"\0", range_end=b"\0"), user="admin").count == 3
    assert world.call("KV/Range", rpc.RangeRequest(key=b"a"), user="bare") == DENIED


def test_a_role_that_was_deleted_does_not_come_back_with_its_name(world: AuthWorld) -> None:
    world.must("Auth/RoleDelete", rpc.AuthRoleDeleteRequest(role="u"))
    world.must("Auth/RoleAdd", rpc.AuthRoleAddRequest(name="u"))
    permission = rpc.AuthRoleGrantPermissionRequest(name="u", perm={"key": b"\0", "range_end": b"\0"})
    world.must("Auth/RoleGrantPermission", permission)
    assert world.call("KV/Range", rpc.RangeRequest(key=b"a"), user="u") == DENIED


def test_a_user_made_anew_is_somebody_else(world: AuthWorld) -> None:
    world.must("Auth/UserDelete", rpc.AuthUserDeleteRequest(name="u"))
    world.must("Auth/UserAdd", rpc.AuthUserAddRequest(name="u", password="other"))
    assert world.call("KV/Range", rpc.RangeRequest(key=b"a"), user="u") == INVALID


def test_who_has_no_password_logs_in_with_none(world: AuthWorld) -> None:
    world.must("Auth/UserAdd", rpc.AuthUserAddRequest(name="n", options={"no_password": True}))
    world.must("Auth/UserAdd", rpc.AuthUserAddRequest(name="e", password="x"))
    world.must("Auth/UserChangePassword", rpc.AuthUserChangePasswordRequest(name="e"))
    for name in ("n", "e", "", "root", "nobody"):
        for password in ("", "x", "\0"):
            answer = world.call("Auth/Authenticate", rpc.AuthenticateRequest(name=name, password=password))
            assert isinstance(answer, tuple), (name, password)


# -- the member as its own client -------------------------------------------------------------------------------


def test_elections_are_read_only_by_who_may(world: AuthWorld) -> None:
    world.must("KV/Put", rpc.PutRequest(key=b"z/1", value=b"the leader"))
    for user, text in (("u", DENIED[1]), (None, EMPTY[1])):
        leader = world.call("Election/Leader", election.LeaderRequest(name=b"z"), user=user)
        assert leader == (Code.UNKNOWN, text)
        observed = world.start("Election/Observe", election.LeaderRequest(name=b"z"), user=user)
        world.must("KV/Put", rpc.PutRequest(key=b"z/1", value=b"again"))
        assert observed.sent == [] and not observed.open
    key = election.LeaderKey(name=b"z", key=b"z/1", rev=world.member.store.revision)
    for method, request in (
        ("Election/Proclaim", election.ProclaimRequest(leader=key, value=b"mine")),
        ("Election/Resign", election.ResignRequest(leader=key)),
    ):
        assert world.call(method, request, user="u") == (Code.UNKNOWN, DENIED[1])


def test_locks_are_taken_only_where_one_may_write(world: AuthWorld) -> None:
    world.must("Lease/LeaseGrant", rpc.LeaseGrantRequest(ID=5, TTL=1000))
    for name, verdict in ((b"z", True), (b"a", False)):
        answer = world.call("Lock/Lock", lock.LockRequest(name=name, lease=5), user="u")
        assert (answer == (Code.UNKNOWN, DENIED[1])) is verdict
    assert world.call("Lock/Unlock", lock.UnlockRequest(key=b"z"), user="u") == (Code.UNKNOWN, DENIED[1])
    assert world.call("Lock/Lock", lock.LockRequest(name=b"a")) == (Code.UNKNOWN, EMPTY[1])
