"""Checkpoints of a run on preferences: the folders and the MANIFEST are the supervised trainer's (`training.checkpoints`), and nothing is pickled.

DPO and the reward model write one an epoch, GRPO one in some steps. Beside adapter and optimiser stands what a run needs to end with the weights
of an uninterrupted one: the random state, a reward model's head, and the place that trl's loop goes on from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import checkpoints

if TYPE_CHECKING:
    import torch

MORE, PLACE = "more.safetensors", "trainer_state.json"
CPU, GPU = "random_cpu", "random_gpu"
NO_PLACE: Callable[[str], None] = lambda path: None  # noqa: E731


class Saved:
    """What `training.checkpoints` asks of a model.

    Args:
        more: further tensors to keep; written over when they are put back.
        place: writes trl's place into the file that it is given.
    """

    def __init__(self, model: Any, more: Mapping[str, torch.Tensor] | None = None, place: Callable[[str], None] = NO_PLACE) -> None:
        self.model, self.more, self.place = model, dict(more or {}), place

    def save_pretrained(self, folder: str, safe_serialization: bool = True) -> None:
        from safetensors.torch import save_file

        self.model.save_pretrained(folder, selected_adapters=["default"], safe_serialization=safe_serialization)
        save_file({name: value.detach().cpu().contiguous() for name, value in (random_state() | self.more).items()}, Path(folder) / MORE)
        self.place(str(Path(folder) / PLACE))

    def put_back(self, saved: dict[str, torch.Tensor]) -> None:
        from peft import set_peft_model_state_dict

        set_peft_model_state_dict(self.model, saved)


def random_state() -> dict[str, torch.Tensor]:
    """Of torch: dropout and drawn answers come from nowhere else."""
    import torch

    gpu = {GPU: torch.cuda.get_rng_state()} if torch.cuda.is_available() else {}
    return {CPU: torch.get_rng_state(), **gpu}


def put_random_state_back(folder: Path) -> dict[str, torch.Tensor]:
    """The further tensors of a checkpoint, its random state being put back."""
    import torch
    from safetensors.torch import load_file

    more = load_file(folder / MORE)
    torch.set_rng_state(more.pop(CPU))
    if (state := more.pop(GPU, None)) is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(state)
    return more


def write(out: Path, number: int, best: int, saved: Saved, optimizer: Any, state: dict[str, Any]) -> None:
    """A checkpoint; those that nothing needs go."""
    checkpoints.save(out, number, saved, optimizer, state)
    checkpoints.keep_needed(out, number, best)
