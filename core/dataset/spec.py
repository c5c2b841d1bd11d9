"""The `data` section of a plan."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, field_validator, model_validator

from core.dataset.nearness import NEAR_FROM
from core.specs import Spec

HUB_ID = r"^[A-Za-z0-9_.-]{1,96}(/[A-Za-z0-9_.-]{1,96})?$"


class SplitSpec(Spec):
    """Shares of the three splits. Groups and duplicates are never torn apart, so the shares are met as closely as that allows."""

    train: float = Field(default=0.6, ge=0, le=1, description="Share of the rows for training and demonstrations; the shares add up to 1.")
    validation: float = Field(default=0.15, ge=0, le=1, description="Share of the rows for the best checkpoint; the shares add up to 1.")
    test: float = Field(default=0.25, ge=0, le=1, description="Share of the rows that every method is scored on; the shares add up to 1.")
    seed: int = Field(default=7, ge=0, description="Another seed gives another split; the same seed always gives the same one.")

    @model_validator(mode="after")
    def _whole(self) -> SplitSpec:
        total = self.train + self.validation + self.test
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise ValueError(f"train, validation and test must add up to 1, but they add up to {total:g}")
        return self


class FilesSpec(Spec):
    """One file for each split."""

    train: str = Field(min_length=1, description="File with the training rows.")
    validation: str | None = Field(default=None, min_length=1, description="File with the validation rows; by default a share of train.")
    test: str = Field(min_length=1, description="File with the test rows.")


class HubSplitsSpec(Spec):
    """Which splits of a hub data set are ours; benchmarks keep the labels of their test splits secret, so one tests on their validation."""

    train: str = Field(min_length=1, max_length=200, description="Its split with the training rows.")
    validation: str | None = Field(default=None, max_length=200, description="Its split for validation; by default a share of train.")
    test: str = Field(min_length=1, max_length=200, description="Its split with the test rows.")


class HubSpec(Spec):
    """A data set of the Hugging Face hub. No code of its repository is ever run."""

    id: str = Field(pattern=HUB_ID, description="Its id on the hub: organisation/name, or the single name of an old one.")
    name: str | None = Field(default=None, max_length=200, description="Which of its configurations, if it has several.")
    split: str | None = Field(default=None, max_length=200, description="Take this split alone and cut it; by default its own splits stay.")
    splits: HubSplitsSpec | None = Field(default=None, description="Which of its splits is ours: {train: train, test: validation}.")
    revision: str | None = Field(default=None, max_length=200, description="Commit, tag or branch; pin it to make a comparison repeatable.")

    @field_validator("id")
    @classmethod
    def _not_a_path(cls, value: str) -> str:
        if any(not part.strip(".") for part in value.split("/")):
            raise ValueError("must be organisation/name, not a path")
        return value

    @model_validator(mode="after")
    def _one_way_to_split(self) -> HubSpec:
        if self.split is not None and self.splits is not None:
            raise ValueError("must name split or splits, not both")
        return self


class ColumnsSpec(Spec):
    """Which column holds what. Columns that are not named are recognised by their names where that is safe."""

    input: str | None = Field(default=None, description="Column with what each row asks or holds.")
    output: str | None = Field(default=None, description="Column with the right answer.")
    instruction: str | None = Field(default=None, description="Column with what to do, where that differs by row.")
    choices: str | None = Field(default=None, description="Column with the options: a list, or text with | between the options.")
    group: str | None = Field(default=None, description="Column whose equal values must land in the same split.")
    messages: str | None = Field(default=None, description="Column with a chat: a list of {role, content}.")

    def named(self) -> dict[str, str]:
        """Field to column, for those that were given."""
        return {field: column for field, column in self if column is not None}


class LimitSpec(Spec):
    """Caps for a quick try. The first rows of each split's fixed order are kept, so a larger cap only adds rows."""

    train: int | None = Field(default=None, ge=0, description="Keep at most this many training rows.")
    validation: int | None = Field(default=None, ge=0, description="Keep at most this many validation rows.")
    test: int | None = Field(default=None, ge=1, description="Keep at most this many test rows.")


class DataSpec(Spec):
    """Where the examples come from and how they are read."""

    path: str | None = Field(default=None, min_length=1, description="One CSV, TSV, JSON, JSONL or Parquet file, cut into three splits.")
    files: FilesSpec | None = Field(default=None, description="A file for each split: {train, validation, test}; validation is optional.")
    hub: HubSpec | None = Field(default=None, description="A data set of the Hugging Face hub: {id, name, split, revision}.")
    split: SplitSpec = Field(default=SplitSpec(), description="Shares of the splits and the seed.")
    columns: ColumnsSpec = Field(default=ColumnsSpec(), description="Which column is what: {input, output, instruction, choices, group}.")
    instruction: str = Field(default="", max_length=20_000, description="What to do, for data that lack it; {labels} becomes all labels.")
    labels: tuple[str, ...] | None = Field(
        default=None, description="All labels; by default they are found where few short answers recur. Put numbers and yes/no in quotes."
    )
    limit: LimitSpec = Field(default=LimitSpec(), description="Caps for a quick try: {train, validation, test}.")
    near_duplicates: Literal["keep", "drop"] = Field(
        default="keep", description="Rows that an embedder finds near a test item: keep lists them, drop also takes them out of training."
    )
    near_from: float = Field(
        default=NEAR_FROM, gt=0, le=1, description="Cosine similarity from which two texts are near duplicates; usual 0.8 to 0.95."
    )

    @model_validator(mode="after")
    def _one_source(self) -> DataSpec:
        given = [name for name in ("path", "files", "hub") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"must name exactly one of path, files and hub, but names {' and '.join(given) or 'none'}")
        return self

    @field_validator("labels")
    @classmethod
    def _distinct(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is None:
            return None
        labels = tuple(label.strip() for label in value)
        if len(labels) < 2 or not all(labels) or len(set(labels)) < len(labels):
            raise ValueError("must be at least two different labels, none of them empty")
        return labels
