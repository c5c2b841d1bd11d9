"""Records, specs, errors and data: what every other folder speaks in. No torch, no gradio."""
