"""Analytics: every operation as a fact, additive roll-ups, and the indicators computed from them."""
