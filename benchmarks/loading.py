"""How long the embedded model takes to load, first and later: `python -m benchmarks.loading`. Imports are not counted."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path


def seconds_to_load(home: Path) -> float:
    """Seconds until the language model could answer; it is unpacked on the way if `home` does not hold it yet."""
    from models.loading import ModelSpec, load_model

    begun = time.perf_counter()
    load_model(ModelSpec(id="embedded/smollm2-135m-instruct"), home)
    return time.perf_counter() - begun


def main() -> None:
    import peft
    import torch
    import transformers

    from models import transformers_backend

    print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}, {transformers_backend.__name__}")
    warm_up = transformers.AutoModelForCausalLM, transformers.AutoTokenizer  # the import that is not counted
    with tempfile.TemporaryDirectory() as folder:
        first, later = seconds_to_load(Path(folder)), [seconds_to_load(Path(folder)) for _ in range(3)]
    print(f"first load (GGUF unpacked, {len(warm_up)} classes imported before): {first:.1f} s; later: {sorted(later)[1]:.2f} s")


if __name__ == "__main__":
    main()
