"""A model behind an OpenAI-compatible server, as a judge: vLLM, TGI, `transformers serve`, a provider.

It is asked for log-probabilities of the first word where the server offers them, else for a reply of a few tokens that is read strictly.
What goes wrong is said, not averaged: each call is tried five times at most, with the pause that the server asks for; what stays without a
mark is unscored with the reason. After three calls in a row without an answer the server counts as down and is not asked again.

The key lives in memory alone: no message, log or file repeats it or what a server says, since servers repeat keys. Money is counted by the
server's own count of tokens; no call is begun once the cap is reached, so it is passed by one call at most.
"""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.errors import ModelError
from core.records import Message
from core.specs import Spec
from models import address
from models.choosing import Unreadable, option_in

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletion

TRIES = 5
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
DOWN_AFTER = 3
MOST_TOP = (20, 5)
CERTAIN_SHARE = 0.5


class EndpointSpec(Spec):
    """Where the judge is asked. The key is no part of a plan: it comes by BAKEOFF_JUDGE_KEY or the page's field."""

    url: str = Field(min_length=1, max_length=500, description="Address of the server up to /v1, as in https://host/v1.")
    model: str = Field(min_length=1, max_length=200, description="The server's name of the model.")
    price_per_million_prompt_tokens: float = Field(0.0, ge=0, description="What a million tokens read cost, in any currency.")
    price_per_million_answer_tokens: float = Field(0.0, ge=0, description="What a million tokens written cost, in the same currency.")
    cap: float | None = Field(None, gt=0, description="Most that one comparison may spend on the judge, in that currency; needs prices.")
    timeout_s: float = Field(60.0, gt=0, le=600, description="Seconds to wait for one reply; usual 30 to 120.")
    max_tokens: int = Field(
        16, ge=1, le=4096, description="Longest reply where the server gives no log-probabilities; more for models that think."
    )


class Again(Exception):
    """Another try may help; `pause_s` is what the server asks for."""

    def __init__(self, reason: str, pause_s: float | None = None) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


class Hopeless(Exception):
    """No further call of this run will be answered; its text is (message, remedy)."""


@dataclass
class Endpoint:
    """A `Chooser`. One call at a time.

    Attributes:
        key: "" sends no Authorization header.
        public_only: ask public addresses only.
        spent: money so far, that of earlier starts included.
        calls: replies that were paid for since this was made.
    """

    spec: EndpointSpec
    key: str = field(default="", repr=False)
    public_only: bool = False
    spent: float = 0.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    lookup: address.Resolve = field(default=address.resolve, repr=False)
    calls: int = 0
    _client: OpenAI | None = field(default=None, repr=False)
    _broken: tuple[str, str] | None = None
    _unanswered: int = 0

    def __post_init__(self) -> None:
        self.options: dict[str, Any] = {
            "logprobs": True,
            "top_logprobs": MOST_TOP[0],
            "temperature": 0.0,
            "max_tokens": self.spec.max_tokens,
        }

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        """See `Chooser`.

        Raises:
            Unreadable: the reply holds no choice.
            ModelError: there is no reply, or no money left for one.
        """
        if self.spec.cap is not None and self.spent >= self.spec.cap:
            raise ModelError(
                f"the cap of {self.spec.cap:g} for the judge is spent.",
                "Raise judge.endpoint.cap and judge again; what is paid for is kept.",
            )
        if self._broken is not None:
            raise ModelError(*self._broken)
        try:
            reply = self._reply([{"role": m.role, "content": m.content} for m in messages])
        except Hopeless as error:
            self._broken = (error.args[0], error.args[1])
            raise ModelError(*self._broken) from None
        except Again as error:
            self._unanswered += 1
            problem = (f"the judge's endpoint {error} ({TRIES} tries).", "Try again later.")
            if self._unanswered >= DOWN_AFTER:
                self._broken = problem
            raise ModelError(*problem) from None
        self._unanswered = 0
        return chosen(reply, options)

    def _reply(self, messages: list[dict[str, str]]) -> ChatCompletion:
        tries, pause_s = 0, FIRST_PAUSE_S
        while True:
            try:
                return self._ask(messages)
            except Again as error:
                tries += 1
                if tries == TRIES:
                    raise
                wait_s = pause_s if error.pause_s is None else error.pause_s
                if wait_s > LONGEST_PAUSE_S:
                    raise Hopeless(f"the judge's endpoint asks to wait {wait_s:.0f} s.", "Judge again later.") from None
                self.sleep(wait_s)
                pause_s *= 2

    def _ask(self, messages: list[dict[str, str]]) -> ChatCompletion:
        import openai

        try:
            while True:
                try:
                    found: Any = self._connected().chat.completions.create(model=self.spec.model, messages=messages, **self.options)  # type: ignore[arg-type]
                    break
                except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                    if not self._adjusted(str(error).lower()):
                        raise
        except openai.APITimeoutError:
            raise Again(f"did not answer within {self.spec.timeout_s:g} s") from None
        except openai.APIStatusError as error:
            raise _trouble(error.status_code, error.response.headers.get("retry-after")) from None
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, ModelError):
                raise Hopeless(error.__cause__.message, error.__cause__.remedy) from None
            raise Again("cannot be reached, or broke off") from None
        except (openai.OpenAIError, ValueError):
            raise Again("answered with something that is not JSON") from None
        return self._checked(found, messages)

    def _checked(self, found: Any, messages: list[dict[str, str]]) -> ChatCompletion:
        """The reply, paid for."""
        if isinstance(found, str) or not hasattr(found, "choices"):
            raise Again("answered with a page instead of JSON")
        usage = getattr(found, "usage", None)
        read = getattr(usage, "prompt_tokens", None) or sum(len(m["content"]) for m in messages) / 4
        written = getattr(usage, "completion_tokens", None) or 1
        prices = self.spec.price_per_million_prompt_tokens, self.spec.price_per_million_answer_tokens
        self.spent += (read * prices[0] + written * prices[1]) / 1e6
        self.calls += 1
        if not found.choices or getattr(found.choices[0], "message", None) is None:
            raise Again("answered without any choice")
        reply: ChatCompletion = found
        return reply

    def _adjusted(self, complaint: str) -> bool:
        """Leave out what this server does not know, once and for all; False where nothing is left to leave out."""
        if "max_completion_tokens" in complaint and "max_tokens" in self.options:
            self.options["max_completion_tokens"] = self.options.pop("max_tokens")
        elif "temperature" in complaint and "temperature" in self.options:
            del self.options["temperature"]
        elif self.options.get("top_logprobs") == MOST_TOP[0] and "top_logprobs" in complaint:
            self.options["top_logprobs"] = MOST_TOP[1]
        elif "logprobs" in self.options:
            del self.options["logprobs"], self.options["top_logprobs"]
        else:
            return False
        return True

    def _connected(self) -> OpenAI:
        if self._client is None:
            import openai

            http = address.client(self.spec.timeout_s, has_key=bool(self.key), public_only=self.public_only, lookup=self.lookup)
            # Without a key the library would look for one in this machine's environment.
            self._client = openai.OpenAI(
                api_key=self.key or "none", base_url=self.spec.url, http_client=http, max_retries=0, timeout=self.spec.timeout_s
            )
        return self._client


def _trouble(status: int, retry_after: str | None) -> Exception:
    if status in (408, 409, 425, 429) or status >= 500:
        said = {429: "asks for patience (429)"}.get(status, f"failed ({status})")
        return Again(said, seconds(retry_after))
    if status in (401, 403):
        return Hopeless(f"the judge's endpoint refuses the key ({status}).", "Give a valid one by BAKEOFF_JUDGE_KEY or the page's field.")
    if status == 404:
        return Hopeless(
            "the judge's endpoint has no such address or model (404).", "Check judge.endpoint.url, which mostly ends in /v1, and its model."
        )
    if 300 <= status < 400:
        return Hopeless(
            f"the judge's endpoint sends elsewhere ({status}), which is not followed.", "Name the address itself in judge.endpoint.url."
        )
    return Hopeless(f"the judge's endpoint refuses the request ({status}).", "See whether it serves chat completions of this model.")


def seconds(retry_after: str | None, now: float | None = None) -> float | None:
    """A Retry-After header, as seconds from now; None where it says nothing."""
    if not retry_after:
        return None
    try:
        wait_s = float(retry_after)
    except ValueError:
        try:
            wait_s = email.utils.parsedate_to_datetime(retry_after).timestamp() - (time.time() if now is None else now)
        except (ValueError, TypeError):
            return None
    return max(0.0, wait_s) if math.isfinite(wait_s) else None


def chosen(reply: ChatCompletion, options: Sequence[str]) -> tuple[float, ...]:
    """Log-probabilities of the options from a reply: the server's own where it gives them, else certainty of the one that is written.

    Raises:
        Unreadable: neither tells.
    """
    choice = reply.choices[0]
    words = (choice.logprobs.content if choice.logprobs else None) or []
    if words and words[0].top_logprobs:
        found = {place: -math.inf for place in range(len(options))}
        for top in words[0].top_logprobs:
            text = top.token.strip()
            if text in options:  # "4" and " 4" are one mark
                place = options.index(text)
                found[place] = math.log(math.exp(found[place]) + math.exp(min(0.0, top.logprob)))
        if sum(math.exp(value) for value in found.values()) >= CERTAIN_SHARE:
            return tuple(found.values())
    said = choice.message.content
    place_written = option_in(said, options) if isinstance(said, str) else None
    if place_written is None:
        cut = " (it was cut: raise judge.endpoint.max_tokens)" if choice.finish_reason == "length" else ""
        raise Unreadable(f"the judge's reply holds no mark{cut}")
    return tuple(0.0 if place == place_written else -math.inf for place in range(len(options)))
