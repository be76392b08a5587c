"""Facts: what happened, how it is stored, and how it reaches the roll-ups and the cases."""
