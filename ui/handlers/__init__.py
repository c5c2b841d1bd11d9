"""What the tabs do, as plain functions of values: each checks its input and acts for one owner. No gradio."""
