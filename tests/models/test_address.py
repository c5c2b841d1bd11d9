"""F14: which addresses a shared app asks for a person who typed one, and that it asks no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from core.errors import ModelError, PlanError
from core.records import Message
from models import address
from models.endpoint import Endpoint, EndpointSpec

CANARY = "sk-canary-7f3a91c04be255d1"
PRIVATE = [
    "127.0.0.1", "127.1", "0x7f000001", "2130706433", "0.0.0.0", "localhost", "10.0.0.1", "172.16.3.4", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "::1", "::", "fe80::1", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"]


def names(*found: str) -> address.Resolve:
    return lambda host, port: list(found)


@pytest.mark.parametrize("host", PRIVATE)
def test_what_only_this_machine_can_reach_is_refused(host: str) -> None:
    """F14"""
    with pytest.raises(ModelError, match="not public"):
        address.public_address(host, 80)


@pytest.mark.parametrize("found", PRIVATE[6:])
def test_a_name_that_stands_for_such_an_address_is_refused(found: str) -> None:
    """F14: even where it stands for a public one as well."""
    with pytest.raises(ModelError, match="not public"):
        address.public_address("judge.example", 443, names(PUBLIC[0], found))


@pytest.mark.parametrize("found", PUBLIC)
def test_a_public_address_is_taken_as_it_was_checked(found: str) -> None:
    assert address.public_address("judge.example", 443, names(found)) == found
    assert address.public_address(found, 443, names("10.0.0.1")) == found


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://host/x", "gopher://host", "host/v1", "http://", "", "http://ho st/v1", "http://[::1", "http://host:x/"],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    """F14"""
    with pytest.raises(PlanError, match="http or https address"):
        address.check_form(url, "judge.endpoint.url")


@pytest.mark.parametrize(
    "url", [f"http://{CANARY}@host/v1", f"http://me:{CANARY}@host/v1", f"http://host/v1?key={CANARY}", f"http://host/v1#{CANARY}"]
)
def test_an_address_with_a_secret_is_refused_and_not_repeated(url: str) -> None:
    """F14, F16"""
    with pytest.raises(PlanError) as error:
        address.check_form(url, "judge.endpoint.url")
    assert CANARY not in str(error.value) and error.value.remedy


def judge(url: str, lookup: address.Resolve) -> Endpoint:
    return Endpoint(EndpointSpec(url=url, model="m"), CANARY, public_only=True, lookup=lookup, sleep=lambda s: None)


def test_a_shared_app_asks_no_private_server_and_says_so(judge_server: Any) -> None:
    """F14: not even with one try; the key does not leave."""
    for url in (judge_server.url, judge_server.url.replace("127.0.0.1", "judge.example")):
        with pytest.raises(ModelError, match="not public"):
            judge(url, names("127.0.0.1")).choose([Message("user", "?")], ["1", "2"])
    assert judge_server.requests == []


def test_a_name_that_changes_between_check_and_use_gains_nothing(judge_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """F14: the name is looked up once, and the connection goes to that very address, whatever the name means by then."""
    asked: list[str] = []

    def lookup(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["192.0.2.1"]

    monkeypatch.setattr(address, "_is_public", lambda found: True)
    port = judge_server.server.server_address[1]
    judge(f"http://judge.example:{port}/v1", lookup).choose([Message("user", "?")], ["1", "4"])
    assert asked == ["judge.example"]
    assert judge_server.headers[0]["host"] == f"judge.example:{port}"


def test_redirects_are_not_followed(judge_server: Any) -> None:
    """F14: a public server could send the key to a private one."""
    judge_server.script = [(307, {"Location": f"{judge_server.url}/elsewhere"}, b""), "4"]
    with pytest.raises(ModelError, match="sends elsewhere"):
        Endpoint(EndpointSpec(url=judge_server.url, model="m"), CANARY).choose([Message("user", "?")], ["1", "4"])
    assert len(judge_server.requests) == 1


def test_a_machine_of_ones_own_may_be_asked(judge_server: Any) -> None:
    """F14"""
    Endpoint(EndpointSpec(url=judge_server.url, model="m")).choose([Message("user", "?")], ["1", "4"])
    assert len(judge_server.requests) == 1


@pytest.mark.parametrize(("variable", "shared"), [("SPACE_ID", True), ("BAKEOFF_PUBLIC", True), ("HOME", False)])
def test_a_space_is_a_shared_machine(variable: str, shared: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPACE_ID", "BAKEOFF_PUBLIC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, "x")
    assert address.shared_machine() is shared
