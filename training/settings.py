"""How weights are trained: what every trainable kind can be told. Those of one kind alone stand beside it in `training.peft_configs`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.specs import Spec
from training.schedules import HELP, Schedule


class TrainingSettings(Spec):
    """How weights of any kind are trained. The defaults learn a short-answer task from one to a few hundred rows on two CPU cores in minutes."""

    epochs: int = Field(
        3,
        ge=1,
        le=100,
        description="How often each training row is seen; usual 1 to 10. The epoch with the lowest validation loss is kept.",
    )
    learning_rate: float = Field(
        1e-3, gt=0.0, le=1.0, description="Largest step size, after warm-up; usual 1e-4 to 2e-3 for LoRA on small models."
    )
    batch_size: int = Field(4, ge=1, le=1024, description="Rows whose gradients make one step; usual 4 to 32.")
    micro_batch_size: int | None = Field(
        None, ge=1, le=1024, description="Rows computed at once; fewer than batch_size saves memory and changes no result."
    )
    gradient_checkpointing: Literal["auto", "on", "off"] = Field(
        "auto",
        description="Compute activations twice instead of keeping them: slower, less memory, same result. auto: where they would not fit.",
    )
    packing: bool = Field(
        False, description="Compute a step's rows in one sequence without padding; no row sees another, and the result stays the same."
    )
    pack_tokens: int = Field(
        1024, ge=16, le=131072, description="Most tokens of a packed sequence; a longer row has one of its own. Usual 512 to 8192."
    )
    warmup_share: float = Field(
        0.1, ge=0.0, le=1.0, description="Share of all steps over which the learning rate rises from 0; usual 0 to 0.1."
    )
    schedule: Schedule = Field("linear", description=HELP)
    early_stopping: int | None = Field(
        None,
        ge=1,
        le=100,
        description="End when the validation loss has not been lower for this many epochs; usual 1 to 3. Empty: train all epochs.",
    )
    stop_after: int | None = Field(
        None,
        ge=1,
        le=100,
        description="End after this many of the epochs, with the learning rates of all of them; what Stop keeps is labelled by it.",
    )
    weight_decay: float = Field(0.0, ge=0.0, le=1.0, description="Pull of trained weights towards 0 at each step (AdamW); usual 0 to 0.1.")
    weight_decay_to_base: float = Field(
        0.0,
        ge=0.0,
        le=1000.0,
        description="Pull of what training has changed back towards the base: each step scales it by 1 - learning rate * this; usual 1 to 50. "
        "Against forgetting.",
    )
    rehearsal_alpha: float = Field(
        0.0,
        ge=0.0,
        le=0.9,
        description="Mix general rows into each step: loss = this * general + (1 - this) * task; usual 0.1 to 0.5. Against forgetting.",
    )
    max_grad_norm: float = Field(1.0, gt=0.0, description="Gradients longer than this are scaled down to it.")
    max_tokens: int = Field(1024, ge=16, le=131072, description="Rows with more tokens than this are left out and counted.")
    seed: int = Field(0, ge=0, description="Seed of the order of rows, of the first weights and of dropout.")
