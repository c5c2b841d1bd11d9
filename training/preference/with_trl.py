"""What DPO and GRPO share: a policy to hand to trl, arguments for any machine, and its log turned into our events.

trl is asked for nothing but the losses and the loop. Prompts and answers reach it as ids, made by the codec that inference uses, and what it
would write (checkpoints with pickled optimisers) is switched off: the adapter alone is kept, as safetensors.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from core.errors import MethodError
from core.files import write_json
from models import device
from models.chat import ChatCodec, load_codec
from models.memory import peak_mb, reset_peak
from models.transformers_backend import load_weights
from models.weights import locate
from training import schedules
from training.peft_configs import LoraSettings, kinds
from training.preference.events import Epoch, History, Step, Tell, checked
from training.preference.job import DpoJob, GrpoJob, PreferenceJob
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
        return schedules.rate(min(done + 1, steps), steps, largest=1.0, warmup_share=settings.warmup_share)

    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=settings.learning_rate, weight_decay=0.0)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, share)


def tokenizer(codec: ChatCodec) -> Any:
    """The codec's tokenizer as trl wants it: with a padding token, on the left."""
    tokenizer = codec.tokenizer
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token_id = codec.pad
    return tokenizer


class Recorder:
    """Turns trl's log into events and history, and keeps the weights of the best epoch."""

    def __init__(self, job: DpoJob | GrpoJob, policy: Policy, tell: Tell) -> None:
        self.job, self.policy, self.tell = job, policy, tell
        self.model = policy.model
        self.history = History(trainable_params=sum(p.numel() for p in self.model.parameters() if p.requires_grad))
        self.best: dict[str, Any] | None = None
        self.best_loss = math.inf
        self.started = time.monotonic()

    def logged(self, state: Any, logs: dict[str, Any]) -> None:
        """One call of trl's log: a step, or the figures of an evaluation."""
        if "eval_loss" in logs:
            self._epoch(state, logs)
        elif "loss" in logs:
            step = Step(
                step=int(state.global_step),
                steps=int(state.max_steps),
                epoch=max(1, math.ceil(float(state.epoch or 1) - 1e-9)),
                loss=checked(float(logs["loss"]), int(state.global_step)),
                learning_rate=float(logs.get("learning_rate", 0.0)),
                grad_norm=number(logs, "grad_norm"),
                reward_accuracy=number(logs, "rewards/accuracies"),
                reward_margin=number(logs, "rewards/margins"),
                reward=number(logs, "reward"),
                kl=number(logs, "kl"),
                answer_tokens=number(logs, "completions/mean_length"),
            )
            self.history.curves.append(asdict(step))
            self.tell(step)

    def _epoch(self, state: Any, logs: dict[str, Any]) -> None:
        number_ = round(float(state.epoch or 0))
        ended = Epoch(number_, number(logs, "eval_loss"), number(logs, "eval_rewards/accuracies"), number(logs, "eval_rewards/margins"))
        self.history.epochs.append(asdict(ended))
        if ended.validation_loss is not None and ended.validation_loss < self.best_loss:
            self.best_loss, self.history.best_epoch = ended.validation_loss, number_
            self.history.held_out = self._held_out(ended.validation_reward_accuracy)
            self.best = {name: p.detach().clone() for name, p in self.model.named_parameters() if p.requires_grad}
        self.tell(ended)

    def _held_out(self, accuracy: float | None) -> dict[str, int] | None:
        pairs = len(self.job.held_out) if isinstance(self.job, DpoJob) else 0
        return {"pairs": pairs, "right": round(accuracy * pairs)} if accuracy is not None and pairs else None

    def finish(self) -> None:
        """Write the best weights, then the history; the history's presence says that all is there."""
        import torch

        if self.best is not None:
            with torch.no_grad():
                for name, parameter in self.model.named_parameters():
                    if name in self.best:
                        parameter.copy_(self.best[name])
        self.history.best_epoch = self.history.best_epoch or int(getattr(self.job.settings, "epochs", 1))
        self.history.seconds = time.monotonic() - self.started
        self.history.peak_memory_mb = peak_mb(self.policy.hardware.device)
        save_adapter(self.model, self.job)
        shutil.rmtree(self.job.out / "trainer", ignore_errors=True)
        write_json(self.job.out / HISTORY, self.history.to_json())


def number(logs: dict[str, Any], name: str) -> float | None:
    """A figure of the log; None where it is absent or no number."""
    value = logs.get(name)
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def save_adapter(model: Any, job: PreferenceJob) -> None:
    """The trained adapter alone, naming the base by its id and no path of this machine."""
    import json

    model.save_pretrained(str(job.out), selected_adapters=["default"], safe_serialization=True)
    path = job.out / "adapter_config.json"
    write_json(path, {**json.loads(path.read_text()), "base_model_name_or_path": job.base.id})
    (job.out / "README.md").unlink(missing_ok=True)


def callback(recorder: Recorder) -> Any:
    """trl's end of the recorder."""
    from transformers import TrainerCallback

    class Listening(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            recorder.logged(state, logs or {})

    return Listening()


def run(trainer: Any, recorder: Recorder, after: Callable[[], None] = lambda: None) -> None:
    """Train, and write what came out."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    trainer.train()
    after()
    recorder.finish()
