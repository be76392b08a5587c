"""Event logs going out: XES, CSV and OCEL 2.0."""
