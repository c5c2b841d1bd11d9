"""The part of the Fine-tuning tab that hands a fine-tune out, finished or stopped: a zip with its model card, or a push to the Hub.

The zip is made a file in the browser: no file is served, so none can be asked for. The token is read once, at the push, and the field is emptied.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ui.context import Context
from ui.handlers import handing
from ui.shared import MODEL_WORK, Shared

TO_FILE = """(text) => {
  if (!text) return;
  const made = JSON.parse(text);
  const bytes = Uint8Array.from(atob(made.data), (sign) => sign.charCodeAt(0));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes], { type: 'application/zip' }));
  link.download = made.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}"""


class HandingParts(NamedTuple):
    take: gr.Button
    merging: gr.HTML
    text: gr.Textbox
    repo: gr.Textbox
    token: gr.Textbox
    private: gr.Checkbox
    push: gr.Button
    said: gr.HTML


def build() -> HandingParts:
    """Lay it out."""
    with gr.Accordion("Take it along", open=False, elem_id="hand_fold"):
        take = gr.Button("Download as a zip", size="sm", elem_id="hand_take", min_width=160, scale=0)
        merging = gr.HTML(elem_id="hand_merging")
        text = gr.Textbox(visible=False, elem_id="hand_text")
        with gr.Row(equal_height=False):
            repo = gr.Textbox(
                label="Repository on the Hub", info="organisation/name; made where there is none.", elem_id="hand_repo", min_width=220
            )
            token = gr.Textbox(
                label="Token", info="With write access; used once and kept nowhere.", type="password", elem_id="hand_token", min_width=220
            )
        private = gr.Checkbox(True, label="Private", info="Only you see a new repository.", elem_id="hand_private")
        push = gr.Button("Push to the Hub", size="sm", elem_id="hand_push", min_width=160, scale=0)
        said = gr.HTML(elem_id="hand_said")
    return HandingParts(take, merging, text, repo, token, private, push, said)


def wire(parts: HandingParts, shared: Shared, tuned: gr.Dropdown) -> None:
    """Args:
    tuned: the fine-tune that is chosen, as "id/method".
    """

    def command(ctx: Context, key: str) -> str:
        return handing.merging(ctx, key or "")

    shared.on(tuned.change, command, tuned, parts.merging)

    def take(ctx: Context, key: str) -> list[Any]:
        return [handing.archive(ctx, key or "")]

    made = shared.on_told(
        parts.take.click, take, tuned, [parts.text], parts.said, done="The zip is with your browser.", concurrency_id=MODEL_WORK
    )
    sent = made.success(None, parts.text, None, js=TO_FILE, api_visibility="private")
    sent.then(lambda: "", None, parts.text, api_visibility="private", show_progress="hidden")

    def push(ctx: Context, key: str, repo: str, token: str, private: bool) -> list[Any]:
        address = handing.push(ctx, key or "", repo or "", token or "", bool(private))
        return [gr.update(value="", info=f"Pushed to {address}")]

    shared.on_told(
        parts.push.click,
        push,
        [tuned, parts.repo, parts.token, parts.private],
        [parts.token],
        parts.said,
        done="Pushed with its model card.",
    )
