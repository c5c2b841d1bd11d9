"""The judge behind a server: what goes wrong is retried, then said; a key goes where it was meant for and nowhere else."""

from __future__ import annotations

import logging
import math
import time
from email.utils import formatdate
from typing import Any

import pytest

from core.errors import ModelError
from core.records import Message
from models.choosing import Unreadable
from models.endpoint import TRIES, Endpoint, EndpointSpec, seconds

MARKS = ["1", "2", "3", "4", "5"]
ASK = [Message("system", "Grade."), Message("user", "4?")]
SURE_OF_4 = (-math.inf, -math.inf, -math.inf, 0.0, -math.inf)
CANARY = "sk-canary-7f3a91c04be255d1"


def endpoint(server: Any, pauses: list[float] | None = None, key: str = "", **spec: Any) -> Endpoint:
    sleep = (pauses if pauses is not None else []).append
    return Endpoint(EndpointSpec(url=server.url, model="m", **spec), key, sleep=sleep)


def test_log_probabilities_of_the_first_word_are_taken_where_the_server_gives_them(judge_server: Any) -> None:
    judge_server.script = [judge_server.weighing({"4": math.log(0.5), " 4": math.log(0.1), "5": math.log(0.3), "The": math.log(0.1)})]
    found = endpoint(judge_server).choose(ASK, MARKS)
    assert [round(math.exp(x), 6) for x in found] == [0, 0, 0, 0.6, 0.3]
    sent = judge_server.requests[0]
    assert (sent["logprobs"], sent["top_logprobs"], sent["temperature"], sent["model"]) == (True, 20, 0, "m")
    assert sent["messages"] == [{"role": "system", "content": "Grade."}, {"role": "user", "content": "4?"}]


def test_where_the_first_word_is_no_mark_the_reply_is_read(judge_server: Any) -> None:
    judge_server.script = [judge_server.weighing({"Grade": -0.01, "4": -5.0}, content="Grade: 4")]
    assert endpoint(judge_server).choose(ASK, MARKS) == SURE_OF_4


def test_what_a_server_does_not_know_is_left_out_once_and_for_all(judge_server: Any) -> None:
    def picky(body: dict[str, Any]) -> Any:
        unknown = sorted({"logprobs", "top_logprobs"} & set(body))
        return (422, {}, f'{{"detail": "Unsupported fields: {unknown}"}}'.encode()) if unknown else "4"

    judge_server.script = [picky]
    judge = endpoint(judge_server)
    assert judge.choose(ASK, MARKS) == SURE_OF_4
    before = len(judge_server.requests)
    assert judge.choose(ASK, MARKS) == SURE_OF_4
    assert len(judge_server.requests) == before + 1


@pytest.mark.parametrize(
    ("complaint", "left"),
    [
        ("Use 'max_completion_tokens' instead.", "max_completion_tokens"),
        ("'temperature' does not support 0", "logprobs"),
        ("top_logprobs must be at most 5", "top_logprobs"),
    ],
)
def test_a_server_of_another_dialect_is_met(judge_server: Any, complaint: str, left: str) -> None:
    judge_server.script = [(400, {}, f'{{"error": {{"message": "{complaint}"}}}}'.encode()), "4"]
    assert endpoint(judge_server).choose(ASK, MARKS) == SURE_OF_4
    assert left in judge_server.requests[-1] and judge_server.requests[-1] != judge_server.requests[0]


def test_429_is_waited_for_as_long_as_the_server_asks(judge_server: Any) -> None:
    """F12"""
    pauses: list[float] = []
    judge_server.script = [
        (429, {"Retry-After": "7"}, b"{}"),
        (429, {"Retry-After": formatdate(time.time() + 20, usegmt=True)}, b"{}"),
        "4",
    ]
    assert endpoint(judge_server, pauses).choose(ASK, MARKS) == SURE_OF_4
    assert pauses[0] == 7 and 15 < pauses[1] <= 20


@pytest.mark.parametrize(("header", "wait_s"), [("3", 3), ("-3", 0), ("soon", None), ("", None), (None, None), ("nan", None)])
def test_a_retry_after_that_says_nothing_leaves_our_own_pause(header: str | None, wait_s: float | None) -> None:
    """F12"""
    assert seconds(header) == wait_s


TROUBLES: dict[str, Any] = {
    "500": (500, {}, b"{}"),
    "503 html": (503, {"Content-Type": "text/html"}, b"<html>down</html>"),
    "html": (200, {"Content-Type": "text/html"}, b"<html><body>Log in</body></html>"),
    "no json": (200, {}, b'{"choices": [{"index"'),
    "cut": "<cut>",
    "empty choices": {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": []},
    "no choices": {"error": "busy"},
    "null": b"null",
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())
def test_a_trouble_is_tried_again_and_then_said(judge_server: Any, trouble: Any) -> None:
    """F12: five tries with growing pauses; another try that works makes a mark of it."""
    pauses: list[float] = []
    judge_server.script = [trouble, trouble, "4"]
    assert endpoint(judge_server).choose(ASK, MARKS) == SURE_OF_4
    judge_server.requests.clear()
    judge_server.script = [trouble]
    with pytest.raises(ModelError, match="5 tries"):
        endpoint(judge_server, pauses).choose(ASK, MARKS)
    assert len(judge_server.requests) == TRIES and pauses == [0.5, 1, 2, 4]


def test_a_server_that_says_nothing_is_given_up_in_time(judge_server: Any) -> None:
    """F12"""
    judge_server.script = [judge_server.HANG]
    begun = time.monotonic()
    with pytest.raises(ModelError, match=r"within 0\.2 s"):
        endpoint(judge_server, timeout_s=0.2).choose(ASK, MARKS)
    assert time.monotonic() - begun < 4


def test_a_server_that_is_down_is_not_asked_for_every_item() -> None:
    """F12: three calls in a row without an answer, and the rest is told so at once."""
    pauses: list[float] = []
    judge = Endpoint(EndpointSpec(url="http://127.0.0.1:9/v1", model="m"), sleep=pauses.append)
    for _ in range(200):
        with pytest.raises(ModelError, match="cannot be reached"):
            judge.choose(ASK, MARKS)
    assert len(pauses) == 3 * (TRIES - 1)


@pytest.mark.parametrize(("status", "words"), [(401, "key"), (403, "key"), (404, "model"), (400, "request"), (302, "elsewhere")])
def test_what_no_try_mends_is_said_at_once_with_the_remedy(judge_server: Any, status: int, words: str) -> None:
    judge_server.script = [(status, {"Location": judge_server.url}, b"{}")]
    judge = endpoint(judge_server)
    for _ in range(3):
        with pytest.raises(ModelError, match=words) as error:
            judge.choose(ASK, MARKS)
        assert error.value.remedy
    assert len(judge_server.requests) <= 3, "the adjustments of a 400, and none after that"


def test_a_reply_without_a_mark_is_unreadable_and_paid_for(judge_server: Any) -> None:
    """E23"""
    judge_server.script = ["I would rather not say."]
    judge = endpoint(judge_server, price_per_million_prompt_tokens=1.0)
    with pytest.raises(Unreadable, match="no mark"):
        judge.choose(ASK, MARKS)
    assert judge.calls == 1 and judge.spent == pytest.approx(0.001)


def test_spending_stops_at_the_cap(judge_server: Any) -> None:
    """F13: 1,000 tokens at 2 a million are 0.002 a call, so a cap of 0.01 buys five calls; one more would be past it."""
    judge = endpoint(judge_server, price_per_million_prompt_tokens=2.0, cap=0.01)
    for _ in range(5):
        judge.choose(ASK, MARKS)
    for _ in range(15):
        with pytest.raises(ModelError, match=r"cap of 0\.01") as refused:
            judge.choose(ASK, MARKS)
        assert "cap" in refused.value.remedy
    assert len(judge_server.requests) == 5


def test_a_server_that_counts_nothing_is_counted_for(judge_server: Any) -> None:
    """F13: four letters a token, so that a cap holds there, too."""
    judge_server.usage = None
    judge = endpoint(judge_server, price_per_million_prompt_tokens=1e6)
    judge.choose([Message("user", "x" * 400)], MARKS)
    assert judge.spent == pytest.approx(100)


def test_a_key_goes_to_the_server_that_it_was_given_for(judge_server: Any) -> None:
    endpoint(judge_server, key=CANARY).choose(ASK, MARKS)
    assert judge_server.headers[0]["authorization"] == f"Bearer {CANARY}"


def test_no_key_of_this_machine_is_sent_to_an_address_that_somebody_typed(judge_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """F15: nor its organisation, nor the library's talk about this machine."""
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "HF_TOKEN", "BAKEOFF_JUDGE_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, CANARY)
    endpoint(judge_server).choose(ASK, MARKS)
    assert "authorization" not in judge_server.headers[0]
    assert not [name for name, value in judge_server.headers[0].items() if CANARY in value or name.startswith(("x-", "openai"))]


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_a_servers_echo_of_the_key_is_repeated_nowhere(judge_server: Any, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """F16: not in the error, its causes, the object's own words, or any log at its most talkative."""
    caplog.set_level(logging.DEBUG)
    judge_server.script = [(status, {}, f'{{"error": {{"message": "Incorrect API key provided: {CANARY}"}}}}'.encode())]
    judge = endpoint(judge_server, key=CANARY)
    with pytest.raises(ModelError) as error:
        judge.choose(ASK, MARKS)
    said = f"{error.value!r} {error.value} {error.value.__cause__!r} {judge!r}"
    assert CANARY not in said
    assert CANARY not in "".join(record.getMessage() for record in caplog.records)
