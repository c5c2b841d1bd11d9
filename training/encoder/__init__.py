"""Texts with labels to a tuned sentence encoder with a head."""
