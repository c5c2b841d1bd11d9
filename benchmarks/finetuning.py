"""How fast LoRA trains: `python -m benchmarks.finetuning [--with-trl] [--json PATH]`, in supervised tokens a second.

The same rows, rank, layers, batch size, learning rate and number of optimiser steps for everybody, in one process and in turns:

    Trainer      transformers' Trainer, rows padded on the right to `--max-tokens`; float32 on a CPU, bf16 on a GPU
    trl          trl's SFTTrainer with its defaults (bf16 autocast, gradient checkpointing, padding to the longest row of a batch)
    trl, packed  the same with `packing=True`, sequences as long as a batch's rows together
    Bakeoff      training.loop, in the number type that the app chooses (bf16 autocast where the processor is fast at it)

All take the loss on the answers' tokens alone, and each turn is one epoch over the same rows, so its supervised tokens are equal. Loading
the model is not counted, nor is writing the weights. After each turn the loss on rows that nobody trained on is taken; they must lie within
2 % of each other, since who learns less is not faster. With `--dtype float32` the losses of Bakeoff's steps are printed beside those of a
plain loop over the same rows (padded on the right, logits for every position): the speed must not come from another sum.

    python -m benchmarks.finetuning --gpu --with-trl --json gpu.json

measures the same on a CUDA GPU at 1B and 7B parameters, with random weights of published shapes and random rows, and states the
model-FLOPs utilisation of each side (see `benchmarks.utilisation`) and where Bakeoff's time goes. `--random tiny` tries that on a CPU.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adapters.prompts import word
from benchmarks import common, utilisation
from benchmarks.common import EXAMPLES, Timed
from benchmarks.trainers import Rivals, Trained
from comparison.store import default_home
from core.errors import BakeoffError
from models.base import Codec
from models.device import Hardware, choose
from models.loading import DEFAULT_MODEL, ModelSpec, load_codec
from models.weights import Source, locate
from training.job import TrainingJob, TrainingRow
from training.loop import Epoch, Step, train
from training.peft_configs import LoraSettings

TRL, PACKED, OURS = "trl, defaults", "trl, packed", "Bakeoff"
TRL_REQUIREMENT = "trl>=1.16,<2"
AGREE = 0.02  # by which validation losses may differ


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
    """What all sides are given.

    Args:
        base: the model; with `options.random` a folder that was made for it.
    """

    def __init__(self, options: argparse.Namespace, base: ModelSpec) -> None:
        import torch

        self.home = default_home() / "models"
        self.base = base
        self.hardware: Hardware = choose(options.dtype, options.threads)
        torch.set_num_threads(self.hardware.threads)
        self.source: Source = locate(base.id, None, self.home)
        self.codec: Any = load_codec(base, self.home)
        self.settings = LoraSettings(
            rank=8, epochs=1, batch_size=options.batch_size, learning_rate=1e-3, warmup_share=0.0, max_tokens=options.max_tokens,
            gradient_checkpointing=options.gradient_checkpointing, packing=options.packing,
        )  # fmt: skip
        count, unseen = options.steps * options.batch_size, options.validation_rows
        rows = self.read_rows(options, count + unseen)
        self.rows, self.validation = rows[:count], rows[count:]
        self.tokens = supervised(self.rows)
        self.rivals = Rivals(
            self.source, self.codec.tokenizer, self.codec.pad, self.rows, self.validation, self.settings, self.hardware, options.max_tokens
        )
        self.flops: Callable[[], float] | None = None

    def read_rows(self, options: argparse.Namespace, count: int) -> tuple[TrainingRow, ...]:
        if options.random:
            return utilisation.random_rows(int(utilisation.PUBLIC[options.random].sizes["vocab_size"]), count, options.max_tokens)
        return training_rows(self.codec, count, options.max_tokens, options.with_passages)

    @property
    def sides(self) -> dict[str, common.Side]:
        return {
            self.trainer_name: lambda: self.timed(self.rivals.trainer()),
            TRL: lambda: self.timed(self.rivals.trl()),
            PACKED: lambda: self.timed(self.rivals.trl_packed()),
            OURS: lambda: self.timed(self.ours()),
        }

    @property
    def trainer_name(self) -> str:
        return f"Trainer, padded, {self.rivals.plain_dtype}"

    def our_events(self) -> list[Any]:
        """One epoch of the app's own trainer."""
        with tempfile.TemporaryDirectory() as folder:
            job = TrainingJob(
                base=self.base, models_home=self.home, settings=self.settings, train=self.rows, validation=self.validation, out=Path(folder)
            )
            return list(train(job))

    def our_steps(self) -> list[Step]:
        return [event for event in self.our_events() if isinstance(event, Step)]

    def ours(self) -> Trained:
        events = self.our_events()
        steps, ended = [e for e in events if isinstance(e, Step)], [e for e in events if isinstance(e, Epoch)]
        loss = sum(step.loss * step.tokens for step in steps) / self.tokens
        return Trained(sum(step.seconds for step in steps), len(steps), loss, float(ended[-1].validation_loss or 0.0))

    def timed(self, turn: Trained) -> Timed:
        more = {"s per epoch": turn.seconds, "s per step": turn.seconds / turn.steps, "steps": float(turn.steps)}
        more |= {"mean loss": turn.loss, "validation loss": turn.validation_loss}
        if self.flops is not None:
            more["TFLOP/s"] = self.flops() / turn.seconds / 1e12
        return Timed(self.tokens, turn.seconds, more)


def check_losses(contest: Contest) -> list[dict[str, Any]]:
    ours = contest.our_steps()
    plain = contest.rivals.plain_losses([step.learning_rate for step in ours])
    apart = [abs(step.loss - loss) for step, loss in zip(ours, plain, strict=True)]
    rows: list[dict[str, Any]] = [
        {"step": step.step, "Bakeoff": f"{step.loss:.6f}", "plain loop": f"{loss:.6f}", "difference": difference}
        for step, loss, difference in zip(ours, plain, apart, strict=True)
    ]
    print(f"\n**Losses in float32**\n\n{common.markdown(rows)}\n\nLargest difference: {max(apart):.1e} nats.\n", flush=True)
    return rows


def measure(contest: Contest, options: argparse.Namespace) -> dict[str, Any]:
    """Turns of all sides, as a table; ends with how far their validation losses lie apart."""
    from models.memory import peak_mb, reset_peak

    def with_memory(side: common.Side) -> common.Side:
        def turn() -> Timed:
            reset_peak(contest.hardware.device)
            timed = side()
            return timed._replace(more={**timed.more, "peak GPU memory, MB": peak_mb("cuda")})

        return turn if contest.hardware.device == "cuda" else side

    chosen = {name: with_memory(side) for name, side in contest.sides.items() if options.with_trl or name not in (TRL, PACKED)}
    if contest.hardware.device == "cuda":
        common.take_turns(chosen, 1)  # kernels are chosen and loaded in a turn that is not counted
    rows = common.summarise(common.take_turns(chosen, options.rounds), "supervised tokens", contest.trainer_name, OURS)
    about = f"{len(contest.rows)} rows of {common.spread([row.length for row in contest.rows])}, {contest.tokens} supervised tokens; "
    about += f"{options.steps} steps of {options.batch_size} rows; Bakeoff in {contest.hardware.dtype}"
    print(f"\n**LoRA, rank {contest.settings.rank}** ({about})\n\n{common.markdown(rows)}\n", flush=True)
    apart = losses_apart([row["validation loss"] for row in rows])
    print(
        f"Validation losses lie within {apart:.1%}"
        + (" of each other." if apart <= AGREE else ": **more than 2 %, so the speeds do not compare.**")
    )
    return {"about": about, "sides": rows, "validation losses apart": apart}


def losses_apart(losses: Sequence[float]) -> float:
    """Largest less smallest, as a share of the smallest."""
    return (max(losses) - min(losses)) / min(losses)


def measure_random(options: argparse.Namespace) -> dict[str, Any]:
    """The same on random weights of a published shape, with the share of the chip's measured rate."""
    public = utilisation.PUBLIC[options.random]
    hardware = choose(options.dtype, options.threads)
    rate = utilisation.matrix_rate(hardware.device)
    with tempfile.TemporaryDirectory() as folder:
        made = utilisation.save_random_model(Path(folder) / "model", options.random, hardware.device)
        contest = Contest(options, ModelSpec(id=str(made), dtype=options.dtype, threads=options.threads))
        shape = utilisation.shape_of(public.sizes)
        flops = utilisation.lora_flops(shape, contest.rows)
        contest.flops = lambda: flops
        print(f"\n## {options.random}: {public.source}; {(shape.body + 2 * shape.head) / 1e9:.2f} billion parameters, random weights\n")
        found = measure(contest, options)
        for side in found["sides"]:
            side["utilisation"] = side["TFLOP/s"] * 1e12 / rate
            print(f"{side['side']}: {side['utilisation']:.1%} of {rate / 1e12:.1f} TFLOP/s measured for bfloat16 matrix products.")
        if options.profile:
            found["profile"] = utilisation.profile(contest.our_events, hardware.device)
            print(f"\n{found['profile']}", flush=True)
    return {**found, "shape": options.random, "source": public.source, "flops per epoch": flops, "matrix rate": rate}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model id as in a plan")
    parser.add_argument("--dtype", default="auto", help="Bakeoff's number type; float32 also compares losses with a plain loop")
    parser.add_argument("--threads", type=int, help="CPU threads; by default all that this process may use")
    parser.add_argument("--steps", type=int, default=8, help="optimiser steps in each turn")
    parser.add_argument("--batch-size", type=int, default=8, help="rows in each step")
    parser.add_argument("--max-tokens", type=int, default=256, help="longest row, and the width that Trainer pads to")
    parser.add_argument("--validation-rows", type=int, default=24, help="rows that nobody trains on, for the loss after each turn")
    parser.add_argument("--with-passages", action="store_true", help="fill every second row up with a passage, as lora with retrieval does")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side, medians are shown; 0 measures nothing")
    parser.add_argument(
        "--with-trl", action="store_true", help="install trl into .benchmark-packages and measure it, too, plain and packed"
    )
    parser.add_argument("--packing", action="store_true", help="Bakeoff packs its rows, too")
    parser.add_argument("--gradient-checkpointing", choices=("auto", "on", "off"), default="auto", help="Bakeoff's own setting")
    parser.add_argument(
        "--gpu", action="store_true", help="on a CUDA GPU: 1B and 7B parameters with random weights, rows of --max-tokens 1024"
    )
    parser.add_argument("--random", choices=tuple(utilisation.PUBLIC), help="one published shape with random weights, on whatever is there")
    parser.add_argument("--profile", action="store_true", help="with --random or --gpu: print where Bakeoff's time goes")
    parser.add_argument("--json", type=Path, help="write figures and the machine's description there")
    options = parser.parse_args(arguments)
    if options.gpu:
        options.profile = True
        options.max_tokens = max(options.max_tokens, 1024)
    return options


def on_gpu(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("--gpu needs a CUDA device, and torch sees none. Run it where one is; `--random tiny` tries the same code here.")
    return {name: measure_random(argparse.Namespace(**{**vars(options), "random": name})) for name in ("1b", "7b")}


def on_examples(options: argparse.Namespace) -> dict[str, Any]:
    contest = Contest(options, ModelSpec(id=options.model, dtype=options.dtype, threads=options.threads))
    results: dict[str, Any] = {}
    if contest.hardware.dtype == "float32":
        results["losses"] = check_losses(contest)
    if options.rounds:
        results["speed"] = measure(contest, options)
    return results


def main() -> None:
    options = parse()
    if options.with_trl:
        common.install(TRL_REQUIREMENT, "trl")
    about = common.machine(choose(options.dtype, options.threads))
    print(common.describe(about), flush=True)
    try:
        results = on_gpu(options) if options.gpu else {options.random: measure_random(options)} if options.random else on_examples(options)
    except BakeoffError as error:
        sys.exit(str(error))
    if options.json:
        common.write_json(options.json, {"machine": about, "settings": vars(options), **results})


if __name__ == "__main__":
    main()
