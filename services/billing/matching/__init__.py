"""Matching: whether an invoice bills what was ordered and received, at the price agreed."""
