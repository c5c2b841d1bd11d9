"""One file for each tab: its layout, and which handler each event calls."""
