"""The other trainers of the fine-tuning benchmark, each with its own defaults but for what must be equal: rows, kind, rate, steps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks import common
from models.device import Hardware
from models.weights import Source
from training.batches import IGNORED, steps_of
from training.job import TrainingRow
from training.peft_configs import LoraSettings, lora_config


class Trained(NamedTuple):
    """One turn: seconds from the begin of training to the end of the last step, steps, mean training loss, and loss on unseen rows."""

    seconds: float
    steps: int
    loss: float
    validation_loss: float


class Rivals:
    """transformers' Trainer and trl's SFTTrainer on the rows of a contest.

    Args:
        longest: the width that Trainer pads to.
        plain_dtype: Trainer's number type; float32 on a CPU, where that is its default.
    """

    def __init__(
        self, source: Source, tokenizer: Any, pad: int, rows: Sequence[TrainingRow], validation: Sequence[TrainingRow],
        settings: LoraSettings, hardware: Hardware, longest: int,
    ) -> None:  # fmt: skip
        self.source, self.tokenizer, self.pad = source, tokenizer, pad
        self.rows, self.validation = rows, validation
        self.settings, self.hardware, self.longest = settings, hardware, longest
        self.plain_dtype = "float32" if hardware.device == "cpu" else "bfloat16"

    def trainer(self) -> Trained:
        from transformers import Trainer, TrainingArguments

        model, rows = self.plain_with_lora(), [padded(row, self.longest, self.pad) for row in self.rows]
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(output_dir=folder, bf16=self.plain_dtype == "bfloat16", **self.shared_arguments())
            clock = make_clock()
            made: Any = Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[clock])  # type: ignore[arg-type]
            return self.taught(made, clock)

    def trl(self, **packing: Any) -> Trained:
        from datasets import Dataset
        from datasets.utils.logging import disable_progress_bar
        from trl import SFTConfig, SFTTrainer

        disable_progress_bar()
        columns = [{"input_ids": [*row.prompt_ids, *row.completion_ids], "labels": labels_of(row)} for row in self.rows]
        with tempfile.TemporaryDirectory() as folder:
            arguments = SFTConfig(output_dir=folder, **{**self.shared_arguments(), **packing})
            clock = make_clock()
            made = SFTTrainer(
                model=str(self.source.folder), args=arguments, train_dataset=Dataset.from_list(columns), processing_class=self.tokenizer,
                peft_config=lora_config(self.settings), callbacks=[clock],
            )  # fmt: skip
            return self.taught(made, clock)

    def trl_packed(self) -> Trained:
        """Sequences that hold about what a batch holds, so that an epoch has as many steps."""
        return self.trl(packing=True, per_device_train_batch_size=1, max_length=self.packed_length())

    def packed_length(self) -> int:
        """The shortest sequence with which an epoch has the steps of everybody else."""
        lengths, steps = [row.length for row in self.rows], -(-len(self.rows) // self.settings.batch_size)
        length = max(max(lengths), -(-sum(lengths) // steps))
        while len(packed_lengths(lengths, length)) > steps:
            length += 1
        return length

    def taught(self, trainer: Any, clock: Any) -> Trained:
        from transformers import PrinterCallback

        trainer.remove_callback(PrinterCallback)
        said = trainer.train()
        return Trained(
            clock.seconds, int(said.global_step), float(said.training_loss), validation_loss(trainer.model, self.validation, self.pad)
        )

    def shared_arguments(self) -> dict[str, Any]:
        """What must be equal; everything else stays at each trainer's default."""
        return {
            "use_cpu": self.hardware.device == "cpu",
            "num_train_epochs": self.settings.epochs,
            "per_device_train_batch_size": self.settings.batch_size,
            "learning_rate": self.settings.learning_rate,
            "dataloader_pin_memory": False,
            "save_strategy": "no",
            "disable_tqdm": True,
            "report_to": [],
        }

    def plain_with_lora(self) -> Any:
        """The model as anybody loads it, with the first weights that our trainer begins with."""
        import torch
        from peft import get_peft_model

        torch.manual_seed(self.settings.seed)
        plain = common.load_plain(self.source.folder, self.hardware._replace(dtype=self.plain_dtype))
        return get_peft_model(plain.requires_grad_(False), lora_config(self.settings))

    def plain_losses(self, rates: Sequence[float]) -> list[float]:
        """The loss of each step of a loop without any of Bakeoff's savings, in float32, on the same rows in the same order."""
        import torch

        model = self.plain_with_lora()
        model.train()
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(trained, weight_decay=self.settings.weight_decay)
        losses: list[float] = []
        for rows, rate in zip(steps_of(self.rows, self.settings.batch_size, self.settings.seed, epoch=1), rates, strict=True):
            width = max(row.length for row in rows)
            columns = [padded(row, width, self.pad) for row in rows]
            batch = {key: torch.tensor([row[key] for row in columns], device=model.device) for key in columns[0]}
            loss = model(**batch, use_cache=False).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, self.settings.max_grad_norm)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
            losses.append(float(loss.detach()))
        return losses


def packed_lengths(lengths: Sequence[int], most: int) -> list[int]:
    """What is left in each sequence when rows go, longest first, into the fullest one that has room (best fit, as trl packs)."""
    left: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [place for place, room in enumerate(left) if room >= length]
        if fitting:
            left[min(fitting, key=lambda place: left[place])] -= length
        else:
            left.append(most - length)
    return left


def labels_of(row: TrainingRow) -> list[int]:
    return [IGNORED] * len(row.prompt_ids) + list(row.completion_ids)


def padded(row: TrainingRow, width: int, pad: int) -> dict[str, list[int]]:
    """One row padded on the right, labels at every position."""
    ids, rest = [*row.prompt_ids, *row.completion_ids], width - row.length
    return {"input_ids": ids + [pad] * rest, "attention_mask": [1] * len(ids) + [0] * rest, "labels": labels_of(row) + [IGNORED] * rest}


def validation_loss(model: Any, rows: Sequence[TrainingRow], pad: int, at_once: int = 8) -> float:
    """Mean cross-entropy per supervised token, with logits for every position and no saving at all."""
    import torch

    model.eval()
    total, tokens = 0.0, 0
    for start in range(0, len(rows), at_once):
        few = rows[start : start + at_once]
        width, counted = max(row.length for row in few), sum(len(row.completion_ids) for row in few)
        columns = [padded(row, width, pad) for row in few]
        batch = {key: torch.tensor([row[key] for row in columns], device=model.device) for key in columns[0]}
        with torch.no_grad(), torch.autocast(model.device.type, torch.bfloat16, enabled=mixed(model)):
            total += float(model(**batch, use_cache=False).loss) * counted
        tokens += counted
    return total / tokens


def mixed(model: Any) -> bool:
    """Whether weights of two number types are to be multiplied, as where a bfloat16 base has float32 adapters."""
    import torch

    return any(weight.dtype == torch.bfloat16 for weight in model.parameters())


def make_clock() -> Any:
    """A Trainer callback whose `seconds` run from the begin of training to the end of the last step."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        begun = seconds = 0.0

        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            self.begun = time.perf_counter()

        def on_step_end(self, *args: Any, **kwargs: Any) -> None:
            self.seconds = time.perf_counter() - self.begun

    return Clock()
