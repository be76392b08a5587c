"""Bands: what counts as excellent, good, acceptable or poor, and who says so."""
