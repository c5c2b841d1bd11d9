"""The few components that tabs share: the current task, what is shown, which run goes on. Each is a `gr.State`, so each visitor has their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import gradio as gr

from core.errors import BakeoffError
from ui.context import Context, Settings
from ui.guard import Handler, guard
from ui.markup import render

MODEL_WORK = "model"
"""Events that answer with a model share this concurrency group of one."""


TO_LINK = "(token) => token && !token.includes('?') ? location.origin + location.pathname + '?comparison=' + token : token"
TO_TOP = "() => window.scrollTo(0, 0)"
TO_CLIPBOARD = "(link) => { if (link && navigator.clipboard) navigator.clipboard.writeText(link).catch(() => {}); }"


class Shared(NamedTuple):
    """Attributes:
    task: a `Task`.
    shown: a `Shown`, what Compare shows.
    running: id of the run that is followed, or "".
    tick: polls while something runs, and only then.
    opens: by tab, the event of its being chosen.
    strip, run_row, run_strip, stop: the two lines under the header.
    judge_key: a key for a judge's server, of this visitor's session alone.
    """

    settings: Settings
    task: gr.State
    shown: gr.State
    running: gr.State
    tick: gr.Timer
    tabs: gr.Tabs
    opens: dict[str, Callable[..., Any]]
    strip: gr.HTML
    run_row: gr.Row
    run_strip: gr.HTML
    stop: gr.Button
    judge_key: gr.State

    def on(self, listen: Callable[..., Any], handler: Handler, inputs: Any = None, outputs: Any = None, **options: Any) -> Any:
        """Attach a guarded handler to an event. Events are the page's own: none is offered as an API."""
        if "concurrency_id" in options:
            options.setdefault("concurrency_limit", 1)
        return listen(guard(self.settings, handler), inputs, outputs, api_visibility="private", **{"show_progress": "hidden", **options})

    def on_ask(
        self, asks: Sequence[tuple[Callable[..., Any], Handler]], inputs: list[Any], outputs: list[Any], stop: gr.Button, said: gr.HTML
    ) -> None:
        """Let generators write an answer step by step, and let Stop end it. One answer is written at a time.

        Args:
            asks: an event that asks a question, and the generator that answers it.
            said: where it says that an answer was stopped; empty from the next question on. Not one of `outputs`, whose last step may still
                be on its way to the page.
        """
        ticket = gr.State("")

        def begin(ctx: Context) -> list[Any]:
            return [ctx.settings.stops.ticket(), ""]

        def stoppable(answer: Handler) -> Handler:
            def write(ctx: Context, mine: str, *given: Any) -> Iterator[Any]:
                yield from ctx.settings.stops.until(mine, lambda: answer(ctx, *given))

            return write

        def end(ctx: Context, mine: str) -> str:
            ctx.settings.stops.call_off(mine)
            return render("caption", text="Stopped." if mine else "Nothing is being answered.")

        for listen, answer in asks:
            begun = self.on(listen, begin, None, [ticket, said])
            self.on(begun.then, stoppable(answer), [ticket, *inputs], outputs, concurrency_id=MODEL_WORK)
        self.on(stop.click, end, ticket, said)

    def on_told(
        self,
        listen: Callable[..., Any],
        handler: Handler,
        inputs: Any,
        outputs: list[Any],
        said: gr.HTML,
        *,
        done: str = "",
        **options: Any,
    ) -> Any:
        """As `on`, for a handler that gives a list; what a person did wrong stands in `said`, with its remedy, and nothing else changes.

        Args:
            done: what stands there when it went well.
        """

        def told(ctx: Context, *given: Any) -> list[Any]:
            try:
                found = handler(ctx, *given)
            except BakeoffError as error:
                return [*(gr.skip() for _ in outputs), render("problem", message=error.message, remedy=error.remedy)]
            return [*found, render("done", text=done) if done else ""]

        return self.on(listen, told, inputs, [*outputs, said], **options)

    def on_event(self, listen: Callable[..., Any], handler: Handler, inputs: Any, outputs: Any) -> Any:
        """As `on`, for a handler that is also told what happened: `handler(context, about, *inputs)`, `about` being what the browser says."""
        guarded = guard(self.settings, handler)

        def told(request: gr.Request, event: gr.EventData, *given: Any) -> Any:
            return guarded(request, dict(event._data or {}), *given)

        return listen(told, inputs, outputs, api_visibility="private", show_progress="hidden")

    def lead(self, button: gr.Button, tab: str) -> None:
        """A button that leads to the top of another tab."""
        opened = self.on(button.click, lambda ctx: gr.Tabs(selected=tab), None, self.tabs)
        opened.then(None, None, None, js=TO_TOP, api_visibility="private")

    def on_copy(self, button: gr.Button, make: Handler, inputs: list[Any], link: gr.Textbox) -> Any:
        """Copy link: `make` gives a token; the browser, which knows its own address, makes the link of it and puts it on the clipboard."""

        def reveal(*given: Any) -> Any:
            return gr.update(value=make(*given), visible=True)

        made = self.on(button.click, reveal, inputs, link)
        linked = made.success(None, link, link, js=TO_LINK, api_visibility="private")
        return linked.then(None, link, None, js=TO_CLIPBOARD, api_visibility="private")

    def forget_link(self, listen: Callable[..., Any], link: gr.Textbox) -> None:
        """A link that was made stands beside what it was made of, and goes when that changes."""

        def forget(ctx: Context) -> Any:
            return gr.update(value="", visible=False)

        self.on(listen, forget, None, link)
