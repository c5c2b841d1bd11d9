"""What an adaptation method is: a spec, artefacts that are prepared once, and a prompt for each example.

RAG and fine-tuning have the same shape: `recipes` says which artefacts are needed (an index, weights) and how each is built;
`bind` turns the built ones into something that words prompts. A prompt-only method has no recipes. A direct method is bound to
something that answers by itself: no language model is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from pydantic import Field

from core.dataset import RowsOfFile
from core.dataset.pairs import PairsOfFile
from core.errors import ModelError
from core.records import Document, Example, Grounds, Passage, Prompt
from core.registry import Registry
from core.specs import Spec
from models.base import Codec, Embedder, GenerationConfig, LanguageModel, ModelIdentity
from models.loading import ModelSpec
from models.quantised import Weights

NAME_PATTERN = r"^[a-z0-9_-]{1,40}$"


class MethodSpec(Spec):
    """Settings that every method has."""

    trains: ClassVar[bool] = False
    """Whether it trains weights, and is offered where weights are trained."""

    kind: str = Field(description="Which method; see `python -m comparison methods`.")
    name: str | None = Field(
        None, pattern=NAME_PATTERN, description="A unique name for tables; by default the kind, then kind-2 and so on."
    )
    weights: Weights = Field(
        "auto",
        description="Bits of the base's weights in memory: auto as the model says (usually 16 or 32), int8, or nf4 (4 bits). The last two need "
        "bitsandbytes. A fine-tune is then trained on the very quantised base that answers; those of a whole model need auto.",
    )

    def unset(self) -> set[str]:
        """Settings that came after the first version and stand at their default: no key holds them, so that earlier work is found again."""
        return set()


@dataclass(frozen=True)
class Setting:
    """What a method may draw on. Test examples are not in it, so no method can look at them.

    Attributes:
        instruction: the instruction if all examples share one, else "".
        train, validation: examples that were cleared of everything that also stands in the test set.
        model_key: identity of the model; known without loading weights.
        codec, embedder, language_model: loaded at the first call, so that reused work loads nothing; the last is the untuned model itself.
        model, models_home: what a fine-tune needs to load the model in a process of its own.
        virtual_tokens: how many learnt tokens stand before each prompt; they take up room in the model's context.
        labels: the task's label set; empty for free text.
        general: rows to rehearse, cleared of test items; None for those that come with the project.
        mixes: further training rows by `MixSpec.key`, cleared of test items as well.
        pairs: preference pairs by the path that a spec names, cleared of test items.
        questions: what the test items ask, without references: for methods that prepare the questions themselves.
        gold: which of the passages hold each example's reference, the nearest to its question first; examples without one are absent.
    """

    instruction: str
    train: Sequence[Example]
    validation: Sequence[Example]
    documents: Sequence[Document]
    model_key: ModelIdentity
    embedder_id: str
    codec: Callable[[], Codec]
    embedder: Callable[[], Embedder]
    generation: GenerationConfig = field(default_factory=lambda: GenerationConfig())
    model: ModelSpec = field(default_factory=lambda: ModelSpec())
    models_home: Path = Path("models")
    virtual_tokens: int = 0
    labels: tuple[str, ...] = ()
    mixes: Mapping[str, RowsOfFile] = field(default_factory=dict)
    general: RowsOfFile | None = None
    pairs: Mapping[str, PairsOfFile] = field(default_factory=dict)
    gold: Callable[[Sequence[Example], Sequence[Passage]], Mapping[str, Sequence[Passage]]] = lambda examples, passages: {}
    language_model: Callable[[], LanguageModel] = field(default=lambda: _no_model())
    questions: tuple[str, ...] = ()

    @property
    def prompt_budget(self) -> int:
        """Most tokens that a prompt may have."""
        return self.model_key.context_length - self.generation.max_new_tokens - self.virtual_tokens


def _no_model() -> LanguageModel:
    """A setting that was made without a model must not answer with another one."""
    raise ModelError("Training rows are to be answered, but this setting was made without a model.", "Give Setting.language_model.")


@dataclass(frozen=True)
class Progress:
    """Something that `build` wants shown.

    Attributes:
        stage: a few words ("embedding", "training").
        done, total: how far it is, in `unit`s.
        values: figures of this moment ("loss": 0.42), for curves.
        note: a sentence that is to be kept; then nothing else is told.
    """

    stage: str
    done: int = 0
    total: int = 0
    unit: str = ""
    values: dict[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Recipe:
    """An artefact to build, or to find again by its fingerprint.

    Attributes:
        kind: "index" of passages, "queries": what the model makes of questions, "weights", "vectors" of training questions, "screening": what
            the untuned model says of training rows, "answers" of a model to training rows, a "reward" model, or weights to "start" from.
        fingerprint: hash of everything that goes into it.
        inputs: what went into it, readable; kept beside it.
        build: writes it into a folder that may hold the checkpoints of an earlier attempt; is given the paths of the recipes before it.
    """

    kind: Literal["index", "queries", "weights", "vectors", "screening", "answers", "reward", "start"]
    fingerprint: str
    inputs: dict[str, Any]
    build: Callable[[Path, Sequence[Path]], Iterator[Progress]]


class Bound(Protocol):
    """A method that is ready to ask. `adapter` is the folder of trained weights, or None for the base model."""

    @property
    def adapter(self) -> Path | None: ...

    def prompts(self, examples: Sequence[Example]) -> list[Prompt]:
        """One prompt for each example, in order."""
        ...


class DirectAnswer(NamedTuple):
    """What a direct method says to one example, and what that rests on."""

    text: str
    grounds: Grounds


@runtime_checkable
class Direct(Protocol):
    """A method that answers by itself. `adapter` is always None: the language model is not asked, so it has no weights of it either."""

    @property
    def adapter(self) -> None: ...

    def refuse(self, example: Example) -> str:
        """Why this example cannot be answered; "" where it can. Loads nothing."""
        ...

    def answer(self, examples: Sequence[Example]) -> list[DirectAnswer]:
        """One answer for each example, in order; what is answered beside an example changes nothing."""
        ...


class Method(Protocol):
    """One way of adapting a model."""

    Spec: ClassVar[type[MethodSpec]]

    def __init__(self, spec: Any) -> None: ...

    @property
    def spec(self) -> MethodSpec: ...

    def check(self, setting: Setting) -> None:
        """Refuse what cannot work with these data, before anything is run.

        Raises:
            MethodError: says what is missing and how to mend it.
        """
        ...

    def recipes(self, setting: Setting) -> list[Recipe]:
        """Artefacts to prepare, in order. Empty for prompt-only methods. Must not load models."""
        ...

    def bind(self, setting: Setting, artefacts: Sequence[Path]) -> Bound | Direct:
        """Ready to word prompts, or to answer, given the built artefacts in the order of `recipes`."""
        ...


methods: Registry[type[Method]] = Registry("method")
