"""Adaptation methods: ways to make a base model do a task. Importing this folder registers them all.

To add one, write a file of the shape of `zero_shot.py` and import it here.
"""

# ruff: noqa: I001  (this is the order in which forms and tables list them)
from adapters import zero_shot as zero_shot
from adapters import few_shot as few_shot
from adapters import rag as rag
from adapters import lora as lora
from adapters import rslora as rslora
from adapters import dora as dora
from adapters import qlora as qlora
from adapters import ia3 as ia3
from adapters import prompt_tuning as prompt_tuning
from adapters import prefix_tuning as prefix_tuning
from adapters import nearest as nearest
from adapters import classifier as classifier
from adapters import full as full
from adapters import scratch as scratch
from adapters import dpo as dpo
from adapters import grpo as grpo
