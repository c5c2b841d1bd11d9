"""What DPO and GRPO share: a policy to hand to trl, and arguments for any machine.

trl is asked for nothing but the losses and the loop. Prompts and answers reach it as ids, made by the codec that inference uses. Its own
checkpoints hold pickled optimisers, so that ours stand in their place: see `training.preference.recorder`.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import MethodError
from core.files import write_json
from models import device
from models.chat import ChatCodec, load_codec
from models.memory import reset_peak
from models.transformers_backend import load_weights
from models.weights import locate
from training import schedules
from training.peft_configs import LoraSettings, kinds
from training.preference.job import PreferenceJob
from training.preference.settings import AdapterSettings

HISTORY = "training.json"
INSTALL = "Install it: pip install 'trl>=1.16,<2'."


def check_installed(kind: str) -> None:
    """Raises:
    MethodError: trl is not installed.
    """
    if importlib.util.find_spec("trl") is None:
        raise MethodError(f"{kind} needs the package trl, which is not installed.", INSTALL)


def library(name: str = "trl") -> Any:
    """A library whose types say too little."""
    return importlib.import_module(name)


class Policy(NamedTuple):
    """A model whose adapter is trained, and its tokenizer's codec."""

    model: Any
    codec: ChatCodec
    hardware: device.Hardware


def policy(job: PreferenceJob, settings: AdapterSettings) -> Policy:
    """The base with a new adapter, or with the supervised one that the job names."""
    import torch
    from peft import PeftModel

    hardware = device.choose(job.base.dtype, job.base.threads)
    reset_peak(hardware.device)
    torch.set_num_threads(hardware.threads)
    torch.manual_seed(settings.seed)
    source = locate(job.base.id, job.base.revision, job.models_home)
    base = load_weights(source, hardware, job.base.weights)
    if base.config.is_encoder_decoder:
        raise MethodError("Preferences can be trained into decoder-only models; this one has an encoder.", "Choose a decoder-only model.")
    if job.start is None:
        model = kinds.get("lora").wrap(base, lora(settings))
    else:
        model = PeftModel.from_pretrained(base, str(job.start), is_trainable=True, use_safetensors=True)
    return Policy(model, load_codec(source.folder), hardware)


def lora(settings: AdapterSettings) -> LoraSettings:
    return LoraSettings(rank=settings.rank, alpha=settings.alpha, dropout=settings.dropout)


def arguments(settings: AdapterSettings, hardware: device.Hardware, out: Path) -> dict[str, Any]:
    """What all of trl's configs are told."""
    gpu = hardware.device != "cpu"
    return {
        "output_dir": str(out / "trainer"),
        "learning_rate": settings.learning_rate,
        "max_grad_norm": settings.max_grad_norm,
        "seed": settings.seed,
        "use_cpu": not gpu,
        "bf16": gpu and hardware.dtype == "bfloat16",
        "fp16": gpu and hardware.dtype == "float16",
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
    }


def optimizers(model: Any, settings: AdapterSettings, steps: int) -> tuple[Any, Any]:
    """Optimiser and schedule of the other trainers; transformers' own warm-up would give the first step a rate of 0.

    Args:
        steps: of the whole training.
    """
    import torch

    def share(done: int) -> float:
        return schedules.rate(min(done + 1, steps), steps, largest=1.0, warmup_share=settings.warmup_share, schedule=settings.schedule)

    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=settings.learning_rate, weight_decay=0.0)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, share)


def tokenizer(codec: ChatCodec) -> Any:
    """The codec's tokenizer as trl wants it: with a padding token, on the left."""
    tokenizer = codec.tokenizer
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token_id = codec.pad
    return tokenizer


def save_adapter(model: Any, job: PreferenceJob) -> None:
    """The trained adapter alone, naming the base by its id and no path of this machine."""
    import json

    model.save_pretrained(str(job.out), selected_adapters=["default"], safe_serialization=True)
    path = job.out / "adapter_config.json"
    write_json(path, {**json.loads(path.read_text()), "base_model_name_or_path": job.base.id})
    (job.out / "README.md").unlink(missing_ok=True)
