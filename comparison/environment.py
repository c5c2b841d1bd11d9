"""What a run's answers depend on beside the plan: stated once, at the first start, and kept by every resume."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from comparison.generate import STAGE_VERSION
from comparison.plan import Plan
from core import versions
from core.errors import StoreError
from models.base import ModelIdentity
from models.device import gpu_name
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


def describe(plan: Plan, identity: ModelIdentity, embedder: str) -> dict[str, Any]:
    """The environment as it goes into `environment.json` and the report.

    Args:
        embedder: see `models.loading.embedder_key`.
    """
    return {
        "versions": {"python": platform.python_version(), **{name: versions.installed(name) for name in PACKAGES}},
        "machine": {"system": platform.system(), "processor": platform.machine()},
        "model": {"id": _shown(identity.id), "revision": identity.revision, "context_length": identity.context_length},
        "embedder": _shown(plan.spec.model.embedder),
        "embedder_revision": embedder.removeprefix(plan.spec.model.embedder).removeprefix("@"),
        "dtype": identity.dtype,
        "device": identity.device,
        "gpu": gpu_name(identity.device),
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
    stated = str(environment["dtype"]).rpartition(" ")[2]  # of a quantised base it also says how it is held
    dtype = stated if stated in DTYPES else spec.dtype
    return spec.model_copy(update={"dtype": dtype, "threads": environment["threads"]})


def check_unchanged(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with other means than the first start's: answers of both would stand side by side as if they were alike.

    Args:
        name: the comparison's id.
        before: what the first start stated.

    Raises:
        StoreError: names the first thing that differs.
    """
    for what, (then, today) in _pairs(before, now).items():
        if then != today:
            raise StoreError(
                f"{name} was started with {what} {then}; today it would go on with {today}.",
                "Run the plan anew; what is still the same is found again.",
            )


def _pairs(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What must be equal, by its name in sentences; an older run may not have stated everything."""
    pairs = {
        "revision": (before["model"]["revision"], now["model"]["revision"]),
        "a context of": (before["model"]["context_length"], now["model"]["context_length"]),
        "the device": (before["device"], now["device"]),
        "the chat template": (before["template_hash"], now["template_hash"]),
        "the embedder's revision": (before.get("embedder_revision", now["embedder_revision"]), now["embedder_revision"]),
    }
    return pairs | {name: (before["versions"].get(name), now["versions"].get(name)) for name in versions.LIBRARIES}


def _shown(model_id: str) -> str:
    """Reports travel: of a local folder only its name."""
    return model_id.replace("\\", "/").rstrip("/").rpartition("/")[2] if model_id.startswith("/") else model_id
