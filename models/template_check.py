"""Whether a chat template may be rendered: tried once, in a child process that may use 5 s of a processor and 512 MiB, before it is trusted.

A chat template is a program that a model's author wrote. transformers renders it in jinja2's sandbox, which keeps it from reaching Python's
objects, but not from working for hours or writing gigabytes. So a template that nobody here has read is rendered in a child first, on a
chat of every shape that we send and of words that it cannot know beforehand. That it is harmless is remembered by its hash. What
people type is never a template: it reaches one as the value of a variable.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.files import write_whole

CPU_S, WALL_S, MEMORY = 5, 60, 512 * 2**20
ROOT = Path(__file__).resolve().parent.parent
FOLDER = "chat_templates"
TRUSTED = frozenset(
    {
        "872be49dbb638044ad01b60388f48d469ff2980e5f0dccdc22ec907db54d0788",  # embedded/smollm2-135m-instruct
        "875f8ff53cc78b4bbf2c64ba6d71d8fb681fe2d904ccc7ef9b8f2c6a55b9537e",  # ChatML and nothing else, as many small models have it
    }
)
"""Hashes of templates that were read by a person."""
found_harmless: set[str] = set()
"""Hashes of templates that this process has tried."""


def check_template(template: str, tokens: dict[str, str], verdicts: Path | None) -> None:
    """Refuse a template that breaks out, or that works or writes without end.

    Args:
        tokens: the tokenizer's special tokens by name, which templates use.
        verdicts: folder in which verdicts are kept between processes; None keeps them for this process.

    Raises:
        ModelError: says what the template did.
    """
    name = hashlib.sha256(template.encode()).hexdigest()
    if name in TRUSTED:
        return
    kept = verdicts / FOLDER / name if verdicts else None
    if name in found_harmless or (kept and kept.is_file()):
        return
    if said := tried(template, tokens):
        raise ModelError(
            f"The model's chat template must render within {CPU_S} s and {MEMORY >> 20} MiB and touch nothing else; {said}.",
            "Choose another model; do not trust this one.",
        )
    found_harmless.add(name)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, "")


def tried(template: str, tokens: dict[str, str]) -> str:
    """Render it in a child; "" where it behaves, else what it did."""
    told = json.dumps({"template": template, "tokens": tokens, "word": secrets.token_hex(8)})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "models.template_check"], cwd=ROOT, input=told, capture_output=True, text=True, timeout=WALL_S
        )
    except subprocess.TimeoutExpired:
        return f"it was still at work after {WALL_S} s"
    if done.returncode == 0:
        return ""
    said = done.stdout.strip()[:200]
    return said or f"it used up its {CPU_S} s or its memory (the child ended with {done.returncode})"


def limit_this_process() -> None:
    """No more than CPU_S seconds and MEMORY bytes from here on. Where a system has no such limits, the parent's patience is the only one."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def chats(word: str) -> list[list[dict[str, str]]]:
    """Every shape of chat that methods send, and one that is answered."""
    system, ask, answer = ({"role": role, "content": f"{role} {word}"} for role in ("system", "user", "assistant"))
    return [[ask], [ask, answer], [ask, answer, ask], [system, ask], [system, ask, answer, ask], [{**ask, "content": f"{word} " * 400}]]


def render(template: str, tokens: dict[str, str], word: str) -> None:
    """Render as transformers does.

    Raises:
        TemplateError: it is no template, or it reaches for what the sandbox keeps from it.
    """
    from jinja2 import TemplateError
    from jinja2.exceptions import SecurityError
    from jinja2.ext import Extension
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Marked(Extension):
        """transformers' `{% generation %}`, which marks what the assistant says."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def refuse(message: str) -> None:
        raise TemplateError(message)

    world = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Marked, "jinja2.ext.loopcontrols"])
    world.filters["tojson"] = lambda value, **options: json.dumps(value, ensure_ascii=False)
    world.globals |= {"raise_exception": refuse, "strftime_now": lambda form: "01 Jan 2025"}
    compiled = world.from_string(template)
    for chat in chats(word):
        for open_turn in (True, False):
            try:
                compiled.render(messages=chat, add_generation_prompt=open_turn, date_string="01 Jan 2025", **tokens)
            except (SecurityError, MemoryError):
                raise
            except Exception:  # it refuses this chat; then it is never sent one like it
                continue


def main() -> int:
    """The child. Says in one line what the template did, and ends with 1 where that was wrong."""
    told = json.loads(sys.stdin.read())
    import jinja2.ext
    import jinja2.sandbox  # noqa: F401  (before the limits, which are the template's alone)

    limit_this_process()
    try:
        render(**told)
    except MemoryError:
        print(f"it wanted more than {MEMORY >> 20} MiB")
        return 1
    except Exception as error:
        print(f"it fails with {type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
