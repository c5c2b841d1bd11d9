"""The decoding loop: prompts read in narrow groups, answered in one wide left-padded batch, a shared beginning computed once.

Our own loop rather than `generate`, for four reasons: a model repository's generation config cannot leak in; a computed prefix can be
expanded over a batch and kept for the next one; rows that have ended leave the batch instead of being decoded to the end of the longest;
and reading and writing want different batches. Reading a prompt is bound by arithmetic, so a few prompts of like length, with little
padding, are as fast per token as many; writing a token is bound by reading the weights, so the more rows share a step the better.
Which rows share a batch or a group, and when they leave it, depends on the batch alone, so the same batch always gives the same ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from models.base import Batch, GenerationConfig, Ids, OutOfMemory
from models.kv_cache import RoomyCache

if TYPE_CHECKING:
    import torch

MEMORY_SIGNS = ("out of memory", "can't allocate memory", "defaultcpuallocator", "cublas_status_alloc_failed")
GROUP_TOKENS = {"cpu": 1024}  # prompt tokens, padding included, that are read at once
GROUP_TOKENS_ELSEWHERE = 8192
DROP_SHARE = 0.25  # finished rows are dropped once they are this share of the batch: each drop copies the cache


class Prefix:
    """The keys and values of a beginning, kept between the batches that share it. `start` stands before it: the virtual tokens of a fine-tune."""

    def __init__(self) -> None:
        self.key: object = None
        self.cache: RoomyCache | None = None

    def of(self, model: Any, ids: Ids, key: object, start: RoomyCache | None = None) -> RoomyCache:
        import torch

        if self.cache is None or self.key != key:
            self.cache = RoomyCache(model.config, room=columns(start) + len(ids), start=start)
            tokens = torch.tensor([ids], device=model.device)
            model(input_ids=tokens, past_key_values=self.cache, use_cache=True, logits_to_keep=1)
            self.key = key
        return self.cache


def columns(start: RoomyCache | None) -> int:
    """How many tokens a beginning holds."""
    return start.get_seq_length() if start else 0


def decode(
    model: Any,
    batch: Batch,
    config: GenerationConfig,
    stops: frozenset[int],
    pad: int,
    prefix: Prefix,
    adapter_key: object,
    start: RoomyCache | None = None,
) -> list[Ids]:
    """Ids of each completion, the stop id included where the model wrote one.

    Args:
        start: keys and values before every prompt, of one row; None for none.

    Raises:
        OutOfMemory: the device has no room for this batch.
    """
    import torch

    with memory_errors(), torch.inference_mode():
        return Decoder(model, batch, config, stops, pad, prefix, adapter_key, start).run()


@contextmanager
def memory_errors() -> Iterator[None]:
    """Give every way of running out of memory one type, and the GPU its free memory back.

    Raises:
        OutOfMemory: the device has no room for what was tried.
    """
    import torch

    try:
        yield
    except (RuntimeError, MemoryError) as error:  # torch.OutOfMemoryError is a RuntimeError
        if not isinstance(error, torch.OutOfMemoryError) and not is_out_of_memory(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemory(str(error)) from error


def is_out_of_memory(error: BaseException) -> bool:
    """True for the message that a CPU allocator, HIP or MPS raises without a type of its own."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in MEMORY_SIGNS)


class Decoder:
    """The state of one batch while it is decoded, within `torch.inference_mode()`. `alive[i]` is the batch position of row i of the tensors.

    `begun` counts the tokens that all rows begin with: virtual ones, then those that their prompts share.

    Args:
        start: keys and values before every prompt, of one row; None for none.
    """

    def __init__(
        self,
        model: Any,
        batch: Batch,
        config: GenerationConfig,
        stops: frozenset[int],
        pad: int,
        prefix: Prefix,
        adapter_key: object,
        start: RoomyCache | None,
    ) -> None:
        import torch

        self.model, self.config, self.stops, self.pad = model, config, stops, pad
        self.written: list[list[int]] = [[] for _ in batch.prompt_ids]
        self.alive = list(range(len(batch.prompt_ids)))
        self.suffixes, self.begun = [ids[batch.shared :] for ids in batch.prompt_ids], columns(start) + batch.shared
        self.width = max(map(len, self.suffixes))
        beginning = batch.prompt_ids[0][: batch.shared]
        self.start = prefix.of(model, beginning, (beginning, adapter_key), start) if batch.shared else start
        room = self.begun + self.width + config.max_new_tokens
        self.cache = RoomyCache(model.config, room=room, start=self.start, rows=len(self.suffixes))
        self.mask, self.positions = self.layout(self.suffixes)
        self.random = torch.Generator(device="cpu").manual_seed(config.seed)

    def layout(self, suffixes: Sequence[Ids]) -> tuple[torch.Tensor, torch.Tensor]:
        """Mask over beginning and left-padded suffixes, and the positions of the suffixes' columns."""
        import torch

        width = max(map(len, suffixes))
        seen = [[1] * self.begun + [0] * (width - len(s)) + [1] * len(s) for s in suffixes]
        mask = torch.tensor(seen, device=self.model.device)
        return mask, (mask.cumsum(1) - 1).clamp(min=0)[:, self.begun :]

    def run(self) -> list[Ids]:
        """Ids of each completion, the stop id included where the model wrote one."""
        for _ in self.steps():
            pass
        return [tuple(ids) for ids in self.written]

    def steps(self) -> Iterator[None]:
        """One new id for each living row, until none lives or the answers are full."""
        import torch

        logits = self.read()
        for count in range(1, self.config.max_new_tokens + 1):
            chosen = self.choose(logits)
            for row, token in enumerate(chosen.tolist()):
                written = self.written[self.alive[row]]
                if not self.has_ended(written):
                    written.append(token)
            yield
            if count == self.config.max_new_tokens or not (chosen := self.drop_finished(chosen)).numel():
                return
            self.positions = self.positions[:, -1:] + 1
            self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.alive), 1)], dim=1)
            logits = self.forward(chosen[:, None], self.mask, self.positions, self.cache)

    def read(self) -> torch.Tensor:
        """Logits behind each prompt, shape (rows, vocabulary); prompts of like length are read together, into the cache of all."""
        import torch

        logits: list[torch.Tensor] = [torch.empty(0)] * len(self.suffixes)
        for rows in self.groups():
            suffixes = [self.suffixes[row] for row in rows]
            width = max(map(len, suffixes))
            tokens = torch.tensor([[self.pad] * (width - len(s)) + list(s) for s in suffixes], device=self.model.device)
            alone = rows == list(range(len(self.suffixes)))  # in this very order, since the cache keeps it
            cache = self.cache if alone else RoomyCache(self.model.config, room=self.begun + width, start=self.start, rows=len(rows))
            last = self.forward(tokens, *self.layout(suffixes), cache)
            if not alone:
                self.cache.put(cache, rows, at=self.begun + self.width - width, since=self.begun)
            for place, row in enumerate(rows):
                logits[row] = last[place]
        return torch.stack(logits)

    def groups(self) -> list[list[int]]:
        """Rows by length, as many together as GROUP_TOKENS lets."""
        most = GROUP_TOKENS.get(self.model.device.type, GROUP_TOKENS_ELSEWHERE)
        groups: list[list[int]] = []
        for row in sorted(range(len(self.suffixes)), key=lambda row: (len(self.suffixes[row]), row)):
            if groups and (len(groups[-1]) + 1) * len(self.suffixes[row]) <= most:
                groups[-1].append(row)
            else:
                groups.append([row])
        return groups

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: RoomyCache) -> torch.Tensor:
        out = self.model(
            input_ids=tokens, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        last: torch.Tensor = out.logits[:, -1]
        return last

    def choose(self, logits: torch.Tensor) -> torch.Tensor:
        """Greedy, or sampled with temperature and top-p (nucleus sampling, Holtzman et al. 2020)."""
        import torch

        if self.config.temperature == 0:
            return logits.argmax(dim=-1)
        probabilities = torch.softmax(logits.float().cpu() / self.config.temperature, dim=-1)
        ranked, order = probabilities.sort(dim=-1, descending=True)
        ranked[ranked.cumsum(-1) - ranked >= self.config.top_p] = 0.0
        picked = torch.multinomial(ranked, 1, generator=self.random)
        return order.gather(-1, picked)[:, 0].to(logits.device)

    def has_ended(self, written: Sequence[int]) -> bool:
        return bool(written) and written[-1] in self.stops

    def drop_finished(self, chosen: torch.Tensor) -> torch.Tensor:
        """Take rows that have ended out of all tensors once enough of them have; returns the ids of the rows that stay."""
        import torch

        staying = [row for row, place in enumerate(self.alive) if not self.has_ended(self.written[place])]
        finished = len(self.alive) - len(staying)
        if not staying:
            return chosen[:0]
        if finished == 0 or finished < DROP_SHARE * len(self.alive):
            return chosen
        keep = torch.tensor(staying, device=chosen.device)
        self.alive = [self.alive[row] for row in staying]
        self.keep_rows(keep)
        return chosen[keep]

    def keep_rows(self, keep: torch.Tensor) -> None:
        self.cache.keep_rows(keep)
        self.mask, self.positions = self.mask[keep], self.positions[keep]


def stream_ids(
    model: Any, prompt_ids: Ids, config: GenerationConfig, stops: frozenset[int], pad: int, start: RoomyCache | None = None
) -> Iterator[list[int]]:
    """The ids written so far for one prompt, each time there is one more."""
    import torch

    with torch.inference_mode():
        decoder = Decoder(model, Batch((0,), (prompt_ids,), 0), config, stops, pad, Prefix(), None, start)
        for _ in decoder.steps():
            yield list(decoder.written[0])
