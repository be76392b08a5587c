"""Calendars: when a tenant works, so that waiting can be measured in working time."""
