"""The library tab."""

from __future__ import annotations

import gradio as gr

from ui.context import Settings
from ui.shared import Shared


def build(settings: Settings, shared: Shared) -> None:
    gr.HTML("soon")
