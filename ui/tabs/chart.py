"""The part of the Compare tab that draws quality against cost, with its table and its downloads.

Plotly makes the pictures in the browser, and the CSV is written into a file there, too: no file is served, so none can be asked for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ui import charts
from ui.context import Context
from ui.handlers import chart
from ui.handlers.compare import Shown
from ui.shared import Shared

TO_PICTURE = """() => {
  const plot = document.querySelector('#chart .js-plotly-plot');
  const snap = plot && plot.querySelector('.modebar-btn[data-title^="Download"]');
  if (!snap) return;
  plot._context.toImageButtonOptions = { format: 'FORM', filename: 'quality-and-cost', width: 900, height: 500, scale: 2 };
  snap.click();
}"""
"""Plotly's own button for pictures, told which kind is wanted."""

TO_FILE = """(text) => {
  if (!text) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(['\\ufeff', text], { type: 'text/csv' }));
  link.download = 'quality-and-cost.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}"""


class Chart(NamedTuple):
    metric: gr.Dropdown
    axis: gr.Radio
    plot: gr.Plot
    table: gr.HTML
    pictures: dict[str, gr.Button]
    csv: gr.Button
    text: gr.Textbox

    @property
    def drawn(self) -> list[Any]:
        """What `chart.draw` fills."""
        return [self.plot, self.table]


def build() -> Chart:
    gr.HTML('<h3 class="bk-h">Quality against cost</h3>')
    with gr.Row(equal_height=False):
        metric = gr.Dropdown([], label="Quality", elem_id="chart_metric", scale=1, interactive=True)
        axis = gr.Radio(list(charts.AXES), value=next(iter(charts.AXES)), label="Cost", elem_id="chart_axis", scale=3)
    plot = gr.Plot(show_label=False, elem_id="chart")
    with gr.Accordion("The chart as a table, and downloads", open=False, elem_id="chart_fold"):
        table = gr.HTML(elem_id="chart_table")
        with gr.Row(elem_id="chart_downloads"):
            pictures = {form: gr.Button(form.upper(), size="sm", elem_id=f"chart_{form}", min_width=80, scale=0) for form in ("png", "svg")}
            csv = gr.Button("CSV", size="sm", elem_id="chart_csv", min_width=80, scale=0)
        text = gr.Textbox(visible=False, elem_id="chart_text")
    return Chart(metric, axis, plot, table, pictures, csv, text)


def wire(parts: Chart, shared: Shared) -> None:
    inputs = [shared.shown, parts.metric, parts.axis]

    def redraw(ctx: Context, shown: Shown, metric: str, axis: str) -> list[Any]:
        return list(chart.draw(ctx, shown, metric, axis))

    for control in (parts.metric, parts.axis):
        shared.on(control.input, redraw, inputs, parts.drawn)
    for form, button in parts.pictures.items():
        button.click(None, None, None, js=TO_PICTURE.replace("FORM", form), api_visibility="private")
    written = shared.on(parts.csv.click, chart.as_csv, inputs, parts.text)
    saved = written.success(None, parts.text, None, js=TO_FILE, api_visibility="private")
    shared.on(saved.then, lambda ctx: "", None, parts.text)
