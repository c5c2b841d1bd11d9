"""The blind review's own page. `/?review=<token>` leads to it, and nothing of the six tabs is sent with it: no method is named there at all.

What a rater's browser holds between visits is a random id and the name they gave, in its local storage; no cookie. Which step is shown stands in
the page itself, so that a vote belongs to what the rater saw even when the app was restarted in between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

import gradio as gr

from core.errors import BakeoffError
from ui.context import Context, Settings
from ui.guard import Handler, guard
from ui.handlers import review
from ui.handlers.review import Screen
from ui.markup import note, render

PATH = "review"
KEPT_UNDER, SCRAMBLED_BY = "bakeoff-review", "kept-in-browser1"
"""Key in local storage, and what gradio scrambles the value by; fixed, so that a restarted app still knows its raters."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

KEYS = """() => {
  const press = (selector) => { const found = document.querySelector(selector); if (found && found.offsetParent) found.click(); };
  const turn = (id) => press(`#${id} input:not(:checked)`);
  const keys = { '1': () => press('#review_better input[value=a]'), '2': () => press('#review_better input[value=b]'),
    '0': () => press('#review_better input[value=tie]'), a: () => turn('review_good_a'), b: () => turn('review_good_b'),
    s: () => press('#review_skip'), ArrowRight: () => press('#review_next'), ArrowLeft: () => press('#review_back') };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest('input:not([type=radio]), textarea, summary')) return;
    if (event.key.startsWith('Arrow') && event.target.closest('input[type=radio]')) return;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) { event.preventDefault(); act(); }
  });
  document.addEventListener('pointerup', () => setTimeout(() => {
    if (document.activeElement && document.activeElement.type === 'radio') document.activeElement.blur();
  }, 0));
}"""
TO_TOP = "() => window.scrollTo(0, 0)"


class ToReviewPage:
    """Sends `/?review=…` on to the page, and keeps its address out of referrers and search engines."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", "")) if scope["type"] == "http" else None
        query = scope.get("query_string", b"")
        private = [(b"referrer-policy", b"no-referrer"), (b"x-robots-tag", b"noindex"), (b"cache-control", b"no-store")]
        if path == "/" and any(part.startswith(b"review=") for part in query.split(b"&")):
            await send({"type": "http.response.start", "status": 307, "headers": [(b"location", PATH.encode() + b"?" + query), *private]})
            await send({"type": "http.response.body", "body": b""})
            return

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *private]
            await send(message)

        await self.app(scope, receive, with_headers if path == f"/{PATH}" else send)


class Page(NamedTuple):
    """The page's parts; `place` is the step that is shown, and travels with every vote."""

    kept: gr.BrowserState
    place: gr.Number
    notice: gr.HTML
    head: gr.HTML
    start: gr.Column
    name: gr.Textbox
    begin: gr.Button
    work: gr.Column
    question: gr.HTML
    a: gr.HTML
    b: gr.HTML
    good_a: gr.Radio
    good_b: gr.Radio
    better: gr.Radio
    steps: gr.Row
    back: gr.Button
    skip: gr.Button
    next: gr.Button
    again: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """Whatever a screen changes."""
        shown = [self.place, self.notice, self.head, self.start, self.work, self.question, self.a, self.b, self.better]
        return [*shown, self.good_a, self.good_b, self.steps, self.back, self.skip, self.next, self.again]


def add_to(demo: gr.Blocks, settings: Settings) -> None:
    """Give the app the page."""
    with demo.route("Blind review", PATH, show_in_navbar=False):
        page = _layout()
        _wire(demo, page, settings)


def _layout() -> Page:
    gr.HTML(render("review_top"), elem_id="header")
    kept = gr.BrowserState(None, storage_key=KEPT_UNDER, secret=SCRAMBLED_BY)
    place = gr.Number(0, precision=0, visible=False, elem_id="review_place")
    head = gr.HTML(elem_id="review_head")
    with gr.Column(visible=False, elem_id="review_start") as start:
        name = gr.Textbox(label="Your name, if you like", max_lines=1, max_length=40, elem_id="review_name")
        begin = gr.Button("Start", variant="primary", elem_id="review_begin", min_width=140, scale=0)
    with gr.Column(visible=False, elem_id="review_work") as work:
        question = gr.HTML(elem_id="review_question")
        cards, marks = {}, {}
        with gr.Row(equal_height=True, elem_id="review_answers"):
            for side in ("a", "b"):
                with gr.Column(min_width=280):
                    cards[side] = gr.HTML(elem_id=f"review_{side}")
                    label = f"Is answer {side.upper()} good enough?"
                    marks[side] = gr.Radio([("Yes", "yes"), ("No", "no")], label=label, elem_id=f"review_good_{side}")
        sides = [("Answer A", "a"), ("Answer B", "b"), ("Tie", "tie")]
        better = gr.Radio(sides, label="Which answer is better?", elem_id="review_better")
        gr.HTML(render("review_keys"), elem_id="review_keys")
    notice = gr.HTML(elem_id="review_notice")
    with gr.Row(visible=False, elem_id="review_steps") as steps:
        back = gr.Button("Back", elem_id="review_back", min_width=90, scale=0)
        skip = gr.Button("Skip", elem_id="review_skip", min_width=90, scale=0)
        following = gr.Button("Next", variant="primary", elem_id="review_next", min_width=110, scale=0)
        again = gr.Button("Go to what you skipped", elem_id="review_again", min_width=200, scale=0)
    parts = (question, cards["a"], cards["b"], marks["a"], marks["b"], better)
    return Page(kept, place, notice, head, start, name, begin, work, *parts, steps, back, skip, following, again)


def _paint(seen: Screen, said: str = "") -> list[Any]:
    """Updates of `Page.outputs`."""
    work, end = seen.part == "work", seen.part == "end"
    marks = [gr.update(value=value) for value in (seen.better, seen.good_a, seen.good_b)]
    parts = [gr.update(visible=seen.part == "start"), gr.update(visible=work), seen.question, seen.a, seen.b]
    back = gr.update(visible=True, interactive=seen.place > 0)
    following = gr.update(visible=work, value="Finish" if seen.place == seen.total - 1 else "Next")
    buttons = [gr.update(visible=work or end), back, gr.update(visible=work), following, gr.update(visible=end and seen.skipped > 0)]
    return [seen.place, said, seen.head, *parts, *marks, *buttons]


def _problem(error: BakeoffError) -> list[Any]:
    """What is shown stays, and below it stands what is wrong."""
    return [gr.skip(), render("problem", message=error.message, remedy=error.remedy), *[gr.skip()] * 14]


def _wire(demo: gr.Blocks, page: Page, settings: Settings) -> None:
    def on(listen: Callable[..., Any], handler: Handler, inputs: list[Any], outputs: list[Any]) -> Any:
        return listen(guard(settings, handler), inputs, outputs, api_visibility="private", show_progress="hidden")

    def stepping(move: Callable[..., int]) -> Handler:
        def step(ctx: Context, kept: Any, place: float | None, *said: Any) -> list[Any]:
            who = review.rater(kept)
            try:
                return _paint(review.screen(ctx, who, move(ctx, who, int(place or 0), *said)))
            except BakeoffError as error:
                return _problem(error)

        return step

    def arrive(ctx: Context, kept: Any) -> list[Any]:
        who = review.rater(kept)
        try:
            seen = review.arrive(ctx, who)
        except BakeoffError as error:
            return [gr.skip(), "", *_problem(error)]
        back = seen.part == "work" and seen.place > 0
        return [who._asdict(), who.name, *_paint(seen, note("You are back: here you go on." if back else ""))]

    def begin(ctx: Context, kept: Any, name: str) -> list[Any]:
        who = review.rater({**(kept if isinstance(kept, dict) else {}), "name": name})
        try:
            return [who._asdict(), *_paint(review.screen(ctx, who, 0))]
        except BakeoffError as error:
            return [gr.skip(), *_problem(error)]

    on(demo.load, arrive, [page.kept], [page.kept, page.name, *page.outputs])
    for listen in (page.begin.click, page.name.submit):
        on(listen, begin, [page.kept, page.name], [page.kept, *page.outputs])
    where = [page.kept, page.place]
    moves = (
        (page.next, review.say, [*where, page.better, page.good_a, page.good_b]),
        (page.skip, review.skip, where),
        (page.back, lambda ctx, who, place: place - 1, where),
        (page.again, lambda ctx, who, place: review.first_skipped(ctx, who), where),
    )
    for button, move, inputs in moves:
        moved = on(button.click, stepping(move), inputs, page.outputs)
        moved.then(None, page.place, None, js=TO_TOP, api_visibility="private")
    demo.load(None, None, None, js=KEYS, api_visibility="private")
