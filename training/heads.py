"""A linear head over fixed vectors: multinomial logistic regression (scikit-learn's, L-BFGS), with its penalty chosen on validation rows.

The loss is convex, so there is one best head for given rows and no seed. Its only setting is the pull of the weights towards 0; left open, it is
the one of a few with the lowest loss on rows that were not trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.errors import StoreError

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
USUAL_PENALTY = 0.1
"""Taken where there are no validation rows to choose by."""
MOST_ITERATIONS = 2000
WEIGHTS = "head.safetensors"


class Head(NamedTuple):
    """`weights` (labels, dimension) and `bias` (labels,), float32."""

    weights: np.ndarray
    bias: np.ndarray

    def probabilities(self, vectors: np.ndarray) -> np.ndarray:
        """Shape (rows, labels), float64; each row sums to 1."""
        logits = vectors.astype(np.float64) @ self.weights.T.astype(np.float64) + self.bias
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
        return shares

    @property
    def parameters(self) -> int:
        return int(self.weights.size + self.bias.size)


class Rows(NamedTuple):
    """`vectors` (rows, dimension) float32, and the place of each row's label."""

    vectors: np.ndarray
    classes: Sequence[int]


@dataclass(frozen=True)
class Tried:
    """One penalty, and the mean cross-entropy (nats) and accuracy of its head. Validation's are None without validation rows."""

    penalty: float
    train_loss: float
    validation_loss: float | None
    validation_accuracy: float | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Fitted(NamedTuple):
    """The head that was chosen, its penalty, and all that were tried."""

    head: Head
    penalty: float
    tried: tuple[Tried, ...]


def fit_best(train: Rows, validation: Rows, labels: int, penalty: float | None, balance: bool) -> Fitted:
    """Fit a head for the penalty, or for each of `PENALTIES` where none is given and there are validation rows.

    Args:
        labels: how many; each has at least one training row.
        balance: weigh rows so that each label counts alike.
    """
    open_choice = penalty is None and len(validation.classes) > 0
    candidates = PENALTIES if open_choice else (USUAL_PENALTY if penalty is None else penalty,)
    heads = [fit(train, labels, candidate, balance) for candidate in candidates]
    tried = tuple(_tried(head, candidate, train, validation) for head, candidate in zip(heads, candidates, strict=True))
    best = min(range(len(tried)), key=lambda place: (tried[place].validation_loss or 0.0) if open_choice else place)
    return Fitted(heads[best], candidates[best], tried)


def fit(train: Rows, labels: int, penalty: float, balance: bool) -> Head:
    """The head that minimises summed cross-entropy plus penalty / 2 x the squared length of its weights."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / penalty, max_iter=MOST_ITERATIONS, class_weight="balanced" if balance else None)
    model.fit(train.vectors.astype(np.float64), np.asarray(train.classes))
    weights, bias = model.coef_, model.intercept_
    if labels == 2:  # scikit-learn keeps one row for two labels: that of the second
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.concatenate([np.zeros_like(bias), bias])
    return Head(weights.astype(np.float32), bias.astype(np.float32))


def spread(classes: Sequence[int], most: int) -> list[int]:
    """Places of at most `most` rows in order: the first row of each class, however many there are, and others evenly between."""
    first = {of_class: place for place, of_class in reversed(list(enumerate(classes)))}
    count = min(most, len(classes))
    evenly = {round(step * (len(classes) - 1) / max(count - 1, 1)) for step in range(count)}
    more = sorted(evenly - set(first.values()))
    return sorted([*first.values(), *more[: max(most - len(first), 0)]])


def cross_entropy(probabilities: np.ndarray, classes: Sequence[int]) -> float:
    """Mean over the rows, in nats."""
    chosen = probabilities[np.arange(len(classes)), np.asarray(classes)]
    return float(-np.log(np.maximum(chosen, np.finfo(np.float64).tiny)).mean())


def _tried(head: Head, penalty: float, train: Rows, validation: Rows) -> Tried:
    train_loss = cross_entropy(head.probabilities(train.vectors), train.classes)
    if not len(validation.classes):
        return Tried(penalty, train_loss, None, None)
    found = head.probabilities(validation.vectors)
    accuracy = float((found.argmax(axis=1) == np.asarray(validation.classes)).mean())
    return Tried(penalty, train_loss, cross_entropy(found, validation.classes), accuracy)


def save(head: Head, folder: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"weights": np.ascontiguousarray(head.weights), "bias": np.ascontiguousarray(head.bias)}, folder / WEIGHTS)


def load(folder: Path) -> Head:
    """Raises:
    StoreError: the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(folder / WEIGHTS)
        return Head(tensors["weights"], tensors["bias"])
    except (OSError, SafetensorError, KeyError) as error:
        raise StoreError(f"The head in {folder.name} cannot be read.", "Delete that folder and run again.") from error
