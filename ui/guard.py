"""The one wrapper around every handler: it says whose request it is, and turns what a person did wrong into a plain message.

Anything that is not a `BakeoffError` is logged with its traceback and shown as a bug.
"""

from __future__ import annotations

import html
import inspect
import logging
import secrets
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import gradio as gr

from core.errors import BakeoffError
from ui.context import Context, Settings, owner_of

log = logging.getLogger("bakeoff.ui")
Handler = Callable[..., Any]


def guard(settings: Settings, handler: Handler) -> Handler:
    """`handler(context, *inputs)` as gradio calls it. A generator stays a generator function, since gradio streams nothing else."""
    if inspect.isgeneratorfunction(handler):

        def streaming(request: gr.Request, *inputs: Any) -> Iterator[Any]:
            try:
                yield from handler(_context(settings, request), *inputs)
            except Exception as error:
                _show(error)

        return streaming

    def once(request: gr.Request, *inputs: Any) -> Any:
        try:
            return handler(_context(settings, request), *inputs)
        except Exception as error:
            _show(error)

    return once


def _context(settings: Settings, request: gr.Request) -> Context:
    named = (str(request.query_params.get(key) or "") for key in ("comparison", "review"))
    return Context(settings, owner_of(settings, request.username, request.session_hash), *named)


def _show(error: Exception) -> NoReturn:
    """Raises:
    gr.Error: always; its text is escaped, since gradio renders it as HTML.
    """
    if isinstance(error, BakeoffError):
        text = f"{error.message} {error.remedy}".strip()
        raise gr.Error(html.escape(text), duration=20, title="That did not work", print_exception=False) from error
    mark = secrets.token_hex(4)
    log.error("bug %s", mark, exc_info=error)
    text = f"This is a bug in Bakeoff, not something you did. The log has the details under {mark}."
    raise gr.Error(text, duration=20, title="A bug", print_exception=False) from error
