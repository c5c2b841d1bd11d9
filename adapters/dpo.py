"""DPO: a fine-tune on pairs of answers, of which one was preferred (direct preference optimisation, Rafailov et al. 2023, arXiv:2305.18290)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from adapters.base import MethodSpec, Recipe, Setting, methods
from adapters.pairing import base_answers, paired
from adapters.preferred import Preferred, PreferredSpec
from adapters.prompts import word
from adapters.retrieved import PassageFinder, passages_inputs
from adapters.teaching import Taught, TeacherSettings, check_teacher, lesson, teacher_recipe
from core.errors import MethodError
from core.fingerprint import fingerprint
from training.preference.job import DpoJob
from training.preference.settings import DpoSettings


class DpoSpec(DpoSettings, TeacherSettings, PreferredSpec):
    """Preference tuning on votes, or on synthetic pairs; with a teacher its answers are the chosen ones of these."""

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
        answers = base_answers(self.spec, setting, lambda earlier: self._finder(setting, earlier), about)
        teacher = teacher_recipe(self.spec, setting, word, lambda earlier: self._finder(setting, earlier), {"template": "chat", **about})
        return {**({"answers": answers} if answers else {}), **({"teacher": teacher} if teacher else {})}

    def check(self, setting: Setting) -> None:
        super().check(setting)
        check_teacher(self.spec.kind, self.spec, setting)
        if self.spec.teacher and self.spec.pairs:
            raise MethodError(
                "dpo.pairs brings chosen answers along, so there is nothing for dpo.teacher to answer.", "Leave pairs out, or teacher."
            )

    def taught(self, setting: Setting, paths: Mapping[str, Path]) -> Taught:
        """The setting with what is chosen; the references without a teacher."""
        return lesson(self.spec, setting, [paths["teacher"]] if "teacher" in paths else [])

    def measured(self, setting: Setting, earlier: Sequence[Path]) -> tuple[str, ...]:
        """Hashes of the held-out pairs that its validation loss is of, given the paths of the recipes before the weights."""
        paths = dict(zip(self.parts(setting), earlier, strict=True))
        held_out = paired(self.spec, self.taught(setting, paths).setting, self._finder(setting, earlier), paths.get("answers")).held_out
        return tuple(fingerprint([pair.id, pair.chosen_ids, pair.rejected_ids]) for pair in held_out if pair.length <= self.spec.max_tokens)

    def job(self, setting: Setting, finder: PassageFinder | None, paths: dict[str, Path], folder: Path) -> tuple[DpoJob, dict[str, Any]]:
        taught = self.taught(setting, paths)
        found = paired(self.spec, taught.setting, finder, paths.get("answers"))
        job = DpoJob(
            base=setting.model,
            models_home=setting.models_home,
            start=paths.get("start"),
            out=folder,
            settings=self.spec.training(),
            train=found.train,
            held_out=found.held_out,
        )
        return job, {**found.record, **({"teacher": taught.record} if taught.record else {})}

    def _finder(self, setting: Setting, earlier: Sequence[Path]) -> PassageFinder | None:
        return self.finder(setting, earlier) if self.spec.with_retrieval else None


methods.add("dpo", Dpo)
