"""Import of event logs: a XES or CSV file becomes operations and observations on the event log."""
