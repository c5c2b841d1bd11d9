"""A base and what was trained beside it, made one model, with the proof that it answers as the two did (E20).

Merging adds the update to the base's weights and rounds the sum to their number type, which the adapter on its base never does. So the folder
that was written is loaded again, and its logits are held against those of the adapter on the base: a model that differs by more than that rounding
is refused and nothing is kept.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.errors import MethodError, PlanError
from models.base import Ids
from models.whole_weights import copy_tokenizer, is_whole

if TYPE_CHECKING:
    from models.transformers_backend import TransformersModel

TOLERANCE = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 5e-2}
"""Largest mean difference of logits, as a share of their spread. LoRA on the embedded model: 3e-6 in float32, 4e-2 in bfloat16, whose eight
bits lose much of a small update; QLoRA there 1e-1, which is refused."""
BEFORE_THE_PROMPT = ("PROMPT_TUNING", "PREFIX_TUNING", "P_TUNING")
NOT_THE_MODELS = ("MANIFEST.json", "training.json", "preparation.json", "job.json", "trainer.log")


class Merged(NamedTuple):
    """How much the logits differ, as a share of their spread, and how much they may."""

    difference: float
    tolerance: float


def refuse(adapter: Path, out: Path) -> None:
    """Refuse before anything is loaded.

    Raises:
        PlanError: the output is there already.
        MethodError: what was trained is not a change of the base's weights.
    """
    from models.virtual_tokens import adapter_config

    refuse_existing(out)
    form = str(adapter_config(adapter).get("peft_type", ""))
    if form in BEFORE_THE_PROMPT:
        raise MethodError(
            f"{form.replace('_', ' ').lower()} changes no weight of the base, so there is nothing to merge: it is tokens before the prompt.",
            "Hand out the adapter: python -m comparison adapter ID METHOD --output X.zip.",
        )


def refuse_existing(out: Path) -> None:
    """Raises:
    PlanError: something is there that would be written over, or there is no folder to write into.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise PlanError(f"--output must name something new; {out.name} is there already.", "Name another, or move it away.")
    if not out.absolute().parent.is_dir():
        raise PlanError(f"--output must lie in a folder that exists; there is no {out.absolute().parent.name}.", "Make the folder first.")


def merge(model: TransformersModel, adapter: Path, out: Path, probes: Sequence[Ids]) -> Merged:
    """Write the merged model, with its tokenizer, as a folder that transformers reads by itself.

    Args:
        model: the base as it answers.
        probes: prompts whose logits are compared.

    Raises:
        PlanError: `out` is there already.
        MethodError: it cannot be merged, or the merged model's logits differ.
    """
    refuse(adapter, out)
    work = out.with_name(f".{out.name}.merging")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        wanted = [_logits(model, probe, adapter) for probe in probes]
        if is_whole(adapter):
            _copy(adapter, work)
        else:
            _write(model, adapter, work)
        copy_tokenizer(model.source.folder, work)
        found = _compared(model, work, probes, wanted)
        if not found.difference <= found.tolerance:
            raise MethodError(
                f"The merged model answers otherwise than the adapter on its base: logits differ by {found.difference:.3g} of their spread; "
                f"at most {found.tolerance:g} may come of rounding in {model.hardware.dtype}.",
                "Use the adapter on its base, or train and merge with model.dtype: float32.",
            )
        if out.exists():
            out.rmdir()
        work.rename(out)
        return found
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _logits(model: TransformersModel, probe: Ids, adapter: Path | None) -> Any:
    with model.lock:
        return model.adapters._logits(probe, adapter).float()


def _copy(folder: Path, work: Path) -> None:
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name not in NOT_THE_MODELS and not path.name.startswith("."):
            shutil.copyfile(path, work / path.name)


def _write(model: TransformersModel, adapter: Path, work: Path) -> None:
    """The adapter beside a second copy of the base, whose layers become whole again where they were quantised."""
    from peft import PeftModel

    from models.quantised import weights_of
    from models.transformers_backend import load_weights

    held = weights_of(model.module)
    base = load_weights(model.source, model.hardware, held)
    if held != "auto":
        base = base.dequantize(dtype=model.module.dtype)
    merged: Any = PeftModel.from_pretrained(base, str(adapter), use_safetensors=True).merge_and_unload(safe_merge=True)
    merged.hf_quantizer = None
    if hasattr(merged.config, "quantization_config"):
        del merged.config.quantization_config
    merged.save_pretrained(str(work), safe_serialization=True)


def _compared(model: TransformersModel, folder: Path, probes: Sequence[Ids], wanted: Sequence[Any]) -> Merged:
    from models.transformers_backend import load_weights
    from models.weights import Source

    twin = copy.copy(model.adapters)
    twin.base = load_weights(Source(folder, ""), model.hardware)
    shares = [
        float((twin._logits(probe, None).float() - before).abs().mean() / before.std())
        for probe, before in zip(probes, wanted, strict=True)
    ]
    return Merged(max(shares, default=0.0), TOLERANCE[model.hardware.dtype])
