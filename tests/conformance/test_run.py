"""The command against real servers: official etcd is judged the same, every planted difference is found."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import grpc
import pytest
from pyetcd.conformance.cli import main
from pyetcd.conformance.server import ManagedServer

from pyetcd.pb import rpc_pb2
from tests.conformance.doctor import doctored
from tests.peers import need


@pytest.fixture
def official() -> Iterator[ManagedServer]:
    server = ManagedServer(f"{need('etcd')} --log-level=error --unsafe-no-fsync")
    server.start()
    yield server
    server.close()


def test_official_is_the_same_as_its_recordings(capsys: pytest.CaptureFixture[str]) -> None:
    """All cases, each on a fresh member."""
    assert main(["run", "--server", f"{need('etcd')} --log-level=error --unsafe-no-fsync"]) == 0, (
        capsys.readouterr().err
    )
    assert "(100.00 %)" in capsys.readouterr().err


def test_a_running_endpoint_is_judged_with_shifted_numbers(
    official: ManagedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One member for many cases: revisions, terms and log indexes are its own."""
    found = tmp_path / "result.json"
    only = [
        part
        for name in ("kv/r*", "txn/*", "lease/*", "watch/p*", "auth/tokens", "lock/lock")
        for part in ("--only", name)
    ]
    code = main(["run", "--endpoint", f"http://{official.address}", "--json", str(found), *only])
    assert code == 0, capsys.readouterr().err
    result = json.loads(found.read_text())
    assert result["steps"] > 500 and result["equal"] == result["steps"]


def more_count(body: bytes) -> bytes:
    answer = rpc_pb2.RangeResponse.FromString(body)
    answer.count += bool(answer.kvs)
    return answer.SerializeToString()


def reordered(body: bytes) -> bytes:
    """The same message with its fields in another order."""
    answer = rpc_pb2.RangeResponse.FromString(body)
    rest = rpc_pb2.RangeResponse.FromString(body)
    rest.ClearField("header")
    return rest.SerializeToString() + rpc_pb2.RangeResponse(header=answer.header).SerializeToString()


def no_header(body: bytes) -> bytes:
    answer = rpc_pb2.PutResponse.FromString(body)
    answer.ClearField("header")
    return answer.SerializeToString()


def bare_deletes(body: bytes) -> bytes:
    answer = rpc_pb2.WatchResponse.FromString(body)
    for event in answer.events:
        event.kv.version = 0
        event.ClearField("prev_kv")
    return answer.SerializeToString()


@pytest.mark.parametrize(
    ("method", "change", "case", "path"),
    [
        ("KV.Range", more_count, "traps/02*", "count"),
        ("KV.Range", reordered, "traps/02*", "encoding"),
        ("KV.Put", no_header, "traps/01*", "header"),
        ("Watch.Watch", bare_deletes, "traps/13*", "prev_kv"),
        ("KV.Txn", lambda body: body + b"\x78\x01", "traps/07*", "encoding"),
    ],
)
def test_a_planted_difference_is_found(
    official: ManagedServer, tmp_path: Path, method: str, change: Callable[[bytes], bytes], case: str, path: str
) -> None:
    found = tmp_path / "result.json"
    with doctored(official.address, {method: change}) as url:
        assert main(["run", "--endpoint", url, "--only", case, "--json", str(found)]) == 1
    differences = [item for one in json.loads(found.read_text())["cases"] for item in one["differences"]]
    assert {item["method"] for item in differences} == {method}
    assert any(path in where["path"] for item in differences for where in item["where"])


def test_one_letter_of_an_error_is_found(official: ManagedServer, tmp_path: Path) -> None:
    found = tmp_path / "result.json"
    with doctored(official.address, texts={"etcdserver: key is not provided": "etcdserver: key is not provide"}) as url:
        assert main(["run", "--endpoint", url, "--only", "traps/25_error_texts", "--json", str(found)]) == 1
    (case,) = json.loads(found.read_text())["cases"]
    assert [item["where"][0]["path"] for item in case["differences"]] == ["status"]


def test_reports_show_the_difference(official: ManagedServer, tmp_path: Path) -> None:
    page, xml = tmp_path / "page.html", tmp_path / "units.xml"
    with doctored(official.address, {"KV.Range": more_count}) as url:
        assert main(["run", "--endpoint", url, "--only", "traps/0*", "--html", str(page), "--junit", str(xml)]) == 1
    text = page.read_text()
    assert "<mark>" in text and "traps/02_count_and_more" in text and "src=" not in text
    suite = ElementTree.parse(xml).getroot()
    assert int(suite.attrib["failures"]) >= 1
    assert suite.find("testcase/failure") is not None


# -- what cannot be judged: exit code 2, one sentence, nothing written ----------------------------------------------


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--endpoint", "http://127.0.0.1:9"]) == 2
    assert "cannot be reached" in sentence(capsys)


@pytest.mark.parametrize("url", ["127.0.0.1:2379", "ftp://127.0.0.1:2379", "http://nowhere"])
def test_no_url(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--endpoint", url]) == 2
    assert "not an endpoint URL" in sentence(capsys)


def test_tls_against_a_plain_port(official: ManagedServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--endpoint", f"https://{official.address}"]) == 2
    assert "TLS" in sentence(capsys)


def test_a_store_that_holds_something_is_left_alone(
    official: ManagedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    with grpc.insecure_channel(official.address) as channel:
        put = channel.unary_unary("/etcdserverpb.KV/Put")
        put(rpc_pb2.PutRequest(key=b"precious", value=b"1").SerializeToString(), timeout=10)
        read = channel.unary_unary("/etcdserverpb.KV/Range")
        everything = rpc_pb2.RangeRequest(key=b"\0", range_end=b"\0").SerializeToString()
        before = read(everything, timeout=10)
        assert main(["run", "--endpoint", f"http://{official.address}"]) == 2
        assert "not empty (1 keys)" in sentence(capsys)
        assert (
            main(["duel", "--reference", f"http://{official.address}", "--endpoint", f"http://{official.address}"]) == 2
        )
        assert "not empty" in sentence(capsys)
        assert read(everything, timeout=10) == before
        assert main(["run", "--endpoint", f"http://{official.address}", "--allow-dirty", "--only", "traps/01*"]) == 0


def test_another_release(official: ManagedServer, capsys: pytest.CaptureFixture[str]) -> None:
    def older(body: bytes) -> bytes:
        answer = rpc_pb2.StatusResponse.FromString(body)
        answer.version = "3.4.30"
        return answer.SerializeToString()

    with doctored(official.address, {"Maintenance.Status": older}) as url:
        assert main(["run", "--endpoint", url]) == 2
        assert "release 3.4.30" in sentence(capsys)
        assert main(["run", "--endpoint", url, "--only", "traps/01*", "--any-release"]) == 0


def test_recording_from_another_server_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["record", "--server", "/no/such/program"]) == 2
    assert "cannot be started" in sentence(capsys)


def test_a_selection_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--endpoint", "http://127.0.0.1:9", "--only", "nothing/*"]) == 2
    assert "no case is called nothing/*" in sentence(capsys)
    assert main(["run", "--endpoint", "http://127.0.0.1:9", "--cases", "/no/such/folder"]) == 2
    assert "not a folder of cases" in sentence(capsys)
