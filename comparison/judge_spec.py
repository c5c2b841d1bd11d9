"""The plan's `judge` section, and the folder's `judge.json`, which says by which judge a finished comparison was judged again.

A key is never part of it: where one is found, the section is refused by a message that does not repeat it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from core.errors import PlanError
from core.files import write_json
from core.specs import Spec, read_spec
from evaluation.judge import MOST_RUBRIC, check_rubric
from models.address import check_form
from models.endpoint import EndpointSpec

SAME = "same"
JUDGE_FILE = "judge.json"
SECRETS = ("key", "api_key", "apikey", "token", "password", "authorization", "secret", "bearer")


class JudgeSpec(Spec):
    """A model that grades each answer beside the reference."""

    model: str = Field(
        SAME, min_length=1, description="same: the base model of the comparison grades, too; else a Hub id or a local folder."
    )
    revision: str | None = Field(None, description="The Hub revision of another model.")
    endpoint: EndpointSpec | None = Field(None, description="Grade by an OpenAI-compatible server instead: {url, model}.")
    scale: int = Field(5, ge=2, le=9, description="Grades go from 1 to this; usual 5.")
    rubric: str = Field("", max_length=MOST_RUBRIC, description="What each mark stands for, 1 being the worst; empty for our own.")
    pairwise: bool = Field(False, description="Also ask which of two methods' answers is better, in both orders.")
    certificate_items: int = Field(
        24, ge=1, le=500, description="Test references that the judge is checked on before it counts; about 9 calls each."
    )

    @property
    def is_base(self) -> bool:
        """Whether the base model judges itself."""
        return self.endpoint is None and self.model == SAME


def check_section(section: Any, where: str = "judge") -> None:
    """Refuse a section that holds a key, before anything repeats or keeps it.

    Raises:
        PlanError: as above.
    """
    if not isinstance(section, Mapping):
        return
    for name, value in section.items():
        if str(name).lower().replace("-", "_") in SECRETS:
            raise PlanError(
                f"{where}.{name} must not stand in a plan, which is stored and shown.",
                "Give the key by BAKEOFF_JUDGE_KEY or the page's field.",
            )
        check_section(value, f"{where}.{name}")
        if isinstance(value, str) and (name == "url" or ("://" in value and name != "rubric")):
            check_form(value, f"{where}.{name}")


def check_judge(spec: JudgeSpec | None) -> None:
    """What the fields alone cannot tell.

    Raises:
        PlanError: the rubric speaks of another scale, two judges are named, or a cap has no prices to be counted by.
    """
    if spec is None:
        return
    if spec.rubric:
        check_rubric(spec.rubric, spec.scale)
    if spec.endpoint is None:
        return
    if spec.model != SAME:
        raise PlanError(f"judge must be one model; it names '{spec.model}' and an endpoint.", "Leave out judge.model or judge.endpoint.")
    prices = spec.endpoint.price_per_million_prompt_tokens + spec.endpoint.price_per_million_answer_tokens
    if spec.endpoint.cap is not None and not prices:
        raise PlanError(
            "judge.endpoint.cap needs prices to be counted by; none is given.",
            "Give judge.endpoint.price_per_million_prompt_tokens and price_per_million_answer_tokens.",
        )


def read_section(section: Mapping[str, Any]) -> JudgeSpec:
    """A section alone, checked like a plan's.

    Raises:
        PlanError: the first thing that is wrong with it.
    """
    check_section(section)
    spec = read_spec(JudgeSpec, section, "judge")
    check_judge(spec)
    return spec


def kept_section(folder: Path, plan: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """By which judge a comparison was judged last: `judge.json`, else the plan's; None for none."""
    import json

    path = folder / JUDGE_FILE
    if path.is_file():
        kept: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    section: Mapping[str, Any] | None = plan.get("judge")
    return section


def keep_section(folder: Path, section: Mapping[str, Any]) -> None:
    write_json(folder / JUDGE_FILE, dict(section))
