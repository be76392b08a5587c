"""Billing: what suppliers invoice us and what becomes of it."""
