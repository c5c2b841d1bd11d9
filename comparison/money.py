"""What answers and methods cost in money, at prices that the user gives: per hour of the machine, per million tokens, or both added up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from core.errors import PlanError
from core.specs import Spec


class PricesSpec(Spec):
    """Prices, in one currency."""

    per_hour: float | None = Field(None, ge=0, le=1e6, description="Of the machine, for each hour of preparing and answering.")
    per_million_prompt_tokens: float | None = Field(None, ge=0, le=1e6, description="Of an endpoint, for tokens that it reads.")
    per_million_completion_tokens: float | None = Field(None, ge=0, le=1e6, description="Of an endpoint, for tokens that it writes.")
    currency: str = Field("EUR", min_length=1, max_length=8, description="Only printed beside the numbers.")

    @property
    def given(self) -> bool:
        return any(price is not None for price in (self.per_hour, self.per_million_prompt_tokens, self.per_million_completion_tokens))


class LimitsSpec(Spec):
    """What an answer may take: the verdict then also names the best method within it."""

    seconds_per_answer: float | None = Field(None, gt=0, le=1e6, description="Most seconds for one answer in its batch.")
    cost_per_1000: float | None = Field(None, gt=0, le=1e9, description="Most money for 1,000 answers, in the currency of `prices`.")

    @property
    def given(self) -> bool:
        return self.seconds_per_answer is not None or self.cost_per_1000 is not None


def check_limits(prices: PricesSpec, limits: LimitsSpec) -> None:
    """Raises:
    PlanError: money is limited, and nothing has a price.
    """
    if limits.cost_per_1000 is not None and not prices.given:
        raise PlanError("limits.cost_per_1000 must have prices to go by; there are none.", "Add prices: {per_hour: 0.5}, or per token.")


def answering_s(cost: Mapping[str, Any]) -> float | None:
    """Seconds that all answers took: looking up passages and wording prompts (absent in old reports), then generating."""
    generated = cost.get("generate_s")
    return None if generated is None else float(generated) + float(cost.get("word_s") or 0.0)


def priced(cost: Mapping[str, Any], n: int, prices: PricesSpec) -> dict[str, Any] | None:
    """The ledger's `money`: `prepare` once, `per_1000` answers, and `total` of this comparison; None without prices or answers.

    prepare = prepare_s / 3600 x per_hour; one answer = seconds / 3600 x per_hour + tokens read and written / 1e6 x their prices.
    Preparing reads and writes no tokens of an endpoint, so only its hours count.
    """
    seconds, read, written = answering_s(cost), cost.get("prompt_tokens"), cost.get("completion_tokens")
    if not prices.given or not n or seconds is None or read is None or written is None:
        return None
    hourly = (prices.per_hour or 0.0) / 3600
    prepare = float(cost.get("prepare_s") or 0.0) * hourly
    tokens = read * (prices.per_million_prompt_tokens or 0.0) + written * (prices.per_million_completion_tokens or 0.0)
    answers = seconds * hourly + tokens / 1e6
    money = {"prepare": prepare, "per_1000": 1000 * answers / n, "total": prepare + answers}
    return {**{name: float(f"{value:.6g}") for name, value in money.items()}, "currency": prices.currency}
