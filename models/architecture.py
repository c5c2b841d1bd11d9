"""Models that only read, told from the config alone: an encoder has no way to write an answer, whatever is trained into it.

transformers would give an encoder a head for words with random weights, and everything would seem to work.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.errors import ModelError

ENCODERS = frozenset(
    {
        "albert", "bert", "big_bird", "camembert", "convbert", "deberta", "deberta-v2", "distilbert", "electra", "ernie", "esm", "eurobert",
        "flaubert", "funnel", "ibert", "longformer", "mobilebert", "modernbert", "mpnet", "nomic_bert", "nystromformer", "rembert", "roberta",
        "roformer", "squeezebert", "xlm-roberta", "xlm-roberta-xl", "xmod", "yoso",
    }
)  # fmt: skip
"""`model_type` of families that are made to read; one of them that was made a decoder says `is_decoder`."""


def described(folder: Path) -> dict[str, Any]:
    """What the folder's config says."""
    found: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found


def refuse_encoder(folder: Path, model_id: str) -> None:
    """Raises:
    ModelError: the folder holds an encoder.
    """
    config = described(folder)
    if config.get("model_type") in ENCODERS and not config.get("is_decoder"):
        raise ModelError(
            f"The model '{model_id}' is an encoder ({config['model_type']}): it reads texts and cannot write answers.",
            "Name a decoder-only model, or an encoder-decoder of the T5 family; an encoder can be model.embedder, for classifier and "
            "tuned_encoder.",
        )
