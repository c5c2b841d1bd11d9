"""How fast LoRA trains: `python -m benchmarks.finetuning [--with-trl] [--json PATH]`, in supervised tokens a second.

The same rows, rank, layers, batch size, learning rate and number of optimiser steps for everybody, in one process and in turns:

    Trainer    transformers' Trainer in float32, rows padded on the right to `--max-tokens`
    trl        trl's SFTTrainer with its defaults (bf16 autocast, gradient checkpointing, padding to the longest row of a batch)
    Bakeoff    training.loop, in the number type that the app chooses (bf16 autocast where the processor is fast at it)

All three take the loss on the answers' tokens alone, and each turn is one epoch over the same rows, so its supervised tokens are equal.
Loading the model is not counted, nor is writing the weights. With `--dtype float32` the losses of Bakeoff's steps are printed beside those
of a plain loop over the same rows (padded on the right, logits for every position): the speed must not come from another sum.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.prompts import word
from benchmarks import common
from benchmarks.common import EXAMPLES, Timed
from comparison.store import default_home
from models.base import Codec
from models.device import Hardware, choose
from models.loading import DEFAULT_MODEL, ModelSpec, load_codec
from models.weights import Source, locate
from training.batches import IGNORED, steps_of
from training.job import TrainingJob, TrainingRow
from training.loop import Step, train
from training.peft_configs import LoraSettings, lora_config

TRAINER, TRL, OURS = "Trainer, padded, float32", "trl, defaults", "Bakeoff"
TRL_REQUIREMENT = "trl>=1.16,<2"


def training_rows(codec: Codec, count: int, longest: int, with_passages: bool) -> tuple[TrainingRow, ...]:
    """Training examples of the three tasks in turn, worded as `lora` words them.

    Args:
        longest: most tokens of a row; longer ones are left out.
        with_passages: fill every second row up with a passage of its documents, as `lora` with retrieval does.
    """
    tasks = [common.read_task(name) for name in EXAMPLES]
    examples = [(example, task) for place in range(max(len(t.dataset.train) for t in tasks)) for task in tasks
                for example in task.dataset.train[place : place + 1]]  # fmt: skip
    rows: list[TrainingRow] = []
    source = random.Random(0)
    for place, (example, task) in enumerate(examples):
        answer = codec.completion_ids(example.reference)
        chat = word(example, task.dataset.instruction)
        if with_passages and place % 2:
            room = source.randint(longest // 2, longest) - len(answer)
            chat = common.excerpted(example, task, codec, room, start=place * 997)
        row = TrainingRow(id=f"{place:04d}", prompt_ids=codec.prompt_ids(chat), completion_ids=answer)
        if row.length <= longest:
            rows.append(row)
    if len(rows) < count:
        raise SystemExit(f"--steps × --batch-size must be at most the {len(rows)} rows within --max-tokens; got {count}.")
    return tuple(rows[:count])


def supervised(rows: Sequence[TrainingRow]) -> int:
    return sum(len(row.completion_ids) for row in rows)


class Contest:
    """What all sides are given."""

    def __init__(self, options: argparse.Namespace) -> None:
        import torch

        self.home = default_home() / "models"
        self.base = ModelSpec(id=options.model, dtype=options.dtype, threads=options.threads)
        self.hardware: Hardware = choose(options.dtype, options.threads)
        torch.set_num_threads(self.hardware.threads)
        self.source: Source = locate(options.model, None, self.home)
        self.codec: Any = load_codec(self.base, self.home)
        self.longest: int = options.max_tokens
        self.settings = LoraSettings(
            rank=8, epochs=1, batch_size=options.batch_size, learning_rate=1e-3, warmup_share=0.0, max_tokens=options.max_tokens
        )
        self.rows = training_rows(self.codec, options.steps * options.batch_size, self.longest, options.with_passages)
        self.tokens = supervised(self.rows)

    def our_steps(self) -> list[Step]:
        """One epoch of the app's own trainer."""
        with tempfile.TemporaryDirectory() as folder:
            job = TrainingJob(base=self.base, models_home=self.home, settings=self.settings, train=self.rows, out=Path(folder))
            return [event for event in train(job) if isinstance(event, Step)]

    def ours(self) -> Timed:
        steps = self.our_steps()
        return self.timed(sum(step.seconds for step in steps), sum(step.loss * step.tokens for step in steps) / self.tokens)

    def trainer(self) -> Timed:
        from transformers import PrinterCallback, Trainer, TrainingArguments

        model = self.plain_with_lora()
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(output_dir=folder, **self.shared_arguments())
            clock = make_clock()
            rows: Any = [padded(row, self.longest, self.codec.pad) for row in self.rows]
            trainer = Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[clock])
            trainer.remove_callback(PrinterCallback)
            said = trainer.train()
        return self.timed(clock.seconds, said.training_loss)

    def trl(self) -> Timed:
        from datasets import Dataset
        from datasets.utils.logging import disable_progress_bar
        from transformers import PrinterCallback
        from trl import SFTConfig, SFTTrainer

        disable_progress_bar()
        rows = Dataset.from_list(
            [{key: value for key, value in padded(row, row.length, 0).items() if key != "attention_mask"} for row in self.rows]
        )
        with tempfile.TemporaryDirectory() as folder:
            arguments = SFTConfig(output_dir=folder, **self.shared_arguments())
            clock = make_clock()
            config = lora_config(self.settings)
            trainer = SFTTrainer(
                model=str(self.source.folder), args=arguments, train_dataset=rows, processing_class=self.codec.tokenizer,
                peft_config=config, callbacks=[clock],
            )  # fmt: skip
            trainer.remove_callback(PrinterCallback)
            said = trainer.train()
        return self.timed(clock.seconds, said.training_loss)

    def shared_arguments(self) -> dict[str, Any]:
        """What must be equal; everything else stays at each trainer's default."""
        return {
            "use_cpu": self.hardware.device == "cpu",
            "num_train_epochs": 1,
            "per_device_train_batch_size": self.settings.batch_size,
            "learning_rate": self.settings.learning_rate,
            "dataloader_pin_memory": False,
            "save_strategy": "no",
            "disable_tqdm": True,
            "report_to": [],
        }

    def plain_with_lora(self) -> Any:
        """The model in float32 with the first weights that our trainer begins with."""
        import torch
        from peft import get_peft_model

        torch.manual_seed(self.settings.seed)
        plain = common.load_plain(self.source.folder, self.hardware._replace(dtype="float32"))
        return get_peft_model(plain.requires_grad_(False), lora_config(self.settings))

    def timed(self, seconds: float, loss: float) -> Timed:
        return Timed(self.tokens, seconds, {"s per step": seconds / (len(self.rows) / self.settings.batch_size), "mean loss": loss})


def padded(row: TrainingRow, width: int, pad: int) -> dict[str, list[int]]:
    """One row padded on the right, labels at every position."""
    ids, rest = [*row.prompt_ids, *row.completion_ids], width - row.length
    labels = [IGNORED] * len(row.prompt_ids) + list(row.completion_ids)
    return {"input_ids": ids + [pad] * rest, "attention_mask": [1] * len(ids) + [0] * rest, "labels": labels + [IGNORED] * rest}


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


def plain_losses(contest: Contest, rates: Sequence[float]) -> list[float]:
    """The loss of each step of a loop without any of Bakeoff's savings, in float32, on the same rows in the same order."""
    import torch

    model = contest.plain_with_lora()
    model.train()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, weight_decay=contest.settings.weight_decay)
    losses: list[float] = []
    steps = steps_of(contest.rows, contest.settings.batch_size, contest.settings.seed, epoch=1)
    for rows, rate in zip(steps, rates, strict=True):
        width = max(row.length for row in rows)
        columns = [padded(row, width, contest.codec.pad) for row in rows]
        batch = {key: torch.tensor([row[key] for row in columns], device=model.device) for key in columns[0]}
        loss = model(**batch, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, contest.settings.max_grad_norm)
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def check_losses(contest: Contest) -> list[dict[str, Any]]:
    ours = contest.our_steps()
    plain = plain_losses(contest, [step.learning_rate for step in ours])
    apart = [abs(step.loss - loss) for step, loss in zip(ours, plain, strict=True)]
    rows: list[dict[str, Any]] = [
        {"step": step.step, "Bakeoff": f"{step.loss:.6f}", "plain loop": f"{loss:.6f}", "difference": difference}
        for step, loss, difference in zip(ours, plain, apart, strict=True)
    ]
    print(f"\n**Losses in float32**\n\n{common.markdown(rows)}\n\nLargest difference: {max(apart):.1e} nats.\n", flush=True)
    return rows


def measure(contest: Contest, options: argparse.Namespace) -> dict[str, Any]:
    sides: dict[str, common.Side] = {TRAINER: contest.trainer}
    if options.with_trl:
        sides[TRL] = contest.trl
    sides[OURS] = contest.ours
    rows = common.summarise(common.take_turns(sides, options.rounds), "supervised tokens", TRAINER, OURS)
    about = f"{len(contest.rows)} rows of {common.spread([row.length for row in contest.rows])}, {contest.tokens} supervised tokens; "
    about += f"{options.steps} steps of {options.batch_size} rows; Bakeoff in {contest.hardware.dtype}"
    print(f"\n**LoRA, rank {contest.settings.rank}** ({about})\n\n{common.markdown(rows)}\n", flush=True)
    return {"about": about, "sides": rows}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model id as in a plan")
    parser.add_argument("--dtype", default="auto", help="Bakeoff's number type; float32 also compares losses with a plain loop")
    parser.add_argument("--threads", type=int, help="CPU threads; by default all that this process may use")
    parser.add_argument("--steps", type=int, default=8, help="optimiser steps in each turn")
    parser.add_argument("--batch-size", type=int, default=8, help="rows in each step")
    parser.add_argument("--max-tokens", type=int, default=256, help="longest row, and the width that Trainer pads to")
    parser.add_argument("--with-passages", action="store_true", help="fill every second row up with a passage, as lora with retrieval does")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side, medians are shown; 0 measures nothing")
    parser.add_argument("--with-trl", action="store_true", help="install trl into .benchmark-packages and measure it, too")
    parser.add_argument("--json", type=Path, help="write figures and the machine's description there")
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    if options.with_trl:
        common.install(TRL_REQUIREMENT, "trl")
    contest = Contest(options)
    about = common.machine(contest.hardware)
    print(common.describe(about), flush=True)
    results: dict[str, Any] = {}
    if contest.hardware.dtype == "float32":
        results["losses"] = check_losses(contest)
    if options.rounds:
        results["speed"] = measure(contest, options)
    if options.json:
        common.write_json(options.json, {"machine": about, "settings": vars(options), **results})


if __name__ == "__main__":
    main()
