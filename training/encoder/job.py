"""What an encoder is told to learn: settings, and rows of text with the place of their label. A job is one JSON file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from core.specs import Spec
from training.schedules import HELP, Schedule


class EncoderSettings(Spec):
    """How encoder and head are tuned. The defaults suit an encoder of 20 to 110 million weights and one to a few thousand rows."""

    epochs: int = Field(
        5,
        ge=1,
        le=100,
        description="How often each training row is seen; usual 3 to 20, more for fewer rows. The epoch with the lowest validation loss is kept.",
    )
    learning_rate: float = Field(
        3e-5, gt=0.0, le=1.0, description="Largest step size, after warm-up; usual 1e-5 to 1e-4 for a whole encoder, less for larger ones."
    )
    batch_size: int = Field(16, ge=1, le=1024, description="Rows whose gradients make one step; usual 8 to 32.")
    warmup_share: float = Field(
        0.1, ge=0.0, le=1.0, description="Share of all steps over which the learning rate rises from 0; usual 0 to 0.1."
    )
    schedule: Schedule = Field("linear", description=HELP)
    early_stopping: int | None = Field(
        None,
        ge=1,
        le=100,
        description="End when the validation loss has not been lower for this many epochs; usual 2 to 5. Empty: train all epochs.",
    )
    stop_after: int | None = Field(
        None,
        ge=1,
        le=100,
        description="End after this many of the epochs, with the learning rates of all of them; what Stop keeps is labelled by it.",
    )
    weight_decay: float = Field(0.01, ge=0.0, le=1.0, description="Pull of the weights towards 0 at each step (AdamW); usual 0 to 0.1.")
    balance: bool = Field(
        False,
        description="Weigh rows so that each label counts alike. Finds rare labels more often; costs accuracy where the test set is as uneven.",
    )
    seed: int = Field(0, ge=0, description="Seed of the order of rows and of dropout.")


class TextRow(Spec):
    """One example: its text, and the place of its label in the job's labels."""

    id: str = Field(description="Id of the example.")
    text: str = Field(description="What the encoder reads.")
    label: int = Field(ge=0, description="Place of its label.")


class EncoderJob(Spec):
    """The file that `python -m training.encoder SPEC` reads."""

    embedder: str = Field(description="The encoder to begin with: embedded/all-minilm-l6-v2, a Hub id or a folder.")
    models_home: Path = Field(description="The store's folder of unpacked models.")
    threads: int = Field(ge=1, description="CPU threads.")
    labels: tuple[str, ...] = Field(min_length=2, description="The labels that occur in the training rows, in order.")
    absent: int = Field(0, ge=0, description="How many labels of the set no training row has; they cannot be learnt.")
    settings: EncoderSettings = Field(description="How it is tuned.")
    train: tuple[TextRow, ...] = Field(min_length=2, description="Rows to learn from.")
    validation: tuple[TextRow, ...] = Field((), description="Rows that choose the best epoch; never trained on.")
    out: Path = Field(description="Folder for the weights; may hold checkpoints of an earlier attempt at the same job.")
