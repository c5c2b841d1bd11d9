"""The part of the Compare tab that shows single items: filters, previous and next, and the order of a score whose cell of the table was clicked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import gradio as gr

from ui.context import Context
from ui.handlers import items
from ui.handlers.compare import Shown
from ui.itemview import FILTERS, ONLY_A, ONLY_B, Order
from ui.markup import render
from ui.shared import Shared

CELL_CLICKED = """element.addEventListener('click', (event) => {
  const cell = event.target.closest('[data-metric]');
  if (cell) trigger('drill', { metric: cell.dataset.metric, method: cell.dataset.method });
});"""
"""For the table's HTML: a cell tells which score it holds."""

TO_ITEMS = """() => {
  const top = document.getElementById('item_order');
  if (top && top.offsetParent) { top.scrollIntoView({ block: 'start' }); document.getElementById('item_next').focus({ preventScroll: true }); }
}"""
ARROW_KEYS = """() => {
  document.addEventListener('keydown', (event) => {
    if (!['ArrowLeft', 'ArrowRight'].includes(event.key)) return;
    if (event.target.closest('input, textarea, select, [role=tab], [role=radio], [role=slider], .bk-scroll')) return;
    const button = document.getElementById(event.key === 'ArrowLeft' ? 'item_previous' : 'item_next');
    if (button && button.offsetParent) button.click();
  });
}"""


class Items(NamedTuple):
    """`place` counts from 0; `order` is an `Order`, or None for the order of the test set."""

    wanted: gr.Radio
    pair: gr.Row
    a: gr.Dropdown
    b: gr.Dropdown
    sorted: gr.Row
    words: gr.HTML
    turn: gr.Button
    unsort: gr.Button
    previous: gr.Button
    where: gr.HTML
    next: gr.Button
    page: gr.HTML
    place: gr.State
    order: gr.State

    @property
    def shown(self) -> list[Any]:
        """What one page of items is put into; see `page_of`."""
        return [self.page, self.where, self.place]

    @property
    def ordered(self) -> list[Any]:
        """What another order is put into; see `order_of`."""
        return [self.order, self.sorted, self.words, self.turn]


def build() -> Items:
    gr.HTML('<h3 class="bk-h" id="items_top">Item by item</h3>')
    wanted = gr.Radio(
        list(FILTERS),
        value=FILTERS[0],
        label="Items",
        info="Right: at least the middle of the range of the metric that the verdict is about.",
        elem_id="item_filter",
    )
    with gr.Row(visible=False, equal_height=True, elem_id="item_pair") as pair:
        a = gr.Dropdown([], label="A", elem_id="item_a", interactive=True, min_width=140)
        b = gr.Dropdown([], label="B", elem_id="item_b", interactive=True, min_width=140)
    with gr.Row(visible=False, elem_id="item_order") as ordered:
        words = gr.HTML(elem_id="item_order_words", min_width=160)
        turn = gr.Button("Highest first", size="sm", elem_id="item_turn", min_width=120, scale=0)
        unsort = gr.Button("As in the test set", size="sm", elem_id="item_unsort", min_width=140, scale=0)
    with gr.Row(elem_id="item_steps"):
        previous = gr.Button("Previous", size="sm", elem_id="item_previous", min_width=90, scale=0)
        where = gr.HTML(elem_id="item_where", min_width=80)
        following = gr.Button("Next", size="sm", elem_id="item_next", min_width=90, scale=0)
    page = gr.HTML(elem_id="item_page")
    return Items(wanted, pair, a, b, ordered, words, turn, unsort, previous, where, following, page, gr.State(0), gr.State(None))


def page_of(page: items.Page) -> list[Any]:
    """Updates of `Items.shown`."""
    return [page.html, f'<p class="bk-strip" id="item_number">{page.place + 1 if page.total else 0} of {page.total}</p>', page.place]


def order_of(ctx: Context, shown: Shown, order: Order | None) -> list[Any]:
    """Updates of `Items.ordered`."""
    if order is None:
        return [None, gr.update(visible=False), "", gr.skip()]
    told = items.described(ctx, shown, order)
    return [order, gr.update(visible=True), render("strip", words=[told.words]), gr.update(value=told.turn)]


def wire(parts: Items, table: gr.HTML, shared: Shared) -> None:
    """Previous, next, filters; and the cells of the table, which set the order."""

    def step(by: int | None) -> Any:
        def go(ctx: Context, shown: Shown, wanted: str, place: int, order: Order | None, a: str | None, b: str | None) -> list[Any]:
            return page_of(items.page(ctx, shown, wanted, 0 if by is None else place + by, order, (a or "", b or "")))

        return go

    inputs = [shared.shown, parts.wanted, parts.place, parts.order, parts.a, parts.b]
    _wire_filters(parts, inputs, step(None), shared)
    shared.on(parts.previous.click, step(-1), inputs, parts.shown)
    shared.on(parts.next.click, step(1), inputs, parts.shown)
    _wire_order(parts, table, shared)


def _wire_filters(parts: Items, inputs: list[Any], first: Any, shared: Shared) -> None:
    """Filters that compare two methods show which ones; the best two at first."""

    def choose(ctx: Context, shown: Shown, wanted: str, place: int, order: Order | None, a: str | None, b: str | None) -> list[Any]:
        asked = wanted in (ONLY_A, ONLY_B)
        offered = items.methods(ctx, shown) if asked else []
        names = [name for _, name in offered]
        if asked and (a not in names or b not in names):
            a, b = (*names, None, None)[:2]
        pair = [gr.update(choices=offered, value=name) if asked else gr.skip() for name in (a, b)]
        return [*pair, *first(ctx, shown, wanted, 0, order, a, b)]

    shared.on(parts.wanted.input, choose, inputs, [parts.a, parts.b, *parts.shown])
    shared.on(parts.wanted.change, lambda ctx, wanted: gr.update(visible=wanted in (ONLY_A, ONLY_B)), parts.wanted, parts.pair)
    for method in (parts.a, parts.b):
        shared.on(method.input, first, inputs, parts.shown)


def _wire_order(parts: Items, table: gr.HTML, shared: Shared) -> None:
    outputs = [parts.wanted, *parts.shown, *parts.ordered]

    def sort(ctx: Context, shown: Shown, wanted: str, order: Order | None, a: str | None = None, b: str | None = None) -> list[Any]:
        return [wanted, *page_of(items.page(ctx, shown, wanted, 0, order, (a or "", b or ""))), *order_of(ctx, shown, order)]

    def drill(ctx: Context, cell: Mapping[str, Any], shown: Shown) -> list[Any]:
        order = items.chosen(ctx, shown, cell)
        return sort(ctx, shown, FILTERS[0], order) if order else [gr.skip()] * len(outputs)

    drilled = shared.on_event(table.drill, drill, shared.shown, outputs)
    drilled.then(None, None, None, js=TO_ITEMS, api_visibility="private")

    def turn(ctx: Context, shown: Shown, wanted: str, a: str | None, b: str | None, order: Order | None) -> list[Any]:
        return sort(ctx, shown, wanted, order._replace(highest=not order.highest) if order else None, a, b)

    def unsort(ctx: Context, shown: Shown, wanted: str, a: str | None, b: str | None) -> list[Any]:
        return sort(ctx, shown, wanted, None, a, b)

    inputs = [shared.shown, parts.wanted, parts.a, parts.b]
    shared.on(parts.turn.click, turn, [*inputs, parts.order], outputs)
    shared.on(parts.unsort.click, unsort, inputs, outputs)
