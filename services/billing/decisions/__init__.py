"""Decisions: rules as data decide what happens to an invoice after intake, and how many people must approve it."""
