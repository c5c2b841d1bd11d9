"""What can be known wrong before work begins: data, documents, model, and each method's settings against them. Stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adapters.base import Method, Setting, methods
from comparison.environment import fixed
from comparison.gold import holding
from comparison.judging import check_there
from comparison.leaks import InDocuments, in_documents
from comparison.loaded import Loaded
from comparison.mixing import mixed_rows
from comparison.near import Nearness
from comparison.pairing import guarded_pairs
from comparison.plan import Plan
from comparison.rehearsing import rehearsed
from comparison.sweep import check_rows
from comparison.vectors import Vectors
from core.dataset import Dataset, RowsOfFile, cleaned, load_dataset
from core.errors import DataError, MethodError, ModelError, PlanError
from core.fingerprint import fingerprint
from core.records import Document
from models.base import ModelIdentity
from models.loading import ModelSpec, embedder_key, identify
from retrieval.documents import load_documents

NAMED_FILES = 3
"""Files that were not read whole, of which the notes of a comparison tell one by one."""


@dataclass
class Ready:
    """A plan with all that it names at hand; no weights are loaded.

    Attributes:
        skipped: documents that were not read, each {path, reason}.
        notes: what loading has to say, filled while the run goes on.
        nearness: finds near duplicates with the plan's embedder.
        planted: what was found in the documents before it was cut out; None where they stay as they are, and are searched when the run begins.
    """

    plan: Plan
    dataset: Dataset
    documents: tuple[Document, ...]
    skipped: tuple[dict[str, str], ...]
    identity: ModelIdentity
    loaded: Loaded
    setting: Setting
    methods: dict[str, Method]
    nearness: Nearness
    notes: list[str] = field(default_factory=list)
    planted: InDocuments | None = None

    def of(self, method: Method) -> Ready:
        """The same with the base as this method asks for it: its weights may be held in few bits."""
        setting = on_its_base(self.setting, self.loaded, method)
        if setting is self.setting:
            return self
        return replace(self, identity=setting.model_key, loaded=self.loaded.held_in(setting.model.weights), setting=setting)

    @property
    def documents_fingerprint(self) -> str:
        return fingerprint([[document.id, document.text] for document in self.documents])


def make_ready(plan: Plan, models_home: Path, environment: Mapping[str, Any] | None = None) -> Ready:
    """Load data and documents, identify the model, and let each method check its settings.

    Args:
        environment: what the first start of this comparison stated, on resuming.

    Raises:
        BakeoffError: the first thing that is wrong, with the remedy.
    """
    spec: ModelSpec = fixed(plan.spec.model, dict(environment) if environment else None)
    notes: list[str] = []
    loaded = Loaded(spec, models_home, notes.append)
    embedder_id = embedder_key_if_there(spec.embedder, models_home)
    nearness = Nearness(Vectors(models_home, embedder_id, loaded.embedder), plan.spec.data.near_from)
    dataset = load_dataset(plan.spec.data, Path("/"), nearness.rows)
    if not dataset.test:
        raise DataError("There are no test items, so nothing can be compared.", "Raise data.split.test or give more rows.")
    if plan.spec.sweep is not None:
        check_rows(len(dataset.validation))
    documents, skipped, partly = _documents(plan)
    notes += partly
    planted = None
    if plan.spec.knowledge is not None and plan.spec.knowledge.drop_leaks:
        planted = in_documents(dataset, documents, nearness)
        documents = cleaned(documents, planted.planted.spans())
    identity = identify(spec, models_home)
    check_there(plan.spec.judge, identity, spec, models_home)
    setting = Setting(
        instruction=dataset.instruction,
        train=dataset.train,
        validation=dataset.validation,
        documents=documents,
        model_key=identity,
        embedder_id=embedder_id,
        codec=loaded.codec,
        embedder=loaded.embedder,
        generation=plan.spec.generation,
        model=spec,
        models_home=models_home,
        labels=dataset.labels,
        mixes=mixed_rows(plan, dataset, nearness),
        pairs=guarded_pairs(plan, dataset, nearness),
        gold=lambda examples, passages: holding(examples, passages, dataset.labels),
        language_model=loaded.model,
        questions=tuple(example.question for example in dataset.test),
        general=_general(plan, dataset, nearness),
    )
    checked = _checked(plan, setting, loaded)
    return Ready(plan, dataset, documents, skipped, identity, loaded, setting, checked, nearness, notes, planted)


def _general(plan: Plan, dataset: Dataset, nearness: Nearness) -> RowsOfFile | None:
    """What is rehearsed, where some method does; cleared as the other files that are trained on."""
    if not any(getattr(spec, "rehearsal_alpha", 0) for spec in plan.methods):
        return None
    return rehearsed(plan.spec.rehearsal, dataset, nearness.rows if plan.spec.data.near_duplicates == "drop" else None)


def on_its_base(setting: Setting, loaded: Loaded, method: Method) -> Setting:
    """The setting with the base as the method's `weights` asks for it.

    Raises:
        ModelError: the base cannot be held so here.
    """
    weights = method.spec.weights
    if weights in ("auto", setting.model.weights):
        return setting
    own = loaded.held_in(weights)
    return replace(setting, model=own.spec, model_key=identify(own.spec, setting.models_home), language_model=own.model)


def embedder_key_if_there(embedder_id: str, models_home: Path) -> str:
    """The id alone where the embedder is not there: what needs it will say so, and the rest of the plan does without."""
    try:
        return embedder_key(embedder_id, models_home)
    except ModelError:
        return embedder_id


def _documents(plan: Plan) -> tuple[tuple[Document, ...], tuple[dict[str, str], ...], list[str]]:
    """The documents, the files that were not read, and a note on each that was not read whole."""
    if plan.spec.knowledge is None:
        return (), (), []
    found = load_documents(Path(plan.spec.knowledge.path), plan.spec.knowledge.text_column)
    partly = [f"{file.path} was not read whole: {'; '.join(file.notes)}." for file in found.partly]
    left = len(partly) - NAMED_FILES
    more = [f"{left} more file{'s were' if left > 1 else ' was'} not read whole."] if left > 0 else []
    skipped = tuple({"path": s.path, "reason": s.reason} for s in found.skipped)
    return tuple(found.documents), skipped, [*partly[:NAMED_FILES], *more]


def _checked(plan: Plan, setting: Setting, loaded: Loaded) -> dict[str, Method]:
    """All methods by name. What cannot work with these data is the plan's fault, and nothing is stored for it."""
    made = {str(spec.name): methods.get(spec.kind)(spec) for spec in plan.methods}
    for method in made.values():
        try:
            method.check(on_its_base(setting, loaded, method))
        except MethodError as error:
            raise PlanError(error.message, error.remedy) from error
    return made
