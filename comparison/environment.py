"""What a run's answers depend on beside the plan: stated once, at the first start, and kept by every resume."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Any

from comparison.generate import STAGE_VERSION
from comparison.plan import Plan
from models.base import ModelIdentity
from models.loading import ModelSpec

PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "sentence-transformers",
    "faiss-cpu",
    "evaluate",
    "rouge-score",
    "sacrebleu",
    "numpy",
    "scipy",
)
DTYPES = ("bfloat16", "float32", "float16")


def describe(plan: Plan, identity: ModelIdentity) -> dict[str, Any]:
    """The environment as it goes into `environment.json` and the report."""
    return {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "model": {"id": _shown(identity.id), "revision": identity.revision, "context_length": identity.context_length},
        "embedder": _shown(plan.spec.model.embedder),
        "dtype": identity.dtype,
        "device": identity.device,
        "threads": identity.threads,
        "seeds": {"split": plan.spec.data.split.seed, "generation": plan.spec.generation.seed},
        "template_hash": identity.template_hash,
        "generation": plan.spec.generation.model_dump(),
        "batch_policy": plan.spec.batch.model_dump(),
        "stage_version": STAGE_VERSION,
    }


def fixed(spec: ModelSpec, environment: dict[str, Any] | None) -> ModelSpec:
    """The model's spec with the dtype and thread count of the first start, so that a resumed run computes as it did."""
    if environment is None:
        return spec
    dtype = environment["dtype"] if environment["dtype"] in DTYPES else spec.dtype
    return spec.model_copy(update={"dtype": dtype, "threads": environment["threads"]})


def _shown(model_id: str) -> str:
    """Reports travel: of a local folder only its name."""
    return model_id.replace("\\", "/").rstrip("/").rpartition("/")[2] if model_id.startswith("/") else model_id


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
