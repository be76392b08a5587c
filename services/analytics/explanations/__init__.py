"""Explanations: what a value was computed from, item by item, and what moved it between two periods."""
