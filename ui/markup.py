"""Templates to HTML, with everything that is put in escaped.

Answers, documents, data and names come from people and models, so no string reaches the page but through here: jinja2 escapes each value,
and no template uses `|safe`.
"""

from __future__ import annotations

import html
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent / "templates"


@cache
def _environment() -> Environment:
    return Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def render(template: str, **values: Any) -> str:
    """The template's HTML; `template` is a name without its ending."""
    return _environment().get_template(f"{template}.html").render(**values)


def fold(label: str, rendered: str) -> str:
    """A fold around HTML that `render` made; the label is escaped."""
    return f'<details class="bk-fold"><summary>{html.escape(label)}</summary>{rendered}</details>'


def note(text: str, remedy: str = "", *, tone: str = "quiet") -> str:
    """One plain line for a place beside a field; `tone` is quiet, good or bad. Empty text gives an empty string."""
    if not text:
        return ""
    return f'<p class="bk-note bk-{html.escape(tone)}" role="status">{html.escape(f"{text} {remedy}".strip())}</p>'
