"""Holds: why an invoice waits for a person before it can go on, and who let it go."""
