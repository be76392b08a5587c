"""Folding facts, or the log, again beside the live tables."""
