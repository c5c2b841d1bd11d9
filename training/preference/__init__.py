"""Preferences to weights: direct preference optimisation, a reward model, and policy optimisation against it."""
