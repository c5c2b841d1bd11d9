"""Examples to weights: one loop under accelerate, and a table of trainable kinds."""

from training import prompt_learning as prompt_learning
