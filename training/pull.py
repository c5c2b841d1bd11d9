"""Weight decay towards the base: after each step, what training has changed shrinks a little (L2-SP; Li et al. 2018, arXiv:1802.01483, decoupled
from the gradient as in AdamW; Loshchilov & Hutter 2019, arXiv:1711.05101).

    W - W0  <-  max(0, 1 - rate * strength) * (W - W0)

with W0 the base's weights and `rate` the learning rate of the step. What that is for each kind:

- full fine-tuning: every weight, towards the value that it had in the base, of which a copy is kept in memory;
- LoRA, rsLoRA, QLoRA: the update is scale * B A, and B begins at 0, so shrinking B by the factor shrinks the update by just it; A stays;
- DoRA: B likewise, and the magnitudes towards the base's column norms; together they have the base as their rest, though not in a line;
- IA3: the vectors towards 1, with which the base is unchanged;
- a new head (a classifier's): towards its first, random values, since the base has none;
- soft prompts and prefixes change no weight of the base, so there is nothing to pull, and it is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.errors import MethodError
from training.prompt_learning import VirtualTokenSettings
from training.settings import TrainingSettings

if TYPE_CHECKING:
    import torch

FREE = ("lora_A", "lora_embedding_A")
"""Parts of names of weights that are left alone: without their other half they change nothing."""


def refuse(settings: TrainingSettings) -> None:
    """Raises:
    MethodError: this kind changes no weight of the base.
    """
    if settings.weight_decay_to_base and isinstance(settings, VirtualTokenSettings):
        raise MethodError(
            f"weight_decay_to_base must be 0 for soft prompts and prefixes, which change no weight of the base; "
            f"got {settings.weight_decay_to_base:g}.",
            "Set it to 0, or take a kind that changes weights.",
        )


class Pull:
    """Holds what the trained weights were before the first step; make it before a checkpoint is put back.

    Args:
        strength: `weight_decay_to_base`; with 0 nothing is held and nothing is done.
    """

    def __init__(self, model: Any, strength: float) -> None:
        self.strength = strength
        self.held: list[tuple[torch.Tensor, torch.Tensor | None]] = []
        if not strength:
            return
        for name, weight in model.named_parameters():
            if not weight.requires_grad or any(part in name for part in FREE):
                continue
            self.held.append((weight, weight.detach().clone() if bool(weight.any()) else None))

    def apply(self, rate: float) -> None:
        """Shrink what has changed, after a step at this learning rate."""
        import torch

        if not self.held:
            return
        kept = max(0.0, 1.0 - rate * self.strength)
        with torch.no_grad():
            for weight, start in self.held:
                if start is None:
                    weight.mul_(kept)
                else:
                    weight.copy_(start + kept * (weight - start))
