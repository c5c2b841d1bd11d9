"""Runs methods on one test set, scores them, and freezes the result."""
