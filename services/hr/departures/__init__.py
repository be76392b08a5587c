"""Departures: an employment ends, and with it the leave that would go on after it."""
