"""A key-value cache with its room taken at the start.

transformers' dynamic cache joins old and new tensors at each token, which copies everything so far: at batch 16 and 400 tokens about
as many bytes as the whole 135M model. Here each layer's tensors are allocated once for prompt and answer, and a step writes one column.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer


class RoomyLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values: shape (rows, heads, room, head size), of which the first `used` columns count."""

    keys: torch.Tensor
    values: torch.Tensor

    def __init__(self, room: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.room, self.used = room, 0

    def take_room(self, like: torch.Tensor, rows: int) -> None:
        self.dtype, self.device = like.dtype, like.device
        self.keys = like.new_empty((rows, like.shape[1], self.room, like.shape[3]))
        self.values = torch.empty_like(self.keys)
        self.is_initialized = True

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.take_room(key_states, key_states.shape[0])
        keys, values, end = self.keys, self.values, self.used + key_states.shape[2]
        keys[:, :, self.used : end] = key_states
        values[:, :, self.used : end] = value_states
        self.used = end
        return keys[:, :, :end], values[:, :, :end]

    def get_seq_length(self) -> int:
        return self.used


class RoomyCache(DynamicCache):
    """A cache of `RoomyLayer`s.

    Args:
        config: the model's config.
        room: columns for the whole sequence.
        start: a cache of one row that every row begins with.
        rows: how many rows `start` is expanded to.
    """

    def __init__(self, config: Any, room: int, start: RoomyCache | None = None, rows: int = 1) -> None:
        super().__init__()
        self.rows = rows
        self.layers = [RoomyLayer(room) for _ in range(config.get_text_config().num_hidden_layers)]
        for layer, beginning in zip(self.roomy, start.roomy if start else [], strict=False):
            layer.take_room(beginning.keys, rows)
            layer.keys[:, :, : beginning.used] = beginning.keys[:, :, : beginning.used]
            layer.values[:, :, : beginning.used] = beginning.values[:, :, : beginning.used]
            layer.used = beginning.used

    @property
    def roomy(self) -> list[RoomyLayer]:
        return [layer for layer in self.layers if isinstance(layer, RoomyLayer)]

    def put(self, read: RoomyCache, rows: Sequence[int], *, at: int, since: int) -> None:
        """Take over what was read into another cache: its columns from `since` on, into `rows` from column `at` on.

        Columns of these rows between `since` and `at` are zeroed: they are masked, but what memory held before might be NaN, which no mask hides.
        """
        places = list(rows)
        for layer, other in zip(self.roomy, read.roomy, strict=True):
            if not layer.is_initialized:
                layer.take_room(other.keys, self.rows)
            end = at + other.used - since
            for mine, theirs in ((layer.keys, other.keys), (layer.values, other.values)):
                mine[places, :, since:at] = 0
                mine[places, :, at:end] = theirs[:, :, since : other.used]
            layer.used = max(layer.used, end)

    def keep_rows(self, rows: torch.Tensor) -> None:
        """Only keep these rows, in this order."""
        for layer in self.roomy:
            columns = slice(0, layer.used)
            keys, values = layer.keys, layer.values
            layer.keys = keys.new_empty((len(rows), *keys.shape[1:]))
            layer.values = torch.empty_like(layer.keys)
            layer.keys[:, :, columns] = keys[rows, :, columns]
            layer.values[:, :, columns] = values[rows, :, columns]
