"""Purchase orders: what was ordered from whom, at which price."""
