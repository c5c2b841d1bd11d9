"""The look: one accent colour, system fonts (no request to a font host), tabular figures, both themes from gradio's own variables."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

ACCENT = "#0f766e"
SANS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"]
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def theme() -> gr.themes.Base:
    """Base theme on zinc greys with teal as the only colour."""
    base = gr.themes.Base(
        primary_hue=gr.themes.colors.teal,
        secondary_hue=gr.themes.colors.zinc,
        neutral_hue=gr.themes.colors.zinc,
        font=SANS,
        font_mono=MONO,
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
    )
    return base.set(
        body_background_fill="#fcfcfb",
        body_background_fill_dark="#131416",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1a1b1e",
        background_fill_secondary="#f6f6f4",
        background_fill_secondary_dark="#202226",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_weight="500",
        block_title_text_weight="500",
        block_info_text_size="*text_sm",
        block_info_text_color="#5f6068",
        block_info_text_color_dark="#a6a8b0",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1a1b1e",
        input_border_color="#d4d4d8",
        input_border_color_dark="#3f3f46",
        input_placeholder_color="#8b8d95",
        color_accent=ACCENT,
        color_accent_soft="#0f766e1f",
        button_primary_border_color=ACCENT,
        button_primary_background_fill=ACCENT,
        button_primary_background_fill_hover="#115e59",
        button_primary_background_fill_dark="#0f766e",
        button_primary_text_color="#ffffff",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#202226",
        button_secondary_border_color="#d4d4d8",
        button_secondary_border_color_dark="#3f3f46",
        button_border_width="1px",
        button_large_text_weight="500",
        button_small_text_weight="500",
        button_medium_text_weight="500",
        input_border_width="1px",
        slider_color=ACCENT,
        checkbox_background_color_selected=ACCENT,
        checkbox_border_color_selected=ACCENT,
    )


def css() -> str:
    """The page's own style sheet."""
    return (Path(__file__).parent / "page.css").read_text()


HEAD = '<meta name="description" content="Bakeoff compares prompting, retrieval and fine-tuning of a language model on one test set.">'
