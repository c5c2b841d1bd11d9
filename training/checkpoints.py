"""Checkpoints that survive a kill: one folder an epoch, trusted only with a valid MANIFEST; safetensors throughout, nothing pickled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.files import MANIFEST, manifest_fault, write_json, write_manifest, write_whole
from models.whole_weights import WEIGHTS as WHOLE
from models.whole_weights import is_whole
from training import whole_files
from training.events import Finding

if TYPE_CHECKING:
    import torch

FOLDER, WEIGHTS, HISTORY = "checkpoints", "adapter_model.safetensors", "training.json"


class Checkpoint(NamedTuple):
    """`state` is what `save` was given: curves and epoch figures so far."""

    epoch: int
    folder: Path
    state: dict[str, Any]


def save(out: Path, epoch: int, model: Any, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> Path:
    """Write the epoch's weights, optimiser state and history. The MANIFEST comes last."""
    from safetensors.torch import save_file

    folder = epoch_folder(out, epoch)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.save_pretrained(str(folder), safe_serialization=True)
    save_file(_optimizer_tensors(optimizer), folder / "optimizer.safetensors")
    write_json(folder / "state.json", state)
    write_manifest(folder, {"epoch": epoch})
    return folder


def epoch_folder(out: Path, epoch: int) -> Path:
    return out / FOLDER / f"epoch-{epoch:03d}"


class Found(NamedTuple):
    """Where training goes on from, None for anew; and a finding for each checkpoint that could not be trusted."""

    checkpoint: Checkpoint | None
    broken: list[Finding]


def find(out: Path) -> Found:
    """The last checkpoint that is whole, and whose best epoch is. A broken one is set aside, not deleted."""
    faults: list[str] = []
    for folder in sorted((out / FOLDER).glob("epoch-*"), reverse=True):
        epoch = int(folder.name.removeprefix("epoch-"))
        if fault := manifest_fault(folder):
            faults.append(f"The checkpoint of epoch {epoch} is not whole ({fault})")
            _set_aside(folder)
            continue
        if whole_files.is_slim(folder):
            continue
        state: dict[str, Any] = json.loads((folder / "state.json").read_text())
        best = epoch_folder(out, int(state.get("best_epoch") or epoch))
        if best != folder and (fault := manifest_fault(best)):  # going on from here could not end with the weights of the best epoch
            faults.append(f"The checkpoint of epoch {epoch} has no best epoch to end with ({fault})")
            _set_aside(folder)
            continue
        return Found(Checkpoint(epoch, folder, state), _findings(faults, f"goes on from epoch {epoch}"))
    return Found(None, _findings(faults, "begins anew"))


def latest(out: Path) -> Checkpoint | None:
    """Where training goes on from."""
    return find(out).checkpoint


def _findings(faults: list[str], then: str) -> list[Finding]:
    return [Finding("broken", f"{fault}, so it was set aside.", f"Nothing needs to be done: training {then}.") for fault in faults]


def _set_aside(folder: Path) -> None:
    folder.rename(folder.with_name(f"broken-{folder.name}-{len(list(folder.parent.glob('broken-*')))}"))


def restore(checkpoint: Checkpoint, model: Any, optimizer: torch.optim.Optimizer) -> None:
    """Put weights and optimiser state back in place."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    saved = load_file(checkpoint.folder / (WHOLE if is_whole(checkpoint.folder) else WEIGHTS))
    if hasattr(model, "put_back"):
        model.put_back(saved)
    else:
        set_peft_model_state_dict(model, saved)
    tensors = load_file(checkpoint.folder / "optimizer.safetensors")
    state: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, field = name.partition(".")
        state.setdefault(int(index), {})[field] = tensor
    whole = optimizer.state_dict()
    optimizer.load_state_dict({"state": state, "param_groups": whole["param_groups"]})


def keep_needed(out: Path, last: int, best: int) -> None:
    """Keep the last, the best, and what training would go on from if the last were found broken: the one before it, with its own best.

    Of a whole model the one before is not kept, being thrice its size.
    """
    numbers = [int(folder.name.removeprefix("epoch-")) for folder in (out / FOLDER).glob("epoch-*")]
    before = max((number for number in numbers if number < last), default=last)
    folder, needed = epoch_folder(out, before), {last, best}
    if before != last and not is_whole(folder) and not manifest_fault(folder, hashes=False):
        state = json.loads((folder / "state.json").read_text())
        needed |= {before, int(state.get("best_epoch") or before)}
    keep_only(out, needed)


def keep_only(out: Path, epochs: set[int]) -> None:
    """Remove the checkpoints of all other epochs. Of a whole model, what training goes on from stays of the last alone."""
    for folder in (out / FOLDER).glob("epoch-*"):
        epoch = int(folder.name.removeprefix("epoch-"))
        if epoch not in epochs:
            (folder / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(folder)
        elif epoch != max(epochs) and is_whole(folder):
            whole_files.slim(folder)


def finish(out: Path, best_epoch: int, base_id: str, history: dict[str, Any]) -> None:
    """Put the best epoch's weights at the top of `out`, then the history, then drop the checkpoints.

    `training.json` is written last: where it stands, the weights beside it are whole, whenever the process was killed.
    """
    place(epoch_folder(out, best_epoch), out, base_id)
    write_json(out / HISTORY, history)
    (out / "stopped.json").unlink(missing_ok=True)  # the label of an earlier attempt that was stopped; see `training.stopping`
    shutil.rmtree(out / FOLDER)


def place(epoch: Path, out: Path, base_id: str) -> None:
    """Put a checkpoint's weights at the top of `out`."""
    if is_whole(epoch):
        whole_files.settle(epoch, out)
        return
    config = json.loads((epoch / "adapter_config.json").read_text())
    write_json(out / "adapter_config.json", {**config, "base_model_name_or_path": base_id})
    write_whole(out / WEIGHTS, (epoch / WEIGHTS).read_bytes())


def is_finished(out: Path) -> bool:
    """True where an earlier attempt got as far as the history; what it left of its checkpoints is removed."""
    if not ((out / HISTORY).is_file() and any((out / name).is_file() for name in (WEIGHTS, WHOLE))):
        return False
    shutil.rmtree(out / FOLDER, ignore_errors=True)
    return True


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": value.detach().cpu().contiguous().clone() for index, entry in state.items() for name, value in entry.items()}
