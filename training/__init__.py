"""Examples to weights: one loop under accelerate, and a table of trainable kinds."""

from training import prompt_learning as prompt_learning
from training import quantised as quantised
from training import whole as whole
