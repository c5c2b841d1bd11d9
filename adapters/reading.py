"""What a method takes that reads each training text once and takes no step: measured on some of its texts, then counted up.

Loading the embedder is not in it, for a comparison loads it anyway, to look for near duplicates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from models.base import Embedder
from training.estimate import Estimate

SAMPLE = 128
"""Most texts that are read for it."""


def seconds_of(
    embedder: Embedder, texts: Sequence[str], places: Sequence[int], then: Callable[[np.ndarray], object] | None = None
) -> Estimate:
    """Read the texts at these places, and see what all of them will take.

    Args:
        then: what is done with the vectors; it is taken to last as many times longer as there are more texts.
    """
    tokens = [len(embedder.offsets(text)) for text in texts]
    embedder.embed([texts[places[0]]], "query")  # it is loaded at the first call
    begun = time.monotonic()
    vectors = embedder.embed([texts[place] for place in places], "query")
    read_s, begun = time.monotonic() - begun, time.monotonic()
    if then is not None:
        then(vectors)
    then_s = time.monotonic() - begun
    share = sum(tokens[place] for place in places) / max(sum(tokens), 1)
    seconds = read_s / max(share, 1e-9) + then_s * len(texts) / len(places)
    return Estimate(round(seconds, 1), 0, sum(tokens), None, None, None, "")
