"""DPO: a fine-tune on pairs of answers, of which one was preferred (direct preference optimisation, Rafailov et al. 2023, arXiv:2305.18290)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, Recipe, Setting, methods
from adapters.pairing import base_answers, paired
from adapters.preferred import Preferred, PreferredSpec
from adapters.retrieved import PassageFinder, passages_inputs
from training.preference.job import DpoJob
from training.preference.settings import DpoSettings


class DpoSpec(DpoSettings, PreferredSpec):
    """Preference tuning on votes, or on synthetic pairs."""

    kind: Literal["dpo"] = Field("dpo", description="Preference tuning on votes, or on synthetic pairs.")

    def training(self) -> DpoSettings:
        return DpoSettings(**{name: getattr(self, name) for name in DpoSettings.model_fields})


class Dpo(Preferred):
    """See the module's docstring."""

    Spec: ClassVar[type[MethodSpec]] = DpoSpec

    def before(self, setting: Setting, index: Recipe | None) -> dict[str, Recipe]:
        about: dict[str, Any] = {"index": [index.fingerprint] if index else []}
        fit = {"passages_fit": min(self.spec.prompt_cap, setting.prompt_budget)}
        about |= {**passages_inputs(self.spec, setting), **fit} if index else {}
        answers = base_answers(
            self.spec, setting, lambda earlier: self.finder(setting, earlier) if self.spec.with_retrieval else None, about
        )
        return {"answers": answers} if answers else {}

    def job(self, setting: Setting, finder: PassageFinder | None, paths: dict[str, Path], folder: Path) -> tuple[DpoJob, dict[str, Any]]:
        found = paired(self.spec, setting, finder, paths.get("answers"))
        job = DpoJob(
            base=setting.model,
            models_home=setting.models_home,
            start=paths.get("start"),
            out=folder,
            settings=self.spec.training(),
            train=found.train,
            held_out=found.held_out,
        )
        return job, found.record


methods.add("dpo", Dpo)
