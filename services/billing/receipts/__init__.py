"""Goods receipts: how much of what was ordered has come, and when."""
