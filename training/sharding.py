"""Weights cut over the processes (FSDP): each layer is gathered when its turn comes, so a base may be larger than one device.

torch's `fully_shard` does the work (Zhao et al. 2023, arXiv:2304.11277); here stands only what is cut, and how checkpoints stay the same
files: they are gathered when written and cut again when read, so a job can go on with another number of processes. Asked for as accelerate
does, by ACCELERATE_USE_FSDP=true (`accelerate launch --use_fsdp`), or under torchrun by the same variable.
"""

from __future__ import annotations

import os
from typing import Any

from core.errors import MethodError

ASKED = "ACCELERATE_USE_FSDP"


def asked() -> bool:
    """Whether weights are to be cut. accelerate is not told, since it would cut and save in its own way."""
    return os.environ.pop(ASKED, "false").lower() in {"true", "1"} and int(os.environ.get("WORLD_SIZE", "1")) > 1


def cut(model: Any, kind: str, device: str) -> None:
    """Cut each layer and then the rest over all processes, in place.

    Raises:
        MethodError: the kind is not one of peft's.
    """
    import torch.distributed
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    if not hasattr(model, "peft_config"):
        raise MethodError(f"Weights can be cut over processes for lora, rslora, dora and ia3; got {kind}.", f"Leave {ASKED} out.")
    mesh = init_device_mesh(device, (torch.distributed.get_world_size(),))
    whole = set(model.get_base_model()._no_split_modules or ())
    for layer in [module for module in model.modules() if type(module).__name__ in whole]:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)


def plain(tensor: Any) -> Any:
    """The whole tensor, gathered where it is cut; all processes must ask for it."""
    return tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor


def like(tensor: Any, other: Any) -> Any:
    """`tensor` cut as `other` is."""
    from torch.distributed.tensor import distribute_tensor

    if not hasattr(other, "full_tensor") or tensor.shape != other.shape:
        return tensor
    return distribute_tensor(tensor.to(other.device), other.device_mesh, other.placements)


class WholeModel:
    """Stands for a cut model where its trained weights are saved or put back. Making one gathers them."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.tensors = {name: plain(weight.detach()).cpu() for name, weight in model.named_parameters() if weight.requires_grad}

    def save_pretrained(self, folder: str, **options: Any) -> None:
        self.model.save_pretrained(folder, state_dict=self.tensors, **options)

    def put_back(self, saved: dict[str, Any]) -> None:
        """Take over what was saved, whose names lack the adapter's."""
        import torch

        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                if weight.requires_grad:
                    weight.copy_(like(saved[name.replace(f".{self.model.active_adapter}", "")], weight))


class WholeOptimizer:
    """Stands for the optimiser of a cut model likewise."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer
        found = optimizer.state_dict()
        state = {place: {name: plain(value) for name, value in entry.items()} for place, entry in found["state"].items()}
        self.whole = {**found, "state": state}

    def state_dict(self) -> dict[str, Any]:
        return self.whole

    def load_state_dict(self, state: dict[str, Any]) -> None:
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        entries = {place: {name: like(value, weights[place]) for name, value in entry.items()} for place, entry in state["state"].items()}
        self.optimizer.load_state_dict({**state, "state": entries})
