"""A reward model by the Bradley-Terry loss: -log σ(reward of the chosen answer − reward of the rejected one), Bradley and Terry 1952;
Ouyang et al. 2022, arXiv:2203.02155, section 3.5.

Own loop, since it is shorter than what trl's would need around it. Where no pairs are held out, the last epoch's weights are kept. A run that
was killed goes on from its last whole checkpoint.
"""

from __future__ import annotations

import math
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.files import write_json
from models.memory import peak_mb
from models.reward import last_states, save_head
from training import checkpoints, schedules
from training.events import Finding
from training.preference import keeping
from training.preference.doctor import doctor_of
from training.preference.dpo import facts, fitting
from training.preference.events import History, Step, Tell
from training.preference.job import PairRow, RewardJob
from training.preference.with_trl import HISTORY, policy, save_adapter

if TYPE_CHECKING:
    import torch

HEAD = "head"


class Figures(NamedTuple):
    """Of some pairs: mean loss in nats, share ordered right, mean margin in logits."""

    loss: float
    accuracy: float
    margin: float


def train(job: RewardJob, tell: Tell) -> None:
    """Train, from the last whole checkpoint on if there is one, and write adapter, head and `training.json` into `job.out`.

    Raises:
        MethodError: no pair fits `max_tokens`, or the loss is no longer a number.
    """
    rows, left_out = fitting(job.train, job.settings.max_tokens)
    held_out, _ = fitting(job.held_out, job.settings.max_tokens, needed=False)
    _Run(job, rows, held_out, left_out, tell).whole()


class _Run:
    """The state of one training run."""

    def __init__(self, job: RewardJob, rows: list[PairRow], held_out: list[PairRow], left_out: list[str], tell: Tell) -> None:
        import torch

        self.job, self.settings, self.rows, self.held_out, self.tell = job, job.settings, rows, held_out, tell
        made = policy(job, job.settings)
        self.model, self.pad, self.device = made.model, made.codec.pad, made.hardware.device
        hidden = int(self.model.get_base_model().config.get_text_config().hidden_size)
        self.head = torch.nn.Parameter(torch.randn(hidden, device=self.device) / math.sqrt(hidden))
        self.trained = [*(p for p in self.model.parameters() if p.requires_grad), self.head]
        self.optimizer = torch.optim.AdamW(self.trained, lr=self.settings.learning_rate, weight_decay=0.0)
        self.history = History(trainable_params=sum(p.numel() for p in self.trained), left_out=left_out)
        self.doctor = doctor_of(job.task, job.settings, facts(rows, left_out, job.train))
        self.started = time.monotonic()

    def whole(self) -> None:
        self.history.told(self.doctor.begin(), self.tell)
        first = self.resume() + 1
        self.history.told(self.broken, self.tell)
        for epoch in range(first, self.settings.epochs + 1):
            self.one_epoch(epoch)
            ended = self.history.end_epoch(epoch, *(self.measured(self.held_out) if self.held_out else (None, None, None)))
            found = self.doctor.watch(ended)
            self.save(epoch, found)
            self.tell(ended)
            self.history.told(found, self.tell)
        self.put_back(checkpoints.epoch_folder(self.job.out, self.history.best_epoch))
        save_head(self.job.out, self.head, self.middle())
        save_adapter(self.model, self.job)
        if self.held_out:
            right = round(self.measured(self.held_out).accuracy * len(self.held_out))
            self.history.held_out = {"pairs": len(self.held_out), "right": right}
        self.history.peak_memory_mb = peak_mb(self.device)
        write_json(self.job.out / HISTORY, self.history.to_json())
        shutil.rmtree(self.job.out / checkpoints.FOLDER)

    def resume(self) -> int:
        """The last finished epoch, with everything put back as it was; 0 for a fresh start."""
        found, self.broken = checkpoints.find(self.job.out)
        if found is None:
            return 0
        checkpoints.restore(found, keeping.Saved(self.model), self.optimizer)
        self.put_back_head(keeping.put_random_state_back(found.folder)[HEAD])
        self.history = History.from_json(found.state)
        for event in self.history.events():
            self.doctor.watch(event)
        return found.epoch

    def save(self, epoch: int, found: Sequence[Finding]) -> None:
        self.history.seconds += time.monotonic() - self.started
        self.started = time.monotonic()
        saved = keeping.Saved(self.model, {HEAD: self.head})
        keeping.write(self.job.out, epoch, self.history.best_epoch, saved, self.optimizer, self.history.to_json(found))

    def one_epoch(self, epoch: int) -> None:
        import torch

        order = sorted(self.rows, key=lambda row: row.id)
        random.Random(f"{self.settings.seed}/{epoch}").shuffle(order)
        size = self.settings.batch_size
        per_epoch = math.ceil(len(order) / size)
        self.model.train()
        for place in range(per_epoch):
            step = (epoch - 1) * per_epoch + place + 1
            rate = schedules.rate(
                step, per_epoch * self.settings.epochs, largest=self.settings.learning_rate, warmup_share=self.settings.warmup_share,
                schedule=self.settings.schedule,
            )  # fmt: skip
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            margins = self.margins(order[place * size : (place + 1) * size])
            loss = -torch.nn.functional.logsigmoid(margins).mean()
            torch.autograd.backward(loss)
            norm = float(torch.nn.utils.clip_grad_norm_(self.trained, self.settings.max_grad_norm))
            self.optimizer.step()
            self.optimizer.zero_grad()
            found = of_margins(margins.detach())
            told = Step(step, per_epoch * self.settings.epochs, epoch, found.loss, rate, norm, found.accuracy, found.margin)
            seen = self.doctor.watch(told)
            if math.isfinite(found.loss):
                self.history.curves.append(asdict(told))
                self.tell(told)
            self.history.told(seen, self.tell)

    def margins(self, rows: Sequence[PairRow]) -> torch.Tensor:
        """Reward of the chosen minus that of the rejected answer, shape (rows,)."""
        chosen = [(*row.prompt_ids, *row.chosen_ids) for row in rows]
        rejected = [(*row.prompt_ids, *row.rejected_ids) for row in rows]
        rewards = last_states(self.model, [*chosen, *rejected], self.pad) @ self.head
        return rewards[: len(rows)] - rewards[len(rows) :]

    def measured(self, rows: Sequence[PairRow]) -> Figures:
        import torch

        self.model.eval()
        with torch.inference_mode():
            parts = [self.margins(rows[i : i + self.settings.batch_size]) for i in range(0, len(rows), self.settings.batch_size)]
        return of_margins(torch.cat(parts))

    def middle(self) -> float:
        """Mean reward of the training pairs' answers, which becomes the zero."""
        import torch

        self.model.eval()
        texts = [(*row.prompt_ids, *ids) for row in self.rows for ids in (row.chosen_ids, row.rejected_ids)]
        size = 2 * self.settings.batch_size
        with torch.inference_mode():
            parts = [last_states(self.model, texts[i : i + size], self.pad) @ self.head for i in range(0, len(texts), size)]
        return float(torch.cat(parts).mean())

    def put_back(self, epoch: Path) -> None:
        """The weights of a checkpoint."""
        from safetensors.torch import load_file

        keeping.Saved(self.model).put_back(load_file(epoch / checkpoints.WEIGHTS))
        self.put_back_head(load_file(epoch / keeping.MORE)[HEAD])

    def put_back_head(self, saved: torch.Tensor) -> None:
        import torch

        with torch.no_grad():
            self.head.copy_(saved)


def of_margins(margins: torch.Tensor) -> Figures:
    import torch

    loss = float(-torch.nn.functional.logsigmoid(margins).mean())
    return Figures(loss, float((margins > 0).float().mean()), float(margins.mean()))
