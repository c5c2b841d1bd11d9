"""What both benchmarks share: turns, tables, the machine's description, competitors installed on demand, and texts of the examples.

Speeds of one machine drift with its load and temperature. So the sides take turns, and what counts is the median over the rounds of the
ratio *within* a round, not the ratio of two figures that were measured minutes apart.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

from adapters.prompts import word
from comparison.plan import read_plan
from core.dataset.load import Dataset, load_dataset
from core.memory import peak_mb, reset_peak
from core.records import Example, Message, Passage, Retrieved
from models.base import Codec
from models.device import FAST_BF16_FLAGS, Hardware, cpu_flags, torch_dtype
from retrieval.documents import load_documents

ROOT = Path(__file__).resolve().parent.parent
EXTRA_PACKAGES = ROOT / ".benchmark-packages"
EXAMPLES = ("support_desk", "ticket_routing", "house_style")
SHOWN_FLAGS = FAST_BF16_FLAGS | {"avx2", "avx512f", "avx512_vnni", "amx_tile"}
VERSIONS = ("torch", "transformers", "peft", "accelerate", "datasets", "lm_eval", "trl")


class Timed(NamedTuple):
    """One side's turn: `units` (prompts or supervised tokens) in `seconds`; further figures by name, of which the median is shown."""

    units: float
    seconds: float
    more: Mapping[str, float]

    @property
    def rate(self) -> float:
        return self.units / self.seconds


Side = Callable[[], Timed]


def take_turns(sides: Mapping[str, Side], rounds: int) -> dict[str, list[Timed]]:
    """Each side once a round; who begins changes from round to round, so that nobody always follows the same neighbour."""
    names, measured = list(sides), {name: list[Timed]() for name in sides}
    for number in range(rounds):
        begin = number % len(names)
        for name in names[begin:] + names[:begin]:
            known = forget_peak_memory()
            forget_accelerator()
            timed = sides[name]()
            measured[name].append(timed._replace(more={**timed.more, **({"peak memory, MB": peak_mb()} if known else {})}))
            print(f"round {number + 1}/{rounds}: {name}: {timed.rate:.3g}/s in {timed.seconds:.1f} s", file=sys.stderr, flush=True)
    return measured


def summarise(measured: Mapping[str, Sequence[Timed]], unit: str, baseline: str, ours: str) -> list[dict[str, Any]]:
    """One row a side: the median rate, and the medians of the ratios within a round."""
    rows: list[dict[str, Any]] = []
    for name, turns in measured.items():
        if not turns:
            continue
        rates = [turn.rate for turn in turns]
        against = [turn.rate / other.rate for turn, other in zip(turns, measured[baseline], strict=True)]
        behind = [other.rate / turn.rate for turn, other in zip(turns, measured[ours], strict=True)]
        row = {"side": name, f"{unit}/s": statistics.median(rates), f"× {baseline}": statistics.median(against)}
        row[f"{ours} is faster by ×"] = statistics.median(behind)
        row |= {key: statistics.median(turn.more[key] for turn in turns) for key in turns[0].more}
        rows.append(row | {"rounds": rates})
    return rows


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """A table; lists (the single rounds) are left to the JSON."""
    columns = [key for key in (rows[0] if rows else {}) if not isinstance(rows[0][key], list)]
    lines = ["| " + " | ".join(columns) + " |", "|---" + "|---:" * (len(columns) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows])


def _cell(value: Any) -> str:
    if not isinstance(value, float):
        return str(value if value is not None else "–")
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2e}" if 0 < abs(value) < 0.001 else f"{value:.4g}"


def machine(hardware: Hardware) -> dict[str, Any]:
    """What the figures depend on, as it is at the start."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "processor": model or platform.processor() or platform.machine(),
        "instructions": sorted(cpu_flags() & SHOWN_FLAGS),
        "cores": os.cpu_count(),
        "device": hardware.device,
        "dtype": hardware.dtype,
        "threads": hardware.threads,
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "versions": {"python": platform.python_version(), **{name: version for name in VERSIONS if (version := version_of(name))}},
    }


def version_of(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def describe(about: Mapping[str, Any]) -> str:
    """The machine in a sentence, with a warning where others are at work on it."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    text = (
        f"{about['processor']}, {about['cores']} cores ({', '.join(about['instructions']) or 'no known flags'}); {about['device']}, "
        f"{about['dtype']}, {about['threads']} threads; {versions}; load average at the start {about['load_average'][0]}."
    )
    return text + (" **The machine was not quiet: do not quote these figures.**" if about["load_average"][0] > 0.5 else "")


def install(requirement: str, module: str) -> str:
    """Make a competitor importable and return its name and version.

    It goes into a folder of its own at the end of `sys.path`, without dependencies, so that all sides use the app's libraries.
    """
    EXTRA_PACKAGES.mkdir(exist_ok=True)
    if str(EXTRA_PACKAGES) not in sys.path:
        sys.path.append(str(EXTRA_PACKAGES))
    if importlib.util.find_spec(module) is None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(EXTRA_PACKAGES), requirement]
        if subprocess.run(command, stdout=sys.stderr).returncode:
            raise SystemExit(f"{requirement} cannot be installed; pip says above why. Leave its option out to measure without it.")
        importlib.invalidate_caches()
    said = f"{module} {version_of(module)}"
    print(f"beside us: {said}", file=sys.stderr, flush=True)
    return said


def load_plain(folder: Path, hardware: Hardware) -> Any:
    """The model as anybody would load it, without what our loader adds."""
    from transformers import AutoModelForCausalLM

    kind: Any = AutoModelForCausalLM
    return kind.from_pretrained(str(folder), dtype=torch_dtype(hardware.dtype)).to(hardware.device).eval()


def forget_accelerator() -> None:
    """accelerate keeps the number type of the first side for the whole process, and refuses another one."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)


def forget_peak_memory() -> bool:
    """Give freed memory back and let Linux count the peak of resident memory anew; False where that cannot be done."""
    gc.collect()
    with contextlib.suppress(OSError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return reset_peak()


class Task(NamedTuple):
    """One example folder: its rows, and its documents as one text."""

    dataset: Dataset
    knowledge: str


def read_task(name: str) -> Task:
    spec = read_plan(ROOT / "examples" / name / "plan.yaml").spec
    documents = load_documents(Path(spec.knowledge.path), spec.knowledge.text_column).documents if spec.knowledge else []
    return Task(load_dataset(spec.data, ROOT), "\n\n".join(document.text for document in documents))


def excerpted(example: Example, task: Task, codec: Codec, target: int, start: int) -> tuple[Message, ...]:
    """The chat for one example, with a passage of its documents that fills it up to `target` tokens.

    Args:
        start: word of the documents at which the passage begins, so that prompts don't share one.
    """
    words = task.knowledge.split()
    words = words[start % len(words) :] + words[: start % len(words)]
    chat = word(example, task.dataset.instruction)
    low, high = 0, min(target, len(words))
    while low < high:  # most words that fit
        middle = (low + high + 1) // 2
        text = " ".join(words[:middle])
        longer = word(example, task.dataset.instruction, passages=[Retrieved(Passage("0", "", text, 0, len(text)), 1.0, 0)])
        if len(codec.prompt_ids(longer)) <= target:
            low, chat = middle, longer
        else:
            high = middle - 1
    return chat


def spread(lengths: Sequence[int]) -> str:
    """Shortest, median and longest, for a sentence."""
    return f"{min(lengths)} to {max(lengths)} tokens, median {statistics.median(lengths):.0f}"


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, default=str, ensure_ascii=False) + "\n")
