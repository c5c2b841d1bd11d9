"""QLoRA (Dettmers et al. 2023, arXiv:2305.14314): LoRA beside a base in 4 bits. Registered into `training.peft_configs.kinds`.

The base is the very one that answers: nothing of it is cast to another number type for training, as peft's own preparation would. So what is
trained is what is evaluated.
"""

from __future__ import annotations

from typing import Any

from core.errors import MethodError
from training.peft_configs import Kind, LoraSettings, kinds, lora_config, with_peft


def on_four_bits(base: Any, settings: LoraSettings) -> Any:
    """Raises:
    MethodError: the base is not quantised.
    """
    from models.quantised import weights_of

    if weights_of(base) == "auto":
        raise MethodError("qlora trains on a quantised base; this one is loaded as it is.", "Set base.weights: nf4 in the job.")
    return with_peft(lora_config)(base, settings)


kinds.add("qlora", Kind(LoraSettings, on_four_bits))
