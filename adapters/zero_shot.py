"""Zero-shot: the instruction and the question, nothing else. What every other method has to beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from adapters.base import Bound, MethodSpec, Recipe, Setting, methods
from adapters.prompts import plain
from core.records import Example, Prompt


class ZeroShotSpec(MethodSpec):
    """The bare question."""

    kind: Literal["zero_shot"] = Field("zero_shot", description="The instruction and the question, without demonstrations or passages.")


@dataclass
class BoundZeroShot:
    """Words bare prompts. `adapter` is set by tuned methods, which ask in the same words."""

    setting: Setting
    adapter: Path | None = None

    def prompts(self, examples: Sequence[Example]) -> list[Prompt]:
        setting, codec = self.setting, self.setting.codec()
        return [plain(example, setting.instruction, codec, setting.prompt_budget) for example in examples]


class ZeroShot:
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = ZeroShotSpec

    def __init__(self, spec: ZeroShotSpec) -> None:
        self.spec = spec

    def check(self, setting: Setting) -> None:
        """Nothing can be missing."""

    def recipes(self, setting: Setting) -> list[Recipe]:
        return []

    def bind(self, setting: Setting, artefacts: Sequence[Path]) -> Bound:
        return BoundZeroShot(setting)


methods.add("zero_shot", ZeroShot)
