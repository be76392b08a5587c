"""What a change would do: five indicators, cost, saving, break-even, and whether to make or to buy."""
